"""What is compiled from a former image is what is compiled from nothing, whatever has changed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.name
import dns.rdataclass
import dns.rdatatype
import pytest
from running import SERVER, SERVICES, TOPOLOGY

from geodns.answer.digest import digest_of
from geodns.answer.image import GEO, Image, RRset, ZoneImage
from geodns.answer.names import suffixes
from geodns.answer.store import bases_of, read_image
from geodns.answer.stored import stored_zones
from geodns.config.load import load
from geodns.control.compiler import compile_to
from geodns.control.outcome import Compiled, Loaded, Message
from geodns.control.store import Store
from geodns.control.updated_zones import updated_nodes
from geodns.replication.comparing import changes
from geodns.replication.difference import unpacked
from geodns.zone.wire import Sets, sets_of

_APEX = dns.name.from_text("example.test.").to_digestable()
_NAMES = [*(f"h{n}" for n in range(40)), "a.b", "c.a.b", "b", "x.h1", "y.x.h1", "d.e.f", "www", "@"]
_PADDING = "; to be read in bulk, a file has to be large\n" * 6000
_SOA_RDATA = b"\x03ns1" + _APEX + b"\x01h" + _APEX


def _wire(text: str, type: str) -> bytes:
    rdtype = dns.rdatatype.from_text(type)
    origin = dns.name.from_text("example.test.")
    made = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, origin, relativize=False)
    return made.to_wire() or b""


class _World:
    """A configuration with a large zone, its state, and the image in use."""

    def __init__(self, folder: Path, seed: int, *, padded: bool) -> None:
        self.choices = random.Random(seed)
        self.folder = folder
        self.serial = 10
        self.padded = padded
        self.lines = {f"h{n}": f"h{n} A 10.0.{n >> 8}.{n & 255}" for n in range(1005)}
        self.lines |= {"a.b": "a.b TXT text", "www": "www GEO web", "y.x.h1": "y.x.h1 CNAME h2"}
        (folder / "zones").mkdir()
        (folder / "var").mkdir()
        (folder / "geodns.yaml").write_text(SERVER + "transfer: {allow: [127.0.0.0/8]}\n")
        (folder / "topology.yaml").write_text(TOPOLOGY)
        (folder / "services.yaml").write_text(SERVICES)
        self.store = Store(folder / "var")
        self.former: int | None = None
        self.write()

    def write(self) -> None:
        self.serial += 1
        head = (
            f"$TTL 300\n@ SOA ns1 h {self.serial} 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.9\n"
        )
        lines = "\n".join(self.lines.values())
        text = head + lines + "\n" + (_PADDING if self.padded else "")
        (self.folder / "zones" / "example.test.zone").write_text(text)

    def change(self) -> None:
        what = self.choices.choice(["nothing", "edit", "update", "update", "update", "service"])
        if what == "edit":
            name = self.choices.choice(_NAMES[:-2])
            if name in self.lines and self.choices.random() < 0.5:
                del self.lines[name]
            else:
                self.lines[name] = f"{name} A 192.0.2.{self.choices.randrange(250)}"
            self.write()
        elif what == "service":
            ttl = self.choices.randrange(1, 100)
            also = "  other: {steering: nearest}\n" if ttl % 2 else ""
            services = f"services:\n{also}  web: {{steering: nearest, ttl: {ttl}s}}\n"
            (self.folder / "services.yaml").write_text(services)
        elif what == "update":
            self._update()

    def _update(self) -> None:
        sets: dict[bytes, dict[int, RRset]] = {}
        for name in self.choices.sample(_NAMES, self.choices.randrange(1, 6)):
            owner = dns.name.from_text(name, dns.name.from_text("example.test.")).to_digestable()
            type, text = self.choices.choice([("A", "192.0.2.7"), ("TXT", "new"), ("CNAME", "h3")])
            if owner == _APEX:
                type, text = "TXT", "at the apex"
            if self.choices.random() < 0.5:
                sets[owner] = {type: RRset(60, ()) for type in (1, 5, 16)}
            else:
                number = int(dns.rdatatype.from_text(type))
                sets[owner] = {number: RRset(60, (_wire(text, type),))}
        self.store.keep_written(_APEX, sets)

    def compile(self, former: int | None) -> tuple[int, Loaded, Compiled]:
        image = os.memfd_create("image")
        told: list[Message] = []
        compile_to(self.folder / "geodns.yaml", image, told.append, {}, former)
        assert isinstance(told[0], Loaded), told
        assert isinstance(told[-1], Compiled), told
        return image, told[0], told[-1]


def _content(image: int) -> dict[bytes, Any]:
    """By apex, what is answered and what is transferred."""
    found = {}
    with os.fdopen(os.dup(image), "rb") as file:
        zones = read_image(file).zones
        for stored in stored_zones(file):
            zone = zones[stored.apex]
            nodes = {owner: node for piece in stored.nodes() for owner, node in piece.items()}
            assert nodes == dict(zone.nodes)
            assert next(iter(nodes)) == stored.apex
            for owner in (*list(nodes)[:20], b"\x04none" + stored.apex):
                assert stored.answered(owner) == nodes.get(owner, {})
                assert owner in zone.nodes or owner not in nodes
            assert len(zone.nodes) == len(nodes)
            transferred = {o: n for piece in stored.transferred() for o, n in piece.items()}
            found[stored.apex] = (nodes, zone.negative_ttl, zone.access, transferred)
    return found


def _in_the_long_way(world: _World) -> dict[bytes, Sets]:
    """What is answered but for GEO names and the SOA, with nothing in bulk or in layers."""
    configuration, _ = load(world.folder / "geodns.yaml")
    (zone,) = configuration.zones
    written = world.store.written().get(_APEX, {})
    nodes, _ = updated_nodes(dict(zone.nodes), written)
    found: dict[bytes, Sets] = {}
    for name, node in nodes.items():
        owner = name.to_digestable()
        found[owner] = sets_of(node)
        for above in suffixes(owner)[1:]:
            if len(above) > len(_APEX):
                found.setdefault(above, {})
    del found[_APEX][6]
    return found


def _without_services(nodes: dict[bytes, Any]) -> dict[bytes, Any]:
    return {
        owner: {
            type: each
            for type, each in node.items()
            if isinstance(each, RRset) and (owner, type) != (_APEX, 6)
        }
        for owner, node in nodes.items()
    }


def _records(change: Any) -> Any:
    difference = unpacked(_APEX, change.content)
    return change.since, change.until, set(difference.removed), set(difference.added)


def _whole(content: dict[bytes, Any]) -> Image:
    zones = {a: ZoneImage(a, n, t, x, transferred=tr) for a, (n, t, x, tr) in content.items()}
    return Image(zones, (), ())


@pytest.fixture(params=[1, 2, 3])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_World]:
    made = _World(tmp_path, request.param, padded=request.param > 1)
    yield made
    made.store.close()


def test_each_compile_gives_what_one_from_nothing_gives(world: _World) -> None:
    hidden = 0
    image, loaded, compiled = world.compile(None)
    for _ in range(10):
        world.store.keep_serials(compiled.serials, {})
        world.change()
        from_nothing, first, expected = world.compile(None)
        fresh, loaded, compiled = world.compile(image)
        content = _content(from_nothing)
        assert _content(fresh) == content
        assert _without_services(content[_APEX][0]) == _in_the_long_way(world)
        assert compiled.serials == expected.serials
        plain = _whole(content).zones[_APEX]
        names = list(loaded.configuration.services.services)
        assert digest_of(plain, names) == compiled.serials[_APEX].digest
        assert loaded.zones == first.zones
        assert loaded.warnings == first.warnings
        assert loaded.ttls == first.ttls
        found = {apex: _records(each) for apex, each in compiled.changes.items()}
        known = changes(image, _whole(content), [_APEX], 1 << 20)
        assert found == {apex: _records(each) for apex, each in known.items()}
        hidden += any(problem.id == "update-hidden" for problem in loaded.warnings)
        os.close(from_nothing)
        os.close(image)
        image = fresh
    os.close(image)


def test_what_has_not_changed_is_not_read_into_a_worker_again(world: _World) -> None:
    first, _, compiled = world.compile(None)
    world.store.keep_serials(compiled.serials, {})
    world._update()
    second, _, _ = world.compile(first)
    with os.fdopen(first, "rb") as former, os.fdopen(second, "rb") as later:
        before = read_image(former)
        after = read_image(later, bases_of(before))
    assert after.zones[_APEX].nodes.base is before.zones[_APEX].nodes.base  # type: ignore[attr-defined]
    assert GEO in after.zones[_APEX].nodes[b"\x03www" + _APEX]
