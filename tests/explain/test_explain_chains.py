"""Every filter's effect is told as the engine has it: random chains, and services of branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar

import dns.message
import dns.rdatatype
import pytest
from building import lines, query
from explain_worlds import World, written

from geodns.explain.explanation import EffectFinding, Explanation, TierFinding, UnitFinding

_CLIENTS = 60
_AREAS = ["default", "EU", "EU-DE", "NA", "AS", "AS64500"]
_POOLS = ("pool-a", "pool-b")


class ChainWorld(World):
    """The service ``web`` has a random chain; with ``branches`` it is made of two pools."""

    def __init__(
        self, seed: int, folder: Path, levels: tuple[float, ...], *, branches: bool = False
    ) -> None:
        self._branches = branches
        super().__init__(seed, folder, levels)

    def _services(self, regions: list[str]) -> dict[str, dict[str, Any]]:
        if not self._branches:
            return {"other": {}, "web": self._service(regions)}
        shares = {name: self.random.choice([0, 1, 3]) for name in _POOLS}
        outer = {"steering": self._chain(list(_POOLS), self._BRANCH_MAKERS), "branches": shares}
        pools = {name: {"steering": self._chain(regions, self._MAKERS)} for name in _POOLS}
        return {"other": {}, "web": {**super()._service(regions), **outer}, **pools}

    def _service(self, regions: list[str]) -> dict[str, Any]:
        return {**super()._service(regions), "steering": self._chain(regions, self._MAKERS)}

    def _endpoints(self, region: int, az: int) -> dict[str, Any]:
        found = super()._endpoints(region, az)
        if not self._branches:
            return found
        web = found.pop("web")
        for number, name in enumerate(_POOLS):
            if self.random.random() < 0.8 or (region, az) == (0, 1):
                address = f"10.{region}.{az}.{10 + number}"
                found[name] = {**web, "addresses": [address, f"2001:db8:{region}:{az}::{number}"]}
        return found

    def _chain(self, names: list[str], makers: list[Maker]) -> list[Any]:
        chosen = self.random.sample(makers, self.random.randint(1, 4))
        return [maker(self, names) for maker in chosen]

    def _some(self, names: list[str]) -> list[str]:
        return self.random.sample(names, self.random.randint(1, len(names)))

    def _rule(self) -> str:
        return self.random.choice([*_AREAS, *map(str, self.prefixes)])

    def _geofence(self, names: list[str]) -> Any:
        kinds = ({"only": self._some(names)}, {"never": self._some(names)})
        rules = {self._rule(): self.random.choice(kinds) for _ in range(2)}
        return {"geofence": {"rules": rules, "closed": self.random.random() < 0.7}}

    def _prefer(self, names: list[str]) -> Any:
        rules = {self._rule(): self._some(names) for _ in range(2)}
        return {"prefer": {"rules": rules, "only": self.random.random() < 0.3}}

    def _latency(self, _names: list[str]) -> Any:
        return {"latency": self.random.choice([{}, {"within": "30ms"}, {"within": "50%"}])}

    def _nearest(self, _names: list[str]) -> Any:
        return {"nearest": self.random.choice([{}, {"within": "3000km"}])}

    def _priority(self, names: list[str]) -> Any:
        return {"priority": {"of": {name: self.random.randint(1, 2) for name in names}}}

    def _failover(self, names: list[str]) -> Any:
        return {"failover": {"order": self._some(names)}}

    def _cost(self, names: list[str]) -> Any:
        return {"cost": {"of": {name: self.random.randint(1, 2) for name in names}, "within": 0.5}}

    def _weight(self, names: list[str]) -> Any:
        return {
            "weight": {"of": {name: self.random.choice([0, 1, 3]) for name in self._some(names)}}
        }

    def _limit(self, _names: list[str]) -> Any:
        return {"limit": {"tiers": self.random.randint(1, 3)}}

    def _trait(self, _names: list[str]) -> Any:
        return self.random.choice([{"spread": "region"}, {"sticky": "none"}, {"weight": "equal"}])

    _BRANCH_MAKERS: ClassVar[list[Maker]] = [_geofence, _prefer, _failover, _weight, _limit, _trait]
    _MAKERS: ClassVar[list[Maker]] = [*_BRANCH_MAKERS, _latency, _nearest, _priority, _cost]

    def endpoint_of(self, address: str) -> str:
        """The id of the endpoint that has an address."""
        return next(
            f"{service}@{az}"
            for region in self.settings.topology.regions.values()
            for az, zone in region.availability_zones.items()
            for service, endpoint in zone.endpoints.items()
            if ip_address(address) in endpoint.addresses
        )


Maker = Callable[[ChainWorld, list[str]], Any]


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


@pytest.mark.parametrize("seed", range(30))
def test_a_random_chain_is_told_as_the_engine_has_it(seed: int, tmp_path: Path) -> None:
    world = ChainWorld(1000 + seed, tmp_path, levels=(0.0, 0.4, 1.0, 1.0))
    for _ in range(_CLIENTS):
        check_client(world, world.client())


@pytest.mark.parametrize("seed", range(30))
def test_branches_with_random_chains_are_told_as_the_engine_has_them(
    seed: int, tmp_path: Path
) -> None:
    world = ChainWorld(2000 + seed, tmp_path, levels=(0.0, 0.4, 1.0, 1.0), branches=True)
    for _ in range(_CLIENTS):
        check_client(world, world.client())
