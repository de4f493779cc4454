"""Reads a zone from an RFC 1035 master file, with the extra line form ``www 30 IN GEO web``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.ttl

from geodns.problem import Problem
from geodns.wording import did_you_mean
from geodns.zone.content import GeoName
from geodns.zone.draft import MAX_TTL, ContentError, Draft, Spot
from geodns.zone.generate import generate
from geodns.zone.lexer import Entry, Word, entries
from geodns.zone.names import is_below_or_at, owner_name
from geodns.zone.rdata import parse_rdata, record_type

_TTL = re.compile(r"\d+|(?:\d+[wdhms])+", re.IGNORECASE)
_CLASS = re.compile(r"IN|CH|CS|HS|ANY|NONE|CLASS\d+", re.IGNORECASE)
_MOST_INCLUDES = 1000  # in one zone; far above any real one, far below a file that never ends
_DEEPEST = 16
# how many words, and what they are
_DIRECTIVES = {
    "$ORIGIN": (2, 2, "one name"),
    "$TTL": (2, 2, "one number of seconds"),
    "$INCLUDE": (2, 3, "a file and perhaps an origin"),
    "$GENERATE": (5, sys.maxsize, "a range, an owner, a type and its data"),
}


def read_master(
    file: Path, draft: Draft, folder: Path, read: Callable[[Path], bytes] = Path.read_bytes
) -> list[Path]:
    """Fills the draft from a master file; what is wrong becomes its problems.

    ``$INCLUDE`` reads only files below ``folder``. ``read`` gives a file's bytes, or raises
    OSError. Returns all files that were read.
    """
    state = State(draft.origin)
    reader = Reader(draft, folder.resolve(), read)
    reader.read(file, state)
    return reader.files


@dataclass(slots=True)
class State:
    """What a line takes over from the lines before it."""

    origin: dns.name.Name
    owner: dns.name.Name | None = None
    default_ttl: int | None = None  # from $TTL
    last_ttl: int | None = None
    minimum: int | None = None  # of the SOA


class Reader:
    """Reads lines into a draft."""

    def __init__(self, draft: Draft, folder: Path, read: Callable[[Path], bytes]) -> None:
        self.draft = draft
        self.folder = folder
        self.bytes_of = read
        self.files: list[Path] = []
        self.open: list[Path] = []
        self.includes = 0

    def read(self, file: Path, state: State) -> None:
        """Reads a file's lines; ``state`` is changed by them."""
        if file not in self.files:
            self.files.append(file)
        text = _text(file, self.bytes_of, self.draft.problems)
        self.open.append(file.resolve())
        for entry in entries(text):
            if not isinstance(entry, Entry):
                spot = Spot(file, entry.line, entry.column)
                self.draft.problems.append(spot.problem("syntax", entry.message))
            elif entry.words:
                self.guarded(entry, state, file)
        self.open.pop()

    def guarded(self, entry: Entry, state: State, file: Path) -> None:
        """Reads one line; a fault of its nth word becomes a problem at that word."""
        words = entry.words
        try:
            directive = words[0].value.upper() if words[0].value.startswith("$") else ""
            if directive and not entry.indented and words[0].is_identifier():
                self._directive(directive, words, state, file)
            else:
                self._record(entry, state, file)
        except ContentError as fault:
            at = fault.inside[0] if fault.inside else 0
            word = words[min(at, len(words) - 1) if isinstance(at, int) else 0]
            spot = Spot(file, word.line, word.column)
            self.draft.problems.append(spot.problem(fault.id, fault.message, fault.hint))

    # --- directives -------------------------------------------------------------------------

    def _directive(self, directive: str, words: Sequence[Word], state: State, file: Path) -> None:
        known = _DIRECTIVES.get(directive)
        if known is None:
            hint = did_you_mean(directive, _DIRECTIVES)
            raise ContentError("unknown-directive", f"{words[0].value} is not a directive", hint)
        fewest, most, usage = known
        if not fewest <= len(words) <= most:
            at = most if len(words) > most else 0
            raise ContentError("bad-directive", f"{directive} takes {usage}", None, (at,))
        if directive == "$ORIGIN":
            # RFC 1035 5.1: the name may be relative to the origin so far
            state.origin = _owner(words, 1, state.origin)
        elif directive == "$TTL":
            state.default_ttl = read_ttl(words, 1)
        elif directive == "$INCLUDE":
            self._include(words, state, file)
        else:
            self._generate(words, state, file)

    def _generate(self, words: Sequence[Word], state: State, file: Path) -> None:
        for owner, rest in generate(words):
            try:
                self._record(Entry(indented=False, words=[owner, *rest]), state, file)
            except ContentError as fault:
                at = fault.inside[0] if fault.inside else 0
                # the record's words follow the directive and its range
                place = (at + 2,) if isinstance(at, int) else (2,)
                raise ContentError(fault.id, fault.message, fault.hint, place) from fault

    def _include(self, words: Sequence[Word], state: State, file: Path) -> None:
        try:
            target = (file.parent / _unescaped(words, 1)).resolve()
            exists = target.is_file()
        except (OSError, ValueError) as error:
            raise ContentError(
                "bad-directive", "this is not the name of a file", None, (1,)
            ) from error
        if not target.is_relative_to(self.folder):
            raise ContentError(
                "include-outside", "only files in the zones folder can be included", None, (1,)
            )
        self.includes += 1
        if target in self.open or len(self.open) > _DEEPEST or self.includes > _MOST_INCLUDES:
            raise ContentError("include-loop", "this includes files without end", None, (1,))
        if not exists:
            raise ContentError(
                "unreadable-file", f"there is no file {target.name} to include", None, (1,)
            )
        # RFC 1035 5.1: "a $INCLUDE entry never changes the relative origin of the parent file"
        origin = _owner(words, 2, state.origin) if len(words) > 2 else state.origin
        self.read(target, replace(state, origin=origin))

    # --- records ----------------------------------------------------------------------------

    def _record(self, entry: Entry, state: State, file: Path) -> None:
        words = entry.words
        at = 0
        if not entry.indented:
            state.owner = _owner(words, 0, state.origin)
            at = 1
        owner = state.owner
        if owner is None:
            raise ContentError("missing-owner", "the first record of a file must name its owner")
        ttl, at = ttl_and_class(words, at)
        if at >= len(words):
            raise ContentError("missing-type", "the record has no type", None, (at,))
        if ttl is not None:
            state.last_ttl = ttl
        if not is_below_or_at(owner, self.draft.origin):
            raise ContentError("outside-zone", f"{owner} is not in the zone {self.draft.origin}")
        spot = Spot(file, words[0].line, words[0].column)
        if words[at].value.upper() == "GEO" and words[at].is_identifier():
            self._geo(owner, ttl, words, at, spot)
            return
        rdata = _rdata(words, at, state.origin)
        if isinstance(rdata, dns.rdtypes.ANY.SOA.SOA) and state.minimum is None:
            state.minimum = rdata.minimum
        if ttl is None:
            ttl = implied_ttl(state)
        if ttl is None:
            raise ContentError("missing-ttl", "the record has no TTL", "put a $TTL line before it")
        self.draft.add(owner, ttl, rdata, spot)

    def _geo(
        self, owner: dns.name.Name, ttl: int | None, words: Sequence[Word], at: int, spot: Spot
    ) -> None:
        if len(words) != at + 2:
            raise ContentError(
                "bad-rdata", "GEO takes the name of one service", None, (min(at + 2, len(words)),)
            )
        word = words[at + 1]
        service = _unescaped(words, at + 1)
        self.draft.add_geo(owner, GeoName(service, ttl, word.line, word.column), spot)


def _text(file: Path, read: Callable[[Path], bytes], problems: list[Problem]) -> str:
    try:
        return read(file).decode("utf-8-sig")
    except OSError as error:
        problems.append(Problem("unreadable-file", f"can't be read: {error.strerror}", file))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(Problem("not-utf-8", f"is not UTF-8 at byte {error.start}", file, line, 1))
    return ""


def _owner(words: Sequence[Word], at: int, origin: dns.name.Name) -> dns.name.Name:
    word = words[at]
    if not word.is_identifier():
        raise ContentError("bad-name", "a domain name can't be quoted", None, (at,))
    try:
        return owner_name(word.value, origin)
    except ContentError as fault:
        raise ContentError(fault.id, fault.message, fault.hint, (at,)) from fault


def _unescaped(words: Sequence[Word], at: int) -> str:
    try:
        text = str(words[at].unescape().value)
    except dns.exception.DNSException as error:
        raise ContentError("bad-escape", "write escapes as \\DDD or \\X", None, (at,)) from error
    if not text:
        raise ContentError("bad-rdata", "an empty string stands for nothing here", None, (at,))
    return text


def read_ttl(words: Sequence[Word], at: int) -> int:
    """The seconds that a word says. Raises ContentError."""
    text = words[at].value
    try:
        ttl = dns.ttl.from_text(text) if len(text) <= 40 else -1
    except dns.ttl.BadTTL:
        ttl = -1
    if not 0 <= ttl <= MAX_TTL:
        raise ContentError(
            "bad-ttl", f"a TTL is a number of seconds from 0 to {MAX_TTL}", None, (at,)
        )
    return ttl


def ttl_and_class(words: Sequence[Word], at: int) -> tuple[int | None, int]:
    """The TTL, if there is one, and where the type stands. Raises ContentError.

    RFC 1035 5.1: "[<TTL>] [<class>] <type> <RDATA>" or "[<class>] [<TTL>] <type> <RDATA>"
    """
    ttl: int | None = None
    classed = False
    while at < len(words) and words[at].is_identifier():
        text = words[at].value
        if ttl is None and _TTL.fullmatch(text):
            ttl = read_ttl(words, at)
        elif not classed and _CLASS.fullmatch(text):
            if text.upper() not in {"IN", "CLASS1"}:
                raise ContentError(
                    "wrong-class", f"the class is {text}; only IN is served", None, (at,)
                )
            classed = True
        else:
            break
        at += 1
    return ttl, at


def _rdata(words: Sequence[Word], at: int, origin: dns.name.Name) -> dns.rdata.Rdata:
    """The rdata of a record whose type is the word at ``at``."""
    try:
        rdtype = record_type(words[at].value)
    except ContentError as fault:
        raise ContentError(fault.id, fault.message, fault.hint, (at,)) from fault
    try:
        return parse_rdata(rdtype, words[at + 1 :], origin)
    except ContentError as fault:
        inside = fault.inside[0] if fault.inside else -1
        offset = at + 1 + inside if isinstance(inside, int) else at
        raise ContentError(fault.id, fault.message, fault.hint, (offset,)) from fault


def implied_ttl(state: State) -> int | None:
    """The TTL of a record that states none."""
    # RFC 2308 4: records after $TTL that state no TTL of their own have that one; RFC 1035 5.1:
    # else the last one stated; the SOA's minimum was the default before RFC 2308.
    for ttl in (state.default_ttl, state.last_ttl, state.minimum):
        if ttl is not None:
            return min(ttl, MAX_TTL)
    return None
