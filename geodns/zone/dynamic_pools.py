"""Reads the pools of a dynamic record, with the checks that octoDNS has for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast, get_args

import dns.name
import dns.rdata
import dns.rdatatype

from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Keys
from geodns.zone.draft import ContentError
from geodns.zone.dynamic import Pool, PoolValue, Status
from geodns.zone.lenience import Report
from geodns.zone.shapes import RECORD_TYPES
from geodns.zone.values import rdata_from_value

_STATUSES: tuple[str, ...] = get_args(Status)
_MOST_WEIGHT = 100  # octoDNS's
_PATH: Keys = ("dynamic", "pools")


class ValueReader(NamedTuple):
    """Reads values of a record's type."""

    type: dns.rdatatype.RdataType
    origin: dns.name.Name

    def canonical(self, value: Any) -> str:
        """An address, or an absolute target. Raises ContentError."""
        name = dns.rdatatype.to_text(self.type)
        return text_of(rdata_from_value(RECORD_TYPES[name], self.type, value, self.origin))


def text_of(rdata: dns.rdata.Rdata) -> str:
    """The value of an A, AAAA or CNAME record in canonical form."""
    return rdata.to_text() if rdata.rdtype != dns.rdatatype.CNAME else rdata.to_text().lower()


def read_pools(data: Any, reader: ValueReader, report: Report) -> tuple[Pool, ...]:
    """The pools of ``dynamic.pools``, in the order of the file."""
    if not isinstance(data, Mapping):
        what = "has no pools" if data is None else "has pools that are no mapping"
        path: Keys = _PATH if data is not None else _PATH[:1]
        report.wrong("bad-pools", f"the dynamic record {what}", path)
        return ()
    if not data:
        report.wrong("bad-pools", "the dynamic record has no pools", _PATH)
    pools = []
    for name, pool in data.items():
        path = (*_PATH, name)
        if not isinstance(pool, Mapping):
            report.wrong("bad-pool", f"the pool {shown(name)} must be a mapping with values", path)
            continue
        _check_keys(pool, path, ("values", "fallback"), report)
        values = _values(name, pool, path, reader, report)
        pools.append(Pool(str(name), values, _fallback(name, pool, data, path, report)))
    _check_loops(pools, report)
    return tuple(pools)


def check_use(pools: Sequence[Pool], used: set[str], report: Report) -> None:
    """Every pool is in a rule, or the fallback of some pool."""
    fallbacks = {pool.fallback for pool in pools}
    for pool in pools:
        if pool.name not in used and pool.name not in fallbacks:
            report.wrong(
                "unused-pool", f"no rule leads to the pool {shown(pool.name)}", (*_PATH, pool.name)
            )


def _values(
    name: Any, pool: Mapping[Any, Any], path: Keys, reader: ValueReader, report: Report
) -> tuple[PoolValue, ...]:
    data = pool.get("values")
    if not isinstance(data, list):
        report.wrong("bad-pool", f"the pool {shown(name)} has no list of values", path)
        return ()
    if not data:
        report.odd("empty-pool", f"the pool {shown(name)} has no values", path)
    found = [
        value
        for index, item in enumerate(data)
        if (value := _value(item, (*path, "values", index), reader, report)) is not None
    ]
    if len(data) == 1 and found and found[0].weight != 1:
        report.wrong(
            "lone-weight",
            f"the only value of the pool {shown(name)} has a weight; it gets everything",
            (*path, "values", 0, "weight"),
            "leave the weight out",
        )
        found = [found[0]._replace(weight=1)]
    return tuple(found)


def _value(item: Any, path: Keys, reader: ValueReader, report: Report) -> PoolValue | None:
    if not isinstance(item, Mapping) or item.get("value") is None:
        report.wrong("missing-value", "the value must be a mapping, as in {value: …}", path)
        return None
    _check_keys(item, path, ("value", "weight", "status"), report)
    try:
        text = reader.canonical(item["value"])
    except ContentError as fault:
        report.unusable(fault, (*path, "value"))
        return None
    status = item.get("status", "obey")
    if status not in _STATUSES:
        report.wrong(
            "bad-status",
            f"{shown(status)} is none of {', '.join(_STATUSES)}",
            (*path, "status"),
            did_you_mean(status, _STATUSES),
        )
        status = "obey"
    return PoolValue(text, _weight(item.get("weight", 1), (*path, "weight"), report), status)


def _weight(weight: Any, path: Keys, report: Report) -> int:
    number = weight
    if isinstance(weight, str) and weight.isdecimal():
        number = int(weight)
    whole = isinstance(number, int) and not isinstance(number, bool)
    if not whole or not 1 <= number <= _MOST_WEIGHT:
        report.wrong(
            "bad-weight", f"a weight is a whole number from 1 to 100, not {shown(weight)}", path
        )
        return min(max(number, 0), 65535) if whole else 1
    return cast("int", number)


def _fallback(
    name: Any, pool: Mapping[Any, Any], pools: Mapping[Any, Any], path: Keys, report: Report
) -> str | None:
    fallback = pool.get("fallback")
    if fallback is None:
        return None
    if not isinstance(fallback, str) or fallback not in pools:
        report.wrong(
            "undefined-pool",
            f"the fallback {shown(fallback)} of the pool {shown(name)} is not defined",
            (*path, "fallback"),
            did_you_mean(fallback, map(str, pools)),
        )
        return None
    # octoDNS takes this name for the plain values, whatever else has it.
    return None if fallback == "default" else fallback


def _check_loops(pools: Sequence[Pool], report: Report) -> None:
    fallbacks = {pool.name: pool.fallback for pool in pools}
    told: set[str] = set()
    for pool in pools:
        seen: dict[str, None] = {}
        ahead: str | None = pool.name
        while ahead is not None and ahead not in seen:
            seen[ahead] = None
            ahead = fallbacks.get(ahead)
        if ahead is not None and not told & seen.keys():
            way = " -> ".join((*seen, ahead))
            report.wrong(
                "fallback-loop",
                f"the fallbacks of pools go round in a loop: {way}",
                (*_PATH, pool.name, "fallback"),
            )
            told |= seen.keys()


def _check_keys(data: Mapping[Any, Any], path: Keys, known: Sequence[str], report: Report) -> None:
    for key in data:
        if key not in known:
            hint = did_you_mean(str(key), known)
            report.odd("unknown-key", f"{shown(key)} is not used", (*path, key), hint)
