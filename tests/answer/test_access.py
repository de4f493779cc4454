"""Access lists: who is answered and who is refused, zone by zone."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import dns.edns
import dns.flags
import dns.message
import pytest
from building import ZONE, query, three_places
from hypothesis import given
from hypothesis import strategies as st

from geodns.answer.access import Access
from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.answer.store import read_image, write_image
from geodns.config.settings import Configuration, Server, Services, Topology
from geodns.zone.load import load_zones

_INSIDE, _OUTSIDE = "10.9.9.9", "192.0.2.200"
_OPEN = """
"":
  - {type: NS, ttl: 300, values: [ns1.open.test.]}
ns1: {type: A, ttl: 300, value: 192.0.2.53}
to-secret: {type: CNAME, ttl: 300, value: mail.example.test.}
mx: {type: MX, ttl: 300, values: [{preference: 1, exchange: mail.example.test.}]}
"""
_CHILD = """
"":
  - {type: NS, ttl: 300, values: [ns1.open.test.]}
inner: {type: A, ttl: 300, value: 192.0.2.60}
"""


@pytest.fixture
def engine_with(tmp_path: Path) -> Callable[..., Engine]:
    """An engine with these access lists over example.test, kid.example.test and open.test."""

    def make(allow_query: dict[str, Any], *, stream: bool = False) -> Engine:
        zones = {"example.test": ZONE, "kid.example.test": _CHILD, "open.test": _OPEN}
        for name, text in zones.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        loaded, _, files = load_zones(tmp_path, {"web"})
        endpoints = {"eu-a": {"endpoints": {"web": {"addresses": ["192.0.2.1"]}}}}
        region = {"location": (50.11, 8.68), "availability_zones": endpoints}
        configuration = Configuration(
            server=Server.model_validate({"allow_query": allow_query}),
            topology=Topology.model_validate({"regions": {"eu": region}}),
            services=Services.model_validate({"services": {"web": {"steering": "nearest"}}}),
            latency=(),
            zones=loaded,
            files=tuple(files),
        )
        with (tmp_path / "image").open("w+b") as file:
            write_image(compile_image(configuration, three_places()), file)
            image = read_image(file)
        return Engine(image, Identity(), stream=stream)

    return make


def _ask(engine: Engine, packet: bytes, host: str) -> dns.message.Message:
    reply = engine.respond(packet, host)
    assert reply is not None
    return dns.message.from_wire(reply)


def _rcode(engine: Engine, name: str, host: str, **more: Any) -> str:
    return _ask(engine, query(name, **more), host).rcode().name


_TEN = {"zones": {"example.test.": ["10.0.0.0/8", "2001:db8::/32"]}}


@pytest.mark.parametrize(
    ("allow", "name", "host", "rcode"),
    [
        ({}, "mail.example.test", _OUTSIDE, "NOERROR"),
        ({"default": "none"}, "mail.example.test", _OUTSIDE, "REFUSED"),
        ({"default": ["10.0.0.0/8"]}, "mail.example.test", _INSIDE, "NOERROR"),
        ({"default": ["10.0.0.0/8"]}, "ns1.open.test", _OUTSIDE, "REFUSED"),
        ({"default": "none", "zones": {"open.test.": "any"}}, "ns1.open.test", _OUTSIDE, "NOERROR"),
        (_TEN, "mail.example.test", _INSIDE, "NOERROR"),
        (_TEN, "mail.example.test", "10.0.0.0", "NOERROR"),
        (_TEN, "mail.example.test", "10.255.255.255", "NOERROR"),
        (_TEN, "mail.example.test", "11.0.0.0", "REFUSED"),
        (_TEN, "mail.example.test", "9.255.255.255", "REFUSED"),
        (_TEN, "mail.example.test", "2001:db8::1", "NOERROR"),
        (_TEN, "mail.example.test", "2001:db9::1", "REFUSED"),
        # A socket for both families tells IPv4 peers like this.
        (_TEN, "mail.example.test", "::ffff:10.1.1.1", "NOERROR"),
        (_TEN, "mail.example.test", "::ffff:192.0.2.200", "REFUSED"),
        (_TEN, "mail.example.test", "fe80::1%eth0", "REFUSED"),
        (_TEN, "MAIL.Example.TEST", _OUTSIDE, "REFUSED"),
        (_TEN, "nothing.example.test", _INSIDE, "NXDOMAIN"),
        (_TEN, "nothing.example.test", _OUTSIDE, "REFUSED"),
        (_TEN, "example.test", _OUTSIDE, "REFUSED"),
        (_TEN, "www.example.test", _OUTSIDE, "REFUSED"),
        (_TEN, "www.example.test", _INSIDE, "NOERROR"),
        # Another zone has a list of its own, or none, also where it is below.
        (_TEN, "ns1.open.test", _OUTSIDE, "NOERROR"),
        (_TEN, "inner.kid.example.test", _OUTSIDE, "NOERROR"),
        ({"zones": {"kid.example.test.": "none"}}, "mail.example.test", _OUTSIDE, "NOERROR"),
        ({"zones": {"KID.example.test.": "none"}}, "x.kid.example.test", _OUTSIDE, "REFUSED"),
        (_TEN, "elsewhere.test", _INSIDE, "REFUSED"),
    ],
)
def test_a_zone_answers_only_whom_its_list_names(
    engine_with: Callable[..., Engine], allow: dict[str, Any], name: str, host: str, rcode: str
) -> None:
    engine = engine_with(allow)
    # Also when others have asked the same before: what is remembered knows no clients.
    for before in (_INSIDE, _OUTSIDE, host):
        _ask(engine, query(name), before)
    assert _rcode(engine, name, host) == rcode
    assert _rcode(engine, name, host, edns=True) == rcode
    assert _rcode(engine, name, host, subnet="192.0.2.0/24") == rcode


def test_the_client_subnet_gives_no_access(engine_with: Callable[..., Engine]) -> None:
    engine = engine_with(_TEN)
    assert _rcode(engine, "www.example.test", _OUTSIDE, subnet="10.0.0.0/24") == "REFUSED"
    assert _rcode(engine, "www.example.test", _INSIDE, subnet="192.0.2.0/24") == "NOERROR"


def test_a_refusal_says_nothing_of_the_zone(engine_with: Callable[..., Engine]) -> None:
    reply = _ask(engine_with(_TEN), query("www.example.test", edns=True), _OUTSIDE)
    assert reply.flags & dns.flags.AA == 0
    assert (reply.answer, reply.authority, reply.additional) == ([], [], [])
    assert [str(rrset.name) for rrset in reply.question] == ["www.example.test."]
    codes = [each.code for each in reply.options if isinstance(each, dns.edns.EDEOption)]
    assert codes == [dns.edns.EDECode.PROHIBITED]


@pytest.mark.parametrize("name", ["to-secret.open.test", "mx.open.test"])
def test_an_open_zone_gives_nothing_away_of_one_with_a_list(
    engine_with: Callable[..., Engine], name: str
) -> None:
    type = "MX" if name.startswith("mx") else "A"
    reply = _ask(engine_with(_TEN), query(name, type), _OUTSIDE)
    assert reply.rcode().name == "NOERROR"
    assert "192.0.2.25" not in reply.to_text()


def test_access_is_looked_at_over_tcp_and_in_unusual_queries_too(
    engine_with: Callable[..., Engine],
) -> None:
    engine = engine_with(_TEN, stream=True)
    assert _rcode(engine, "mail.example.test", _OUTSIDE) == "REFUSED"
    odd = bytearray(query("mail.example.test"))
    odd[3] |= 0x40  # a flag that no ordinary query has
    assert _ask(engine, bytes(odd), _OUTSIDE).rcode().name == "REFUSED"
    assert _ask(engine, bytes(odd), _INSIDE).rcode().name == "NOERROR"


def test_refusals_are_counted_as_such(engine_with: Callable[..., Engine]) -> None:
    engine = engine_with(_TEN)
    for host in (_INSIDE, _OUTSIDE, _OUTSIDE):
        _ask(engine, query("mail.example.test"), host)
    assert engine.counts().queries == {(1, 0): 1, (1, 5): 2}


_networks = st.one_of(
    st.builds(
        lambda number, length: IPv4Network((number >> (32 - length) << (32 - length), length)),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda number, length: IPv6Network((number >> (128 - length) << (128 - length), length)),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)


@given(st.lists(_networks, max_size=8), st.data())
def test_access_is_what_looking_through_the_list_gives(
    networks: list[IPv4Network | IPv6Network], data: st.DataObject
) -> None:
    access = Access.of(networks)
    edges = [
        address
        for network in networks
        for edge in (network.network_address, network.broadcast_address)
        for address in _around(edge)
    ]
    host = data.draw(st.sampled_from(edges) if edges else st.ip_addresses().map(str))
    address = ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    listed = any(
        each in network for network in networks for each in (address, mapped) if each is not None
    )
    if address.version == 4:
        listed |= any(
            ip_address(f"::ffff:{host}") in network for network in networks if network.version == 6
        )
    assert access.permits(host) == listed


def _around(edge: IPv4Address | IPv6Address) -> list[str]:
    number, most = int(edge), 1 << edge.max_prefixlen
    kind = type(edge)
    return [str(kind(each)) for each in (number - 1, number, number + 1) if 0 <= each < most]


def test_lists_are_merged() -> None:
    access = Access.of(map(ip_network, ("10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16")))
    assert len(access.starts) == 1
