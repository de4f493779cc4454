"""Reads a load out of what an endpoint answered: a path into JSON, or a number as text. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from geodns.wording import shown

_PART = re.compile(r"\.([^.\[\]\s]+)|\[(\d{1,9})\]")
_MOST = 1e15  # as in the configuration: what a float holds exactly

Path = tuple[str | int, ...]


class LoadError(Exception):
    """There is no load to be read; the message says why, for people."""


def parse_path(text: str) -> Path:
    """``$.load.current`` or ``$.nodes[0].load`` as keys and indexes; ``$.`` may be left out.

    Raises ValueError where it is no such path.
    """
    rest = text.strip().removeprefix("$")
    rest = rest if rest.startswith((".", "[")) else f".{rest}"
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part[0] for part in parts) != rest:
        raise ValueError(
            f"{shown(text)} is not a JSON path; write names with dots and indexes, "
            "as in $.load.current or $.nodes[0].load"
        )
    return tuple(part[1] if part[1] is not None else int(part[2]) for part in parts)


def from_json(body: bytes, path: Path) -> float:
    """The load at a path of a JSON document. Raises LoadError."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LoadError("the body is not JSON") from error
    return from_value(_at(data, path))


def from_text(text: str | None, header: str) -> float:
    """The load in a header's value, None where it is missing. Raises LoadError."""
    if text is None:
        raise LoadError(f"the answer has no header {header}")
    return from_value(text)


def from_value(value: Any) -> float:
    """A number, or a text that is one. Raises LoadError."""
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not 0 <= number < _MOST:
        raise LoadError(f"{shown(value)} is not a load; it must be a number of at least 0")
    return number


def _at(data: Any, path: Path) -> Any:
    seen = "$"
    for part in path:
        seen += f".{part}" if isinstance(part, str) else f"[{part}]"
        data = _inside(data, part)
        if data is None:
            raise LoadError(f"the body has no {seen}")
    return data


def _inside(data: Any, part: str | int) -> Any:
    """What a mapping has by a name, or a list at an index; None: nothing."""
    if isinstance(part, str):
        return data.get(part) if isinstance(data, dict) else None
    return data[part] if isinstance(data, list) and part < len(data) else None
