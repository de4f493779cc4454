"""Reads a zone in octoDNS's YAML, with its two additions: GEO and an optional SOA."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import dns.name
import dns.rdata
import dns.rdatatype
import dns.ttl

from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Document, Keys
from geodns.zone.content import GeoName
from geodns.zone.draft import MAX_TTL, ContentError, Draft, Spot
from geodns.zone.lenience import Report, is_lenient
from geodns.zone.names import owner_name
from geodns.zone.octodns_dynamic import Plain, is_dynamic, read_dynamic
from geodns.zone.rdata import record_type
from geodns.zone.shapes import RECORD_TYPES, RecordType
from geodns.zone.soa import fill_soa, make_soa
from geodns.zone.values import rdata_from_value

DEFAULT_TTL = 3600  # octoDNS's
# RFC 3597 5: a type of unknown number, and the types without a shape of their own
_PRESENTATION = RecordType("fields")
_RECORD_KEYS = frozenset(("type", "ttl", "value", "values"))
# What octoDNS or its providers understand and this server need not.
_FOREIGN_KEYS = frozenset(("octodns", "lenient", "healthcheck", "comment"))
_DYNAMIC_KEYS = frozenset(("geo", "dynamic"))
_SELF = "geodns"  # as octoDNS's lists of providers may name this server
_GEO_KEYS = frozenset(("type", "ttl", "service", *_FOREIGN_KEYS))


def read_octodns(
    document: Document, draft: Draft, serial: int, name_servers: Sequence[str] = ()
) -> None:
    """Fills the draft from a document; what is wrong becomes its problems.

    ``serial``: the SOA's where the file sets none. ``name_servers``, absolute names, are those of a
    zone without NS records at its apex: octoDNS leaves these to whoever serves the zone.
    """
    _Reader(document, draft, serial, name_servers).read()


def is_configuration(document: Document) -> bool:
    """Whether it is octoDNS's own configuration, which often stands beside its zones."""
    data = document.data
    return isinstance(data, Mapping) and all(
        isinstance(data.get(key), Mapping) and "type" not in data[key]
        for key in ("providers", "zones")
    )


class _Reader:
    def __init__(
        self, document: Document, draft: Draft, serial: int, name_servers: Sequence[str]
    ) -> None:
        self.document = document
        self.name_servers = name_servers
        self.draft = draft
        self.serial = serial
        self.soa: tuple[dict[str | int, Any], Keys, dns.name.Name] | None = None

    def read(self) -> None:
        data = self.document.data
        if not isinstance(data, Mapping):
            self._problem(
                ContentError("bad-zone", "a zone file is a mapping from names to records"), ()
            )
            return
        for key, value in data.items():
            try:
                owner = self._owner(str(key))
            except ContentError as fault:
                self._problem(fault, (key,), key=True)
                continue
            several = isinstance(value, list)
            for index, record in enumerate(value if several else [value]):
                self._guarded(record, (key, index) if several else (key,), owner)
        self._add_name_servers()
        self._add_soa()

    def _owner(self, key: str) -> dns.name.Name:
        if key == "@":
            raise ContentError("bad-name", "the apex is written as an empty string", 'write ""')
        if key.endswith(".") and not key.endswith("\\."):
            owner = owner_name(key, self.draft.origin)
            if not owner.is_subdomain(self.draft.origin):
                raise ContentError("outside-zone", f"{key} is not in the zone {self.draft.origin}")
            rest = owner.relativize(self.draft.origin).to_text().replace("@", '""')
            raise ContentError(
                "absolute-name", "names are relative to the zone here", f"write {rest}"
            )
        return owner_name(key, self.draft.origin) if key else self.draft.origin

    def _guarded(self, record: Any, path: Keys, owner: dns.name.Name) -> None:
        lenient = isinstance(record, Mapping) and is_lenient(record)
        try:
            self._record(record, path, owner, lenient=lenient)
        except ContentError as fault:
            self._problem(fault, (*path, *fault.inside), lenient=lenient)

    def _problem(
        self, fault: ContentError, path: Keys, *, key: bool = False, lenient: bool = False
    ) -> None:
        """A fault; of a lenient record, a warning, for what is wrong of it has been left out."""
        message = f"{fault.message}; left out, for the record is lenient"
        self.draft.problems.append(
            self.document.problem(
                fault.id,
                message if lenient else fault.message,
                path,
                key=key,
                hint=fault.hint,
                severity="warning" if lenient else "error",
            )
        )

    def _warn(self, id: str, message: str, path: Keys, hint: str | None = None) -> None:
        self.draft.problems.append(
            self.document.problem(id, message, path, key=True, hint=hint, severity="warning")
        )

    def _spot(self, path: Keys) -> Spot:
        return Spot(self.draft.file, *self.document.value_at(path))

    def _record(self, record: Any, path: Keys, owner: dns.name.Name, *, lenient: bool) -> None:
        if not isinstance(record, Mapping):
            raise ContentError(
                "bad-record", "a record is a mapping, as in {type: A, values: [192.0.2.1]}"
            )
        kind = record.get("type")
        if not isinstance(kind, str):
            raise ContentError(
                "missing-type", "the record has no type", "write type: A, for example"
            )
        if (why := why_ignored(record)) is not None:
            self._warn("ignored-record", f"{why} and is not served", path)
            return
        kind = kind.upper()
        if kind == "GEO":
            self._geo(record, path, owner)
            return
        try:
            shape, rdtype = self._shape(kind)
        except ContentError as fault:
            raise ContentError(fault.id, fault.message, fault.hint, ("type",)) from fault
        self._check_keys(record, path, rdtype)
        ttl = _ttl(record)
        dynamic = is_dynamic(record, rdtype)
        values = [] if lenient and dynamic and _is_empty(record) else self._values(record, kind)
        if rdtype == dns.rdatatype.SOA:
            self._keep_soa(record, values, path, owner)
            return
        read = []
        for value, inside in values:
            try:
                rdata = rdata_from_value(shape, rdtype, value, self.draft.origin)
            except ContentError as fault:
                self._problem(fault, (*path, *inside, *fault.inside), lenient=lenient)
            else:
                self.draft.add(owner, ttl, rdata, self._spot((*path, *inside)))
                read.append(rdata)
        if dynamic:
            self._dynamic(record, path, owner, Plain(rdtype, ttl, read))

    def _shape(self, kind: str) -> tuple[RecordType, dns.rdatatype.RdataType]:
        shape = RECORD_TYPES.get(kind)
        if shape is not None and shape.value == "refused":
            raise ContentError("refused-type", shape.why)
        rdtype = record_type(kind)
        return RECORD_TYPES.get(dns.rdatatype.to_text(rdtype), shape or _PRESENTATION), rdtype

    def _dynamic(
        self, record: Mapping[str | int, Any], path: Keys, owner: dns.name.Name, plain: Plain
    ) -> None:
        report = Report(lenient=is_lenient(record))
        inside = "dynamic" if "dynamic" in record else "geo"
        position = self.document.key_at((*path, inside))
        dynamic = read_dynamic(record, plain, self.draft.origin, position, report)
        self.draft.problems.extend(
            self.document.problem(
                found.id,
                found.message,
                (*path, *found.inside),
                hint=found.hint,
                severity=found.severity,
            )
            for found in report.found
        )
        self.draft.add_dynamic(owner, dynamic, self._spot((*path, inside)))

    def _check_keys(
        self, record: Mapping[str | int, Any], path: Keys, rdtype: dns.rdatatype.RdataType
    ) -> None:
        for key in record:
            if key in _DYNAMIC_KEYS:
                if not is_dynamic({key: None}, rdtype):
                    what = f"a record of type {dns.rdatatype.to_text(rdtype)} can't be {key}"
                    self._warn("not-served", f"{what}; only the plain values are served", path)
            elif key not in _RECORD_KEYS and key not in _FOREIGN_KEYS:
                hint = did_you_mean(str(key), _RECORD_KEYS)
                self._warn("unknown-key", f"{shown(key)} is not used", (*path, key), hint)

    def _values(self, record: Mapping[str | int, Any], kind: str) -> list[tuple[Any, Keys]]:
        """The values of a record set and where in it they stand."""
        if "value" in record and "values" in record:
            raise ContentError(
                "value-and-values", "has both value and values", "keep one", ("values",)
            )
        key = "values" if "values" in record else "value"
        data = record.get(key)
        if data is None or data == []:
            raise ContentError("missing-value", f"the {kind} record has no value")
        if isinstance(data, list):
            return [(value, (key, index)) for index, value in enumerate(data)]
        return [(data, (key,))]

    def _geo(self, record: Mapping[str | int, Any], path: Keys, owner: dns.name.Name) -> None:
        for key in record:
            if key not in _GEO_KEYS:
                hint = did_you_mean(str(key), _GEO_KEYS)
                raise ContentError("unknown-key", f"a GEO record has no {shown(key)}", hint, (key,))
        service = record.get("service")
        if not isinstance(service, str) or not service:
            raise ContentError(
                "missing-service", "the GEO record names no service", None, ("service",)
            )
        ttl = _ttl(record) if "ttl" in record else None
        at = self.document.value_at((*path, "service"))
        self.draft.add_geo(owner, GeoName(service, ttl, *at), self._spot(path))

    def _add_name_servers(self) -> None:
        origin = self.draft.origin
        if (origin, dns.rdatatype.NS) in self.draft.spots:
            return
        for name in self.name_servers:
            rdata = rdata_from_value(RECORD_TYPES["NS"], dns.rdatatype.NS, name, origin)
            self.draft.add(origin, DEFAULT_TTL, rdata, Spot(self.draft.file, 1, 1))

    # --- SOA --------------------------------------------------------------------------------

    def _keep_soa(
        self,
        record: Mapping[str | int, Any],
        values: list[tuple[Any, Keys]],
        path: Keys,
        owner: dns.name.Name,
    ) -> None:
        """Remembers the SOA until the NS records, from which it takes its defaults, are read."""
        if self.soa is not None or len(values) > 1:
            raise ContentError("several-soa", "a zone has only one SOA", None, ("type",))
        self.soa = (dict(record), (*path, *values[0][1]), owner)

    def _add_soa(self) -> None:
        if self.soa is None:
            soa = make_soa(self.draft, self.serial)
            if soa is not None:
                spot = self.draft.spot(self.draft.origin, dns.rdatatype.NS)
                self.draft.add(self.draft.origin, DEFAULT_TTL, soa, spot)
            return
        record, path, owner = self.soa
        value = record.get("values", record.get("value"))
        value = value[0] if isinstance(value, list) else value
        if isinstance(value, Mapping):
            value = fill_soa(self.draft, value, self.serial)
        try:
            rdata = rdata_from_value(
                RECORD_TYPES["SOA"], dns.rdatatype.SOA, value, self.draft.origin
            )
        except ContentError as fault:
            self._problem(fault, (*path, *fault.inside))
            return
        self.draft.add(owner, _ttl(record), rdata, self._spot(path))


def why_ignored(record: Mapping[str | int, Any]) -> str | None:
    """Why a record is not for this server; None: it is."""
    options = record.get("octodns")
    if not isinstance(options, Mapping):
        return None
    if options.get("ignored") is True:
        return "is marked as ignored"
    included, excluded = options.get("included"), options.get("excluded")
    if isinstance(included, list) and included and _SELF not in included:
        return f"is only for {', '.join(map(str, included))} (octodns: included)"
    if isinstance(excluded, list) and _SELF in excluded:
        return "excludes this server (octodns: excluded)"
    return None


def _is_empty(record: Mapping[str | int, Any]) -> bool:
    return record.get("values", record.get("value")) in (None, "", [])


def _ttl(record: Mapping[str | int, Any]) -> int:
    """A TTL in seconds, or with units as in ``1h30m``. Raises ContentError."""
    data = record.get("ttl", DEFAULT_TTL)
    if isinstance(data, str) and re.fullmatch(r"\d{1,10}|(?:\d{1,10}[wdhms]){1,8}", data.lower()):
        try:
            data = dns.ttl.from_text(data)
        except dns.ttl.BadTTL:
            data = None
    if isinstance(data, bool) or not isinstance(data, int) or not 0 <= data <= MAX_TTL:
        raise ContentError(
            "bad-ttl", f"a TTL is a number of seconds from 0 to {MAX_TTL}", None, ("ttl",)
        )
    return data
