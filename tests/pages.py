"""Reads the examples of the pages on steering, makes engines from them, and asks these.

An example is what stands under one heading: the YAML of its files, each with the file's name in its
first line, and a table of clients, failures and answers. What an example leaves out is taken from
docs/steering/world.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network, ip_address
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import dns.message
import numpy as np
from building import query

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.answer.image import EndpointImage, Image, ServiceImage
from geodns.answer.service import EndpointState
from geodns.config.load import load
from geodns.config.settings import Configuration
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import merge_neighbours

DOCS = Path(__file__).parents[1] / "docs"
WORLD = DOCS / "steering" / "world.md"
NAME = "www.example.test"
TOLERANCE = 0.05
"""How far a share may be off: inside a tier, subnets are dealt out by a hash."""

_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```yaml\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADER = "| client | when | answer |"
_STRANGER = "198.51.100.1"
_FEW, _MANY = 64, 1024

Names = tuple[str, ...]
"""All names by which an address may be called: itself, endpoint, service, region, AZ."""


class Row(NamedTuple):
    """One line of a table of answers."""

    client: str
    when: str
    answer: str


@dataclass(frozen=True)
class Example:
    """What stands under one heading; ``files`` are texts by name."""

    title: str
    text: str
    files: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Row] = ()

    @property
    def anchor(self) -> str:
        """The fragment that GitHub and its like make of the heading."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")


class Client(NamedTuple):
    """A network of the world page, and where it is."""

    network: IPv4Network
    place: Place


def sections(page: Path) -> list[Example]:
    """Everything under a heading, in order."""
    text = page.read_text(encoding="utf-8")
    heads = list(_headings(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [
        _section(head[1], text[head.end() : end]) for head, end in zip(heads, ends, strict=True)
    ]


def examples(page: Path) -> list[Example]:
    """Those sections that have a table of answers."""
    return [section for section in sections(page) if section.rows]


def table(text: str, header: str) -> list[list[str]]:
    """The cells of a Markdown table's lines, without marks of code."""
    if header not in text:
        return []
    body = text.split(header + "\n", 1)[1].split("\n\n", 1)[0].strip()
    return [
        [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
        for line in body.splitlines()[1:]
    ]


def _headings(text: str) -> Iterator[re.Match[str]]:
    blocks = [match.span() for match in re.finditer(r"^```.*?^```", text, re.M | re.S)]
    for match in _HEADING.finditer(text):
        if not any(start <= match.start() < end for start, end in blocks):
            yield match


def _section(title: str, text: str) -> Example:
    files = {match[1]: match[2] for match in _BLOCK.finditer(text)}
    return Example(title, text, files, [Row(*cells) for cells in table(text, _HEADER)])


# --- the world ----------------------------------------------------------------------------------


@cache
def world() -> Mapping[str, str]:
    """The files that all examples share."""
    return {name: text for section in sections(WORLD) for name, text in section.files.items()}


@cache
def clients() -> Mapping[str, Client]:
    """The clients by name."""
    text = WORLD.read_text(encoding="utf-8")
    found = table(text, "| client | network | place | location | AS |")
    return {cells[0]: _client(cells) for cells in found}


def _client(cells: Sequence[str]) -> Client:
    _, network, place, location, asn = cells
    if not place:
        return Client(IPv4Network(network), NOWHERE)
    continent, country, *subdivision = place.split("-")
    latitude, longitude = map(float, location.split(","))
    return Client(
        IPv4Network(network),
        Place(
            latitude,
            longitude,
            continent,
            country,
            subdivision[0] if subdivision else None,
            asn=int(asn.removeprefix("AS")),
        ),
    )


@cache
def locations() -> Locations:
    """Where the clients are; everybody else is nowhere."""
    places = [NOWHERE]
    boundaries = {0: 0}
    for client in clients().values():
        places.append(client.place)
        start = int(client.network.network_address)
        boundaries[start] = len(places) - 1
        boundaries.setdefault(start + client.network.num_addresses, 0)
    ordered = sorted(boundaries.items())
    v4 = Ranges(
        np.array([start for start, _ in ordered], np.uint32),
        None,
        np.array([number for _, number in ordered], np.int32),
    )
    v6 = Ranges(np.zeros(1, np.uint64), np.zeros(1, np.uint64), np.zeros(1, np.int32))
    return Locations(merge_neighbours(v4), v6, PlaceTable.of(places))


# --- an example as a server -----------------------------------------------------------------------


class Served(NamedTuple):
    """An example's configuration and image."""

    configuration: Configuration
    image: Image


def serve(example: Example, folder: Path) -> Served:
    """Loads an example as the server does. Fails on any finding, warnings too."""
    files = {**world(), **example.files}
    if "branches:" in files["services.yaml"] and "topology.yaml" not in example.files:
        files["topology.yaml"] = files["pools.yaml"]
    if "latency.yaml" in example.files:
        files["geodns.yaml"] += "latency: [latency.yaml]\n"
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    configuration, problems = load(folder / "geodns.yaml")
    assert problems == (), "\n".join(map(str, problems))
    return Served(configuration, compile_image(configuration, locations()))


def check(served: Served, row: Row) -> None:
    """Asks as a row says. Fails where the answers are others than it states."""
    service = _service(served.image)
    engine = Engine(
        served.image,
        Identity("ns1"),
        accept_client_subnet=served.configuration.server.client_subnet.accept,
        states=_states(service, row.when),
    )
    exact = "%" not in row.answer and " of " not in row.answer
    queries = islice(_queries(row.client), _FEW if exact else _MANY)
    _compare(list(_answers(engine, queries, service)), row.answer)


def _service(image: Image) -> ServiceImage:
    return next(service for service in image.services if service.name == "web")


def _states(service: ServiceImage, when: str) -> dict[str, EndpointState]:
    """``us-east-1 down, web@us-west-2a at 40%, us-west-2b weighs 25%`` by endpoint."""
    availability: dict[str, float] = {}
    factor: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in when.split(","))):
        match = re.fullmatch(r"(\S+) (?:(down)|at (\d+)%|weighs (\d+)%)", part)
        assert match is not None, f"not understood: {part}"
        ids = [endpoint.id for endpoint in service.endpoints if match[1] in _names(endpoint)]
        assert ids or match[1] == "everything", f"nothing is called {match[1]}"
        for id in ids or [endpoint.id for endpoint in service.endpoints]:
            if match[4]:
                factor[id] = int(match[4]) / 100
            else:
                availability[id] = 0.0 if match[2] else int(match[3]) / 100
    return {
        id: EndpointState(availability.get(id, 1.0), factor=factor.get(id, 1.0))
        for id in {**availability, **factor}
    }


def _names(endpoint: EndpointImage) -> tuple[str, ...]:
    service = endpoint.id.partition("@")[0]
    return endpoint.id, service, endpoint.region, endpoint.availability_zone


def _queries(client: str) -> Iterator[tuple[bytes, str]]:
    """Queries, each with the address that sends it.

    ``Berlin``, ``Berlin, AAAA``, ``Berlin through a resolver in Osaka``, ``a resolver in Osaka``,
    ``one subnet of Berlin``.
    """
    words, _, type = client.partition(", ")
    only_one = words.startswith("one subnet of ")
    words = words.removeprefix("one subnet of ")
    where, _, resolver = words.rpartition("a resolver in ")
    if not resolver or (not where and words != f"a resolver in {resolver}"):
        where, resolver = words, ""
    where = where.removesuffix(" through ").strip()
    host = str(clients()[resolver].network[53]) if resolver else _STRANGER
    if not where:
        while True:
            yield query(NAME, type or "A"), host
    subnets = list(clients()[where].network.subnets(new_prefix=24))
    # RFC 7871 6: the prefix is the last thing in the packet.
    head = query(NAME, type or "A", subnet=str(subnets[0]))[:-3]
    while True:
        for subnet in subnets[:1] if only_one else subnets:
            yield head + subnet.network_address.packed[:3], host


def _answers(
    engine: Engine, queries: Iterator[tuple[bytes, str]], service: ServiceImage
) -> Iterator[list[Names]]:
    """What each query is answered; replies that differ only in the client subnet are read once."""
    known: dict[bytes, list[Names]] = {}
    for packet, host in queries:
        reply = engine.respond(packet, host)
        assert reply is not None
        key = reply.removesuffix(packet[-3:])
        if key not in known:
            known[key] = _named(dns.message.from_wire(reply), service)
        yield known[key]


# --- comparing ------------------------------------------------------------------------------------


def _named(reply: dns.message.Message, service: ServiceImage) -> list[Names]:
    by_text: dict[str, Names] = {}
    for endpoint in service.endpoints:
        for _, packed in (*endpoint.v4, *endpoint.v6):
            text = str(ip_address(packed))
            by_text[text] = (text, *_names(endpoint))
    rdatas = [str(rdata) for rrset in reply.answer for rdata in rrset]
    return [by_text.get(text, (text,)) for text in rdatas]


def _compare(answers: Sequence[list[Names]], stated: str) -> None:
    if stated == "no data":
        assert not any(answers), answers[0]
    elif stated == "the same each time":
        assert answers[0]
        assert all(answer == answers[0] for answer in answers)
    elif match := re.fullmatch(r"(\d+) of (.+)", stated):
        _compare_several(answers, int(match[1]), match[2].split(", "))
    elif " and " in stated:
        _compare_together(answers, stated.split(" and "))
    else:
        _compare_shares(answers, stated)


def _compare_several(answers: Sequence[list[Names]], number: int, labels: Sequence[str]) -> None:
    seen: set[str] = set()
    for answer in answers:
        assert len({names[0] for names in answer}) == number == len(answer), answer
        labelled = [_label(names, labels) for names in answer]
        if len(labels) >= number:
            assert len(set(labelled)) == number, f"{labelled} repeats one"
        seen.update(labelled)
    assert seen == set(labels)


def _compare_together(answers: Sequence[list[Names]], labels: Sequence[str]) -> None:
    for answer in answers:
        assert sorted(_label(names, labels) for names in answer) == sorted(labels)


def _compare_shares(answers: Sequence[list[Names]], stated: str) -> None:
    shares: dict[str, float] = {}
    for part in stated.split(", "):
        match = re.fullmatch(r"(?:CNAME )?(\S+?)(?: (\d+)%)?", part)
        assert match is not None, f"not understood: {part}"
        shares[match[1]] = int(match[2]) / 100 if match[2] else 1.0
    assert abs(sum(shares.values()) - 1) < 0.02, f"these shares are no whole: {stated}"
    counted = Counter(
        _label(answer[0], list(shares)) if answer else "no data" for answer in answers
    )
    for label, share in shares.items():
        found = counted[label] / len(answers)
        assert abs(found - share) <= (TOLERANCE if share < 1 else 0), f"{dict(counted)}"


def _label(names: Names, labels: Sequence[str]) -> str:
    """The label that an address has; its own address where it has none."""
    return next((label for label in labels if label in names), " = ".join(names))
