"""A zone's records as a plain mapping, and the values that a person types for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdatatype

from geodns.errors import GeodnsError
from geodns.wording import shown
from geodns.zone.content import Node
from geodns.zone.draft import ContentError
from geodns.zone.lexer import has_comment
from geodns.zone.names import is_below_or_at, owner_name
from geodns.zone.rdata import rdata_from_text, record_type
from geodns.zone.shapes import RECORD_TYPES
from geodns.zone.values import rdata_from_value

Kind = dns.rdatatype.RdataType | None
"""A record's type; None is GEO, as in ``Draft.spots``."""
Value = dns.rdata.Rdata | str
"""An rdata whose names are absolute, or the service of a GEO record."""
Key = tuple[dns.name.Name, Kind]
APEX = "@"
_AS_IN_YAML = frozenset(("strings", "ipv4", "ipv6"))


class EditError(GeodnsError):
    """A change is refused; the sentence says why and what would be right."""


class RecordSet(NamedTuple):
    """All values of a name and type. ``ttl`` is in seconds; None: what the file gives by default,
    or, of a GEO record, the service's."""

    ttl: int | None
    values: tuple[Value, ...]

    def same_values(self, other: RecordSet) -> bool:
        """Whether the values are the same, in any order (RFC 2181 5: a set has none)."""
        # They are mostly in the same order too, which is told sooner.
        return self.values == other.values or frozenset(self.values) == frozenset(other.values)


Records = Mapping[Key, RecordSet]


def records_of(nodes: Mapping[dns.name.Name, Node]) -> dict[Key, RecordSet]:
    """The record sets of a zone, in the order of its file."""
    found: dict[Key, RecordSet] = {}
    for owner, node in nodes.items():
        if node.geo is not None:
            found[owner, None] = RecordSet(node.geo.ttl, (node.geo.service,))
        for rdtype, rdataset in node.rdatasets.items():
            found[owner, rdtype] = RecordSet(rdataset.ttl, tuple(rdataset))
    return found


def read_kind(text: str) -> Kind:
    """The type that a word names, GEO among them. Raises EditError."""
    if text.upper() == "GEO":
        return None
    shape = RECORD_TYPES.get(text.upper())
    if shape is not None and shape.value == "refused":
        raise EditError(shape.why)
    try:
        return record_type(text.upper())
    except ContentError as fault:
        raise EditError(_with_hint(fault)) from fault


def kind_text(kind: Kind) -> str:
    """``MX``, ``TYPE65280`` or ``GEO``."""
    return "GEO" if kind is None else dns.rdatatype.to_text(kind)


def read_owner(text: str, origin: dns.name.Name) -> dns.name.Name:
    """The name that a person means: relative to the zone, absolute with a final dot, ``@`` the
    zone itself. Raises EditError."""
    if text in {APEX, ""}:
        return origin
    try:
        owner = owner_name(text, origin)
    except ContentError as fault:
        raise EditError(_with_hint(fault)) from fault
    if not is_below_or_at(owner, origin):
        raise EditError(f"{owner} is not in the zone {origin}")
    labels = origin.labels[:-1]
    if labels and owner.labels[: -len(origin.labels)][-len(labels) :] == labels:
        short = dns.name.Name((*owner.labels[: -len(origin.labels)], b""))
        raise EditError(
            f"{shown(text)} is relative to the zone and would be {owner}; write {short} with the"
            " final dot, or only what stands before the zone's name"
        )
    return owner


def relative(owner: dns.name.Name, origin: dns.name.Name) -> str:
    """A name of the zone as people write it: ``www``, or ``@`` for the zone itself."""
    return owner.relativize(origin).to_text() if owner != origin else APEX


def read_value(kind: Kind, text: str, origin: dns.name.Name) -> Value:
    """The value that a person types, in presentation form (RFC 1035 5.1).

    Names are relative to the zone unless they end with a dot. Of TXT and SPF, text without quotes
    is one string as it stands. Raises EditError.
    """
    if kind is None:
        if not text or any(character.isspace() for character in text):
            raise EditError("GEO takes the name of one service")
        return text
    shape = RECORD_TYPES.get(kind_text(kind))
    try:
        if shape is not None and shape.value in _AS_IN_YAML and text[:1] not in {'"', "\\"}:
            return rdata_from_value(shape, kind, text, origin)
        if has_comment(text):
            raise EditError(
                f"{shown(text)} has a semicolon, which begins a comment; put the string that it"
                " is in into double quotes"
            )
        return rdata_from_text(kind, text, origin)
    except ContentError as fault:
        several = " (each argument is one value: put a value of several words into quotes)"
        words = shape is None or shape.value == "fields"
        raise EditError(
            _with_hint(fault) + (several if words and " " not in text else "")
        ) from fault


def value_text(value: Value) -> str:
    """A value in presentation form, names absolute."""
    return value if isinstance(value, str) else value.to_text()


def _with_hint(fault: ContentError) -> str:
    return fault.message + (f" ({fault.hint})" if fault.hint else "")
