"""HTML in which every text is escaped, because only what is built here passes as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

_EMPTY = frozenset({"meta", "br"})  # HTML 13.1.2: void elements have no end tag


class Html(str):
    """Text that is HTML already; any other string is escaped where it goes in."""

    __slots__ = ()


Content = str | int


def element(name: str, /, *content: Content, **attributes: str) -> Html:
    """One element. An attribute's trailing ``_`` is left out, each other becomes ``-``."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    if name in _EMPTY:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(content)}</{name}>")


def joined(content: Iterable[Content]) -> Html:
    """Pieces one after the other, each escaped unless it is HTML."""
    return Html("".join(part if isinstance(part, Html) else escape(str(part)) for part in content))


class Column(NamedTuple):
    """A column of a table; numbers stand to the right."""

    head: str
    number: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[Content]]) -> Html:
    """A table that scrolls sideways where it is too wide; a sentence where it has no row."""
    body = [_row("td", columns, row) for row in rows]
    if not body:
        return element("p", "none yet", class_="quiet")
    head = _row("th", columns, [column.head for column in columns])
    return element("div", element("table", head, *body), class_="wide")


def _row(cell: str, columns: Sequence[Column], row: Sequence[Content]) -> Html:
    cells = (
        element(cell, part, class_="number") if column.number else element(cell, part)
        for column, part in zip(columns, row, strict=True)
    )
    return element("tr", *cells)
