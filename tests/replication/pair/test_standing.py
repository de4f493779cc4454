"""Epochs of a pair: never two writers in one, and nothing that was copied is lost by a promotion.

Random histories of two or three nodes, with partitions, crashes and promotions, in steps. A node
here keeps standing, record sets and position on its disk, as ``control.pairing.kept`` does.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from geodns.replication.pair.standing import (
    Epoch,
    Standing,
    StandingError,
    at_first,
    follows,
    met,
    promoted,
    read_standing,
)

_HISTORIES = 1_000
_STEPS = 120


@dataclass
class Node:
    """``taken`` are the writes that it has on disk, ``copied`` the epoch that these are of."""

    name: str
    standing: Standing
    taken: tuple[int, ...] = ()
    copied: Epoch | None = None
    up: bool = True
    seen: list[Epoch] = field(default_factory=list)


@dataclass
class World:
    """What happened: who took writes in which epoch, and what a standby had of whom."""

    nodes: list[Node]
    chance: random.Random
    cut: set[frozenset[str]] = field(default_factory=set)
    writers: dict[Epoch, set[str]] = field(default_factory=dict)
    both_have: set[int] = field(default_factory=set)
    next_write: int = 0

    def write(self, node: Node) -> None:
        if node.up and node.standing.role == "primary":
            assert all(epoch <= node.standing.epoch for epoch in node.seen)
            self.writers.setdefault(node.standing.epoch, set()).add(node.name)
            node.taken = (*node.taken, self.next_write)
            self.next_write += 1

    def meet(self, one: Node, other: Node) -> None:
        if not (one.up and other.up) or frozenset((one.name, other.name)) in self.cut:
            return
        mine, theirs = one.standing, other.standing
        if self.chance.random() < 0.8:  # else the connection breaks after the first has heard
            other.standing = met(theirs, mine)
        one.standing = met(mine, theirs)
        for node, seen in ((one, theirs), (other, mine)):
            node.seen.append(seen.epoch if node.standing.epoch >= seen.epoch else Epoch(0, ""))
        if follows(one.standing, other.standing):
            self.copy(one, other)

    def copy(self, standby: Node, primary: Node) -> None:
        """All at once where it begins anew; else what came after, perhaps not all of it."""
        if standby.copied != primary.standing.epoch:
            standby.taken = primary.taken
            standby.copied = primary.standing.epoch
        else:
            missing = primary.taken[len(standby.taken) :]
            standby.taken += missing[: self.chance.randint(0, len(missing))]
        self.both_have.update(standby.taken)

    def promote(self, node: Node) -> None:
        if node.up and node.standing.role == "standby" and node.copied == node.standing.epoch:
            node.standing = promoted(node.standing, node.name)
            node.copied = None

    def step(self) -> None:
        one, other = self.chance.sample(self.nodes, 2)
        match self.chance.random():
            case x if x < 0.35:
                self.write(one)
            case x if x < 0.75:
                self.meet(one, other)
            case x if x < 0.82:
                self.promote(one)
            case x if x < 0.90:
                self.cut ^= {frozenset((one.name, other.name))}
            case _:
                one.up = not one.up


def _world(count: int, seed: int) -> World:
    names = [f"ns{number}" for number in range(1, count + 1)]
    nodes = [Node(name, at_first(name, "standby")) for name in names]
    nodes[0].standing = at_first(names[0], "primary")
    return World(nodes, random.Random(seed))


@pytest.mark.parametrize("count", [2, 3])
def test_never_two_nodes_write_in_one_epoch(count: int) -> None:
    promotions = 0
    for seed in range(_HISTORIES):
        world = _world(count, seed)
        for _ in range(_STEPS):
            world.step()
        assert all(len(names) == 1 for names in world.writers.values()), seed
        promotions += len(world.writers) - 1
    assert promotions > _HISTORIES / 2  # the histories do what they are for


def test_of_two_what_both_had_is_in_every_later_primary() -> None:
    for seed in range(_HISTORIES):
        world = _world(2, seed)
        for _ in range(_STEPS):
            world.step()
            latest = max(node.standing.epoch for node in world.nodes)
            for node in world.nodes:
                if node.standing == Standing(latest, "primary"):
                    assert world.both_have <= set(node.taken), seed


def test_two_that_meet_agree_on_one_primary_at_most() -> None:
    epochs = [Epoch(0, ""), Epoch(1, "ns1"), Epoch(1, "ns2"), Epoch(2, "ns1"), Epoch(2, "ns2")]
    standings = [Standing(epoch, role) for epoch in epochs for role in ("primary", "standby")]
    for mine in standings:
        for theirs in standings:
            after = met(mine, theirs), met(theirs, mine)
            if mine.epoch != theirs.epoch:
                assert sum(each.role == "primary" for each in after) <= 1
                assert after[0].epoch == after[1].epoch == max(mine.epoch, theirs.epoch)
            assert all(
                now.epoch >= was.epoch for was, now in zip((mine, theirs), after, strict=True)
            )


def test_an_epoch_is_above_all_that_was_seen() -> None:
    standing, names = at_first("ns1", "standby"), ("ns1", "ns2", "ns1")
    epochs = [(standing := promoted(standing, name)).epoch for name in names]
    assert all(one < other for one, other in pairwise(epochs))
    assert str(epochs[-1]) == "3 of ns1"


@pytest.mark.parametrize(
    "data",
    [None, {}, {"epoch": [1], "role": "primary"}, {"epoch": [True, "a"], "role": "primary"},
     {"epoch": [-1, "a"], "role": "standby"}, {"epoch": [1, "a"], "role": "boss"},
     {"epoch": [2**60, "a"], "role": "standby"}],
)  # fmt: skip
def test_what_is_no_standing_is_refused(data: object) -> None:
    with pytest.raises(StandingError):
        read_standing(data)


def test_a_standing_is_read_as_it_was_written() -> None:
    standing = Standing(Epoch(7, "ns2"), "standby")
    assert read_standing(standing.as_dict()) == standing
