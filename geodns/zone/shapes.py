"""The record types that have a shape of their own in YAML, in one table: octoDNS's, and GEO.

Every other type that dnspython knows takes its RFC 1035 presentation form as value, and so does
every type of unknown number (``\\# 2 abcd``, RFC 3597 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

FieldKind = Literal[
    "integer",  # low to high
    "metres",  # a number, low to high, with at most two decimals
    "seconds",  # a number, low to high, with at most three decimals
    "choice",  # one of ``choices``
    "word",  # letters and digits
    "hex",
    "string",  # a character-string in presentation form, without its quotes
    "name",  # an absolute domain name
    "svcparams",  # RFC 9460 2.1, a mapping
]
ValueKind = Literal["ipv4", "ipv6", "name", "strings", "base64", "fields", "service", "refused"]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a value that is a mapping, in the order of the presentation form.

    ``default`` None: required. ``older``: the name that octoDNS once gave the same thing.
    """

    name: str
    kind: FieldKind
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    default: Any = None
    older: str | None = None


@dataclass(frozen=True, slots=True)
class RecordType:
    """How the values of a record type are written.

    ``older``: other fields under which octoDNS still reads the same data. ``single``: a name has
    at most one. ``why``: what to tell the writer of a type that is refused.
    """

    value: ValueKind
    fields: tuple[Field, ...] = ()
    older: tuple[Field, ...] = ()
    single: bool = False
    why: str = ""


def _u8(name: str, default: int | None = None) -> Field:
    return Field(name, "integer", 0, 2**8 - 1, default=default)


def _u16(name: str, older: str | None = None) -> Field:
    return Field(name, "integer", 0, 2**16 - 1, older=older)


def _u32(name: str, default: int | None = None) -> Field:
    return Field(name, "integer", 0, 2**32 - 1, default=default)


def _angle(prefix: str, degrees: int, directions: tuple[str, str]) -> tuple[Field, ...]:
    return (
        Field(f"{prefix}_degrees", "integer", 0, degrees),
        Field(f"{prefix}_minutes", "integer", 0, 59, default=0),
        Field(f"{prefix}_seconds", "seconds", 0, 59.999, default=0),
        Field(f"{prefix}_direction", "choice", choices=directions),
    )


_MOST_METRES = 90_000_000.0  # RFC 1876 2: 9e9 centimetres
_LOC = (
    *_angle("lat", 90, ("N", "S")),
    *_angle("long", 180, ("E", "W")),
    Field("altitude", "metres", -100_000.0, 42_849_672.95, default=0),
    # RFC 1876 3: what an omitted size and precision default to
    Field("size", "metres", 0, _MOST_METRES, default=1),
    Field("precision_horz", "metres", 0, _MOST_METRES, default=10_000),
    Field("precision_vert", "metres", 0, _MOST_METRES, default=10),
)
_SVCB = (
    _u16("svcpriority"),
    Field("targetname", "name"),
    Field("svcparams", "svcparams", default=MappingProxyType({})),
)
_NAPTR = (
    _u16("order"),
    _u16("preference"),
    Field("flags", "string"),
    Field("service", "string"),
    Field("regexp", "string"),
    Field("replacement", "name"),
)
_DS = (_u16("key_tag"), _u8("algorithm"), _u8("digest_type"), Field("digest", "hex"))
_DS_OLDER = (_u16("flags"), _u8("protocol"), _u8("algorithm"), Field("public_key", "hex"))
_TLSA = (
    _u8("certificate_usage"),
    _u8("selector"),
    _u8("matching_type"),
    Field("certificate_association_data", "hex"),
)
# mname, rname and serial are filled in by the reader before the shape is applied.
_SOA = (
    Field("mname", "name", older="primary"),
    Field("rname", "name", older="hostmaster"),
    _u32("serial"),
    _u32("refresh", 3600),
    _u32("retry", 600),
    _u32("expire", 604800),
    _u32("minimum", 300),
)

RECORD_TYPES: Mapping[str, RecordType] = MappingProxyType(
    {
        "A": RecordType("ipv4"),
        "AAAA": RecordType("ipv6"),
        "ALIAS": RecordType(
            "refused",
            why="ALIAS is not a DNS record; GEO ties the apex to a service, elsewhere CNAME does",
        ),
        "CAA": RecordType(
            "fields", (_u8("flags", 0), Field("tag", "word"), Field("value", "string"))
        ),
        "CNAME": RecordType("name", single=True),
        "DNAME": RecordType("name", single=True),
        "DS": RecordType("fields", _DS, _DS_OLDER),
        "GEO": RecordType("service", single=True),
        "HTTPS": RecordType("fields", _SVCB),
        "LOC": RecordType("fields", _LOC),
        "MX": RecordType(
            "fields",
            (_u16("preference", older="priority"), Field("exchange", "name", older="value")),
        ),
        "NAPTR": RecordType("fields", _NAPTR),
        "NS": RecordType("name"),
        "OPENPGPKEY": RecordType("base64"),
        "PTR": RecordType("name"),
        "SOA": RecordType("fields", _SOA, single=True),
        "SPF": RecordType("strings"),
        "SRV": RecordType(
            "fields", (_u16("priority"), _u16("weight"), _u16("port"), Field("target", "name"))
        ),
        "SSHFP": RecordType(
            "fields", (_u8("algorithm"), _u8("fingerprint_type"), Field("fingerprint", "hex"))
        ),
        "SVCB": RecordType("fields", _SVCB),
        "TLSA": RecordType("fields", _TLSA),
        "TXT": RecordType("strings"),
        "URI": RecordType("fields", (_u16("priority"), _u16("weight"), Field("target", "string"))),
        "URLFWD": RecordType(
            "refused",
            why="URLFWD is a redirect of one DNS provider; run a web server that redirects",
        ),
    }
)
