"""Makes images and engines for tests from a few lines of configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.rrset
import numpy as np

from geodns.answer.compile import compile_image
from geodns.answer.image import Image
from geodns.config.dynamic import with_dynamic_records
from geodns.config.settings import Configuration, LatencyRow, Server, Services, Topology
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import merge_neighbours
from geodns.zone.load import load_zones

FRANKFURT = Place(50.11, 8.68, "EU", "DE")
VIRGINIA = Place(38.9, -77.45, "NA", "US")
TOKYO = Place(35.68, 139.76, "AS", "JP")

TOPOLOGY: dict[str, Any] = {
    "eu": {
        "location": (50.11, 8.68),
        "availability_zones": {
            "eu-a": {"endpoints": {"web": {"addresses": ["192.0.2.1", "2001:db8::1"]}}},
            "eu-b": {"endpoints": {"web": {"addresses": ["192.0.2.2", "2001:db8::2"]}}},
        },
    },
    "us": {
        "location": (38.9, -77.45),
        "availability_zones": {
            "us-a": {"endpoints": {"web": {"addresses": ["192.0.2.11"]}}},
        },
    },
    "jp": {
        "location": (35.68, 139.76),
        "availability_zones": {
            "jp-a": {"endpoints": {"web": {"addresses": ["192.0.2.21"]}}},
        },
    },
}

ZONE = """
"":
  - {type: NS, ttl: 3600, values: [ns1.example.test., ns2.elsewhere.test.]}
  - {type: SOA, ttl: 900, value: {mname: ns1.example.test., rname: admin.example.test., serial: 7,
     refresh: 3600, retry: 600, expire: 604800, minimum: 60}}
  - {type: MX, ttl: 300, values: [{preference: 10, exchange: mail.example.test.}]}
  - {type: GEO, service: web}
www: {type: GEO, service: web, ttl: 20}
"*.apps": {type: GEO, service: web}
both:
  - {type: GEO, service: web}
  - {type: TXT, ttl: 300, value: "beside"}
ns1: {type: A, ttl: 300, value: 192.0.2.53}
mail: {type: A, ttl: 300, value: 192.0.2.25}
alias: {type: CNAME, ttl: 300, value: www.example.test.}
to-mail: {type: CNAME, ttl: 300, value: mail.example.test.}
to-nothing: {type: CNAME, ttl: 300, value: nothing.example.test.}
to-outside: {type: CNAME, ttl: 300, value: www.elsewhere.test.}
loop-a: {type: CNAME, ttl: 300, value: loop-b.example.test.}
loop-b: {type: CNAME, ttl: 300, value: loop-a.example.test.}
deep.empty: {type: TXT, ttl: 300, value: "x"}
"*.wild": {type: A, ttl: 300, value: 192.0.2.99}
sub.wild: {type: TXT, ttl: 300, value: "cuts the wildcard"}
child:
  - {type: NS, ttl: 300, values: [ns.child.example.test., ns2.elsewhere.test.]}
ns.child: {type: A, ttl: 300, value: 192.0.2.54}
old: {type: DNAME, ttl: 300, value: new.example.test.}
host.new: {type: A, ttl: 300, value: 192.0.2.77}
many:
  type: TXT
  ttl: 300
  values: [MANY]
""".replace("MANY", ", ".join(f'"{number:03d}{"x" * 200}"' for number in range(12)))


def three_places() -> Locations:
    """10.0.0.0/8 and 2001:db8:a::/48 in Frankfurt, 20/8 in Virginia, 30/8 in Tokyo, else nowhere.

    Inside 10/8, 10.1.2.0/26 is in Tokyo: a range smaller than the subnets that share a slot.
    """
    boundaries = {
        0: 0,
        10 << 24: 1,
        0x0A010200: 3,
        0x0A010240: 1,
        11 << 24: 0,
        20 << 24: 2,
        21 << 24: 0,
        30 << 24: 3,
        31 << 24: 0,
    }
    v4 = Ranges(
        np.array(list(boundaries), np.uint32), None, np.array(list(boundaries.values()), np.int32)
    )
    high = [0, 0x20010DB8000A0000, 0x20010DB8000B0000]
    v6 = Ranges(np.array(high, np.uint64), np.zeros(3, np.uint64), np.array([0, 1, 0], np.int32))
    places = PlaceTable.of([NOWHERE, FRANKFURT, VIRGINIA, TOKYO])
    return Locations(merge_neighbours(v4), merge_neighbours(v6), places)


def configuration(
    folder: Path,
    *,
    regions: Mapping[str, Any] = TOPOLOGY,
    services: Mapping[str, Any] | None = None,
    zone: str = ZONE,
    rows: tuple[LatencyRow, ...] = (),
) -> Configuration:
    """A checked configuration with the zone example.test, written to a folder and read back."""
    made = services if services is not None else {"web": {"steering": "nearest"}}
    (folder / "example.test.yaml").write_text(zone)
    zones, problems, files = load_zones(folder, set(made))
    assert not [problem for problem in problems if problem.severity == "error"], problems
    read = Configuration(
        server=Server(),
        topology=Topology.model_validate({"regions": regions}),
        services=Services.model_validate({"services": made}),
        latency=rows,
        zones=zones,
        files=tuple(files),
    )
    whole, wrong = with_dynamic_records(read)
    assert not wrong
    return whole


def image(folder: Path, **settings: Any) -> Image:
    """The image of such a configuration over ``three_places``."""
    return compile_image(configuration(folder, **settings), three_places())


def query(
    name: str,
    type: str = "A",
    *,
    subnet: str | None = None,
    edns: bool = False,
    payload: int = 1232,
    options: tuple[dns.edns.Option, ...] = (),
) -> bytes:
    """A query's bytes; ``subnet`` as 10.0.0.0/24."""
    if subnet is not None:
        options = (*options, dns.edns.ECSOption.from_text(subnet))
    message = dns.message.make_query(
        name, type, use_edns=bool(edns or options), payload=payload, options=list(options)
    )
    message.id = 0x1234
    return message.to_wire()


def lines(sections: list[dns.rrset.RRset]) -> list[str]:
    """Each record as ``owner TTL type rdata``, in order."""
    return [
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in sections
        for rdata in rrset
    ]


def scope_of(message: dns.message.Message) -> int | None:
    """The scope prefix length of a reply's client subnet, None where it has none."""
    found = [option for option in message.options if isinstance(option, dns.edns.ECSOption)]
    return int(found[0].scopelen) if found else None
