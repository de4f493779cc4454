"""Hostile clients of the day, in processes of their own: floods, garbage, and slow connections.

Every rate and every number of connections is bounded, and everything stays on loopback.
"""

from __future__ import annotations

import multiprocessing
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from types import TracebackType

from building import query
from day_world import HOSTS, ZONE_NAME
from mutations import packets

_RATE = 5000  # datagrams per second within a burst
_CHUNK = 100  # datagrams sent in one go
_BURST, _REST = 0.5, 0.5  # seconds
_RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER with 0 seconds: closing resets
_HELD = 60  # connections of each slow kind at a time
_RECONNECTS = 100  # in each burst of them

Server = tuple[str, int]
Attack = Callable[[Server, Event, "Counter[str]"], None]


class Hostile:
    """A process for each attack; ``counts`` has, when it is over, what was sent and came back."""

    def __init__(self, server: Server) -> None:
        context = multiprocessing.get_context("spawn")
        self.counts: Counter[str] = Counter()
        self._stop = context.Event()
        self._runs: list[tuple[multiprocessing.process.BaseProcess, Connection]] = []
        for attack in (flood, hold_connections, reconnect):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_run, args=(attack, server, self._stop, theirs), daemon=True
            )
            self._runs.append((process, ours))

    def __enter__(self) -> Hostile:
        for process, _ in self._runs:
            process.start()
        return self

    def stop(self) -> None:
        """End the attacks and take in what they counted."""
        self._stop.set()
        for process, ours in self._runs:
            assert ours.poll(60), f"{process.name} does not end"
            self.counts.update(ours.recv())
            process.join(60)
            assert process.exitcode == 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process, _ in self._runs:
            if process.is_alive():
                process.kill()
                process.join(60)


def _run(attack: Attack, server: Server, stop: Event, report: Connection) -> None:
    counts: Counter[str] = Counter()
    attack(server, stop, counts)
    report.send(counts)


# --- UDP -----------------------------------------------------------------------------------------


def flood(server: Server, stop: Event, counts: Counter[str]) -> None:
    """Bursts of datagrams of one kind after the other, from hundreds of addresses and ports."""
    generator = random.Random(1)
    kinds = {
        "garbage": _garbage(),
        "nxdomain": _made(generator, _missing),
        "wildcard": _made(generator, _under_wildcard),
        "odd types": _made(generator, _odd_type),
        "subnets": _made(generator, _random_subnet),
    }
    clients = [_udp_client(server, number) for number in range(200)]
    try:
        while not stop.is_set():
            for kind, stream in kinds.items():
                _burst(kind, stream, clients, stop, counts)
                stop.wait(_REST)
                counts[f"{kind}: answered"] += _read_all(clients)
    finally:
        for client in clients:
            client.close()


def _burst(
    kind: str,
    stream: Iterator[bytes],
    clients: list[socket.socket],
    stop: Event,
    counts: Counter[str],
) -> None:
    begun = time.monotonic()
    sent = 0
    while sent < _BURST * _RATE and not stop.is_set():
        for number in range(_CHUNK):
            # A full queue of our own is no matter: it is a flood.
            with suppress(OSError):
                clients[(sent + number) % len(clients)].send(next(stream))
                counts[f"{kind}: sent"] += 1
        sent += _CHUNK
        stop.wait(max(0.0, begun + sent / _RATE - time.monotonic()))


def _read_all(clients: list[socket.socket]) -> int:
    """How many answers have come."""
    count = 0
    for client in clients:
        with suppress(OSError):
            while client.recv(4096):
                count += 1
    return count


def _udp_client(server: Server, number: int) -> socket.socket:
    client = socket.socket(type=socket.SOCK_DGRAM)
    client.bind((f"127.66.0.{number + 1}", 0))
    client.connect(server)
    client.setblocking(False)
    return client


def _made(generator: random.Random, make: Callable[[random.Random], bytes]) -> Iterator[bytes]:
    while True:
        yield make(generator)


def _garbage() -> Iterator[bytes]:
    seed = 0
    while True:
        seed += 1
        yield from packets(seed, 10_000)


def _asking(name: str, type: int, generator: random.Random) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    head = bytes.fromhex("0100 0001 0000 0000 0000")
    return generator.randbytes(2) + head + labels + type.to_bytes(2, "big") + b"\0\x01"


def _missing(generator: random.Random) -> bytes:
    return _asking(f"x{generator.randrange(10**9)}.{ZONE_NAME}", 1, generator)


def _under_wildcard(generator: random.Random) -> bytes:
    under = generator.choice(("apps", "wild"))
    return _asking(f"y{generator.randrange(10**9)}.{under}.{ZONE_NAME}", 1, generator)


def _odd_type(generator: random.Random) -> bytes:
    name = generator.choice(("www", "many", f"host-{generator.randrange(HOSTS)}"))
    return _asking(f"{name}.{ZONE_NAME}", generator.randrange(65536), generator)


_WITH_SUBNET = query(f"www.{ZONE_NAME}", subnet="20.1.2.0/24")


def _random_subnet(generator: random.Random) -> bytes:
    return generator.randbytes(2) + _WITH_SUBNET[2:-3] + generator.randbytes(3)


# --- TCP -----------------------------------------------------------------------------------------


def hold_connections(server: Server, stop: Event, counts: Counter[str]) -> None:
    """Connections that say nothing, say it byte by byte, or never read what they asked for."""
    whole = _framed(query(f"www.{ZONE_NAME}"))
    large = _framed(query(f"many.{ZONE_NAME}", "TXT")) * 50
    while not stop.is_set():
        silent = [_tcp_client(server, counts, "silent") for _ in range(_HELD)]
        halves = [_tcp_client(server, counts, "half a query") for _ in range(_HELD)]
        slow = [_tcp_client(server, counts, "byte by byte") for _ in range(_HELD)]
        deaf = [_tcp_client(server, counts, "never reads") for _ in range(_HELD)]
        for each in halves:
            _send(each, whole[: len(whole) // 2])
        for turn in range(len(whole)):
            for each in slow:
                _send(each, whole[turn : turn + 1])
            for each in deaf:
                _send(each, large)
            if stop.wait(0.1):
                break
        for each in (*silent, *halves, *slow, *deaf):
            each.close()


def reconnect(server: Server, stop: Event, counts: Counter[str]) -> None:
    """Bursts of connections that are reset at once, in a query, or after garbage."""
    generator = random.Random(2)
    whole = _framed(query(f"host-1.{ZONE_NAME}"))
    junk = packets(3, 10**9)
    while not stop.is_set():
        for number in range(_RECONNECTS):
            with _tcp_client(server, counts, "reset") as client:
                match number % 4:
                    case 1:
                        _send(client, whole[: generator.randrange(len(whole))])
                    case 2:
                        _send(client, b"".join(_framed(next(junk)) for _ in range(5)))
                    case 3:
                        _send(client, generator.randbytes(generator.randrange(400)))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        stop.wait(0.7)


def _tcp_client(server: Server, counts: Counter[str], kind: str) -> socket.socket:
    client = socket.socket()
    # The server, and the kernel's queue before it, may refuse whom they like.
    with suppress(OSError):
        client.bind((f"127.77.0.{random.randrange(1, 255)}", 0))
        client.settimeout(5)
        client.connect(server)
        counts[f"{kind}: connected"] += 1
    client.setblocking(False)
    return client


def _send(client: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        client.send(data)


def _framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet
