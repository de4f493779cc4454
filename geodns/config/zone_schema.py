"""The JSON Schema of a zone file, made from the zone reader's table of record types."""

from __future__ import annotations

from typing import Any

from geodns.zone.shapes import RECORD_TYPES, Field, RecordType

JsonSchema = dict[str, Any]

_TTL: JsonSchema = {
    "description": "seconds, or a number with units as in 1h30m",
    "default": 3600,
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        {"type": "string", "pattern": "^([0-9]+[wdhmsWDHMS]?)+$"},
    ],
}
_STRINGS: dict[str, tuple[str, str]] = {
    "ipv4": ("an IPv4 address", r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$"),
    "ipv6": ("an IPv6 address, in quotes", "^[0-9A-Fa-f:.]+$"),
    "name": ("a domain name with the final dot", r"^(.*\.)?$"),
    "strings": ("text; what is longer than 255 bytes is split", ""),
    "base64": ("base64", r"^[A-Za-z0-9+/=\s]+$"),
    "hex": ("hexadecimal digits", r"^[0-9A-Fa-f\s]+$"),
    "word": ("letters and digits", "^[A-Za-z0-9]+$"),
    "string": ("text", ""),
}


def zone_schema() -> JsonSchema:
    """octoDNS's mapping from names to records, with GEO and SOA."""
    served = {name: kind for name, kind in RECORD_TYPES.items() if kind.value != "refused"}
    record = {
        "type": "object",
        "description": "a record set",
        "required": ["type"],
        "properties": {
            "type": {
                "description": "the record type; every type of DNS is known, others as TYPE123",
                "anyOf": [{"enum": sorted(served)}, {"type": "string", "pattern": "^[A-Z0-9-]+$"}],
            },
            "ttl": _TTL,
            "dynamic": _dynamic(),
        },
        "allOf": [_when(name, kind) for name, kind in sorted(served.items())],
    }
    return {
        "type": "object",
        "description": "A DNS zone: names relative to the zone, '' the zone itself, and the"
        " records of each.",
        "additionalProperties": {
            "anyOf": [
                {"$ref": "#/$defs/record"},
                {"type": "array", "items": {"$ref": "#/$defs/record"}},
            ]
        },
        "$defs": {"record": record},
    }


def _when(name: str, kind: RecordType) -> JsonSchema:
    return {
        "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
        "then": _geo() if kind.value == "service" else _plain(kind),
    }


def _geo() -> JsonSchema:
    return {
        "description": "answered as A, AAAA or CNAME with the best endpoint of a service",
        "required": ["service"],
        "properties": {
            "service": {"type": "string", "description": "the name of a service"},
            "ttl": {**_TTL, "default": None, "description": "default: the service's ttl"},
        },
    }


def _dynamic() -> JsonSchema:
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    value = {
        "type": "object",
        "required": ["value"],
        "properties": {
            "value": text,
            "weight": {"type": "integer", "minimum": 1, "maximum": 100, "default": 1},
            "status": {"enum": ["up", "down", "obey"], "default": "obey"},
        },
    }
    pool = {
        "type": "object",
        "required": ["values"],
        "properties": {"fallback": text, "values": {"type": "array", "items": value}},
    }
    rule = {
        "type": "object",
        "required": ["pool"],
        "properties": {"pool": text, "geos": texts, "subnets": texts},
    }
    return {
        "type": "object",
        "description": "octoDNS's pools and rules, for A, AAAA and CNAME",
        "required": ["pools", "rules"],
        "properties": {
            "pools": {"type": "object", "additionalProperties": pool},
            "rules": {"type": "array", "items": rule},
        },
    }


def _plain(kind: RecordType) -> JsonSchema:
    value = _value(kind)
    one = {"required": ["value"]}
    if kind.single:
        return {"properties": {"value": value}, **one}
    values = {"type": "array", "minItems": 1, "items": value}
    return {
        "properties": {"value": {"anyOf": [value, values]}, "values": values},
        "oneOf": [one, {"required": ["values"]}],
    }


def _value(kind: RecordType) -> JsonSchema:
    if kind.value != "fields":
        return _string(kind.value)
    shapes = [_mapping(fields) for fields in (kind.fields, kind.older) if fields]
    return {"anyOf": [*shapes, {"type": "string", "description": "as in a master file"}]}


def _mapping(fields: tuple[Field, ...]) -> JsonSchema:
    properties = {field.name: _field(field) for field in fields}
    properties.update({field.older: _field(field) for field in fields if field.older})
    needed = [field.name for field in fields if field.default is None and not field.older]
    # What the reader fills in of an SOA: its serial and its names.
    needed = [name for name in needed if name != "serial"]
    return {"type": "object", "properties": properties, "required": needed}


def _field(field: Field) -> JsonSchema:
    schema: JsonSchema
    if field.kind in {"integer", "metres", "seconds"}:
        number = "integer" if field.kind == "integer" else "number"
        schema = {"type": number, "minimum": field.low, "maximum": field.high}
    elif field.kind == "choice":
        schema = {"enum": list(field.choices)}
    elif field.kind == "svcparams":
        schema = {"type": "object", "description": "service parameters (RFC 9460), by name"}
    else:
        schema = _string(field.kind)
    if field.default is not None:
        default = field.default
        schema["default"] = default if isinstance(default, int | float | str) else {}
    return schema


def _string(kind: str) -> JsonSchema:
    description, pattern = _STRINGS[kind]
    schema = {"type": "string", "description": description}
    return {**schema, "pattern": pattern} if pattern else schema
