"""What a standby keeps: exactly what the primary had at each generation, over crashes of both."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from geodns.answer.image import RRset
from geodns.config.basis import Basis
from geodns.control.pairing import kept
from geodns.control.pairing.content import content
from geodns.control.pairing.kept import Candidate, Whole
from geodns.control.state import StateError
from geodns.control.store import Store
from geodns.replication.pair.frames import Row
from geodns.replication.pair.standing import Epoch, Standing
from geodns.zone.serial import Known

_EPOCH = Epoch(1, "ns1")
_ZONES = [b"\x01a\x00", b"\x01b\x00"]
Sets = dict[tuple[bytes, bytes, int], RRset]


def _flat(written: Any) -> Sets:
    return {
        (zone, owner, type): rrset
        for zone, nodes in written.items()
        for owner, sets in nodes.items()
        for type, rrset in sets.items()
    }


@dataclass
class Both:
    """Two stores; ``had`` is all that the primary had, by number: the slow, obvious way."""

    folder: Path
    chance: random.Random
    had: dict[int, Sets] = field(default_factory=lambda: {0: {}})
    history: str = "one"
    generation: int = 0

    def __post_init__(self) -> None:
        self.primary, self.standby = self._open("primary"), self._open("standby")
        self.primary.pair.put(standing=Standing(_EPOCH, "primary").as_dict())

    def _open(self, name: str) -> Store:
        (self.folder / name).mkdir(exist_ok=True)
        return Store(self.folder / name)

    def write(self) -> None:
        zone, owner = self.chance.choice(_ZONES), bytes([1, self.chance.randrange(97, 101), 0])
        type, now = self.chance.choice([1, 16]), dict(self.had[max(self.had)])
        if self.chance.random() < 0.3 and (zone, owner, type) in now:
            self.primary.drop_written(zone, {owner: {type: now.pop((zone, owner, type))}})
        else:
            rdatas = tuple(self.chance.randbytes(3) for _ in range(self.chance.randrange(3)))
            now[zone, owner, type] = RRset(self.chance.randrange(100), rdatas)
            self.primary.keep_written(zone, {owner: {type: now[zone, owner, type]}})
        self.had[self.primary.pair.newest()] = now

    def send(self, most: int) -> None:
        """As ``Leading`` and ``Following`` do it, some of it."""
        position, pair = self.standby.pair.position(), self.primary.pair
        goes_on = position is not None and not position.copying
        if (
            not goes_on
            or position is None
            or position.history != self.history
            or not pair.reaches_from(position.number)
        ):
            self.copy()
            return
        rows = pair.logged(position.number, most)
        assert not rows or rows[0].number == position.number + 1
        self.standby.pair.keep_ahead(rows)

    def copy(self) -> None:
        """Everything, or the beginning of it."""
        self.standby.pair.begin_copy(self.history, _EPOCH)
        whole = Whole(self.folder / "primary")
        while rows := whole.next(2):
            self.standby.pair.keep_ahead(rows)
            if self.chance.random() < 0.1:
                whole.close()
                return
        self.standby.pair.end_copy(whole.number)
        whole.close()

    def use(self) -> None:
        """A generation of any number that has come, but none before the one in use."""
        position, pair = self.standby.pair.position(), self.standby.pair
        if position is None or position.copying:
            return
        whole = bool(pair.get("whole"))
        used = pair.get("generation") or {"number": 0}
        least = position.number if whole else min(used["number"], position.number)
        number = self.chance.randint(least, position.number)
        self.generation += 1
        serials = {zone.hex(): self.chance.randrange(2**32) for zone in _ZONES}
        candidate = Candidate(self.generation, Basis("own"), number, whole, serials, [])
        pair.put(candidate=candidate.as_dict())
        expected = self.had[max(n for n in self.had if n <= number)]
        made = content(self.folder / "standby", candidate=True)
        assert made.candidate == candidate
        assert _flat(made.written) == expected
        if self.chance.random() < 0.7:
            pair.take_over(candidate, 1.0)
            assert _flat(content(self.folder / "standby", candidate=False).written) == expected
            assert {zone.hex(): serial for zone, serial in pair.followed().items()} == serials
        else:
            pair.put(candidate=None)  # it was refused

    def crash(self) -> None:
        """Of either; what was kept is there."""
        if self.chance.random() < 0.5:
            self.primary.close()
            self.primary = self._open("primary")
        else:
            before = self.standby.pair.position()
            self.standby.close()
            self.standby = self._open("standby")
            assert self.standby.pair.position() == before

    def promote(self) -> None:
        """With all that came, in use or not."""
        position, pair = self.standby.pair.position(), self.standby.pair
        if position is None or position.copying:
            return
        pair.promote(Standing(Epoch(2, "ns2"), "primary"), Basis("own"), (), 0)
        expected = self.had[max(n for n in self.had if n <= position.number)]
        assert _flat(self.standby.written()) == expected
        assert pair.standing() == Standing(Epoch(2, "ns2"), "primary")


def test_random_histories(tmp_path: Path) -> None:
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        both = Both(folder, random.Random(seed))
        for _ in range(120):
            match both.chance.random():
                case x if x < 0.4:
                    both.write()
                case x if x < 0.7:
                    both.send(both.chance.randint(1, 5))
                case x if x < 0.93:
                    both.use()
                case x if x < 0.95:
                    both.copy()
                case _:
                    both.crash()
        both.promote()
        shutil.rmtree(folder)


def test_a_log_that_is_too_short_is_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.pair.put(standing=Standing(_EPOCH, "primary").as_dict())
    zone = _ZONES[0]
    many = {bytes([2, a, b, 0]): {1: RRset(1, (b"abcd",))} for a in range(110) for b in range(100)}
    store.keep_written(zone, many)
    assert store.pair.newest() == 11_000
    assert not store.pair.reaches_from(0)
    assert not store.pair.reaches_from(999)
    assert store.pair.reaches_from(1_000)
    assert store.pair.reaches_from(11_000)
    assert not store.pair.reaches_from(11_001)
    assert len(store.pair.logged(1_000, 20_000)) == kept.MOST_LOGGED


def test_a_server_that_is_alone_logs_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep_written(_ZONES[0], {b"\x01a\x00": {1: RRset(1, (b"abcd",))}})
    assert store.pair.newest() == 0
    assert store.pair.logged(0, 10) == []


def test_promotion_moves_serials_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep_serials({b"\x01a\x00": Known(5, b"x"), b"\x01b\x00": Known(2**32 - 50, b"y")})
    zones = (b"\x01a\x00", b"\x01b\x00")
    store.pair.promote(Standing(Epoch(2, "ns2"), "primary"), Basis("own"), zones, 100)
    rows = dict(store._database.execute("SELECT zone, serial FROM serials"))
    assert rows == {b"\x01a\x00": 105, b"\x01b\x00": 50}


def test_what_can_not_be_kept_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.pair.begin_copy("one", _EPOCH)
    store._database.execute("DROP TABLE ahead")
    with pytest.raises(StateError):
        store.pair.keep_ahead([Row(1, b"\0", b"\0", 1, 1, b"")])
