"""An HTTP/1.1 answer that is read off a wire, no further than it is looked at (RFC 9112).

Whoever is probed may be hostile: every loop here ends after a bounded number of bytes, and others
get their turn in between.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Protocol

from geodns.health.probe import ProbeError

_CHUNK = 8 * 1024  # bytes read at once: what is parsed in one go, with nothing else running
_MOST_HEAD = 64 * 1024  # bytes of all heads, interim ones too
_MOST_LINE = 4 * 1024  # bytes of the line before a chunk
_MOST_BODY = 512 * 1024  # bytes with all framing; of what is framed the caller takes 64 KiB
_BEGIN = b"HTTP/1."
_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: .*)?")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_NO_BODY = frozenset({101, 204, 304})


class Source(Protocol):
    """Where an answer comes from, as a Wire is."""

    async def receive(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end."""


class Answer:
    """``status`` and ``headers`` (by name in lower case); the body is read piece by piece."""

    def __init__(self, wire: Source) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._wire = wire
        self._raw = bytearray()
        self._read = 0
        self._left: int | None = 0  # of the body or of the chunk; None: until the connection ends
        self._chunked = False

    async def read(self, most: int) -> bytes:
        """The next bytes of the body, at most so many; none at its end. Raises ProbeError."""
        return await (self._from_chunks(most) if self._chunked else self._plain(most))

    async def take_head(self, method: str) -> None:
        """Read status and headers of the final answer to a request. Raises ProbeError."""
        left = _MOST_HEAD
        while True:
            head = await self._head(left)
            left -= len(head)
            status, *lines = head.replace(b"\r\n", b"\n").split(b"\n")
            match = _STATUS.fullmatch(status)
            if match is None:
                raise _invalid("it does not begin with a status")
            self.status = int(match[1])
            # RFC 9110 15.2: a client must be able to parse one or more 1xx before the final one.
            if self.status // 100 != 1 or self.status == 101:
                break
        self.headers = _parsed(lines)
        self._frame(method)

    def _frame(self, method: str) -> None:
        """How the body ends."""
        length = self.headers.get("content-length")
        lengths = set() if length is None else {one.strip() for one in length.split(",")}
        # RFC 9112 6.3: an invalid Content-Length, or different ones, is an unrecoverable error.
        if len(lengths) > 1 or not all(_is_number(one) for one in lengths):
            raise _invalid("its Content-Length is not a number")
        coding = self.headers.get("transfer-encoding")
        # RFC 9112 6.3: any response to HEAD, and 1xx, 204 or 304, ends with the empty line.
        if method == "HEAD" or self.status in _NO_BODY:
            return
        # RFC 9112 6.3: Transfer-Encoding overrides the Content-Length.
        if coding is not None:
            self._chunked = coding.lower().rpartition(",")[2].strip() == "chunked"
            self._left = 0 if self._chunked else None
        else:
            self._left = int(lengths.pop()) if lengths else None

    async def _head(self, most: int) -> bytes:
        """The bytes up to the next empty line."""
        raw, searched = self._raw, 0
        while True:
            # Who speaks another protocol may wait for us to answer.
            if not _BEGIN.startswith(raw[: len(_BEGIN)]):
                raise _invalid("it does not begin with a status")
            end = _END.search(raw, max(0, searched - 3))
            if end is not None and end.start() <= most:
                head = bytes(raw[: end.start()])
                del raw[: end.end()]
                return head
            searched = len(raw)
            if searched > most:
                raise _invalid("its headers are longer than 64 KiB")
            if not await self._receive():
                raise (
                    _invalid("it ends within its headers")
                    if raw
                    else ProbeError("connection closed before an answer")
                )

    async def _plain(self, most: int) -> bytes:
        if self._left is not None:
            most = min(most, self._left)
        if not most or not (self._raw or await self._receive()):
            if most and self._left is not None:
                raise _broken()
            return b""
        return self._taken(most)

    async def _from_chunks(self, most: int) -> bytes:
        """As much as has come, so that many tiny chunks are looked at together."""
        found = bytearray()
        while len(found) < most:
            if not self._left:
                if found and b"\n" not in self._raw:
                    break
                size = _SIZE.fullmatch(await self._line())
                if size is None:
                    raise _invalid("a chunk of its body has no size")
                self._left = int(size[1], 16)
                if not self._left:  # trailers tell nothing that is asked for
                    self._chunked = False
                    break
            if not self._raw:
                if found:
                    break
                if not await self._receive():
                    raise _broken()
            found += self._taken(min(most - len(found), self._left))
            if not self._left and await self._line():
                raise _invalid("a chunk of its body is longer than its size")
        return bytes(found)

    def _taken(self, most: int) -> bytes:
        piece = bytes(self._raw[:most])
        del self._raw[:most]
        if self._left is not None:
            self._left -= len(piece)
        return piece

    async def _line(self) -> bytes:
        """A line of the framing, without its end."""
        while (end := self._raw.find(b"\n")) < 0:
            if len(self._raw) > _MOST_LINE:
                raise _invalid("a chunk of its body has no size")
            if not await self._receive():
                raise _broken()
        line = bytes(self._raw[:end])
        del self._raw[: end + 1]
        return line.removesuffix(b"\r")

    async def _receive(self) -> int:
        """Get more; how many bytes, 0 at the end."""
        if self._read:
            if self._read > _MOST_HEAD + _MOST_BODY:
                raise _invalid("it is longer than it may be")
            await asyncio.sleep(0)  # what has come is given without waiting, so let others run
        try:
            more = await self._wire.receive(_CHUNK)
        except ssl.SSLEOFError:  # many servers just close; a body that is too short is noticed
            return 0
        self._read += len(more)
        self._raw += more
        return len(more)


def _parsed(lines: list[bytes]) -> dict[str, str]:
    """Headers by name; those of one name are joined (RFC 9110 5.3)."""
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.decode("utf-8", "surrogateescape")
        # RFC 9112 5.2: a line that begins with white space goes on with the field before it.
        if text[:1] in (" ", "\t") and name:
            found[name] = f"{found[name]} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not name:
            raise _invalid("a line of its headers has no name")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _invalid(reason: str) -> ProbeError:
    return ProbeError(f"not a valid HTTP answer: {reason}")


def _broken() -> ProbeError:
    return ProbeError("connection broke off within the body")
