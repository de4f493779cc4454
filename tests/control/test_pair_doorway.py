"""Who may talk as the other server of a pair: who has the secret, on this very connection."""

from __future__ import annotations

import asyncio
import random
import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import certificates
import pytest

from geodns.config.pair import Pair
from geodns.control.pairing.doorway import Doorway
from geodns.control.pairing.link import Identity, Link, call, called_context, caller_context
from geodns.replication.pair.frames import HEAD, PeerError, body_size, decoded, encoded
from geodns.replication.pair.proof import NONCE, Transcript, proof
from geodns.socket_address import SocketAddress

_SECRET = b"a secret of thirty-two bytes, ok"
_CALLER = Identity("ns2", "ns1", _SECRET)
_SILENCE = 20.0


@asynccontextmanager
async def _open(folder: Path) -> AsyncIterator[tuple[SocketAddress, list[Link]]]:
    """A doorway: its address, and the connections that were proven."""
    certificates.make().write(folder)
    pair = Pair(
        name="ns1",
        listen=SocketAddress("127.0.0.1", 0),
        other={"name": "ns2", "address": SocketAddress("127.0.0.1", 1)},
        begins_as="primary",
        secret=b64encode(_SECRET).decode(),
        certificate=folder / "certificate.pem",
        key=folder / "key.pem",
        silence=_SILENCE,
    )
    proven: list[Link] = []

    async def talk(link: Link) -> None:
        proven.append(link)
        await link.send({"type": "welcome"})
        await link.receive()

    doorway = Doorway(pair, Identity("ns1", "ns2", _SECRET), talk)
    running = asyncio.create_task(doorway.run())
    try:
        yield doorway.address, proven
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await doorway.close()


async def _call(address: SocketAddress, who: Identity = _CALLER) -> None:
    """Proves, and is welcomed. Raises PeerError or OSError."""
    link = await call(*address, caller_context(), who, _SILENCE)
    try:
        await link.expect("welcome")
    finally:
        link.close()


def _run(folder: Path, play: Callable[[SocketAddress, list[Link]], Awaitable[None]]) -> None:
    async def run() -> None:
        async with _open(folder) as (address, proven):
            await play(address, proven)
            before = len(proven)
            await _call(address)  # whatever came: the other server is let in, and nobody else
            assert len(proven) == before + 1

    asyncio.run(run())


async def _connected(address: SocketAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*address, ssl=caller_context())


async def _message(reader: asyncio.StreamReader) -> Any:
    size, kind = body_size(await reader.readexactly(HEAD.size), 1024)
    return decoded(kind, await reader.readexactly(size))


def test_who_has_the_secret_is_let_in(tmp_path: Path) -> None:
    async def play(address: SocketAddress, proven: list[Link]) -> None:
        await _call(address)
        assert len(proven) == 1

    _run(tmp_path, play)


@pytest.mark.parametrize(
    "who",
    [
        Identity("ns2", "ns1", b"another secret, as long as it is"),
        Identity("ns3", "ns1", _SECRET),
        Identity("ns2", "ns3", _SECRET),
        Identity("ns1", "ns1", _SECRET),
    ],
)
def test_nobody_else_is(tmp_path: Path, who: Identity) -> None:
    async def play(address: SocketAddress, proven: list[Link]) -> None:
        with pytest.raises((OSError, PeerError)):
            await _call(address, who)
        assert not proven

    _run(tmp_path, play)


def test_what_was_said_once_proves_nothing_again(tmp_path: Path) -> None:
    async def play(address: SocketAddress, proven: list[Link]) -> None:
        mine = b"n" * NONCE
        nonce = b64encode(mine).decode()
        hello = encoded({"type": "hello", "from": "ns2", "to": "ns1", "nonce": nonce})
        reader, writer = await _connected(address)
        writer.write(hello)
        theirs = b64decode((await _message(reader))["nonce"])
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        seen = Transcript("ns2", "ns1", mine, theirs, certificate)
        given = b64encode(proof(_SECRET, "caller", seen)).decode()
        said = encoded({"type": "proof", "proof": given})
        writer.write(said)
        assert (await _message(reader))["type"] == "proof"
        assert (await _message(reader))["type"] == "welcome"
        writer.close()
        reader, writer = await _connected(address)
        writer.write(hello)
        assert (await _message(reader))["type"] == "challenge"
        writer.write(said)
        assert await reader.read() == b""
        writer.close()
        assert len(proven) == 1

    _run(tmp_path, play)


def test_who_stands_in_between_is_let_in_by_neither_side(tmp_path: Path) -> None:
    async def play(address: SocketAddress, proven: list[Link]) -> None:
        passed_on: list[Any] = []
        await _call_through(address, tmp_path, passed_on)
        assert [message["type"] for message in passed_on] == ["hello", "challenge", "proof"]
        assert not proven

    _run(tmp_path, play)


async def _call_through(address: SocketAddress, folder: Path, passed_on: list[Any]) -> None:
    """The other server calls somebody with a certificate of their own, who passes on all words."""
    (folder / "between").mkdir()
    certificates.make(2).write(folder / "between")
    context = called_context(folder / "between/certificate.pem", folder / "between/key.pem")

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await _connected(address)
        turns = ((reader, onward), (there, writer)) * 2
        try:
            for one, other in turns:
                message = await _message(one)
                passed_on.append(message)
                other.write(encoded(message))
        except asyncio.IncompleteReadError:
            pass
        finally:
            onward.close()
            writer.close()

    server = await asyncio.start_server(between, "127.0.0.1", 0, ssl=context)
    async with server:
        where = SocketAddress(*server.sockets[0].getsockname()[:2])
        with pytest.raises((OSError, PeerError)):
            await _call(where)


def test_garbage_changes_nothing(tmp_path: Path) -> None:
    chance = random.Random(1)
    hello = encoded({"type": "hello", "from": "ns2", "to": "ns1", "nonce": "A" * 43 + "="})

    def changed() -> bytes:
        data = bytearray(hello)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)

    async def play(address: SocketAddress, proven: list[Link]) -> None:
        plain = [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", chance.randbytes(500), b""]
        for data in plain:
            _, writer = await asyncio.open_connection(*address)
            writer.write(data)
            writer.close()
        for data in [
            b"\xff" * 5,
            HEAD.pack(1 << 30, 1),
            encoded(b"x"),
            *(changed() for _ in range(40)),
        ]:
            _, writer = await _connected(address)
            writer.write(data)
            if writer.can_write_eof():
                writer.write_eof()
            writer.close()
        assert not proven

    _run(tmp_path, play)


def test_those_who_say_nothing_keep_nobody_out(tmp_path: Path) -> None:
    async def play(address: SocketAddress, proven: list[Link]) -> None:
        silent = [await asyncio.open_connection(*address) for _ in range(60)]
        slow = []
        for _ in range(20):
            try:
                slow.append(await _connected(address))
            except (OSError, ssl.SSLError):
                continue  # somebody newer took its place
        for _, writer in slow:
            writer.write(HEAD.pack(100, 1)[:3])
        await _call(address)
        assert len(proven) == 1
        for reader, _ in silent[:40]:  # they were let go long before their time was over
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
        for _, writer in (*silent, *slow):
            writer.close()

    _run(tmp_path, play)
