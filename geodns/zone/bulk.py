"""Reads large master files fast: records of the usual kinds go from text to wire form at once.

A name with anything else at it is special: all its lines go through ``geodns.zone.master``, and so
does the whole file where the names depend on one another in other ways, or something is wrong. So
what is told of a file, and where, is told by one reader alone.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import dns.name
import dns.rdata
from dns.rdatatype import RdataType

from geodns.zone.draft import Draft
from geodns.zone.lexer import Entry, entries
from geodns.zone.master import Reader, State, implied_ttl
from geodns.zone.names import is_below_or_at
from geodns.zone.wire import Base, RRset, Sets, WireNodes, name_of

_LINE = re.compile(
    r"""([a-z0-9_-][a-z0-9_.-]*)?  # the owner; without it, that of the line before
        [ \t]+(?:(\d{1,9})[ \t]+)? (?:IN[ \t]+)? (?:(\d{1,9})[ \t]+)?
        (A|AAAA|CNAME|PTR|TXT)[ \t]+
        ([^ \t"();\\]+|"[^"\\]{0,255}")
        [ \t]*(?:;.*)?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_NOTHING = re.compile(r"[ \t]*(?:;.*)?")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)
_V6 = re.compile(r"[0-9A-Fa-f:]+", re.ASCII)
_STRING = re.compile(r'"[ -~]*"|[!-~]+', re.ASCII)
_TYPES = {kind: int(RdataType[kind]) for kind in ("A", "AAAA", "CNAME", "PTR", "TXT")}
_CNAME, _TXT = _TYPES["CNAME"], _TYPES["TXT"]
_SINGLE = (_CNAME, _TYPES["PTR"])  # of PTR a second is rare, and compared without its case
_MANY = 90  # records of a set; the checks look at how long those of more than this are
_LONGEST_NAME, _LONGEST_LABEL, _LONGEST_STRING = 255, 63, 255
_LENGTHS = [bytes((length,)) for length in range(_LONGEST_LABEL + 1)]
_PASSES = 5
_PLAIN_DIRECTIVES = frozenset(("$ORIGIN", "$TTL"))


class _GiveUpError(Exception):
    """The file has to be read as others are."""


def read_bulk(file: Path, text: str, draft: Draft) -> WireNodes | None:
    """The nodes of a text, those that are special in the draft, which then is to be checked.

    None: this is no such file, and the draft is as it was.
    """
    if "\r" in text:
        return None
    special = {draft.origin.to_digestable()}
    try:
        for _ in range(_PASSES):
            found = _Pass(file, text, draft, special)
            found.run()
            more = found.more or _entangled(found)
            if not more:
                draft.nodes, draft.spots = found.draft.nodes, found.draft.spots
                draft.pointers, draft.problems = found.draft.pointers, found.draft.problems
                plain = {owner: sets for owner, sets in found.nodes.items() if sets is not None}
                return WireNodes(Base(b"", plain, len(plain)), draft.nodes)
            special |= more
    except _GiveUpError:
        pass
    return None


class _Pass:
    """One pass over the lines. ``more`` are owners that turned out to be special."""

    def __init__(self, file: Path, text: str, draft: Draft, special: set[bytes]) -> None:
        self.draft = Draft(draft.origin, draft.file)
        self.nodes: dict[bytes, Sets | None] = {}
        self.more: set[bytes] = set()
        self._file = file
        self._text = text
        self._special = special
        self._state = State(draft.origin)
        self._reader = Reader(self.draft, file.parent, Path.read_bytes)
        self._origin = b""
        self._is_inside = self._is_simple = True
        self._apex = draft.origin.to_digestable()
        self._twice = self._apex[:-1] + self._apex
        self._enter(draft.origin)

    def run(self) -> None:
        """Raises _GiveUpError."""
        lines = self._text.split("\n")
        number = offset = 0
        owner: bytes | None = None
        nodes, special, state, twice = self.nodes, self._special, self._state, self._twice
        match_line = _LINE.fullmatch
        while number < len(lines):
            line = lines[number]
            match = match_line(line)
            if match is not None:
                head, first, second, kind, data = match.groups()
                if head is None:
                    wire = owner
                elif self._is_simple and "." not in head and len(head) <= _LONGEST_LABEL:
                    # As _owner does it: most lines are such, and a call takes its time.
                    wire = _LENGTHS[len(head)] + head.lower().encode("ascii") + self._origin
                else:
                    wire = self._owner(head)
                ttl = state.default_ttl
                if first or second or ttl is None:
                    ttl = self._ttl(first, second)
                type = _TYPES.get(kind) or _TYPES[kind.upper()]
                rdata = self._rdata(type, data)
                if (
                    wire is not None
                    and ttl is not None
                    and rdata is not None
                    and wire not in special
                    and not wire.endswith(twice)
                ):
                    owner = wire
                    if first or second:
                        state.last_ttl = ttl
                    node = nodes.get(wire)
                    if node is not None:
                        self._join(wire, node, type, ttl, rdata)
                    elif wire in nodes:
                        self.more.add(wire)
                    else:
                        nodes[wire] = {type: RRset(ttl, (rdata,))}
                    number, offset = number + 1, offset + len(line) + 1
                    continue
            elif _NOTHING.fullmatch(line):
                number, offset = number + 1, offset + len(line) + 1
                continue
            read = self._slowly(number, offset, owner)
            owner = state.owner.to_digestable() if state.owner is not None else None
            offset += sum(len(line) + 1 for line in lines[number:read])
            number = read

    def _slowly(self, number: int, offset: int, owner: bytes | None) -> int:
        """Has the other reader read an entry; returns the number of the line after it."""
        entry = next(entries(self._text, offset, number + 1), None)
        if not isinstance(entry, Entry):
            raise _GiveUpError
        if owner is not None and (self._state.owner is None or entry.indented):
            self._state.owner = name_of(owner)
        word = entry.words[0].value
        is_directive = word.startswith("$") and not entry.indented
        if is_directive and word.upper() not in _PLAIN_DIRECTIVES:
            raise _GiveUpError
        problems, pointers = self.draft.problems, self.draft.pointers
        before, pointed = len(problems), len(pointers)
        self._reader.guarded(entry, self._state, self._file)
        if any(problem.severity == "error" for problem in problems[before:]):
            raise _GiveUpError
        if is_directive:
            self._enter(self._state.origin)
            if owner is not None:
                self._state.owner = name_of(owner)
        else:
            assert self._state.owner is not None  # else it would have been an error
            wire = self._state.owner.to_digestable()
            if self.nodes.get(wire) is not None:
                self.more.add(wire)
            self.nodes[wire] = None
        for _, rdata, _ in pointers[pointed:]:
            wire = _target(rdata)
            if self.nodes.get(wire) is None:
                self._special.add(wire)  # it comes later, if at all
        return entry.last

    def _enter(self, origin: dns.name.Name) -> None:
        self._is_inside = is_below_or_at(origin, self.draft.origin)
        self._origin = origin.to_digestable()
        self._is_simple = self._is_inside and len(self._origin) < _LONGEST_NAME - _LONGEST_LABEL

    def _owner(self, text: str) -> bytes | None:
        """The wire form of an owner in the zone; None: it is no plain one."""
        wire = self._name(text.lower())
        if wire is None or (self._is_inside and not text.endswith(".")):
            return wire
        return wire if is_below_or_at(name_of(wire), self.draft.origin) else None

    def _name(self, text: str) -> bytes | None:
        raw = text.encode("ascii")
        if b"." not in raw:
            if len(raw) > _LONGEST_LABEL:
                return None
            wire = bytes((len(raw),)) + raw + self._origin
        elif _NAME.fullmatch(text) is None:
            return None
        else:
            end = b"\0" if raw.endswith(b".") else self._origin
            labels = raw.rstrip(b".").split(b".")
            wire = b"".join([bytes((len(label),)) + label for label in labels]) + end
        return wire if len(wire) <= _LONGEST_NAME else None

    def _ttl(self, first: str | None, second: str | None) -> int | None:
        if first is None and second is None:
            return implied_ttl(self._state)
        return None if first is not None and second is not None else int(first or second or "")

    def _rdata(self, type: int, text: str) -> bytes | None:
        """The wire form of plain data; None: it is not plain, or wrong."""
        if type == 1:
            return socket.inet_aton(text) if _V4.fullmatch(text) else None
        if type == _TXT:
            if _STRING.fullmatch(text) is None:
                return None
            raw = text.strip('"').encode("ascii")
            return bytes((len(raw),)) + raw if len(raw) <= _LONGEST_STRING else None
        if type in _SINGLE:
            return self._name(text) if _NAME.fullmatch(text) else None
        try:
            return socket.inet_pton(socket.AF_INET6, text) if _V6.fullmatch(text) else None
        except OSError:
            return None

    def _join(self, wire: bytes, node: Sets, type: int, ttl: int, rdata: bytes) -> None:
        """Puts a record beside others of its name, unless something may be wrong with that."""
        former = node.get(type)
        if type == _CNAME or _CNAME in node:
            self.more.add(wire)
        elif former is None:
            node[type] = RRset(ttl, (rdata,))
        elif (
            ttl != former.ttl
            or type in _SINGLE
            or rdata in former.rdatas
            or len(former.rdatas) >= _MANY
        ):
            self.more.add(wire)
        else:
            node[type] = RRset(ttl, (*former.rdatas, rdata))


def _entangled(found: _Pass) -> set[bytes]:
    """Plain names that rules on other names look at. Raises _GiveUpError where that is too much."""
    draft, nodes = found.draft, found.nodes
    if any(
        rdtype == RdataType.DNAME or (rdtype == RdataType.NS and owner != draft.origin)
        for owner, rdtype in draft.spots
    ):
        raise _GiveUpError  # they matter to all names below them
    has_wildcard = any(owner.is_wild() for owner in draft.nodes)
    more: set[bytes] = set()
    for _, rdata, _ in draft.pointers:
        wire = _target(rdata)
        if nodes.get(wire) is not None:
            more.add(wire)
        elif has_wildcard and wire not in nodes:
            raise _GiveUpError  # which names are between matters
    return more | _in_circles(draft, nodes)


def _target(rdata: dns.rdata.Rdata) -> bytes:
    target = getattr(rdata, "target", None) or getattr(rdata, "exchange", None)
    assert isinstance(target, dns.name.Name)
    return target.to_digestable()


def _in_circles(draft: Draft, nodes: Mapping[bytes, Sets | None]) -> set[bytes]:
    """The plain names whose CNAMEs lead back to them."""
    plain = ((o, s[_CNAME].rdatas[0].lower()) for o, s in nodes.items() if s and _CNAME in s)
    special = (
        (owner.to_digestable(), node.rdatasets[RdataType.CNAME][0].target.to_digestable())
        for owner, node in draft.nodes.items()
        if RdataType.CNAME in node.rdatasets
    )
    aliases = dict(chain(plain, special))
    circles: set[bytes] = set()
    done: set[bytes] = set()
    for owner in aliases:
        path: dict[bytes, None] = {}
        name: bytes | None = owner
        while name is not None and name not in done and name not in path:
            path[name] = None
            name = aliases.get(name)
        if name is not None and name in path:
            circles.update(path)
        done.update(path)
    return {owner for owner in circles if nodes.get(owner) is not None}
