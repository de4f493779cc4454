"""Splits a master file into records of words that know their line and column (RFC 1035 5.1).

dnspython's own tokenizer reads one character at a time and knows only the line; this one makes
the same tokens, which ``geodns.zone.rdata`` then hands to dnspython's parsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.tokenizer

_TOKEN = re.compile(
    r"""(?P<word>(?:[^ \t\r\n"();\\]|\\[^\r\n])+)
      | (?P<space>[ \t]+)
      | (?P<newline>\r\n|\r|\n)
      | (?P<comment>;[^\r\n]*)
      | "(?P<quoted>(?:[^"\\\r\n]|\\[^\r\n])*)"
      | (?P<open>\()
      | (?P<close>\))
      | (?P<bad>["\\][^\r\n]*)
    """,
    re.VERBOSE,
)


class Word(dns.tokenizer.Token):
    """A token and where it stands; ``spaced``: something separates it from the word before."""

    __slots__ = ("column", "line", "spaced")

    def __init__(self, text: str, quoted: bool, spaced: bool, line: int, column: int) -> None:
        kind = dns.tokenizer.QUOTED_STRING if quoted else dns.tokenizer.IDENTIFIER
        super().__init__(kind, text, "\\" in text)
        self.spaced = spaced
        self.line = line
        self.column = column


@dataclass(slots=True)
class Entry:
    """One logical line: a record or a directive. ``indented``: the owner is that of the last.

    ``first`` and ``last`` are the numbers of its lines in the file, more than one where it has
    parentheses; 0: it stands in no file.
    """

    indented: bool
    words: list[Word] = field(default_factory=list)
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place where the text can't be split; the rest of its line is passed over."""

    message: str
    line: int
    column: int


def entries(text: str, start: int = 0, line: int = 1) -> Iterator[Entry | Flaw]:
    """The logical lines of a text that are not empty, in order, and its flaws.

    ``start`` is where in the text to begin, at the start of the line of this number.
    """
    entry: Entry | None = None
    opened: list[tuple[int, int]] = []
    spaced = False
    flawed = False  # the rest of this line is passed over
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup
        column = match.start() - start + 1
        if kind == "word" or kind == "quoted":
            if flawed:
                continue
            if entry is None:
                entry = Entry(indented=spaced, first=line)
            entry.words.append(Word(match[kind], kind == "quoted", spaced, line, column))
            spaced = False
            continue
        spaced = True
        if kind == "newline":
            line, start = line + 1, match.end()
            if not opened:
                spaced = flawed = False
                if entry is not None:
                    entry.last = line - 1
                    yield entry
                entry = None
        elif kind == "open":
            if entry is None and not flawed:  # the parenthesis stands before the first word
                entry = Entry(indented=column > 1, first=line)
            opened.append((line, column))
        elif kind == "close" and opened:
            opened.pop()
        elif kind == "close" or kind == "bad":
            yield Flaw(_reason(match[0]), line, column)
            entry, opened, flawed = None, [], True
    if opened:
        yield Flaw("this parenthesis is never closed", *opened[0])
    elif entry is not None:
        entry.last = line
        yield entry


def has_comment(text: str) -> bool:
    """Whether a part of the text is a comment, which begins with a semicolon."""
    return any(match.lastgroup == "comment" for match in _TOKEN.finditer(text))


def _reason(text: str) -> str:
    if text == ")":
        return "this parenthesis was never opened"
    if text.startswith('"'):
        return "this quoted string is not closed in its line"
    return "a backslash must be followed by the character that it escapes"
