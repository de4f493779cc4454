"""Ten thousand endpoints in one process: every address of 127.0.0.0/8, on two ports.

Run as a program it prints its ports, serves until SIGTERM, and then writes when it took which
connection. From SIGUSR1 on every fifth address hangs: it takes connections and says nothing.
"""

from __future__ import annotations

import array
import asyncio
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import click

COUNT = 10_000
GREETING = b"ready\n"
_FIRST = int(IPv4Address("127.16.0.1"))
_HANGS = 5  # every so many
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
_BACKLOG = 4096
_RECORD = struct.Struct("=dI")


def addresses(count: int = COUNT) -> list[str]:
    """The addresses of so many endpoints."""
    return [str(IPv4Address(_FIRST + number)) for number in range(count)]


def hangs(number: int) -> bool:
    """Whether the endpoint of this number is among those that may hang."""
    return number % _HANGS == 0


def read_arrivals(file: Path) -> Iterator[tuple[float, int]]:
    """When a connection was taken (seconds of the monotonic clock), and by which endpoint."""
    yield from _RECORD.iter_unpack(file.read_bytes())


class _Endpoints:
    """What all endpoints share."""

    def __init__(self) -> None:
        self.hanging = False
        self.times = array.array("d")
        self.numbers = array.array("I")

    def took(self, transport: asyncio.BaseTransport) -> bool:
        """Take note of a connection; whether it is to be answered."""
        number = int(IPv4Address(transport.get_extra_info("sockname")[0])) - _FIRST
        self.times.append(time.monotonic())
        self.numbers.append(number)
        return not (self.hanging and hangs(number))

    def write(self, file: Path) -> None:
        """What ``read_arrivals`` reads."""
        file.write_bytes(b"".join(map(_RECORD.pack, self.times, self.numbers)))


class _Greeting(asyncio.Protocol):
    def __init__(self, endpoints: _Endpoints) -> None:
        self._endpoints = endpoints

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._endpoints.took(transport):
            transport.write(GREETING)


class _Web(asyncio.Protocol):
    def __init__(self, endpoints: _Endpoints) -> None:
        self._endpoints = endpoints

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._answers = self._endpoints.took(transport)
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._answers and self._seen.endswith(b"\r\n\r\n"):
            self._transport.write(_ANSWER)
            self._transport.close()


def _listen() -> socket.socket:
    """A socket for all of 127.0.0.0/8 that nothing but this machine can reach."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    made.bind(("0.0.0.0", 0))
    made.listen(_BACKLOG)
    return made


async def _serve(output: Path) -> None:
    endpoints, loop, ended = _Endpoints(), asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: setattr(endpoints, "hanging", True))
    tcp, web = _listen(), _listen()
    await loop.create_server(lambda: _Greeting(endpoints), sock=tcp, backlog=_BACKLOG)
    await loop.create_server(lambda: _Web(endpoints), sock=web, backlog=_BACKLOG)
    click.echo(f"{tcp.getsockname()[1]} {web.getsockname()[1]}")
    sys.stdout.flush()
    await ended.wait()
    endpoints.write(output)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
