"""The data section of an MMDB: values, and pointers to values that are there already.

The format is described at https://maxmind.github.io/MaxMind-DB/, "Output Data Section".
"""

from __future__ import annotations

import struct

from benchmarks.country_database import encode

_DOUBLE = struct.Struct(">d")


class Section:
    """Grows by one value at a time. What ``share`` returns stands for a value everywhere else."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._shared: dict[bytes, bytes] = {}

    def add(self, value: bytes) -> int:
        """Append an encoded value; where it begins."""
        at = len(self.content)
        self.content += value
        return at

    def share(self, value: bytes) -> bytes:
        """A pointer to a value, which is appended the first time."""
        found = self._shared.get(value)
        if found is None:
            found = self._shared[value] = pointer(self.add(value))
        return found

    def text(self, text: str) -> bytes:
        """A pointer to a text."""
        return self.share(encode(text))

    def names(self, names: dict[str, str]) -> bytes:
        """A map from languages to names. Texts that several languages share stand there once."""
        parts = [map_header(len(names))]
        for language, name in names.items():
            parts += (self.text(language), self.text(name))
        return b"".join(parts)


def map_header(entries: int) -> bytes:
    """What begins a map of fewer than 29 entries; keys and values follow, taking turns."""
    return bytes([7 << 5 | entries])


def array_header(elements: int) -> bytes:
    """What begins an array of fewer than 29 elements, which follow."""
    return bytes([elements, 11 - 7])


def double(number: float) -> bytes:
    """A number as IEEE 754 binary64."""
    return b"\x68" + _DOUBLE.pack(number)


def pointer(offset: int) -> bytes:
    """A pointer to an offset of the section, in as few bytes as it takes."""
    if offset < 2048:
        return (1 << 13 | offset).to_bytes(2, "big")
    if offset < 526336:
        return (0b101 << 19 | offset - 2048).to_bytes(3, "big")
    if offset < 526336 + (1 << 27):
        return (0b110 << 27 | offset - 526336).to_bytes(4, "big")
    raise ValueError(f"{offset} is beyond the reach of the pointers that are written here")
