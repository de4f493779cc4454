"""Random services, clients and states: what all answers about one client must have in common."""

from __future__ import annotations

import itertools
import random
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.message
import pytest
from building import configuration, query, scope_of, three_places
from depth import many
from dns.rdtypes.svcbbase import ParamKey

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.answer.service import EndpointState, States

ZONE = """
"": {type: NS, value: ns.elsewhere.test.}
www: {type: GEO, service: web}
"""
TYPES = ("A", "AAAA", "HTTPS")
_BLOCKS = (5, 10, 20, 30)  # nowhere, Frankfurt, Virginia, Tokyo
_HINTS = {"A": ParamKey.IPV4HINT, "AAAA": ParamKey.IPV6HINT}

Answer = tuple[str, ...]


class World:
    """A random service over two to four regions, whose addresses are all different."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.kinds = self.random.choice(["4", "6", "44 46", "4 46", "4 6", "4 c", "46 6 c", "c"])
        regions = {f"r{n}": self._region(n) for n in range(self.random.randint(1, 4))}
        settings = configuration(
            folder, regions=regions, services={"web": self._service()}, zone=ZONE
        )
        self.ids = {
            f"web@{az}": content.endpoints["web"].addresses
            for region in settings.topology.regions.values()
            for az, content in region.availability_zones.items()
        }
        self.engine = Engine(compile_image(settings, three_places()), Identity())

    def _region(self, number: int) -> dict[str, Any]:
        azs = {
            f"r{number}-{az}": {"endpoints": {"web": self._endpoint(number, az)}}
            for az in range(self.random.randint(1, 2))
        }
        place = self.random.uniform(-60, 70), self.random.uniform(-180, 180)
        return {"location": place, "availability_zones": azs}

    def _endpoint(self, region: int, az: int) -> dict[str, Any]:
        kind = self.random.choice(self.kinds.split())
        if kind == "c":
            return {"cname": f"r{region}-{az}.cdn.test."}
        form = {"4": f"10.{region}.{az}.%d", "6": f"2001:db8:{region}:{az}::%d"}
        return {
            "addresses": [form[family] % n for n, family in enumerate(kind)],
            "weight": self.random.choice([0, 50, 100]),
        }

    def _service(self) -> dict[str, Any]:
        downs: list[Any] = ["serve_all", "nodata", {"cname": "sorry.test."}]
        downs += [{"addresses": ["192.0.2.9"]}, {"addresses": ["192.0.2.9", "2001:db8::9"]}]
        return {
            "steering": self.random.choice(["nearest", "nearest", "failover"]),
            "answers": self.random.choice([1, 1, 2, 3]),
            "when_down": self.random.choice(downs),
            "https": {},
        }

    def states(self) -> States:
        return {
            id: EndpointState(
                self.random.choice([0.0, 0.5, 1.0, 1.0]),
                frozenset(a.packed for a in addresses if self.random.random() < 0.2),
            )
            for id, addresses in self.ids.items()
            if self.random.random() < 0.7
        }

    def clients(self, count: int) -> list[int]:
        blocks = itertools.cycle(_BLOCKS)
        return [next(blocks) << 24 | self.random.getrandbits(24) for _ in range(count)]

    def ask(self, type: str, client: int) -> tuple[Answer, dict[str, Answer], int]:
        """(rdata as text, hints by family, scope)."""
        packet = query("www.example.test", type, subnet=f"{ip_address(client)}/32")
        reply = dns.message.from_wire(self.engine.respond(packet, "192.0.2.1") or b"")
        scope = scope_of(reply)
        assert scope is not None
        rdatas = tuple(str(rdata) for rrset in reply.answer for rdata in rrset)
        hints: dict[str, Answer] = dict.fromkeys(_HINTS, ())
        for rrset in reply.answer:
            for family, key in _HINTS.items():
                parameters = getattr(rrset[0], "params", {})
                if key in parameters:
                    hints[family] = tuple(map(str, parameters[key].addresses))
        return rdatas, hints, scope


@pytest.mark.parametrize("seed", many(12))
def test_the_answers_to_one_client_agree(seed: int, tmp_path: Path) -> None:
    world = World(seed, tmp_path)
    for client in world.clients(60):
        if world.random.random() < 0.1:
            world.engine.set_states(world.states())
        found = {type: world.ask(type, client)[0] for type in TYPES}
        aliases = {rdata for rdatas in found.values() for rdata in rdatas if rdata.endswith(".")}
        if aliases:
            # RFC 1034 3.6.2: an alias stands alone, and so it does for every type.
            assert set(found.values()) == {tuple(aliases)}
            continue
        _, hints, _ = world.ask("HTTPS", client)
        assert hints == {family: found[family] for family in _HINTS}
        assert bool(found["HTTPS"]) == bool(found["A"] or found["AAAA"])


@pytest.mark.parametrize("seed", many(6))
def test_all_clients_in_a_scope_get_its_answer(seed: int, tmp_path: Path) -> None:
    world = World(1000 + seed, tmp_path)
    world.engine.set_states(world.states())
    for client in world.clients(40):
        for type in TYPES:
            rdatas, _, scope = world.ask(type, client)
            low = client >> (32 - scope) << (32 - scope)
            high = low | ((1 << (32 - scope)) - 1)
            for other in (low, high, world.random.randint(low, high)):
                assert world.ask(type, other)[0] == rdatas, f"{ip_address(client)}/{scope}"


@pytest.mark.parametrize("seed", many(6))
def test_scope_0_is_for_what_no_state_makes_depend_on_the_client(seed: int, tmp_path: Path) -> None:
    world = World(2000 + seed, tmp_path)
    alike = dict.fromkeys(TYPES, True)
    scopes: dict[str, set[int]] = {type: set() for type in TYPES}
    ids = sorted(world.ids)
    subsets = [[id for n, id in enumerate(ids) if bits >> n & 1] for bits in range(1 << len(ids))]
    for down in world.random.sample(subsets, min(len(subsets), 24)):
        world.engine.set_states({id: EndpointState(0.0) for id in down})
        clients = world.clients(24)
        for type in TYPES:
            asked = [world.ask(type, client) for client in clients]
            same = len({rdatas for rdatas, _, _ in asked}) == 1
            alike[type] &= same
            found = {scope for _, _, scope in asked}
            scopes[type] |= found
            # RFC 7871 7.2.1: scope 0 says that the answer is suitable for all.
            assert same or 0 not in found
    for type in TYPES:
        if alike[type]:
            assert scopes[type] == {0}, (type, world.kinds)
