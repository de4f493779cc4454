"""A resolver whose clients are known to be elsewhere is explained as the engine answers it."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dns.message
import pytest
from building import configuration, lines, query, three_places
from worlds import ChainWorld, written

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.explain.build import Given, explain
from geodns.explain.explanation import Explanation, HealthFinding
from geodns.explain.question import parse_question
from geodns.explain.whatif import Availabilities
from geodns.latency.resolvers import ResolverRow

RESOLVER = "10.9.8.7"


def explained(folder: Path, clients: dict[str, float], **asked: Any) -> Explanation:
    rows = (ResolverRow(ip_network("10.9.8.0/24"), clients),)
    settings = dataclasses.replace(configuration(folder), resolvers=rows)
    health = HealthFinding("assumed", "of no matter here")
    given = Given(settings, health, Availabilities(), three_places, lambda _: [])
    return explain(given, parse_question("www.example.test", "A", RESOLVER, **asked))


def test_a_resolvers_clients_count_instead_of_its_address(tmp_path: Path) -> None:
    found = explained(tmp_path, {"NA-US": 0.75, "AS-JP": 0.25}, resolver=True)
    assert found.choice is not None
    assert found.choice.region == "us"
    assert found.client is not None
    assert found.client.resolver_row == "10.9.8.0/24"
    assert [(part.client, part.share) for part in found.client.mixture] == [
        ("NA-US", 0.75),
        ("AS-JP", 0.25),
    ]
    assert found.ranking is not None
    assert found.ranking.prefix == "10.9.8.0/24"
    assert {unit.source for tier in found.ranking.tiers for unit in tier.units} == {
        "the mean over 2 places"
    }


def test_a_client_subnet_says_where_the_client_is_whatever_the_resolver(tmp_path: Path) -> None:
    found = explained(tmp_path, {"NA-US": 1.0}, resolver=False)
    assert found.choice is not None
    assert found.choice.region == "eu"
    assert found.client is not None
    assert found.client.resolver_row is None


@pytest.mark.parametrize("seed", range(8))
def test_random_chains_are_told_to_resolvers_as_the_engine_has_them(
    seed: int, tmp_path: Path
) -> None:
    world = ChainWorld(5000 + seed, tmp_path, (0.0, 0.4, 1.0, 1.0), branches=seed % 2 == 1)
    areas = ["EU-DE", "EU-FR", "NA-US", "AS-JP", "SA", "AS64500"]
    rows = []
    for prefix in dict.fromkeys(world.prefixes):
        first = world.random.choice([0.4, 0.7, 1.0])
        one, other = world.random.sample(areas, 2)
        rows.append(ResolverRow(prefix, {one: first, other: 1 - first} if first < 1 else {one: 1}))
    world.settings = dataclasses.replace(world.settings, resolvers=tuple(rows))
    image = compile_image(world.settings, world.locations)
    for _ in range(20):
        prefix = world.random.choice(world.prefixes or [ip_network("192.0.2.0/24")])
        address = str(prefix[world.random.randrange(prefix.num_addresses)])
        found = world.explain("www.example.test", "A", address, resolver=True)
        engine = Engine(image, Identity(), states=world.available.states(), stream=True)
        reply = engine.respond(query("www.example.test", "A", edns=True), address)
        assert written(found) == lines(dns.message.from_wire(reply or b"").answer)
        if found.ranking is not None and found.client is not None and rows:
            assert found.client.resolver_row == str(prefix)
