"""Measurements on their way into a table, kept in one temporary file for each region.

A median needs all values at once. A region's figures depend on no other region's, so only one
region's measurements are in memory at a time, however many there are in all.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

MEASUREMENT = np.dtype(
    [("prefix", "<u8"), ("place", "<i4"), ("ms", "<f4"), ("time", "<u4")]
)  # 20 bytes


class Spool:
    """Takes measurements in any order and gives them back by region. Use it as a context."""

    def __init__(self, regions: int) -> None:
        self._open = ExitStack()
        self._files: list[IO[bytes]] = [
            # Closed by the stack, and gone then: they have no name.
            self._open.enter_context(tempfile.TemporaryFile(prefix="geodns-"))  # noqa: SIM115
            for _ in range(regions)
        ]
        self.counts = [0] * regions

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, region: NDArray[np.integer[Any]], measurements: NDArray[np.void]) -> None:
        """``measurements`` of dtype MEASUREMENT and their regions' positions, both shape (n,)."""
        order = np.argsort(region.astype(np.uint16), kind="stable")
        ends = np.searchsorted(region[order], np.arange(len(self._files)), "right")
        sorted_ = measurements[order]
        start = 0
        for position, end in enumerate(ends):
            if end > start:
                self._files[position].write(sorted_[start:end].tobytes())
                self.counts[position] += int(end - start)
            start = int(end)

    def read(self, region: int) -> NDArray[np.void]:
        """All measurements of a region."""
        file = self._files[region]
        file.flush()
        file.seek(0)
        found = np.fromfile(file, dtype=MEASUREMENT)
        file.seek(0, 2)
        return found
