"""An explanation says what the engine does: for random worlds, clients and availabilities."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from building import lines, scope_of
from depth import many
from worlds import World, written

from geodns.explain.explanation import Explanation

_CLIENTS = 120


@pytest.mark.parametrize("seed", many(8))
def test_answer_scope_tier_and_place_are_the_engines(seed: int, tmp_path: Path) -> None:
    world = World(seed, tmp_path, levels=(0.0, 1.0))
    for _ in range(_CLIENTS):
        client = world.client()
        name, type = world.random.choice(["www", "other", "x.apps"]), "A"
        if name != "other" and world.random.random() < 0.3:
            type = "AAAA"
        elif name != "other" and world.random.random() < 0.2:
            assert written(world.explain(f"{name}.example.test", "HTTPS", client)) == lines(
                world.answer(f"{name}.example.test", "HTTPS", client).answer
            )
        found = world.explain(f"{name}.example.test", type, client)
        reply = world.answer(f"{name}.example.test", type, client)
        assert written(found) == lines(reply.answer)
        if found.ranking is None:
            assert found.zone.kind == "nodata"
            assert scope_of(reply) == 0
            continue
        assert found.answer.scope == str(
            ip_network((client.partition("/")[0], scope_of(reply) or 0), strict=False)
        )
        assert found.choice is not None
        assert found.client is not None
        first = [tier for tier in found.ranking.tiers if tier.passed_over is None][:1]
        if found.choice.reason != "forced":
            assert {world.region_of(str(rr)) for rr in reply.answer[0]} == {first[0].name}
            assert found.choice.tier == found.choice.region == first[0].name
            assert first[0].reason == found.choice.reason
            assert first[0].share == pytest.approx(1.0)
        elif found.choice.region is None:
            assert first == []
            assert found.ranking.unserved == 1.0
        total = sum(tier.share for tier in found.ranking.tiers) + found.ranking.unserved
        assert total == pytest.approx(1.0)
        _check_place(world, found)


def _check_place(world: World, found: Explanation) -> None:
    assert found.client is not None
    network = ip_network(found.client.prefix)
    assert ip_address(found.client.address) in network
    for address in (network[0], network[-1]):
        assert world.place_of(address) == found.client.place
    assert found.ranking is not None
    if found.client.latency_row is not None and found.ranking.steering == "latency":
        sources = {unit.source for tier in found.ranking.tiers for unit in tier.units}
        assert sources == {f"latency table, row {found.client.latency_row}"}


@pytest.mark.parametrize("seed", many(4))
def test_shares_of_partly_available_tiers_add_up_and_pick_the_answer(
    seed: int, tmp_path: Path
) -> None:
    world = World(100 + seed, tmp_path, levels=(0.0, 0.3, 0.5, 1.0))
    for _ in range(_CLIENTS):
        client = world.client()
        found = world.explain("www.example.test", "A", client)
        reply = world.answer("www.example.test", "A", client)
        assert written(found) == lines(reply.answer)
        if found.ranking is None or found.choice is None:
            continue
        total = sum(tier.share for tier in found.ranking.tiers) + found.ranking.unserved
        assert total == pytest.approx(1.0)
        if found.choice.region is not None:
            assert found.choice.region == world.region_of(str(reply.answer[0][0]))
            best = [e for t in found.ranking.tiers for e in t.endpoints if e.share > 0]
            assert found.choice.endpoints[0] in {endpoint.id for endpoint in best}
