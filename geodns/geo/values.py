"""Reading the data section of an MMDB for many records at once: a step for all, not all of one.

Positions are int64 arrays of shape (n,), offsets in the data section; ABSENT stands for a value
that is not there. Control bytes, extended types and pointers are described at
https://maxmind.github.io/MaxMind-DB/, "Output Data Section".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from maxminddb import InvalidDatabaseError
from maxminddb.decoder import Decoder
from numpy.typing import NDArray

from geodns.geo.errors import GeoError
from geodns.geo.mmdb import Mmdb
from geodns.geo.places import Names, intern_names

Positions = NDArray[np.int64]
ABSENT = -1

EXTENDED, POINTER, STRING, DOUBLE, MAP, ARRAY, BOOLEAN = 0, 1, 2, 3, 7, 11, 14
NUMBERS = (DOUBLE, 5, 6, 8, 9, 10, 15)  # double, uint16, uint32, int32, uint64, uint128, float
LAST_KIND = 15
NO_EXTENSION = (MAP, 12, 13)  # 12 and 13 are for containers that no file holds
_PADDING = 64  # zero bytes behind the data, so that reading ahead needs no check
_KEY_WINDOW = 32  # bytes; no key that is looked for is longer
# "If the value of the size is 29, 30, 31", 1, 2 or 3 more bytes count on from here.
_SIZE_BASE = np.array([29, 285, 65821], np.int64)
# A pointer of 1, 2, 3 or 4 bytes counts on from here.
_POINTER_BASE = np.array([0, 2048, 526336, 0], np.int64)
# The specification asks readers to stop at 65536 values per record; a step handles one value of
# every record, and a value may wait for nested ones of other records.
_STEP_LIMIT = 4 * 65536


@dataclass(slots=True)
class _Budget:
    """Ends a walk over damaged data: records that are endless, or that lie in each other."""

    path: Path
    values: int
    steps: int = field(default=_STEP_LIMIT)

    def spend(self, values: int) -> None:
        self.values -= values
        self.steps -= 1
        if self.values < 0 or self.steps < 0:
            raise GeoError(self.path, "has data records that overlap or never end")


@dataclass(frozen=True, slots=True, eq=False)
class _Headers:
    """Control bytes taken apart. ``size`` counts bytes of payload, elements, or map entries."""

    kind: NDArray[np.uint8]
    size: Positions
    payload: Positions

    def __getitem__(self, rows: NDArray[np.bool_]) -> _Headers:
        return _Headers(self.kind[rows], self.size[rows], self.payload[rows])


class DataSection:
    """The data section of one file. Every method raises GeoError where the data is damaged."""

    def __init__(self, mmdb: Mmdb) -> None:
        self._path = mmdb.path
        self._length = len(mmdb.data)
        self._bytes = np.concatenate([mmdb.data, np.zeros(_PADDING, np.uint8)])

    def members(self, at: Positions, keys: Sequence[str]) -> dict[str, Positions]:
        """The positions of the values of these keys in the maps at ``at``, pointers followed.

        ABSENT where the map lacks the key, or where ``at`` is ABSENT or not a map.
        """
        places, inverse = np.unique(at, return_inverse=True)
        found = {key: np.full(len(places), ABSENT, np.int64) for key in keys}
        names = [key.encode() for key in keys]
        budget = self._budget()
        rows, maps = self._containers(places, MAP)
        cursor, left = maps.payload, maps.size
        while len(rows):
            unfinished = left > 0
            rows, cursor, left = rows[unfinished], cursor[unfinished], left[unfinished] - 1
            budget.spend(len(rows))
            header = self._headers(cursor)
            which = self._match(self._follow(cursor, header), names)
            cursor = self._behind(header, budget)
            header = self._headers(cursor)
            values = self._follow(cursor, header)
            for number, key in enumerate(keys):
                hits = which == number
                found[key][rows[hits]] = values[hits]
            cursor = self._behind(header, budget)
        return {key: positions[inverse] for key, positions in found.items()}

    def first(self, at: Positions) -> Positions:
        """The positions of the first elements of the arrays at ``at``; ABSENT without one."""
        elements = np.full(len(at), ABSENT, np.int64)
        rows, arrays = self._containers(at, ARRAY)
        filled = arrays.size > 0
        cursor = arrays.payload[filled]
        elements[rows[filled]] = self._follow(cursor, self._headers(cursor))
        return elements

    def strings(self, at: Positions) -> NDArray[np.bool_]:
        """Where ``at`` is a string."""
        is_string: NDArray[np.bool_] = at != ABSENT
        is_string[is_string] = self._headers(at[is_string]).kind == STRING
        return is_string

    def texts(self, at: Positions) -> tuple[NDArray[np.int32], Names]:
        """The strings at ``at`` as positions in a tuple of distinct ones; 0 where there is none."""
        places, inverse = np.unique(at, return_inverse=True)
        texts: list[str | None] = [None] * len(places)
        rows = np.flatnonzero(self.strings(places))
        headers = self._headers(places[rows])
        ends = self._checked_end(headers.payload + headers.size)
        content = self._bytes.data
        try:
            for row, start, end in zip(
                rows.tolist(), headers.payload.tolist(), ends.tolist(), strict=True
            ):
                texts[row] = str(content[start:end], "utf-8")
        except UnicodeDecodeError as error:
            raise GeoError(self._path, "has text that is not UTF-8") from error
        codes, names = intern_names(texts)
        return codes[inverse], names

    def numbers(self, at: Positions) -> NDArray[np.float64]:
        """The numbers at ``at``, whatever their type; NaN where there is none."""
        places, inverse = np.unique(at, return_inverse=True)
        numbers = np.full(len(places), np.nan)
        rows = np.flatnonzero(places != ABSENT)
        headers = self._headers(places[rows])
        doubles = (headers.kind == DOUBLE) & (headers.size == 8)
        payload = self._checked_end(headers.payload[doubles] + 8) - 8
        windows = self._bytes[payload[:, None] + np.arange(8)]
        numbers[rows[doubles]] = windows.view(">f8").ravel()
        others = np.isin(headers.kind, NUMBERS) & ~doubles
        for row in rows[others].tolist():
            numbers[row] = self._number(int(places[row]))
        return numbers[inverse]

    def _number(self, at: int) -> float:
        # The longest number has a control byte, an extended type and 16 bytes.
        window = self._bytes[at : min(at + 18, self._length)].tobytes()
        try:
            value, _ = Decoder(window).decode(0)
        except InvalidDatabaseError as error:
            raise GeoError(self._path, f"has a number that can't be decoded: {error}") from error
        return float(value) if isinstance(value, int | float) else float("nan")

    def _budget(self) -> _Budget:
        # Each value takes a byte at least. Records may share some, where a writer is clever.
        return _Budget(self._path, 4 * self._length + _STEP_LIMIT)

    def _containers(self, at: Positions, kind: int) -> tuple[Positions, _Headers]:
        """Which of ``at`` are of this kind, and their headers."""
        rows = np.flatnonzero(at != ABSENT)
        headers = self._headers(at[rows])
        wanted = headers.kind == kind
        return rows[wanted], headers[wanted]

    def _headers(self, at: Positions) -> _Headers:
        if len(at) and not 0 <= at.min() <= at.max() < self._length:
            raise GeoError(self._path, "has data that points outside of the data section")
        control = self._bytes[at]
        kind: NDArray[np.uint8] = np.right_shift(control, 5, dtype=np.uint8)
        size: Positions = (control & 0x1F).astype(np.int64)
        payload: Positions = at + 1
        extended = kind == EXTENDED
        if extended.any():
            kind[extended] = np.minimum(self._bytes[payload[extended]], 15) + 7
            payload = payload + extended
        pointer = kind == POINTER
        if (kind > LAST_KIND).any() or (extended & np.isin(kind, NO_EXTENSION)).any():
            raise GeoError(self._path, "has data of an unknown type")
        size[pointer] = (size[pointer] >> 3) + 1
        long = np.flatnonzero(~pointer & (size >= 29))
        if len(long):
            count = size[long] - 28
            size[long] = _SIZE_BASE[count - 1] + self._big_endian(payload[long], count)
            payload[long] += count
        return _Headers(kind, size, payload)

    def _big_endian(self, at: Positions, count: Positions) -> Positions:
        """Unsigned numbers of 1 to 4 bytes."""
        windows = self._bytes[at[:, None] + np.arange(4)].view(">u4").ravel()
        numbers: Positions = windows.astype(np.int64) >> (8 * (4 - count))
        return numbers

    def _follow(self, at: Positions, headers: _Headers) -> Positions:
        """Where the values at ``at`` really are: a pointer's target, else ``at`` itself."""
        pointers = headers.kind == POINTER
        if not pointers.any():
            return at
        count = headers.size[pointers]
        target = self._big_endian(headers.payload[pointers], count)
        # "the last three bits of the first byte" come before all but the four-byte pointer.
        leading = (self._bytes[at[pointers]] & 7).astype(np.int64)
        target += np.where(count < 4, leading << (8 * count), 0) + _POINTER_BASE[count - 1]
        if (self._headers(target).kind == POINTER).any():
            raise GeoError(self._path, "has a pointer to a pointer in its data")
        followed = at.copy()
        followed[pointers] = target
        return followed

    def _behind(self, headers: _Headers, budget: _Budget) -> Positions:
        """Where the values with these headers end, nested ones included."""
        cursor, pending = _past(headers)
        active = np.flatnonzero(pending > 0)
        while len(active):
            budget.spend(len(active))
            position, nested = _past(self._headers(cursor[active]))
            cursor[active] = position
            pending[active] += nested - 1
            active = active[pending[active] > 0]
        return cursor

    def _checked_end(self, ends: Positions) -> Positions:
        if len(ends) and ends.max() > self._length:
            raise GeoError(self._path, "is truncated: a value goes beyond the end of the data")
        return ends

    def _match(self, at: Positions, names: Sequence[bytes]) -> NDArray[np.int8]:
        """Which of the names stands at each position; -1: none of them."""
        places, inverse = np.unique(at, return_inverse=True)
        headers = self._headers(places)
        windows = self._bytes[
            np.minimum(headers.payload, self._length)[:, None] + np.arange(_KEY_WINDOW)
        ]
        windows[np.arange(_KEY_WINDOW) >= headers.size[:, None]] = 0
        keys = windows.view(f"S{_KEY_WINDOW}").ravel()
        which = np.full(len(places), -1, np.int8)
        for number, name in enumerate(names):
            exact = (headers.kind == STRING) & (headers.size == len(name)) & (keys == name)
            which[exact] = number
        return which[inverse]


def _past(headers: _Headers) -> tuple[Positions, Positions]:
    """Where the payloads end, and how many values follow that belong to a container."""
    is_map, is_array = headers.kind == MAP, headers.kind == ARRAY
    no_bytes = is_map | is_array | (headers.kind == BOOLEAN)
    cursor = headers.payload + np.where(no_bytes, 0, headers.size)
    nested = np.where(is_map, 2 * headers.size, np.where(is_array, headers.size, 0))
    return cursor, nested
