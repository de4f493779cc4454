"""Bytes as a series of choices: how a fuzzer's input becomes something with structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


class Choices:
    """Reads an input from its front; once it is used up, every choice is the first one.

    It does what atheris.FuzzedDataProvider does, but the same everywhere and without atheris, so
    that a corpus can be replayed where that is not installed.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def number(self, most: int) -> int:
        """From 0 to ``most``, which is below 65536."""
        size = 1 if most < 256 else 2
        return int.from_bytes(self.raw(size), "big") % (most + 1)

    def pick(self, items: Sequence[_Item]) -> _Item:
        """One of the items."""
        return items[self.number(len(items) - 1)]

    def chance(self, one_in: int) -> bool:
        """True for one byte in so many, and not once the input is used up."""
        return self.number(255) % one_in == one_in - 1

    def raw(self, size: int) -> bytes:
        """The next bytes, at most ``size``."""
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.raw(max(0, len(self._data) - self._at))
