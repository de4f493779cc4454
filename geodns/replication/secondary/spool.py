"""The records of a zone while it is received: in memory, or in a file where they are many."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from geodns.replication.difference import packed_record, unpacked_records
from geodns.replication.messages import Record

_IN_MEMORY = 8 * 1024**2
_BLOCK = 256 * 1024
_LENGTH = struct.Struct("!I")


class Spool:
    """Records to write first and read then, more than once. The file has no name, and goes with us.

    ``write`` and ``finish`` raise OSError where the folder is full; to read what was finished
    writes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by __exit__
            max_size=_IN_MEMORY, dir=str(folder)
        )
        self._block = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, record: Record) -> None:
        """One more."""
        self._block += packed_record(record)
        if len(self._block) >= _BLOCK:
            self._write_block()

    def finish(self) -> None:
        """There are no more."""
        if self._block:
            self._write_block()

    def clear(self) -> None:
        """Begin anew."""
        self._block.clear()
        self._file.seek(0)
        self._file.truncate()

    def __iter__(self) -> Iterator[Record]:
        """All records in their order; one reader at a time."""
        self.finish()
        self._file.seek(0)
        while length := self._file.read(_LENGTH.size):
            yield from unpacked_records(self._file.read(*_LENGTH.unpack(length)), 0)

    def _write_block(self) -> None:
        self._file.write(_LENGTH.pack(len(self._block)))
        self._file.write(self._block)
        self._block.clear()
