"""YAML values of the shapes in ``geodns.zone.shapes``, turned into rdata."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from geodns.wording import did_you_mean, shown
from geodns.zone.draft import ContentError
from geodns.zone.names import absolute_name
from geodns.zone.rdata import check_length, rdata_from_text
from geodns.zone.shapes import Field, RecordType

_ESCAPE = re.compile(rb"\\(?:(\d{3})|(.)|$)", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*', re.DOTALL)
_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_CHUNK = 255  # RFC 1035 3.3: a character-string is at most 255 bytes


def rdata_from_value(
    shape: RecordType, rdtype: dns.rdatatype.RdataType, value: Any, origin: dns.name.Name
) -> dns.rdata.Rdata:
    """The rdata of one YAML value. Raises ContentError; its ``inside`` says which part is wrong."""
    if shape.value == "fields" and isinstance(value, Mapping):
        return rdata_from_text(rdtype, _fields_text(shape, rdtype, value, origin))
    text = _text(value, dns.rdatatype.to_text(rdtype))
    if shape.value in {"ipv4", "ipv6"} and not text.startswith("\\#"):
        return _address(rdtype, text)
    if shape.value == "strings":
        return check_length(_from_class(rdtype, _chunks(_string_bytes(text))))
    if shape.value == "name":
        return _from_class(rdtype, absolute_name(text, origin))
    if shape.value == "base64":
        return rdata_from_text(rdtype, _joined(r"[A-Za-z0-9+/=]+", text, "base64"))
    return rdata_from_text(rdtype, text)


def _address(rdtype: dns.rdatatype.RdataType, text: str) -> dns.rdata.Rdata:
    try:
        return _from_class(rdtype, text.strip())
    except (dns.exception.DNSException, ValueError) as error:
        kind = dns.rdatatype.to_text(rdtype)
        example = "192.0.2.1" if rdtype == dns.rdatatype.A else "2001:db8::1"
        raise ContentError(
            "bad-rdata",
            f"{shown(text)} does not fit type {kind}: write an address, as in {example}",
        ) from error


def _from_class(rdtype: dns.rdatatype.RdataType, data: Any) -> dns.rdata.Rdata:
    make: Callable[..., dns.rdata.Rdata]
    make = dns.rdata.get_rdata_class(dns.rdataclass.IN, rdtype)  # type: ignore[no-untyped-call]
    return make(dns.rdataclass.IN, rdtype, data)


def _text(value: Any, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list):
        raise ContentError("bad-value", f"the value of {what} must be a string")
    if value is None:
        raise ContentError("bad-value", f"the value of {what} is missing")
    # YAML has already read the number and lost leading zeros and the like.
    raise ContentError("bad-value", f"the value of {what} must be a string", "put it in quotes")


# --- character-strings ------------------------------------------------------------------------


def _string_bytes(text: str) -> bytes:
    """The bytes that an octoDNS TXT value stands for.

    octoDNS writes ``;`` as ``\\;`` and lets a value be quoted, in pieces, which are one string.
    """
    text = text.strip("\n")
    if _QUOTED.fullmatch(text):
        text = "".join(_PIECE.findall(text))
    return _ESCAPE.sub(_unescape, text.encode("utf-8"))


def _unescape(match: re.Match[bytes]) -> bytes:
    digits, character = match[1], match[2]
    if digits is not None and int(digits) <= 255:
        return bytes([int(digits)])
    if character is None or character.isdigit():
        shown = match[0].decode("ascii", "replace")
        raise ContentError(
            "bad-escape", f"{shown} is not an escape; write \\DDD (000 to 255) or \\X"
        )
    return character


def _chunks(data: bytes) -> list[bytes]:
    return [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)] or [b""]


# --- mappings ---------------------------------------------------------------------------------


def _fields_text(
    shape: RecordType,
    rdtype: dns.rdatatype.RdataType,
    value: Mapping[str | int, Any],
    origin: dns.name.Name,
) -> str:
    """The presentation form of a value that is a mapping."""
    fields = shape.fields
    if shape.older and any(field.name in value for field in _only_older(shape)):
        fields = shape.older
    known = [name for field in fields for name in (field.name, field.older) if name]
    kind = dns.rdatatype.to_text(rdtype)
    for key in value:
        if key not in known:
            hint = did_you_mean(str(key), known) or f"it has {', '.join(f.name for f in fields)}"
            raise ContentError("unknown-field", f"a {kind} value has no {shown(key)}", hint, (key,))
    return " ".join(_field_text(field, kind, value, origin) for field in fields)


def _only_older(shape: RecordType) -> list[Field]:
    names = {field.name for field in shape.fields}
    return [field for field in shape.older if field.name not in names]


def _field_text(
    field: Field, kind: str, value: Mapping[str | int, Any], origin: dns.name.Name
) -> str:
    key = field.name
    if field.older is not None and field.older in value and field.name not in value:
        key = field.older
    data = value.get(key)
    if data is None:
        if field.default is None:
            raise ContentError("missing-field", f"the {kind} value lacks {field.name!r}")
        data = field.default
    try:
        return _WRITERS[field.kind](field, data, origin)
    except ContentError as fault:
        raise ContentError(fault.id, fault.message, fault.hint, (key, *fault.inside)) from fault


def _integer(field: Field, data: Any, _origin: dns.name.Name) -> str:
    if isinstance(data, str) and re.fullmatch(r"[0-9]{1,20}", data):
        data = int(data)
    if isinstance(data, bool) or not isinstance(data, int) or not field.low <= data <= field.high:
        raise ContentError(
            "bad-field",
            f"{field.name} must be a whole number from {field.low:.0f} to {field.high:.0f}",
        )
    return str(data)


def _decimal(digits: int) -> Callable[[Field, Any, dns.name.Name], str]:
    def write(field: Field, data: Any, _origin: dns.name.Name) -> str:
        try:
            number = float(data)
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if isinstance(data, bool) or not field.low <= number <= field.high:
            raise ContentError(
                "bad-field",
                f"{field.name} must be a number from {field.low:g} to {field.high:.12g}",
            )
        return f"{number:.{digits}f}"

    return write


def _choice(field: Field, data: Any, _origin: dns.name.Name) -> str:
    if not isinstance(data, str) or data.upper() not in field.choices:
        raise ContentError("bad-field", f"{field.name} must be {' or '.join(field.choices)}")
    return data.upper()


def _word(field: Field, data: Any, _origin: dns.name.Name) -> str:
    if not isinstance(data, str) or not re.fullmatch(r"[A-Za-z0-9]+", data):
        raise ContentError("bad-field", f"{field.name} must be made of letters and digits")
    return data


def _hex(field: Field, data: Any, _origin: dns.name.Name) -> str:
    text = _text(data, field.name)
    return _joined(r"(?:[0-9A-Fa-f]{2})+", text, "pairs of hexadecimal digits", field.name)


def _joined(pattern: str, text: str, made_of: str, what: str = "the value") -> str:
    joined = "".join(text.split())
    if not re.fullmatch(pattern, joined):
        raise ContentError("bad-field", f"{what} must be {made_of}")
    return joined


def _string(field: Field, data: Any, _origin: dns.name.Name) -> str:
    return _quote(_text(data, field.name))


def _quote(text: str) -> str:
    """A string in presentation form, in quotes; escapes that it has already are kept."""
    escaped = re.sub(r'(\\.)|"', lambda match: match[1] or '\\"', text, flags=re.DOTALL)
    return '"' + re.sub(r"[\r\n]", lambda match: f"\\{ord(match[0]):03d}", escaped) + '"'


def _name(field: Field, data: Any, origin: dns.name.Name) -> str:
    return absolute_name(_text(data, field.name), origin).to_text()


def _svcparams(field: Field, data: Any, _origin: dns.name.Name) -> str:
    if not isinstance(data, Mapping):
        raise ContentError("bad-field", f"{field.name} must be a mapping, as in {{alpn: [h2, h3]}}")
    return " ".join(_svcparam(key, value) for key, value in data.items())


def _svcparam(key: str | int, value: Any) -> str:
    # RFC 9460 2.1: SvcParamKey is 1 to 63 of a-z, 0-9 and "-"
    if not isinstance(key, str) or not re.fullmatch(r"[a-z0-9-]{1,63}", key):
        raise ContentError(
            "bad-field", f"{shown(key)} is not the name of a parameter", None, (key,)
        )
    if value is None:
        return key
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
        raise ContentError(
            "bad-field", f"{key} must be a string, a number or a list of them", None, (key,)
        )
    return f"{key}={_quote(','.join(map(str, items)))}"


_WRITERS: Mapping[str, Callable[[Field, Any, dns.name.Name], str]] = {
    "integer": _integer,
    "metres": _decimal(2),
    "seconds": _decimal(3),
    "choice": _choice,
    "word": _word,
    "hex": _hex,
    "string": _string,
    "name": _name,
    "svcparams": _svcparams,
}
