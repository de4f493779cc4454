"""Small random worlds for the health checks to watch."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from health_fakes import addresses, configuration

from geodns.config.settings import Configuration


class Watched(NamedTuple):
    """A target: the name of a check and an address."""

    check: str
    address: str


@dataclass(frozen=True)
class World:
    """What stands in the files; ``topology`` is region -> AZ -> service -> addresses."""

    topology: dict[str, dict[str, dict[str, list[str]]]]
    services: dict[str, Any]
    checks: dict[str, dict[str, Any]]
    health: dict[str, Any]

    def configuration(self) -> Configuration:
        return configuration(self.topology, self.services, self.checks, self.health)

    def endpoints(self) -> Iterator[tuple[str, str, str, tuple[Watched, ...]]]:
        """Of each: its id, AZ and region, and its targets (none: nothing checks it)."""
        for region, zones in self.topology.items():
            for az, endpoints in zones.items():
                for service, found in endpoints.items():
                    check = self.services[service].get("check")
                    watched = tuple(Watched(check, address) for address in found if check)
                    yield f"{service}@{az}", az, region, watched

    def without(self, az: str) -> World:
        """The same, where an AZ has no endpoints."""
        topology = {
            region: {name: {} if name == az else found for name, found in zones.items()}
            for region, zones in self.topology.items()
        }
        return World(topology, self.services, self.checks, self.health)

    def edited(self, name: str, **settings: Any) -> World:
        """The same with another setting of a check."""
        checks = deepcopy(self.checks)
        checks[name].update(settings)
        return World(self.topology, self.services, checks, self.health)

    def azs(self) -> list[str]:
        return [az for zones in self.topology.values() for az in zones]

    def addresses(self, az: str | None = None) -> list[str]:
        found = {
            address
            for zones in self.topology.values()
            for name, endpoints in zones.items()
            for end in endpoints.values()
            for address in end
            if az in {None, name}
        }
        return sorted(found)


def random_world(random: Random) -> World:
    """1 to 3 regions and services, 1 or 2 AZs in each region; some addresses are shared.

    A service needs only those further up.
    """
    checks = {f"c{number}": _check(random, number) for number in range(random.randint(1, 2))}
    services = {
        f"s{number}": _service(random, number, list(checks))
        for number in range(random.choice([1, 1, 2, 3]))
    }
    unused = iter(addresses(100))
    used: list[str] = [next(unused)]

    def some() -> list[str]:
        found = set()
        for _ in range(random.choice([1, 1, 1, 2])):
            address = random.choice(used) if random.random() < 0.15 else next(unused)
            used.append(address)
            found.add(address)
        return sorted(found)

    topology = {
        f"r{region}": {
            f"r{region}-{az}": {name: some() for name in services if random.random() < 0.8}
            for az in range(random.choice([1, 1, 2]))
        }
        for region in range(random.randint(1, 3))
    }
    return World(topology, services, checks, _health(random))


def _check(random: Random, number: int) -> dict[str, Any]:
    interval = random.choice([4.0, 8.0, 10.0])
    check = {
        "type": "tcp",
        "port": 80 + number,
        "interval": interval,
        "rise": random.choice([1, 1, 2, 3]),
        "fall": random.choice([1, 1, 2, 3, 4]),
    }
    return check | ({"fast_interval": interval / 4} if random.random() < 0.4 else {})


def _service(random: Random, number: int, checks: list[str]) -> dict[str, Any]:
    service: dict[str, Any] = {}
    if random.random() < 0.85:
        service["check"] = random.choice(checks)
    if number and random.random() < 0.4:
        service["needs"] = [f"s{random.randrange(number)}"]
    return service


def _health(random: Random) -> dict[str, Any]:
    def thresholds() -> dict[str, Any]:
        low, high = sorted(random.choice([0.0, 0.01, 0.4, 0.5, 0.8, 1.0]) for _ in range(2))
        hold = random.choice([0, 0, 7, 40])
        return {"withdraw_below": low, "restore_above": high, "hold": hold}

    recovery: dict[str, Any] = {
        "hold": random.choice([0, 0, 5, 20]),
        "slow_start": random.choice([0, 0, 3, 15]),
    }
    if random.random() < 0.5:
        recovery |= _damping(random)
    return {
        "availability_zone": thresholds(),
        "region": thresholds(),
        "recovery": recovery,
        "unknown": random.choice(["withhold", "withhold", "serve"]),
        "guard": {"mass_failure": "off"},  # it holds up verdicts for reasons of its own
    }


def _damping(random: Random) -> dict[str, Any]:
    """Penalties last from one failure to the next, and their ceiling is above ``suppress``."""
    half_life = random.choice([20, 60])
    return {
        "suppress": random.choice([1, 1.3, 1.6]),
        "reuse": random.choice([0.5, 0.9]),
        "half_life": half_life,
        "longest": half_life * 2,
    }
