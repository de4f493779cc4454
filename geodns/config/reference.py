"""Writes docs/configuration.md from the models: every key, its type, default and meaning.

Regenerate it with ``python -m geodns.config.reference > docs/configuration.md``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel

from geodns.config.json_schema import KINDS, MODELS
from geodns.config.wording import Kind, choices, describe, field_kinds, inside
from geodns.zone.shapes import RECORD_TYPES

_FILES = {
    "server": "config/geodns.yaml: the server",
    "topology": "config/topology.yaml: where things are",
    "services": "config/services.yaml: what is served, and how",
    "zone": "zones/*.yaml: DNS zones",
    "latency": "latency tables",
}
_HEAD = """# Configuration reference

<!-- Made from the models: python -m geodns.config.reference > docs/configuration.md -->

Four kinds of YAML file and the latency tables. `geodns check` checks them all, `geodns schema KIND`
prints a kind's JSON Schema for your editor. Paths are relative to the file that they stand in.

- A duration is a number with `ms`, `s`, `m`, `h`, `d` or `w`; without a unit, seconds.
- A share is a percentage, as in `50%`, or a number from 0 to 1.
- Names of regions, availability zones, services and checks are letters, digits, dots, hyphens and
  underscores. `NAME` below stands for one.
- A key with nothing behind it means its default. A key that is not listed here is an error.
"""
_ZONE = """A file's name without `.yaml`, `.zone` or `.db` is the zone's name. `root` is the root
zone's, as in `root.zone`; so a top-level domain of that name can't be served.

Keys are names relative to the zone (`""` is the zone itself, `"*"` a wildcard), values
one record set or a list of them. This is octoDNS's format, [dynamic records](octodns.md) included,
with two additions: `GEO` ties a name to a service, and the `SOA` may be left out.

| key | type | default | meaning |
|---|---|---|---|
| `type` | text | required | a type below, or any other that DNS knows |
| `ttl` | seconds, or as in 1h30m | 3600; GEO: the service's | how long an answer may be kept |
| `value` | depends on the type | one of both required | the record |
| `values` | a list of such | | the records |
| `service` | text | required for GEO | the service that answers A, AAAA or CNAME |

| record type | value |
|---|---|
"""
_VALUES = {
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "name": "a domain name with the final dot",
    "strings": "text",
    "base64": "base64",
    "service": "none; `service` names a service",
}
_LATENCY = """Client → region → milliseconds. The most specific row wins: prefix, AS number in a
country, AS number, subdivision, country, continent, `default`. A region that a row does not name is
estimated from its distance. A figure is a number of milliseconds, or a mapping with more. A table
may also be CSV with the header `client,region,ms` and, optionally, `samples`, `measured`,
`confidence`, `base` and `per_1000_km`. See [latency tables](latency.md).
"""


class Row(NamedTuple):
    """One setting."""

    key: str
    type: str
    default: str
    meaning: str


def reference() -> str:
    """The whole page, in Markdown."""
    return _HEAD + "".join(_section(kind) for kind in KINDS)


def _section(kind: str) -> str:
    title = f"\n## {_FILES[kind]}\n\n"
    if kind == "zone":
        return title + _ZONE + "".join(_record_types())
    intro = _LATENCY + "\n" if kind == "latency" else ""
    return title + intro + settings_table(MODELS[kind])


def settings_table(model: type[BaseModel]) -> str:
    """The settings of a mapping as a table in Markdown, those inside of them too."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for row in _rows(model, ""):
        cells = " | ".join(cell.replace("|", "\\|") for cell in row)
        lines.append(f"| {cells} |")
    return "\n".join(lines) + "\n"


def _record_types() -> Iterator[str]:
    for name, kind in sorted(RECORD_TYPES.items()):
        if kind.value == "refused":
            continue
        needed = ", ".join(field.name for field in kind.fields)
        value = f"a mapping: {needed}" if kind.value == "fields" else _VALUES[kind.value]
        yield f"| `{name}` | {value} |\n"


def _rows(model: type[BaseModel], prefix: str, defaults: Any = None) -> Iterator[Row]:
    """The settings of a mapping. ``defaults``: where a whole such mapping is the default."""
    for name, field in model.model_fields.items():
        path, kinds = f"{prefix}{name}", field_kinds(field)
        default = getattr(defaults, name) if defaults is not None else field.default
        text = "required" if field.is_required() else _default(default, describe(kinds))
        yield Row(f"`{path}`", describe(kinds), text, field.description or "")
        yield from _below(kinds, path, default if isinstance(default, BaseModel) else None)


def _below(kinds: tuple[Kind, ...], path: str, defaults: Any = None) -> Iterator[Row]:
    """The settings inside of a setting."""
    for kind in kinds:
        if get_origin(kind.type) is dict:
            yield from _below(inside(kind, "NAME"), f"{path}.NAME")
        elif kind.model is not None:
            types = kind.model.model_fields.get("type")
            if len(kinds) > 1 and types is not None:
                yield _heading(kind.model, path, " or ".join(choices(field_kinds(types))))
            yield from _rows(kind.model, f"{path}.", defaults)


def _heading(model: type[BaseModel], path: str, types: str) -> Row:
    meaning = (inspect.getdoc(model) or "").splitlines()[0]
    return Row(f"`{path}` of type {types}", "", "", f"**{meaning}**")


def _default(value: Any, words: str) -> str:
    if value is None or isinstance(value, BaseModel) or value in ((), {}):
        return ""
    if isinstance(value, float):
        if words.startswith("a share"):
            return f"{value:.0%}"
        return _span(value) if words.startswith("a duration") else f"{value:g}"
    return _yaml(value)


def _span(seconds: float) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{days:g}d" if days and not rest else f"{seconds:g}s"


def _yaml(value: Any) -> str:
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return f"[{', '.join(_yaml(item) for item in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.stdout.write(reference())
