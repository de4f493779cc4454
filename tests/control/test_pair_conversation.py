"""What primary and standby say to each other, in one process: stores and files are real."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from geodns.answer.image import RRset
from geodns.config.basis import Basis
from geodns.control.pairing.content import content
from geodns.control.pairing.copies import Copies
from geodns.control.pairing.following import Following
from geodns.control.pairing.kept import Candidate
from geodns.control.pairing.leading import Had, Leading, Orders
from geodns.control.pairing.link import Link
from geodns.control.pairing.shared import Generation
from geodns.control.reloader import Reload
from geodns.control.store import Store
from geodns.replication.pair.frames import MOST, Message, PeerError, body_size, decoded, encoded
from geodns.replication.pair.manifest import Entry, Manifest, made
from geodns.replication.pair.standing import Epoch, Standing

_EPOCH = Epoch(1, "ns1")
_ZONE, _OWNER = b"\x01a\x00", b"\x01b\x01a\x00"
_PATIENCE = 60.0


class _End:
    """One end of a connection in memory, with the interface of a Link."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[bytes] = asyncio.Queue()
        self.other: _End

    async def send(self, message: Message) -> None:
        self.other.incoming.put_nowait(encoded(message))
        await asyncio.sleep(0)

    async def receive(self) -> Message:
        data = await self.incoming.get()
        if not data:
            raise OSError("the connection was closed")
        size, kind = body_size(data[:5], MOST)
        assert size == len(data) - 5
        return decoded(kind, data[5:])

    def close(self) -> None:
        self.other.incoming.put_nowait(b"")


class _Node:
    """A standby that can use everything, or nothing."""

    def __init__(self, store: Store) -> None:
        self.basis = Basis("none")
        self.error: str | None = None
        self.orders: list[dict[str, Any]] = []
        self.used: list[Candidate] = []
        self.refuses = False
        self._store = store

    async def stage(self, candidate: Candidate) -> Reload:
        self._store.pair.put(candidate=candidate.as_dict())
        await asyncio.sleep(0)
        if self.refuses:
            self._store.pair.put(candidate=None)
            self.error = "refused"
            return Reload("test", 0.0, 0.0, "refused", ())
        self._store.pair.take_over(candidate, 0.0)
        self.basis, self.error = candidate.basis, None
        self.used.append(candidate)
        return Reload("test", 0.0, 0.0, None, ())

    async def quiet(self) -> None:
        return

    def follow_orders(self, orders: list[dict[str, Any]]) -> None:
        self.orders = orders


class Two:
    """A primary with files in ``folder/files``, and a standby."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("files", "primary", "standby"):
            (folder / name).mkdir(exist_ok=True)
        self.primary, self.standby = Store(folder / "primary"), Store(folder / "standby")
        self.primary.pair.put(standing=Standing(_EPOCH, "primary").as_dict())
        self.history = "one"
        self.generation: Generation | None = None
        self.orders = Orders(1, [])
        self.copies = Copies(folder / "standby")
        self.node = _Node(self.standby)
        self.leading: Leading
        self.following: Following

    def write(self, **files: str) -> Manifest:
        """These files, and only these, are what the primary has in use."""
        paths, entries = {}, []
        for name, text in files.items():
            file = self.folder / "files" / name
            if not file.exists() or file.read_text() != text:
                file.write_text(text)
            digest = hashlib.sha256(text.encode()).hexdigest()
            status = file.stat()
            paths[digest] = file
            entries.append(
                Entry(str(file), "file", digest, status.st_size, status.st_mtime_ns, 0o600)
            )
        manifest = made(str(self.folder / "files/server"), entries)
        id = 1 if self.generation is None else self.generation.id + 1
        number = self.primary.pair.newest()
        self.generation = Generation(id, manifest, paths, number, {_ZONE: 100 + id}, [])
        return manifest

    def update(self, address: bytes) -> None:
        self.primary.keep_written(_ZONE, {_OWNER: {1: RRset(60, (address,))}})

    async def connected(self, play: Coroutine[Any, Any, None]) -> None:
        """Both talk until the play is over. Raises what ends the connection before."""
        one, other = _End(), _End()
        one.other, other.other = other, one
        self.leading = Leading(
            cast("Link", one),
            self.primary.pair,
            self.folder / "primary",
            lambda: self.orders,
            lambda: self.generation,
            lambda _had: None,
            lambda _epoch: None,
            time.monotonic,
        )
        self.following = Following(
            cast("Link", other), self.standby.pair, self.copies, self.node, True, time.monotonic
        )
        position = self.standby.pair.position()
        tasks = [
            asyncio.ensure_future(self.leading.serve(self.history, _EPOCH, position)),
            asyncio.ensure_future(self.following.run()),
            asyncio.ensure_future(play),
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=_PATIENCE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert done, "it takes too long"
        for task in done:
            task.result()

    async def settled(self) -> None:
        """Until the standby has all."""
        self.leading.wake()
        await self.leading.until_it_has_all()

    def copied(self) -> dict[str, str]:
        """The files that the standby has in use."""
        root = self.node.basis.root(self.folder / "standby")
        files = [file for file in root.rglob("*") if file.is_file()]
        return {file.name: file.read_text() for file in files}

    def answered(self) -> tuple[bytes, ...]:
        """What the standby has in use at the one name."""
        written = content(self.folder / "standby", candidate=False).written
        return written.get(_ZONE, {}).get(_OWNER, {}).get(1, RRset(0, ())).rdatas


def test_only_what_has_changed_goes_over(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.update(b"aaaa")
    two.write(server="1", zone="z" * 700_000, gone="x")

    async def play() -> None:
        await two.settled()
        assert two.copied() == {"server": "1", "zone": "z" * 700_000, "gone": "x"}
        assert two.answered() == (b"aaaa",)
        before = {file.name: file.stat().st_ino for file in _files(two)}
        two.update(b"bbbb")
        two.orders = Orders(2, [{"id": "eu"}])
        two.leading.wake()
        await two.leading.until_it_has(2)
        assert two.answered() == (b"aaaa",), "its zone has no new serial yet"
        two.write(server="2", zone="z" * 700_000)
        await two.settled()
        assert two.copied() == {"server": "2", "zone": "z" * 700_000}
        after = {file.name: file.stat().st_ino for file in _files(two)}
        assert after["zone"] == before["zone"]
        assert after["server"] != before["server"]
        assert two.answered() == (b"bbbb",)
        assert two.node.orders == [{"id": "eu"}]
        assert two.standby.pair.followed() == {_ZONE: 102}

    asyncio.run(two.connected(play()))

    async def again() -> None:
        await two.settled()
        assert len(two.node.used) == 2, "nothing is new: nothing is read again"

    asyncio.run(two.connected(again()))
    names = [folder.name for folder in (tmp_path / "standby/replica").iterdir()]
    assert names == [two.node.basis.folder]


def _files(two: Two) -> list[Path]:
    root = two.node.basis.root(two.folder / "standby")
    return [file for file in root.rglob("*") if file.is_file()]


def test_a_file_that_changes_while_it_is_sent_is_not_taken(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.write(server="1", zone="old")
    (tmp_path / "files/zone").write_text("new, and not known to be yet")

    async def play() -> None:
        two.leading.wake()
        while two.leading.had.orders < 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert two.node.used == []
        two.write(server="1", zone="new, and known to be")
        await two.settled()
        assert two.copied() == {"server": "1", "zone": "new, and known to be"}

    asyncio.run(two.connected(play()))


def test_what_is_refused_is_told_and_what_comes_then_is_tried(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.node.refuses = True
    two.write(server="1")

    async def play() -> None:
        await two.settled()
        assert two.leading.had == Had(0, 1, 1, 0, "refused")
        assert two.node.basis == Basis("none")
        two.node.refuses = False
        two.write(server="2")
        await two.settled()
        assert two.leading.had == Had(0, 1, 2, 2, None)
        assert two.copied() == {"server": "2"}

    asyncio.run(two.connected(play()))


def test_a_primary_that_has_lost_its_state_does_not_take_the_standbys(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.update(b"aaaa")
    two.write(server="1")
    asyncio.run(two.connected(_just(two)))
    assert two.answered() == (b"aaaa",)
    two.history = "another"
    with pytest.raises(PeerError, match="has lost its state folder"):
        asyncio.run(two.connected(_just(two)))
    assert two.answered() == (b"aaaa",)


def test_nor_does_one_that_has_gone_back(tmp_path: Path) -> None:
    two = Two(tmp_path)
    two.update(b"aaaa")
    two.write(server="1")
    two.primary.close()
    older = (tmp_path / "primary/state.db").read_bytes()
    two.primary = Store(tmp_path / "primary")
    two.update(b"bbbb")
    two.write(server="1")
    asyncio.run(two.connected(_just(two)))
    assert two.answered() == (b"bbbb",)
    two.primary.close()
    (tmp_path / "primary/state.db").write_bytes(older)
    two.primary = Store(tmp_path / "primary")
    two.write(server="1")
    with pytest.raises(PeerError, match="or has an older one"):
        asyncio.run(two.connected(_just(two)))
    assert two.answered() == (b"bbbb",)


async def _just(two: Two) -> None:
    await two.settled()


_MESSAGES: list[Message] = [
    b"piece",
    {"type": "rows", "rows": [[1, "AWEA", "AWEA", 1, 60, ""]]},
    {"type": "rows", "rows": 5},
    {"type": "beat", "number": 7},
    {"type": "orders", "version": 1, "orders": []},
    {"type": "copy", "history": "one", "epoch": [1, "ns1"], "number": 1},
    {"type": "copied", "number": 1},
    {"type": "files", "id": "a", "server": "/a", "entries": [["/a", "file", "a" * 64, 1, 1, 1]]},
    {"type": "files", "id": "a", "server": "/a", "entries": [["/../a", "file", "a" * 64, 1, 1, 1]]},
    {"type": "generation", "id": 1, "files": "a", "number": 1, "serials": {}, "states": []},
    {"type": "generation", "id": "x", "files": "a", "number": 1, "serials": 5, "states": [1]},
    {"type": "content", "digest": "a" * 64},
    {"type": "content", "digest": "../../a"},
    {"type": "end of content", "digest": "a" * 64},
    {"type": "gone", "digest": "a" * 64},
    {"type": "stepped down", "number": 1},
    {"type": "want", "digests": []},
    {"type": "nonsense"},
]


def test_a_primary_that_talks_nonsense_is_hung_up_on(tmp_path: Path) -> None:
    """Whatever comes in whatever order: a PeerError, or nothing; and nothing outside of replica."""
    chance = random.Random(3)

    async def play(store: Store, folder: Path) -> str | None:
        here, there = _End(), _End()
        here.other, there.other = there, here
        node = _Node(store)
        following = Following(
            cast("Link", here), store.pair, Copies(folder), node, True, time.monotonic
        )
        running = asyncio.ensure_future(following.run())
        for _ in range(chance.randint(1, 8)):
            await there.send(chance.choice(_MESSAGES))
        there.close()
        try:
            await asyncio.wait_for(running, _PATIENCE)
        except PeerError as error:
            return str(error)
        except OSError:
            return None
        return None

    found = set()
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir()
        store = Store(folder)
        found.add(asyncio.run(play(store, folder)))
        store.close()
        names = {file.name for file in folder.iterdir()}
        assert names <= {"state.db", "state.db-wal", "state.db-shm", "replica"}
    assert len(found) > 5
