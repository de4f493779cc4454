"""Reads the rules of a dynamic record, with the checks that octoDNS has for them.

Subnets are more specific than geos: rules with subnets alone come first, then those with both, then
those with geos alone, and the last one is for everybody. Of two places that lie in one another, the
narrower one belongs in the earlier rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_network
from typing import Any

from geodns.latency.client import ClientKeyError, parse_client
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Keys
from geodns.zone.draft import ContentError
from geodns.zone.dynamic import Network, PoolRule, subnets_around
from geodns.zone.geocodes import around, client_key, is_known_to_octodns
from geodns.zone.lenience import Report

_PATH: Keys = ("dynamic", "rules")
_KEYS = ("pool", "geos", "subnets")


def read_rules(
    data: Any, pools: Collection[str], report: Report
) -> tuple[tuple[PoolRule, ...], set[str]]:
    """The rules of ``dynamic.rules``, in order, and the pools that rules name, also unusable ones.

    ``pools`` are the names of those that there are.
    """
    if not isinstance(data, list):
        what = "has no rules" if data is None else "has rules that are no list"
        path: Keys = _PATH if data is not None else _PATH[:1]
        report.wrong("bad-rules", f"the dynamic record {what}", path)
        return (), set()
    if not data:
        report.wrong("bad-rules", "the dynamic record has no rules", _PATH)
        return (), set()
    rules = _Rules(pools, report)
    return tuple(rules.read(data)), rules.led_to


class _Rules:
    """One pass over a record's rules, remembering what earlier ones took. Rules count from 1."""

    def __init__(self, pools: Collection[str], report: Report) -> None:
        self._pools = pools
        self._report = report
        self.led_to: set[str] = set()
        self._subnets: dict[Network, int] = {}
        self._lengths: set[int] = set()
        self._geos: dict[str, int] = {}
        self._catch_all: int | None = None
        self._before: PoolRule | None = None

    def read(self, data: list[Any]) -> list[PoolRule]:
        found = []
        for index, item in enumerate(data):
            rule = self._rule(item, (*_PATH, index), index + 1)
            if rule is not None:
                found.append(rule)
        if self._before is not None and not self._before.catches_all:
            self._report.wrong(
                "no-catch-all",
                "the last rule has subnets or geos; who is in none gets the plain values",
                (*_PATH, len(data) - 1),
                "add a rule with only a pool",
            )
        return found

    def _rule(self, item: Any, path: Keys, number: int) -> PoolRule | None:
        if not isinstance(item, Mapping) or item.get("pool") is None:
            self._report.wrong("bad-rule", f"rule {number} names no pool", path)
            return None
        for key in item:
            if key not in _KEYS:
                hint = did_you_mean(str(key), _KEYS)
                self._report.odd("unknown-key", f"{shown(key)} is not used", (*path, key), hint)
        geos = self._listed(item, "geos", path, number)
        subnets = self._listed(item, "subnets", path, number)
        pool = self._pool(item["pool"], (*path, "pool"), number, bool(geos or subnets))
        rule = PoolRule(
            pool,
            tuple(self._read_geos(geos, (*path, "geos"), number)),
            tuple(self._read_subnets(subnets, (*path, "subnets"), number)),
        )
        # One of which nothing could be read is for nobody, not for everybody.
        if rule.catches_all and (geos or subnets):
            return None
        self._check_order(rule, path, number)
        self._before = rule
        return rule

    def _listed(self, item: Mapping[Any, Any], key: str, path: Keys, number: int) -> list[Any]:
        data = item.get(key) or []
        if isinstance(data, list):
            return data
        self._report.wrong("bad-rule", f"the {key} of rule {number} must be a list", (*path, key))
        return [data]

    def _pool(self, pool: Any, path: Keys, number: int, selective: bool) -> str:
        if not isinstance(pool, str) or pool not in self._pools:
            self._report.wrong(
                "undefined-pool",
                f"rule {number} names the pool {shown(pool)}, which is not defined",
                path,
                did_you_mean(pool, self._pools),
            )
        elif pool in self.led_to and selective:
            self._report.wrong(
                "reused-pool",
                f"rule {number} leads to the pool {shown(pool)}, as an earlier rule does",
                path,
                "only the last rule, for everybody else, may use a pool again",
            )
        self.led_to.add(str(pool))
        return str(pool)

    def _check_order(self, rule: PoolRule, path: Keys, number: int) -> None:
        before, report = self._before, self._report
        if self._catch_all is not None:
            behind = f"rule {number} is never asked: rule {self._catch_all} is for everybody"
            if rule.catches_all:
                report.wrong("duplicate-default", behind, path)
            else:
                report.odd("never-matches", behind, path, "move it up")
        elif rule.catches_all:
            self._catch_all = number
        if before is None or not rule.subnets or not before.geos:
            return
        if not rule.geos or not before.subnets:
            report.wrong(
                "bad-order",
                f"rule {number} has subnets and comes behind one with geos",
                path,
                "rules with subnets alone come first, then those with both",
            )

    def _read_geos(self, codes: list[Any], path: Keys, number: int) -> list[str]:
        found = []
        for index, code in enumerate(codes):
            where = (*path, index)
            try:
                client_key(str(code))
            except ContentError as fault:
                self._report.wrong(fault.id, fault.message, where, fault.hint)
                continue
            if not is_known_to_octodns(code):
                self._report.odd(
                    "geo-of-ours", f"octoDNS does not know {code}; this server does", where
                )
            found.append((code, where))
        # The wider ones first, so that a narrower one beside them is noticed.
        for code, where in sorted(found):
            self._check_geo(code, where, number)
            self._geos.setdefault(code, number)
        return [code for code, _ in found]

    def _check_geo(self, code: str, path: Keys, number: int) -> None:
        wider = next((each for each in around(code) if each in self._geos), None)
        if wider is not None:
            self._report.wrong(
                "shadowed-geo",
                f"{code} is in rule {number} and {_within(code, wider, self._geos[wider])}",
                path,
                "the narrower place belongs in the earlier rule" if code != wider else None,
            )

    def _read_subnets(self, texts: list[Any], path: Keys, number: int) -> list[Network]:
        found = []
        for index, text in enumerate(texts):
            where = (*path, index)
            network = _network(text)
            if network is None:
                self._report.wrong(
                    "bad-subnet", f"{shown(text)} is no subnet, as in 192.0.2.0/24", where
                )
                continue
            try:
                parse_client(str(network))
            except ClientKeyError as fault:
                self._report.odd("never-matches", str(fault), where, fault.hint)
                continue
            found.append((network, where))
        for network, where in sorted(found, key=lambda pair: pair[0].prefixlen):
            self._check_subnet(network, where, number)
            self._subnets.setdefault(network, number)
            self._lengths.add(network.prefixlen)
        return [network for network, _ in found]

    def _check_subnet(self, network: Network, path: Keys, number: int) -> None:
        around_it = subnets_around(network, self._lengths)
        wider = next((each for each in around_it if each in self._subnets), None)
        if wider is not None:
            within = _within(str(network), str(wider), self._subnets[wider])
            self._report.wrong(
                "shadowed-subnet",
                f"{network} is in rule {number} and {within}",
                path,
                "the narrower one belongs in the earlier rule" if network != wider else None,
            )


def _within(narrow: str, wide: str, number: int) -> str:
    return f"in rule {number} before" if narrow == wide else f"within {wide} of rule {number}"


def _network(text: Any) -> Network | None:
    try:
        return ip_network(text) if isinstance(text, str) else None
    except ValueError:
        return None
