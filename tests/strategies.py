"""Hypothesis strategies for DNS messages: names, questions, OPT records with options, sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import dns.name
from hypothesis import strategies as st

_TYPES = (1, 28, 2, 5, 6, 15, 16, 33, 39, 43, 64, 65, 97, 255, 1234)
_SUBNET, _COOKIE, _KEEPALIVE = 8, 10, 11
KNOWN_OPTIONS = frozenset((3, _SUBNET, _COOKIE, _KEEPALIVE))
"""Options that mean something to the server; all others are to be passed over."""


@dataclass(frozen=True)
class Opt:
    """An OPT record: ``flags`` are its lower 16 bits of TTL, ``options`` codes and data."""

    size: int = 1232
    version: int = 0
    flags: int = 0
    options: tuple[tuple[int, bytes], ...] = ()

    def to_wire(self) -> bytes:
        data = b"".join(_number(code) + _sized(data) for code, data in self.options)
        fixed = b"\0\0\x29" + _number(self.size) + bytes((0, self.version)) + _number(self.flags)
        return fixed + _sized(data)


@dataclass(frozen=True)
class Message:
    """A query of one question; ``sections`` are whole records of the three sections after it."""

    name: bytes
    type: int
    qclass: int = 1
    id: int = 0x1234
    flags: int = 0x0100
    sections: tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[bytes, ...]] = ((), (), ())
    opt: Opt | None = None

    def to_wire(self) -> bytes:
        answer, authority, additional = self.sections
        records = (*answer, *authority, *additional)
        counts = (1, len(answer), len(authority), len(additional) + (self.opt is not None))
        head = b"".join(_number(number) for number in (self.id, self.flags, *counts))
        question = self.name + _number(self.type) + _number(self.qclass)
        opt = self.opt.to_wire() if self.opt is not None else b""
        return head + question + b"".join(records) + opt

    def plain(self) -> Message:
        """Without all that a server has to pass over: records, unknown options and flags."""
        opt = self.opt
        if opt is not None:
            known = tuple(option for option in opt.options if option[0] in KNOWN_OPTIONS)
            opt = replace(opt, options=known, flags=opt.flags & 0x8000)
        # RFC 1035 4.1.1: AA, TC, RA and rcode mean nothing in a query, nor does Z. AD and CD stay.
        return replace(self, sections=((), (), ()), opt=opt, flags=self.flags & 0x7930)


def _number(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _sized(data: bytes) -> bytes:
    return _number(len(data)) + data


def labels() -> st.SearchStrategy[bytes]:
    """Labels of any bytes, mostly of those that people write."""
    letters = st.text("abcXYZ-_*0", min_size=1, max_size=8).map(str.encode)
    return letters | st.binary(min_size=1, max_size=63)


@st.composite
def names(draw: st.DrawFn, parents: Sequence[str]) -> bytes:
    """A name in wire form: one of the parents, or up to four labels under one."""
    parent = dns.name.from_text(draw(st.sampled_from(parents))).to_wire() or b"\0"
    above = draw(st.lists(labels(), max_size=4))
    name = b"".join(bytes((len(label),)) + label for label in above) + parent
    name = name if len(name) <= 255 else parent
    return name.swapcase() if draw(st.booleans()) else name


def options() -> st.SearchStrategy[tuple[int, bytes]]:
    """Options of good form, known and unknown."""
    unknown = st.integers(0, 65535).filter(lambda code: code not in KNOWN_OPTIONS)
    return (
        st.tuples(unknown, st.binary(max_size=40))
        | st.just((3, b""))
        | st.tuples(st.just(_COOKIE), st.binary(min_size=8, max_size=8))
        | st.just((_KEEPALIVE, b""))
    )


@st.composite
def subnets(draw: st.DrawFn) -> tuple[int, bytes]:
    """A client subnet of good form (RFC 7871 6)."""
    family, bits = draw(st.sampled_from(((1, 32), (2, 128))))
    source = draw(st.integers(0, bits))
    address = draw(st.integers(0, (1 << source) - 1)) << (bits - source)
    data = address.to_bytes(bits // 8, "big")[: (source + 7) // 8]
    return _SUBNET, _number(family) + bytes((source, 0)) + data


@st.composite
def opts(draw: st.DrawFn) -> Opt:
    """An OPT record of version 0 and good form, with one client subnet at most."""
    chosen = dict(draw(st.lists(options(), max_size=4)))
    chosen.update(draw(st.lists(subnets(), max_size=1)))
    ordered = draw(st.permutations(sorted(chosen.items())))
    return Opt(draw(st.integers(0, 65535)), 0, draw(st.integers(0, 65535)), tuple(ordered))


@st.composite
def records(draw: st.DrawFn, parents: Sequence[str]) -> bytes:
    """A whole record of a type that no one looks into, in class IN."""
    type = draw(st.sampled_from((16, 99, 1234, 65280)))
    data = draw(st.binary(max_size=40))
    data = bytes((len(data),)) + data if type in (16, 99) else data
    return draw(names(parents)) + _number(type) + b"\0\1\0\0\0\0" + _sized(data)


@st.composite
def messages(draw: st.DrawFn, parents: Sequence[str]) -> Message:
    """A query of good form, with things around it that a server has to pass over."""
    few = st.lists(records(parents), max_size=2).map(tuple)
    return Message(
        name=draw(names(parents)),
        type=draw(st.sampled_from(_TYPES)),
        id=draw(st.integers(0, 65535)),
        # QR and opcode are 0: it is a query.
        flags=draw(st.integers(0, 0xFFFF)) & 0x07FF,
        sections=draw(st.just(((), (), ())) | st.tuples(few, few, few)),
        opt=draw(st.none() | opts()),
    )
