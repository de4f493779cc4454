"""Reads what makes an octoDNS record dynamic: ``dynamic``, the older ``geo``, health checks.

What octoDNS's own validation refuses is an error here, too, and a warning where the record is
lenient. Then it is read as far as it means something: a rule to a pool that is not defined leads to
the plain values, for example.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, cast, get_args

import dns.name
import dns.rdata
from dns.rdatatype import RdataType

from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Keys
from geodns.zone.draft import ContentError
from geodns.zone.dynamic import DynamicRecord, HealthCheck, Pool, PoolRule, PoolValue, Protocol
from geodns.zone.dynamic_pools import ValueReader, check_use, read_pools, text_of
from geodns.zone.dynamic_rules import read_rules
from geodns.zone.geocodes import around, client_key
from geodns.zone.lenience import Report

DYNAMIC_TYPES = frozenset((RdataType.A, RdataType.AAAA, RdataType.CNAME))
GEO_TYPES = frozenset((RdataType.A, RdataType.AAAA))

_PROTOCOLS: tuple[str, ...] = get_args(Protocol)
_CHECK_PATH: Keys = ("octodns", "healthcheck")
_CHECK_KEYS = ("protocol", "host", "path", "port")
_MOST_ANSWERS = 64
_SELF = "geodns"  # this server, where octoDNS's providers have their own settings
_NOT_OURS = frozenset((*_CHECK_KEYS, "type", "families"))


class Plain(NamedTuple):
    """What the record is without its dynamic part."""

    type: RdataType
    ttl: int
    values: Sequence[dns.rdata.Rdata]


def is_dynamic(record: Mapping[Any, Any], rdtype: RdataType) -> bool:
    """Whether a record has a part that depends on the client, of a type that can have one."""
    return ("dynamic" in record and rdtype in DYNAMIC_TYPES) or (
        "geo" in record and rdtype in GEO_TYPES
    )


def read_dynamic(
    record: Mapping[Any, Any],
    plain: Plain,
    origin: dns.name.Name,
    position: tuple[int, int],
    report: Report,
) -> DynamicRecord:
    """The dynamic record; ``position`` is the line and column where its dynamic part stands."""
    reader = ValueReader(plain.type, origin)
    if "dynamic" in record:
        if "geo" in record:
            report.wrong("dynamic-and-geo", "has both dynamic and geo", ("geo",), "keep dynamic")
        pools, rules = _dynamic(record["dynamic"], reader, report)
        answers = 1
    else:
        pools, rules = _geo(record["geo"], reader, report)
        answers = max((len(pool.values) for pool in pools), default=1)
    return DynamicRecord(
        plain.type,
        plain.ttl,
        pools,
        rules,
        tuple(text_of(rdata) for rdata in plain.values),
        _health_check(record, plain.type, report),
        min(answers, _MOST_ANSWERS),
        *position,
    )


def _dynamic(
    data: Any, reader: ValueReader, report: Report
) -> tuple[tuple[Pool, ...], tuple[PoolRule, ...]]:
    if not isinstance(data, Mapping):
        report.wrong("bad-dynamic", "dynamic must be a mapping with pools and rules", ("dynamic",))
        return (), ()
    pools = read_pools(data.get("pools"), reader, report)
    written = data.get("pools")
    names = [str(name) for name in written] if isinstance(written, Mapping) else []
    rules, used = read_rules(data.get("rules"), names, report)
    check_use(pools, used, report)
    return pools, rules


def _geo(
    data: Any, reader: ValueReader, report: Report
) -> tuple[tuple[Pool, ...], tuple[PoolRule, ...]]:
    """Each place is a pool, with the place around it as its fallback, and a rule of its own."""
    if not isinstance(data, Mapping):
        report.wrong("bad-geo", "geo must be a mapping from places to lists of values", ("geo",))
        return (), ()
    report.odd("old-geo", "geo is deprecated in octoDNS; dynamic takes its place", ("geo",))
    places: dict[str, tuple[PoolValue, ...]] = {}
    for code, values in data.items():
        try:
            client_key(str(code))
        except ContentError as fault:
            report.wrong(fault.id, fault.message, ("geo", code), fault.hint)
            continue
        listed = values if isinstance(values, list) else [values]
        places[code] = tuple(_geo_values(listed, ("geo", code), reader, report))
    pools = tuple(Pool(code, values, _fallback(code, places)) for code, values in places.items())
    narrow_first = sorted(places, key=lambda code: -len(code.split("-")))
    return pools, tuple(PoolRule(code, (code,)) for code in narrow_first)


def _geo_values(
    values: Sequence[Any], path: Keys, reader: ValueReader, report: Report
) -> list[PoolValue]:
    found = []
    for index, value in enumerate(values):
        try:
            found.append(PoolValue(reader.canonical(value)))
        except ContentError as fault:
            report.unusable(fault, (*path, index))
    return found


def _fallback(code: str, places: Collection[str]) -> str | None:
    return next((wider for wider in around(code) if wider != code and wider in places), None)


def _health_check(
    record: Mapping[Any, Any], rdtype: RdataType, report: Report
) -> HealthCheck | None:
    options = record.get("octodns")
    data = options.get("healthcheck") if isinstance(options, Mapping) else None
    is_alias = rdtype == RdataType.CNAME
    if data is None:
        return None if is_alias else HealthCheck(more=_ours(record, report))
    if not isinstance(data, Mapping):
        report.wrong("bad-healthcheck", "healthcheck must be a mapping", _CHECK_PATH)
        return None if is_alias else HealthCheck()
    for key in data:
        if key not in _CHECK_KEYS:
            hint = did_you_mean(str(key), _CHECK_KEYS)
            report.odd("unknown-key", f"{shown(key)} is not used", (*_CHECK_PATH, key), hint)
    protocol = data.get("protocol", "HTTPS")
    if protocol not in _PROTOCOLS:
        report.wrong(
            "bad-healthcheck",
            f"the protocol {shown(protocol)} is none of {', '.join(_PROTOCOLS)}",
            (*_CHECK_PATH, "protocol"),
            did_you_mean(protocol, _PROTOCOLS),
        )
        return None
    why = _why_not_checked(protocol, is_alias=is_alias)
    if why is not None:
        report.odd("not-checked", why, _CHECK_PATH, "give values a status, or drain them")
        return None
    return _settings(data, cast("Protocol", protocol), report)._replace(more=_ours(record, report))


def _ours(record: Mapping[Any, Any], report: Report) -> tuple[tuple[str, Any], ...]:
    """What octoDNS has no word for, in the manner of its providers' own settings."""
    options = record.get("octodns")
    own = options.get(_SELF) if isinstance(options, Mapping) else None
    data = own.get("healthcheck") if isinstance(own, Mapping) else None
    if data is None:
        return ()
    path: Keys = ("octodns", _SELF, "healthcheck")
    if not isinstance(data, Mapping):
        report.wrong("bad-healthcheck", "healthcheck must be a mapping", path)
        return ()
    for key in data:
        if key in _NOT_OURS:
            message = f"{shown(key)} stands in octodns: healthcheck, not here"
            report.wrong("bad-healthcheck", message, (*path, key))
    return tuple((str(key), value) for key, value in data.items() if key not in _NOT_OURS)


def _why_not_checked(protocol: str, *, is_alias: bool) -> str | None:
    if is_alias:
        return "targets of CNAMEs are not checked: all whose status is not down are in service"
    if protocol == "UDP":
        return "UDP has no answer to wait for: nothing is checked"
    return None


def _settings(data: Mapping[Any, Any], protocol: Protocol, report: Report) -> HealthCheck:
    port, path, host = data.get("port", 443), data.get("path", "/_dns"), data.get("host")
    if isinstance(port, str) and port.isdecimal():
        port = int(port)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        report.wrong(
            "bad-healthcheck",
            f"a port is a number from 1 to 65535, not {shown(port)}",
            (*_CHECK_PATH, "port"),
        )
        port = 443
    if protocol == "HTTP" and "port" not in data:
        report.odd(
            "http-on-443",
            "octoDNS's port is 443 for HTTP, too, where none is written",
            _CHECK_PATH,
            "write port: 80",
        )
    text = str(path)
    return HealthCheck(
        protocol,
        None if host is None else str(host),
        text if text.startswith("/") else f"/{text}",
        port,
    )
