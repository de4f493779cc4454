"""Every filter's effect is told as the engine has it: random chains, and services of branches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rdatatype
import pytest
from building import lines, query
from depth import many
from worlds import ChainWorld, written

from geodns.explain.explanation import EffectFinding, Explanation, TierFinding, UnitFinding

_CLIENTS = 60


def units_of(found: Explanation) -> Iterator[UnitFinding]:
    assert found.ranking is not None
    for tier in found.ranking.tiers:
        yield from tier.all_units()


def all_tiers(tiers: tuple[TierFinding, ...]) -> Iterator[TierFinding]:
    for tier in tiers:
        yield tier
        for branch in tier.branches:
            yield from all_tiers(branch.tiers)


def check_removed(found: Explanation) -> None:
    """Who never serves the client is told, with the filter that says so; nobody else is."""
    assert found.ranking is not None
    for unit in units_of(found):
        assert all(effect.tier is not None for effect in unit.effects), unit
    for unit in found.ranking.removed:
        assert any(effect.tier is None for effect in unit.effects), unit
        assert unit.share == 0
    ids = [e.id for unit in (*units_of(found), *found.ranking.removed) for e in unit.endpoints]
    assert len(ids) == len(set(ids))


def check_order(found: Explanation) -> None:
    """The tiers that the last filter leaves units in are those of the ranking, in its order."""
    assert found.ranking is not None
    by_service: dict[str, list[EffectFinding]] = {}
    for unit in units_of(found):
        own = [effect for effect in unit.effects if effect.branch is None]
        by_service.setdefault(unit.service, []).extend(own[-1:])
    for effects in by_service.values():
        numbers = [effect.tier for effect in effects if effect.tier is not None]
        if len({effect.filter for effect in effects}) == 1:
            assert numbers == sorted(numbers)


def check_shares(found: Explanation) -> None:
    """What tiers take adds up, and so does what units and branches take of it."""
    assert found.ranking is not None
    total = sum(tier.share for tier in found.ranking.tiers) + found.ranking.unserved
    assert total == pytest.approx(1.0)
    for tier in all_tiers(found.ranking.tiers):
        parts = [unit.share for unit in tier.units] + [each.share for each in tier.branches]
        assert sum(parts) == pytest.approx(tier.share)
        assert (tier.reason is not None) or tier.share == 0


def check_choice(world: ChainWorld, found: Explanation, reply: dns.message.Message) -> None:
    """The endpoints of the choice are those of the reply, in its order, and in the tier told."""
    assert found.ranking is not None
    assert found.choice is not None
    if found.choice.region is None:
        assert found.choice.branches == ()
        return
    answered = [world.endpoint_of(str(rr)) for rr in reply.answer[0]]
    assert list(found.choice.endpoints) == list(dict.fromkeys(answered))
    tiers, within = found.ranking.tiers, found.choice.branches
    for branch in within:
        tiers = next(each.tiers for tier in tiers for each in tier.branches if each.name == branch)
    chosen = next(tier for tier in tiers if tier.name == found.choice.tier)
    assert set(answered) <= {endpoint.id for endpoint in chosen.endpoints}
    assert chosen.reason is not None


def check_client(world: ChainWorld, client: str) -> None:
    found = world.explain("www.example.test", "A", client)
    # Answers that take turns differ from one query to the next: what is told is the first.
    reply = dns.message.from_wire(
        world.fresh_engine().respond(query("www.example.test", "A", subnet=client), "192.0.2.1")
        or b""
    )
    assert written(found) == lines(reply.answer)
    if found.ranking is None:
        return
    check_removed(found)
    check_order(found)
    check_shares(found)
    check_choice(world, found, reply)


@pytest.mark.parametrize("seed", many(6))
def test_a_random_chain_is_told_as_the_engine_has_it(seed: int, tmp_path: Path) -> None:
    world = ChainWorld(1000 + seed, tmp_path, levels=(0.0, 0.4, 1.0, 1.0))
    for _ in range(_CLIENTS):
        check_client(world, world.client())


@pytest.mark.parametrize("seed", many(6))
def test_branches_with_random_chains_are_told_as_the_engine_has_them(
    seed: int, tmp_path: Path
) -> None:
    world = ChainWorld(2000 + seed, tmp_path, levels=(0.0, 0.4, 1.0, 1.0), branches=True)
    for _ in range(_CLIENTS):
        check_client(world, world.client())
