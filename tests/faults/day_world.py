"""The world of the day: a small topology whose state changes, and what may be answered when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped] # it ships no types
from running import SERVER

ZONE_NAME = "example.test."
HOSTS = 200  # names host-0 to host-199, the same for everyone
TEXTS = 12  # strings of the record set that is too large for UDP
# By AZ; the numbers of its region are the same, so that a mistake shows where a client was sent.
ADDRESSES = {
    "eu-a": "127.20.1.1",
    "eu-b": "127.20.1.2",
    "us-a": "127.20.2.1",
    "asia-a": "127.20.3.1",
}
# From near to far, by the centres of the countries.
NEAREST = {
    "DE": (("eu-a", "eu-b"), ("us-a",), ("asia-a",)),
    "US": (("us-a",), ("eu-a", "eu-b"), ("asia-a",)),
    "JP": (("asia-a",), ("eu-a", "eu-b"), ("us-a",)),
}
# Client networks by the second number of 20.x.0.0/16; those of MOVING change their country.
COUNTRIES = {1: "DE", 3: "US", 5: "JP"}
MOVING = 9


@dataclass(frozen=True)
class World:
    """What is true: the AZs in service, where the moving clients are, the text's edition."""

    up: frozenset[str] = frozenset(ADDRESSES)
    moving: str = "DE"
    edition: int = 0

    def country(self, network: int) -> str:
        """Where 20.``network``.0.0/16 is."""
        return COUNTRIES.get(network, self.moving)

    def addresses(self, network: int) -> frozenset[str]:
        """The right addresses for a client of 20.``network``.0.0/16."""
        for tier in NEAREST[self.country(network)]:
            found = frozenset(ADDRESSES[az] for az in tier if az in self.up)
            if found:
                return found
        raise AssertionError("a region is always up")


class History:
    """Which worlds an answer may come from, by time; a change takes time to reach every worker."""

    def __init__(self) -> None:
        self.now = World()
        self._lock = threading.Lock()
        self._entries: list[tuple[float, frozenset[World]]] = [(0.0, frozenset({self.now}))]

    @contextmanager
    def change(self, **fields: object) -> Iterator[None]:
        """Within, the old world and the new one are right; afterwards only the new one."""
        # The fields are those of World; replace() refuses others.
        after = replace(self.now, **fields)  # type: ignore[arg-type]
        self._add(frozenset({self.now, after}))
        yield
        self.now = after
        self._add(frozenset({after}))

    def between(self, begin: float, end: float) -> frozenset[World]:
        """The worlds that a query sent at ``begin`` and answered at ``end`` may have met."""
        with self._lock:
            entries = list(self._entries)
        found: frozenset[World] = frozenset()
        for since, worlds in reversed(entries):
            if since <= end:
                found |= worlds
            if since <= begin:
                break
        return found

    def _add(self, worlds: frozenset[World]) -> None:
        with self._lock:
            self._entries.append((time.monotonic(), worlds))


def host_address(number: int) -> str:
    """The address of host-``number``."""
    return f"10.7.{number // 250}.{number % 250 + 1}"


def files(port: int) -> dict[str, str]:
    """The configuration, for RunningServer; endpoints are checked at a port."""
    return {
        "geodns.yaml": server_file(0),
        "topology.yaml": _TOPOLOGY,
        "services.yaml": services_file(port),
        "zones/example.test.yaml": zone_file(0),
    }


def server_file(number: int) -> str:
    """The server's settings, with an identity that tells them apart."""
    settings = SERVER.replace("ns1.test", f"ns{number}.test")
    return settings + (
        "geoip: {databases: [places.mmdb]}\ntcp: {connections: 200, idle: 3s}\n"
        "log: {format: json}\n"
    )


def services_file(port: int) -> str:
    """Quick to see that nobody listens any more, and patient with a machine that is slow."""
    return (
        f"checks:\n  ok: {{type: tcp, port: {port}, interval: 200ms, timeout: 30s,"
        " rise: 1, fall: 2}\n"
        "services:\n  web: {steering: nearest, check: ok, ttl: 30s}\n"
        "health:\n  availability_zone: {withdraw_below: 50%, restore_above: 80%, hold: 0s}\n"
    )


def zone_file(edition: int) -> str:
    """The zone; ``edition`` is in a text that clients know to be current."""
    texts = ", ".join(f'"{number:03d}{"x" * 200}"' for number in range(TEXTS))
    hosts = "".join(
        f"host-{number}: {{type: A, ttl: 300, value: {host_address(number)}}}\n"
        for number in range(HOSTS)
    )
    return f"""\
"":
  - {{type: NS, ttl: 3600, values: [ns1.example.test.]}}
ns1: {{type: A, value: 127.0.0.1}}
www: {{type: GEO, service: web}}
alias: {{type: CNAME, ttl: 300, value: www.example.test.}}
"*.apps": {{type: GEO, service: web}}
"*.wild": {{type: A, ttl: 300, value: 192.0.2.99}}
edition: {{type: TXT, ttl: 60, value: "edition {edition}"}}
many: {{type: TXT, ttl: 300, values: [{texts}]}}
{hosts}"""


def write_database(file: Path, moving: str) -> None:
    """Where the client networks are, as a country database; replaces the file in one step."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    for network, country in {**COUNTRIES, MOVING: moving}.items():
        writer.insert_network(IPSet([f"20.{network}.0.0/16"]), {"country_code": country})
    fresh = file.with_name(f".{file.name}")  # a hidden file is nobody's configuration yet
    writer.to_db_file(str(fresh))
    fresh.replace(file)


def until(condition: Callable[[], object], what: str, patience: float = 120.0) -> None:
    """Waits for something that other processes bring about; ``what`` says it when they don't."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited for this in vain: {what}"
        time.sleep(0.05)


def _region(name: str, location: str, azs: list[str]) -> str:
    zones = "".join(f"      {az}: {{endpoints: {{web: [{ADDRESSES[az]}]}}}}\n" for az in azs)
    return f"  {name}:\n    location: {location}\n    availability_zones:\n{zones}"


_TOPOLOGY = "regions:\n" + "".join(
    (
        _region("eu", "[50.11, 8.68]", ["eu-a", "eu-b"]),
        _region("us", "[38.9, -77.45]", ["us-a"]),
        _region("asia", "[35.68, 139.69]", ["asia-a"]),
    )
)
