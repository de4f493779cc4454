"""YAML as text: scalars quoted where a reader of YAML 1.1 or 1.2 would misread them, flow style."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from yaml.resolver import Resolver

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@+*=-]*")
_ESCAPED = re.compile(
    "[^\n\r\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_STRING = "tag:yaml.org,2002:str"
_RESOLVER = Resolver()


def scalar(value: Any) -> str:
    """A string, number, truth value or None. A string is plain where nobody takes it for something
    else."""
    if value is None:
        return "null"
    if not isinstance(value, str):
        return str(value).lower()
    if _PLAIN.fullmatch(value):
        # ``on``, ``1``, ``null`` and 2026-11-28 are no strings to YAML 1.1, which octoDNS reads
        tag = _RESOLVER.resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
        if tag == _STRING:
            return value
    return _ESCAPED.sub(_code, json.dumps(value, ensure_ascii=False))


def flow(data: Any) -> str:
    """Data on one line: mappings in braces, lists in brackets."""
    if isinstance(data, Mapping):
        return f"{{{', '.join(f'{scalar(key)}: {flow(value)}' for key, value in data.items())}}}"
    if isinstance(data, list):
        return f"[{', '.join(map(flow, data))}]"
    return scalar(data)


def block(data: Mapping[str, Any], indent: int, dash: int) -> list[str]:
    """The lines of a mapping in block style; the mappings within its lists are in flow style.

    ``indent`` and ``dash`` are the columns of its keys, and of lists relative to these.
    """
    found: list[str] = []
    for key, value in data.items():
        head = f"{' ' * indent}{scalar(key)}:"
        if isinstance(value, list):
            found.append(head)
            found.extend(f"{' ' * (indent + dash)}- {flow(item)}" for item in value)
        else:
            found.append(f"{head} {flow(value)}")
    return found


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
