"""What is served while fuzzing: zones of all kinds, services of all kinds, changing states."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from building import TOPOLOGY, ZONE, image

from geodns.answer.cold import Identity
from geodns.answer.cookies import SECRET_BYTES, CookieJar
from geodns.answer.engine import Engine
from geodns.answer.image import Image
from geodns.answer.limits import Limiter, LimitRules
from geodns.answer.moment import Moment
from geodns.answer.service import EndpointState, States
from geodns.server.face import EngineOptions

IDENTITY = Identity("ns1.demo", "geodns 1")
NOW = 1_800_000_000
HOSTS = ("20.0.0.1", "10.1.2.3", "30.9.9.9", "198.51.100.1", "2001:db8:a::1", "::ffff:10.0.0.1")

_REGIONS: dict[str, Any] = {
    **TOPOLOGY,
    "sa": {
        "location": (-23.55, -46.63),
        "availability_zones": {
            "sa-a": {
                "endpoints": {
                    "web": {"addresses": ["192.0.2.31", "2001:db8::31"], "weight": 30},
                    "cdn": {"cname": "sa.cdn.example.net."},
                    "mixed": {"addresses": ["192.0.2.32"]},
                    "six": {"addresses": ["2001:db8::36"]},
                    "down-a": {"addresses": ["192.0.2.33"]},
                    "down-b": {"addresses": ["192.0.2.34"]},
                    "down-c": {"addresses": ["192.0.2.35"]},
                }
            },
            "sa-b": {
                "endpoints": {
                    "cdn": {"cname": "sb.cdn.example.net."},
                    "mixed": {"cname": "mixed.cdn.example.net."},
                    "six": {"addresses": ["2001:db8::37", "2001:db8::38"]},
                }
            },
        },
    },
}
_SERVICES: dict[str, Any] = {
    "web": {"steering": "nearest", "answers": 2},
    "cdn": {"steering": "nearest"},
    "mixed": {"steering": {"failover": {"order": ["sa-b", "sa-a"]}}},
    "six": {"steering": "nearest", "answers": 8},
    "down-a": {"steering": "nearest", "when_down": "nodata"},
    "down-b": {"steering": "nearest", "when_down": {"cname": "sorry.example.net."}},
    "down-c": {"steering": "nearest", "when_down": {"addresses": ["192.0.2.200"]}},
}
_MORE = r"""
cdn: {type: GEO, service: cdn}
mixed: {type: GEO, service: mixed}
six: {type: GEO, service: six, ttl: 0}
down-a: {type: GEO, service: down-a}
down-b: {type: GEO, service: down-b}
down-c: {type: GEO, service: down-c}
to-geo: {type: CNAME, ttl: 60, value: x.apps.example.test.}
srv: {type: SRV, ttl: 60, value: {priority: 1, weight: 1, port: 80, target: mail.example.test.}}
letters:
  - {type: HTTPS, ttl: 60, value: {svcpriority: 1, targetname: "."}}
  - {type: TYPE97, ttl: 60, value: '\# 2 0102'}
"""
_MASTERS = {
    # A child of another zone here, with a chain that goes on beside the wildcard.
    "served.example.test": """
@ 60 IN SOA ns1 admin 1 2 3 4 5
@ 60 IN NS ns1
ns1 60 IN A 192.0.2.53
* 60 IN CNAME deep.chain
deep.chain 60 IN DNAME target
target 60 IN NS ns.target
ns.target 60 IN AAAA 2001:db8::53
""",
    # A zone at a public suffix: hardly anything but cuts.
    "test": """
@ 60 IN SOA a.nic admin.nic 1 2 3 4 5
@ 60 IN NS a.nic
a.nic 60 IN A 192.0.2.60
example 60 IN NS ns1.example
ns1.example 60 IN A 192.0.2.53
other 60 IN NS ns.other
ns.other 60 IN A 192.0.2.61
other 60 IN DS 1 8 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766
""",
    # Aliases for everything, at the apex of a zone of one label.
    "alias": """
@ 60 IN SOA ns.test admin.test 1 2 3 4 5
@ 60 IN NS ns.test.
@ 60 IN DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.test.
""",
}
_FAILING = frozenset((bytes((192, 0, 2, 1)), bytes((192, 0, 2, 31))))
NAMES = (
    "www.example.test",
    "example.test",
    "x.y.apps.example.test",
    "both.example.test",
    "alias.example.test",
    "to-geo.example.test",
    "to-mail.example.test",
    "to-nothing.example.test",
    "to-outside.example.test",
    "loop-a.example.test",
    "empty.example.test",
    "x.wild.example.test",
    "sub.wild.example.test",
    "a.sub.wild.example.test",
    "x.child.example.test",
    "host.old.example.test",
    "many.example.test",
    "cdn.example.test",
    "mixed.example.test",
    "six.example.test",
    "down-a.example.test",
    "down-b.example.test",
    "down-c.example.test",
    "srv.example.test",
    "letters.example.test",
    "x.served.example.test",
    "y.deep.chain.served.example.test",
    "served.example.test",
    "other.test",
    "nothing.test",
    "www.alias",
    ".".join(["a" * 49] * 4) + ".alias",
    "id.server",
    "version.bind",
    ".",
    "elsewhere.invalid",
)


def states(number: int) -> States:
    """One of four situations: all is well, one AZ is down, ramps, nothing is up."""
    ids = [
        f"{service}@{az}"
        for region in _REGIONS.values()
        for az, zone in region["availability_zones"].items()
        for service in zone["endpoints"]
    ]
    if number == 0:
        return {}
    if number == 1:
        return {id: EndpointState(0.0) for id in ids if id.endswith(("eu-a", "sa-b"))}
    if number == 2:
        return {id: EndpointState(place % 4 / 3, _FAILING) for place, id in enumerate(ids)}
    return {id: EndpointState(0.0, _FAILING) for id in ids}


@cache
def world() -> Image:
    """The image; compiled once."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in _MASTERS.items():
            (Path(folder) / f"{name}.zone").write_text(f"$ORIGIN {name}.\n{text}")
        return image(Path(folder), regions=_REGIONS, services=_SERVICES, zone=ZONE + _MORE)


def options(*, stream: bool) -> EngineOptions:
    """What engines are made with here: all that EDNS has is on, and time stands still."""
    return EngineOptions(
        IDENTITY,
        accept_client_subnet=True,
        stream=stream,
        keepalive=100 if stream else None,
        cookies=CookieJar([bytes(SECRET_BYTES)]),
        moment=Moment(NOW),
    )


def engine(
    *, stream: bool = False, states: States | None = None, limits: LimitRules | None = None
) -> Engine:
    """An engine over the world that has seen nothing yet."""
    made = options(stream=stream)
    return Engine(
        world(),
        IDENTITY,
        stream=stream,
        states=states,
        keepalive=made.keepalive,
        cookies=made.cookies,
        limiter=Limiter(limits) if limits is not None else None,
        moment=made.moment,
    )
