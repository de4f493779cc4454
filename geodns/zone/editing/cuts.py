"""Replacements in a text, collected first and made together; all else stays, to the byte."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from geodns.zone.editing.records import EditError


class Span(NamedTuple):
    """Characters of a text, from ``start`` up to but without ``end``."""

    start: int
    end: int


class Cuts:
    """A text and what is to be replaced in it. Offsets are those of the text as it was."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = re.search(r"\r\n|\n|\r", text)
        self.newline = found[0] if found else "\n"
        self._cuts: list[tuple[Span, str]] = []

    def replace(self, start: int, end: int, fresh: str) -> None:
        """Puts ``fresh`` in place of the characters from start to end; newlines are the text's."""
        self._cuts.append((Span(start, end), fresh.replace("\n", self.newline)))

    def insert(self, at: int, fresh: str) -> None:
        """Puts text before the character at an offset; later inserts there come after it."""
        self.replace(at, at, fresh)

    def insert_lines(self, at: int, lines: Sequence[str]) -> None:
        """Puts whole lines after the one that the offset is in."""
        end = self.line_end(at)
        self.insert(end, "".join(f"\n{line}" for line in lines))

    def delete_lines(self, start: int, end: int) -> None:
        """Takes out the lines that these characters are in."""
        first, last = self.line_start(start), self.line_end(end)
        after = last + len(self.newline_at(last))
        if after == last and first > 0:  # the last line, without a newline: the one before it goes
            first -= len(self.newline_before(first))
        self.replace(first, after, "")

    def line_start(self, at: int) -> int:
        """Where the line begins that an offset is in."""
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def line_end(self, at: int) -> int:
        """Where the line ends that an offset is in: at its newline, or at the end of the text."""
        found = re.compile(r"[\r\n]|\Z").search(self.text, at)
        return found.start() if found else len(self.text)

    def newline_at(self, at: int) -> str:
        """The newline that begins at an offset, or nothing."""
        found = re.compile(r"\r\n|\n|\r").match(self.text, at)
        return found[0] if found else ""

    def newline_before(self, at: int) -> str:
        """The newline that ends at an offset, or nothing."""
        return next((end for end in ("\r\n", "\n", "\r") if self.text[:at].endswith(end)), "")

    def alone(self, start: int, end: int) -> bool:
        """Whether nothing else stands in the lines of these characters but a comma or comment."""
        before = self.text[self.line_start(start) : start]
        after = self.text[end : self.line_end(end)]
        return not before.strip() and re.fullmatch(r"\s*,?\s*(#.*)?", after) is not None

    def done(self) -> str:
        """The text with everything replaced. Raises EditError where two replacements overlap."""
        pieces: list[str] = []
        at = 0
        for span, fresh in sorted(self._cuts, key=lambda cut: cut[0]):
            if span.start < at and (fresh or span.start == span.end):
                raise EditError("these changes are too close to each other; make one at a time")
            pieces += (self.text[at : max(at, span.start)], fresh)
            at = max(at, span.end)
        return "".join((*pieces, self.text[at:]))


def delete_from_flow(cuts: Cuts, parts: Sequence[Span], gone: frozenset[int]) -> None:
    """Takes parts out of ``[a, b, c]`` or ``{a: 1, b: 2}``; at least one must stay."""
    kept = [place for place in range(len(parts)) if place not in gone]
    for place in sorted(gone):
        start, end = parts[place]
        if cuts.alone(start, end):
            cuts.delete_lines(start, end)
        elif place < kept[0]:
            cuts.replace(start, parts[place + 1].start, "")
        else:
            cuts.replace(parts[place - 1].end, end, "")


def append_to_flow(cuts: Cuts, parts: Sequence[Span], fresh: Sequence[str]) -> None:
    """Puts parts behind the last one of ``[a, b]`` or ``{a: 1}``."""
    start, end = parts[-1]
    if not (cuts.alone(start, end) and len(parts) > 1):
        cuts.insert(end, "".join(f", {item}" for item in fresh))
        return
    line = cuts.line_start(start)
    indent = cuts.text[line:start]
    rest = cuts.text[end : cuts.line_end(end)]
    if not rest.lstrip().startswith(","):
        cuts.insert(end, ",")
        cuts.insert_lines(end, [*(f"{indent}{item}," for item in fresh[:-1]), indent + fresh[-1]])
    else:
        cuts.insert_lines(end, [f"{indent}{item}," for item in fresh])
