"""A whole server copies zones from NSD, Knot DNS and BIND, follows changes, and outlives them."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import certificates
import dns.query
import dns.rcode
import dns.zone
import pytest
from keys import SECRET
from real_primaries import KEYS, NAMES, RealPrimary, Wanted, real_primary, write
from running import SERVER, RunningServer, free_port

pytestmark = pytest.mark.interop

ZONES: Mapping[str, str] = {"NSD": "nsd.test.", "Knot DNS": "knot.test.", "BIND": "bind.test."}
LISTED, CATALOG = "listed.test.", "catalog.invalid."
BY_HAND, CATALOG_BY_HAND = "by-hand.test.", "catalog-by-hand.invalid."
_PATIENCE = 60.0
_RECORDS = (
    "A 192.0.2.1",
    "A 192.0.2.2",
    "AAAA 2001:db8::1",
    "MX 10 mail",
    "MX 20 Elsewhere.TEST.",
    'TXT text "two strings"',
    'CAA 0 issue "ca.test"',
    "TYPE65280 \\# 3 abcdef",
)


def text(zone: str, serial: int) -> str:
    """A zone with random records, of which one is another with each serial."""
    chance = random.Random(zone)
    lines = [f"$ORIGIN {zone}\n@ 60 IN SOA ns1 hostmaster {serial} 3600 1 86400 60\n"]
    lines.append(f"@ 60 IN NS ns1\nns1 60 IN A 127.0.0.1\nlast 60 IN TXT {serial}\n")
    for n in range(20):
        rows = chance.sample(_RECORDS, chance.randrange(1, 5))
        ttl = chance.choice((30, 3600))
        lines += [f"n{n} {ttl} IN {row}\n" for row in rows]
    return "".join(lines)


def catalog(zone: str, member: str) -> str:
    """A catalog (RFC 9432) as people write one."""
    return (
        f"$ORIGIN {zone}\n@ 60 IN SOA invalid. invalid. 1 3600 1 86400 60\n@ 60 IN NS invalid.\n"
        f'version 60 IN TXT "2"\nm1.zones 60 IN PTR {member}\n'
    )


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class World:
    """The server under test, and three primaries."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.port = free_port()
        self.primaries: dict[str, RealPrimary] = {}
        self._folder = folder
        zones = ""
        for name in NAMES:
            where, port = folder / name.lower().replace(" ", "-"), free_port()
            where.mkdir()
            certificates.make().write(where)
            for zone in self.zones_of(name):
                write(where, zone, text(zone, 1))
            if name == "BIND":
                write(where, CATALOG_BY_HAND, catalog(CATALOG_BY_HAND, BY_HAND))
            self.primaries[name] = self.begin(name, where, port, stack)
            # One that does not answer stands before each.
            whom = [
                f"{{address: 127.0.0.1, port: {each}, key: {KEYS['hmac-sha256']}}}"
                for each in (free_port(), port)
            ]
            zones += f"    {ZONES[name]}: {{primaries: [{', '.join(whom)}]}}\n"
            if name == "Knot DNS":
                knot = whom[1]
        bind = self.primaries["BIND"]
        settings = f"""\
keys: {{{KEYS["hmac-sha256"]}: {{secret: "{SECRET}"}}}}
transfer: {{allow: [127.0.0.0/8]}}
secondary:
  zones:
{zones}\
  catalogs:
    {CATALOG}: {{primaries: [{knot}]}}
    {CATALOG_BY_HAND}:
      primaries:  # over TLS, and so are the zones that it lists
        - address: 127.0.0.1
          port: {bind.tls}
          key: {KEYS["hmac-sha256"]}
          tls: {{ca: {bind.folder}/certificate.pem}}
"""
        server = SERVER.replace("127.0.0.1:0", f"127.0.0.1:{self.port}", 1) + settings
        server = server.replace("workers: 2", "workers: 1")
        self.server = stack.enter_context(RunningServer(folder / "server", {"geodns.yaml": server}))

    def zones_of(self, name: str) -> tuple[str, ...]:
        """The zones that one of the programs serves."""
        others = {"Knot DNS": (LISTED,), "BIND": (BY_HAND,)}
        return (ZONES[name], *others.get(name, ()))

    def begin(self, name: str, folder: Path, port: int, stack: ExitStack) -> RealPrimary:
        """Start one of the programs."""
        zones = self.zones_of(name)
        if name == "BIND":
            zones += (CATALOG_BY_HAND,)
        wanted = Wanted(zones, self.port, CATALOG if name == "Knot DNS" else None)
        return stack.enter_context(real_primary(name, folder, port, free_port(), wanted))

    def serial(self, zone: str) -> int | None:
        """The serial that the server answers."""
        found = self.server.answer(zone, "SOA")
        return int(found[0].split()[2]) if found else None

    def copy(self, zone: str) -> dns.zone.Zone:
        """All of a zone that the server has."""
        copied = dns.zone.Zone(zone, relativize=False)
        host, port = self.server.tcp
        dns.query.inbound_xfr(host, copied, port=port, timeout=_PATIENCE)
        return copied

    def file(self, name: str, zone: str) -> dns.zone.Zone:
        """The same as its primary's file has it."""
        found = (self.primaries[name].folder / f"{zone}zone").read_text()
        return dns.zone.from_text(found, zone, relativize=False)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        made = World(tmp_path_factory.mktemp("world"), stack)
        for zone in (*ZONES.values(), LISTED, BY_HAND):
            _until(lambda zone=zone: made.serial(zone) is not None)  # type: ignore[misc]
        yield made


@pytest.mark.parametrize("name", NAMES)
def test_a_zone_is_copied_though_its_first_primary_is_silent(world: World, name: str) -> None:
    zone = ZONES[name]
    assert world.copy(zone) == world.file(name, zone)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_is_told_and_copied_by_what_has_changed(world: World, name: str) -> None:
    zone, primary = ZONES[name], world.primaries[name]
    for serial in (20, 21):
        world.server.skip_events()
        primary.write(zone, text(zone, serial))
        _until(lambda serial=serial: world.serial(zone) == serial)  # type: ignore[misc]
        assert world.copy(zone) == world.file(name, zone)
    received = world.server.wait_for("a zone was received", zone=zone)
    assert " from " in received["outcome"]


@pytest.mark.parametrize(
    ("name", "zone"), [("Knot DNS", LISTED), ("BIND", BY_HAND)], ids=["generated", "by hand, TLS"]
)
def test_a_zone_of_a_catalog_is_copied(world: World, name: str, zone: str) -> None:
    assert world.copy(zone) == world.file(name, zone)


def test_a_restart_without_primaries_answers_at_once(world: World) -> None:
    world.server.stop()
    for primary in world.primaries.values():
        os.kill(primary.server.pid, signal.SIGSTOP)
    try:
        world.server.start()
        serials = [world.serial(zone) for zone in (*ZONES.values(), LISTED, BY_HAND)]
        assert serials == [21, 21, 21, 1, 1]
    finally:
        for primary in world.primaries.values():
            os.kill(primary.server.pid, signal.SIGCONT)
