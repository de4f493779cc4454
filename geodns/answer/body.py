"""Writes the records of a reply, with names compressed (RFC 1035 4.1.4)."""

from __future__ import annotations

from collections.abc import Iterable

from geodns.answer.names import HEADER_BYTES, name_end, suffixes

ANSWER, AUTHORITY, GLUE, ADDITIONAL = 0, 1, 2, 3
"""Sections. GLUE and ADDITIONAL are the same one: what must be in it, then what may be missing."""
_CLASS_IN = b"\x00\x01"
_POINTER_LIMIT = 0x4000

# RFC 3597 4: only the names in RDATA of RFC 1035's types may be compressed.
# type -> (bytes before the first name, number of names)
_NAMES_INSIDE = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1)}


class Body:
    """The records behind a question. ``question`` is the name in lower case, type and class."""

    def __init__(self, question: bytes) -> None:
        self.counts = [0, 0, 0]
        self._stops: list[tuple[int, int]] = []
        self._data = bytearray()
        self._base = HEADER_BYTES + len(question)
        self._known: dict[bytes, int] = {}
        name = question[:-4]
        for suffix in suffixes(name)[:-1]:
            self._known[suffix] = HEADER_BYTES + len(name) - len(suffix)

    def add(self, section: int, owner: bytes, type: int, ttl: int, rdatas: Iterable[bytes]) -> None:
        """Appends an RRset. Sections must be added to in their order."""
        if section == ADDITIONAL:
            self._stops.append((len(self._data), self.counts[GLUE]))
            section = GLUE
        fixed = type.to_bytes(2, "big") + _CLASS_IN + ttl.to_bytes(4, "big")
        for rdata in rdatas:
            self._name(owner)
            self._data += fixed
            self._rdata(type, rdata)
            self.counts[section] += 1

    @property
    def stops(self) -> tuple[tuple[int, int], ...]:
        """Where the body may end early: (length, records in the additional section)."""
        return tuple(self._stops)

    def finish(self) -> tuple[tuple[int, int, int], bytes]:
        """The counts of the three sections, and the bytes."""
        answer, authority, additional = self.counts
        return (answer, authority, additional), bytes(self._data)

    def _rdata(self, type: int, rdata: bytes) -> None:
        length_at = len(self._data)
        self._data += b"\0\0"
        before, names = _NAMES_INSIDE.get(type, (0, 0))
        position = before
        self._data += rdata[:before]
        for _ in range(names):
            end = name_end(rdata, position)
            self._name(rdata[position:end])
            position = end
        self._data += rdata[position:]
        length = len(self._data) - length_at - 2
        self._data[length_at : length_at + 2] = length.to_bytes(2, "big")

    def _name(self, name: bytes) -> None:
        position = 0
        while name[position]:
            suffix = name[position:].lower()
            known = self._known.get(suffix)
            if known is not None:
                self._data += (0xC000 | known).to_bytes(2, "big")
                return
            offset = self._base + len(self._data)
            if offset < _POINTER_LIMIT:
                self._known[suffix] = offset
            end = position + name[position] + 1
            self._data += name[position:end]
            position = end
        self._data.append(0)
