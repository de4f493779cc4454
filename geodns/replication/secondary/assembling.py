"""The records of a transfer, in their order, to a zone or to differences. Pure.

RFC 5936 2.2: a whole zone is its SOA, all other records in any order, and the SOA again.
RFC 1995 4: differences are the newest SOA, then for each an older SOA, what was removed, a newer
SOA and what was added, and the newest SOA at the end. A server may send the zone in place of them.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

import dns.name

from geodns.answer.digest import serial_of
from geodns.replication.difference import OVERHEAD, Difference
from geodns.replication.messages import Record
from geodns.replication.secondary.errors import FutileError, PrimaryError
from geodns.zone.serial import newer

SOA = 6
_NS = 2
_MOST_STEPS = 16 * 1024**2
"""Bytes of differences: in memory they take six times as much, while a whole zone is in a file."""


class Sink(Protocol):
    """Takes the records of a whole zone."""

    def write(self, record: Record) -> None:
        """One more."""


class _State(Enum):
    FIRST = auto()
    SECOND = auto()
    WHOLE = auto()
    REMOVED = auto()
    ADDED = auto()
    ENDED = auto()


class Assembly:
    """Takes a transfer record by record.

    ``held`` is the serial that there is, and only a newer one is taken; None: any is. ``steps``:
    IXFR was asked for. ``most`` is how many bytes of records there may be. The records of a whole
    zone go to the sink, without the SOA.
    """

    def __init__(
        self, apex: bytes, sink: Sink, most: int, held: int | None, *, steps: bool
    ) -> None:
        self._apex = apex
        self._sink = sink
        self._most = min(most, _MOST_STEPS) if steps else most
        self._whole_most = most
        self._held = held
        self._steps = steps
        self._state = _State.FIRST
        self._size = 0
        self._soa: Record | None = None
        self._has_ns = False
        self._before: Record | None = None
        self._after: Record | None = None
        self._removed: list[Record] = []
        self._added: list[Record] = []
        self.differences: list[Difference] = []

    @property
    def ended(self) -> bool:
        """Whether the last record has come."""
        return self._state is _State.ENDED

    @property
    def soa(self) -> Record:
        """The SOA of what was received."""
        assert self._soa is not None
        return self._soa

    @property
    def is_current(self) -> bool:
        """Whether it says no more than that there is nothing newer than what is held."""
        return self.ended and serial_of(self.soa.rdata) == self._held

    def take(self, record: Record) -> None:
        """The next record. Raises PrimaryError."""
        self._check(record)
        match self._state:
            case _State.FIRST:
                self._first(record)
            case _State.SECOND:
                self._second(record)
            case _State.WHOLE:
                self._one_of_all(record)
            case _State.REMOVED:
                self._one_removed(record)
            case _State.ADDED:
                self._one_added(record)
            case _State.ENDED:
                raise PrimaryError("it sends more behind the last SOA")

    def _check(self, record: Record) -> None:
        if not lies_in(record.owner, self._apex):
            raise PrimaryError(f"it sends {_text(record.owner)}, which is not in the zone")
        if record.type == SOA and record.owner != self._apex:
            raise PrimaryError(f"it sends an SOA of {_text(record.owner)} in the zone")
        self._size += len(record.owner) + OVERHEAD + len(record.rdata)
        if self._size > self._most:
            error = f"it sends more than {self._most} bytes"
            raise FutileError(error) if self._most == self._whole_most else PrimaryError(error)

    def _first(self, record: Record) -> None:
        if record.type != SOA:
            raise PrimaryError("its transfer does not begin with the SOA")
        self._soa = record
        self._state = _State.SECOND
        serial = serial_of(record.rdata)
        if serial == self._held:
            # RFC 1995 2: an IXFR query with the same version "is replied to with a single SOA
            # record of the server's current version".
            self._state = _State.ENDED
        elif self._held is not None and not newer(serial, self._held):
            raise FutileError(f"its serial {serial} is older than {self._held}")

    def _second(self, record: Record) -> None:
        """RFC 1995 4: a second SOA means differences, any other record that it is the zone."""
        if record.type != SOA or not self._steps or self._is_last(record):
            self._most = self._whole_most
            self._state = _State.WHOLE
            self._one_of_all(record)
        elif serial_of(record.rdata) != self._held:
            raise PrimaryError(f"its differences do not begin with the serial {self._held}")
        else:
            self._before = record
            self._state = _State.REMOVED

    def _one_of_all(self, record: Record) -> None:
        if record.type != SOA:
            self._has_ns |= record.type == _NS and record.owner == self._apex
            self._sink.write(record)
        elif not self._is_last(record):
            raise PrimaryError("its serial changes within a transfer")
        elif not self._has_ns:
            # RFC 1034 4.2.1 wants them there; two SOAs alone would leave nothing of a zone.
            raise PrimaryError("its zone has no NS records at the apex")
        else:
            self._state = _State.ENDED

    def _one_removed(self, record: Record) -> None:
        if record.type != SOA:
            self._removed.append(record)
            return
        assert self._before is not None
        # They may lead past the last one and round to it: RFC 2182 7 sets a serial back that way.
        if not newer(serial_of(record.rdata), serial_of(self._before.rdata)):
            raise PrimaryError("its differences lead to an older serial")
        self._after = record
        self._state = _State.ADDED

    def _one_added(self, record: Record) -> None:
        if record.type != SOA:
            self._added.append(record)
            return
        assert self._before is not None
        assert self._after is not None
        if serial_of(record.rdata) != serial_of(self._after.rdata):
            raise PrimaryError("there is a gap between its differences")
        self.differences.append(
            Difference(self._before, self._after, tuple(self._removed), tuple(self._added))
        )
        self._removed, self._added = [], []
        if self._is_last(record):
            self._state = _State.ENDED
        else:
            self._before = record
            self._state = _State.REMOVED

    def _is_last(self, record: Record) -> bool:
        """Whether it is the SOA of the beginning again."""
        return serial_of(record.rdata) == serial_of(self.soa.rdata)


def lies_in(owner: bytes, apex: bytes) -> bool:
    """Whether a name is the apex or below it; both in lower case."""
    at, start = 0, len(owner) - len(apex)
    if start < 0 or not owner.endswith(apex):
        return False
    while at < start:
        at += owner[at] + 1
    return at == start


def _text(name: bytes) -> str:
    return dns.name.from_wire(name, 0)[0].to_text()
