"""Reading HTTP answers: what http.client reads, from whatever pieces, and always to an end."""

from __future__ import annotations

import asyncio
import http.client
import io
from random import Random

import pytest

from geodns.health.http_answer import Answer
from geodns.health.probe import ProbeError


class Pieces:
    """Bytes that come in pieces, as from a connection; ``asked`` is how many were taken."""

    def __init__(self, data: bytes, random: Random) -> None:
        self._data, self._random, self.asked = data, random, 0

    async def receive(self, most: int) -> bytes:
        size = min(most, self._random.choice([1, 2, 7, 100, 10_000]))
        piece, self._data = self._data[:size], self._data[size:]
        self.asked += len(piece)
        return piece


class Socket:
    """What http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


Read = tuple[int, dict[str, str], bytes]


async def read(pieces: Pieces, random: Random, method: str = "GET") -> Read:
    answer = Answer(pieces)
    await answer.take_head(method)
    body = b""
    while piece := await answer.read(random.choice([1, 50, 65_536])):
        body += piece
    return answer.status, answer.headers, body


def reference(data: bytes, method: str) -> Read:
    response = http.client.HTTPResponse(Socket(data), method=method)  # type: ignore[arg-type] # a fake
    response.begin()
    headers: dict[str, str] = {}
    for name, padded in response.getheaders():
        value = padded.strip()  # RFC 9112 5.1: white space around it is no part of it
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return response.status, headers, response.read()


def made_up(random: Random) -> bytes:
    """A right answer of some kind."""
    end = random.choice([b"\r\n", b"\r\n", b"\n"])
    body = random.randbytes(random.choice([0, 1, 20, 3000]))
    lines = [
        b"HTTP/1.%d " % random.choice([0, 1])
        + random.choice([b"200 OK", b"200 ", b"404 Not Found", b"204 None", b"304 x", b"503 B c"])
    ]
    lines += [
        random.choice([b"X-Load: 12", b"Server:none", b"Set-Cookie: a=1", b"Empty:", b"X:  y "])
        for _ in range(random.randrange(5))
    ]
    framing = random.choice(["length", "chunked", "end"])
    if b" 204 " in lines[0] or b" 304 " in lines[0]:  # RFC 9112 6.1: never with Transfer-Encoding
        framing = "length"
    if framing == "length":
        lines.insert(random.randrange(1, len(lines) + 1), b"Content-Length: %d" % len(body))
        body += random.choice([b"", b"left over"])
    elif framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        body = chunked(body, random)
    begin = b""
    if random.random() < 0.2:
        begin = b"HTTP/1.1 100 Continue\r\n\r\n" * random.randrange(1, 4)
    return begin + end.join([*lines, b"", b""]) + body


def chunked(body: bytes, random: Random) -> bytes:
    found = b""
    while body:
        size = random.choice([1, 5, 900])
        piece, body = body[:size], body[size:]
        extension = random.choice([b"", b"", b";a=b"])
        found += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
    return found + b"0\r\n\r\n"


def damaged(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    piece = random.choice([b"", b"\r\n", b"\n", b"\0", b"-5", b":", b" ", random.randbytes(3)])
    return data[:at] + piece + data[at + random.choice([0, 1, 30]) :]


def test_right_answers_are_read_as_the_standard_library_reads_them() -> None:
    async def whole() -> None:
        random = Random(5)
        for _ in range(3_000):
            data, method = made_up(random), random.choice(["GET", "GET", "HEAD"])
            found = await read(Pieces(data, random), random, method)
            assert found == reference(data, method), data

    asyncio.run(whole())


def test_damaged_answers_are_read_or_refused_in_a_sentence() -> None:
    async def whole() -> int:
        random, refused = Random(6), 0
        for _ in range(3_000):
            data = made_up(random)
            for _ in range(random.randrange(1, 6)):
                data = damaged(data, random)
            try:
                await read(Pieces(data, random), random)
            except ProbeError:
                refused += 1
        return refused

    assert 300 < asyncio.run(whole()) < 2_900


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 9_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"1;" + b"x" * 4_000 + b"\r\ny\r\n") * 2_000,
    ],
)
def test_an_answer_without_end_is_given_up(data: bytes) -> None:
    async def whole() -> int:
        pieces = Pieces(data, Random(7))
        with pytest.raises(ProbeError, match="not a valid HTTP answer: "):
            await read(pieces, Random(8))
        return pieces.asked

    assert asyncio.run(whole()) < 700_000


def test_another_protocol_is_noticed_while_it_waits_for_us() -> None:
    class Ssh:
        async def receive(self, most: int) -> bytes:
            if self.greeting:
                greeting, self.greeting = self.greeting, b""
                return greeting
            raise AssertionError("nothing more is asked for")

        greeting = b"SSH-2.0-OpenSSH_9.2\r\n"

    with pytest.raises(ProbeError, match="it does not begin with a status"):
        asyncio.run(Answer(Ssh()).take_head("GET"))


def test_a_line_that_goes_on_belongs_to_the_header_before_it() -> None:
    pieces = Pieces(b"HTTP/1.1 200 OK\r\nX-A: b\r\n  c\r\n\r\n", Random(1))
    status, headers, _ = asyncio.run(read(pieces, Random(1)))
    assert (status, headers) == (200, {"x-a": "b c"})
