"""Record values as octoDNS writes them in YAML: the inverse of ``geodns.zone.values``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.txtbase

from geodns.zone.draft import ContentError
from geodns.zone.editing.records import Kind, RecordSet, Value, kind_text
from geodns.zone.lexer import Entry, Word, entries
from geodns.zone.shapes import RECORD_TYPES, Field, RecordType
from geodns.zone.values import rdata_from_value

_PRESENTATION = RecordType("fields")


def yaml_value(value: Value, origin: dns.name.Name) -> Any:
    """The YAML data of a value: a string, or a mapping of scalars, lists and mappings.

    What its shape can't say is written in presentation form, or as RFC 3597 5 writes any type.
    """
    if isinstance(value, str):
        return value
    shape = RECORD_TYPES.get(dns.rdatatype.to_text(value.rdtype), _PRESENTATION)
    if isinstance(value, dns.rdtypes.txtbase.TXTBase) and shape.value == "strings":
        return _string(b"".join(value.strings))
    for candidate in _candidates(shape, value):
        try:
            if rdata_from_value(shape, value.rdtype, candidate, origin) == value:
                return candidate
        except ContentError:
            continue
    return _generic(value)


def readable(value: Value) -> Value:
    """The value as it is read back from YAML: the strings of a TXT record are one there, which is
    split at 255 bytes again."""
    if isinstance(value, dns.rdtypes.txtbase.TXTBase):
        shape = RECORD_TYPES.get(dns.rdatatype.to_text(value.rdtype))
        if shape is not None and shape.value == "strings":
            text = _string(b"".join(value.strings))
            return rdata_from_value(shape, value.rdtype, text, dns.name.root)
    return value


def yaml_record(
    kind: Kind, records: RecordSet, origin: dns.name.Name, *, alphabetical: bool
) -> dict[str, Any]:
    """The YAML data of a record set; its keys in the order that octoDNS demands by default, or
    the type first."""
    record: dict[str, Any] = {"type": kind_text(kind)}
    if records.ttl is not None:
        record["ttl"] = records.ttl
    if kind is None:
        record["service"] = records.values[0]
    else:
        values = [yaml_value(value, origin) for value in records.values]
        record |= {"values": values} if len(values) > 1 else {"value": values[0]}
    return _sorted(record) if alphabetical else record


def _sorted(data: Any) -> Any:
    """Data whose mappings all have sorted keys."""
    if isinstance(data, dict):
        return {key: _sorted(data[key]) for key in sorted(data)}
    return [_sorted(item) for item in data] if isinstance(data, list) else data


def _candidates(shape: RecordType, value: dns.rdata.Rdata) -> list[Any]:
    text = value.to_text()
    found: list[Any] = []
    if shape.value == "fields" and shape.fields:
        mapping = _mapping(shape, text)
        found += [] if mapping is None else [mapping]
    if shape.value == "base64":
        found.append("".join(text.split()))
    return [*found, text]


def _generic(value: dns.rdata.Rdata) -> str:
    data = value.to_wire() or b""
    return f"\\# {len(data)} {data.hex()}".rstrip()


def _string(data: bytes) -> str:
    """The text that octoDNS has for a string: UTF-8, semicolons escaped."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        return "".join(_escaped(character, ascii_only=True) for character in text)
    escaped = "".join(_escaped(character, ascii_only=False) for character in text)
    return "\\" + escaped if escaped.startswith('"') else escaped


def _escaped(character: str, *, ascii_only: bool) -> str:
    if character in "\\;":
        return "\\" + character
    if ascii_only and (character > "~" or character == '"'):
        return f"\\{ord(character):03d}"
    if character.isprintable():
        return character
    return "".join(f"\\{byte:03d}" for byte in character.encode("utf-8"))


# --- mappings ---------------------------------------------------------------------------------


def _mapping(shape: RecordType, text: str) -> dict[str, Any] | None:
    """The fields of a presentation form, word by word; None where they don't fit."""
    entry = next(iter(entries(text)), None)
    if not isinstance(entry, Entry):
        return None
    words, mapping = list(entry.words), {}
    for place, field in enumerate(shape.fields):
        last = place == len(shape.fields) - 1
        rest = words[place:] if last else words[place : place + 1]
        if not rest:
            break
        try:
            read = _READERS.get(field.kind, _word)
            data = read(field, rest)
        except ValueError:
            return None
        if data != {}:
            mapping[field.name] = data
    return mapping


def _word(_field: Field, words: list[Word]) -> Any:
    return words[0].value


def _integer(_field: Field, words: list[Word]) -> Any:
    return int(words[0].value)


def _number(_field: Field, words: list[Word]) -> Any:
    number = float(words[0].value.rstrip("m"))
    return int(number) if number.is_integer() else number


def _hex(_field: Field, words: list[Word]) -> Any:
    return "".join(word.value for word in words)


def _svcparams(_field: Field, words: list[Word]) -> Any:
    found: dict[str, Any] = {}
    key = ""
    for word in words:
        if not word.spaced or word.is_quoted_string():
            items = word.value.split(",")
            found[key] = items if len(items) > 1 or key in _LISTS else word.value
            continue
        key, _, value = word.value.partition("=")
        found[key] = None if not value else value.split(",") if key in _LISTS else value
    return found


_LISTS = frozenset(("alpn", "ipv4hint", "ipv6hint", "mandatory"))
_READERS: Mapping[str, Callable[[Field, list[Word]], Any]] = {
    "integer": _integer,
    "metres": _number,
    "seconds": _number,
    "hex": _hex,
    "svcparams": _svcparams,
}
