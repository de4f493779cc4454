"""Many addresses at once: what they stand for, and where they are."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.answer.location import embedded_v4
from geodns.geo.locations import Locations
from geodns.geo.place import NOWHERE
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import from_networks, value_at
from geodns.latency.addresses import Addresses, Locator, network, parse, prefixes

ANY = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6),
    st.ip_addresses(v=6, network="::ffff:0:0/96"),
    st.ip_addresses(v=6, network="64:ff9b::/96"),
    st.ip_addresses(v=6, network="2002::/16"),
    st.ip_addresses(v=6, network="2001::/32"),
)


def found(addresses: Addresses) -> list[tuple[int, int]]:
    return list(zip(addresses.version.tolist(), addresses.number.tolist(), strict=True))


def looked_up(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    carried = embedded_v4(int(address)) if address.version == 6 else None
    return IPv4Address(carried.address) if carried else address


@given(st.lists(ANY, max_size=8))
def test_an_address_is_what_the_server_looks_up(
    addresses: list[IPv4Address | IPv6Address],
) -> None:
    expected = [
        (4, int(real)) if real.version == 4 else (6, int(real) >> 64)
        for real in map(looked_up, addresses)
    ]
    assert found(parse([str(address) for address in addresses])) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", (4, 0xC0000201)),
        (" 192.0.2.1 ", (4, 0xC0000201)),
        ("192.0.2.0/24", (4, 0xC0000200)),
        ("192.0.2.1/32", (4, 0xC0000201)),
        ("192.0.2.0/23", (0, 0)),
        ("2001:db8:1::/48", (6, 0x20010DB800010000)),
        ("2001:db8::/32", (0, 0)),
        ("192.0.2.0/99999999999999999999", (0, 0)),
        ("192.0.2.0/x", (0, 0)),
        *[(text, (0, 0)) for text in ("", "localhost", "1.2.3", "1.2.3.256", "01.2.3.4", "::g")],
        ("fe80::1%eth0", (0, 0)),
        ("1.2.3.4\0", (0, 0)),
        (None, (0, 0)),
    ],
)
def test_texts_and_prefixes(text: str | None, expected: tuple[int, int]) -> None:
    assert found(parse([text, "192.0.2.7"])) == [expected, (4, 0xC0000207)]


@given(st.lists(ANY, min_size=1, max_size=8))
def test_an_address_is_in_its_prefix(addresses: list[IPv4Address | IPv6Address]) -> None:
    numbers = prefixes(parse([str(address) for address in addresses]))
    for address, number in zip(addresses, numbers.tolist(), strict=True):
        real = looked_up(address)
        length = 24 if real.version == 4 else 48
        assert network(number) == ip_network((real, length), strict=False)


NETWORKS = (
    ("192.0.2.0/24", 1),
    ("192.0.2.128/25", 2),
    ("0.0.0.0/8", 3),
    ("255.255.255.255/32", 1),
    ("2001:db8::/32", 1),
    ("2001:db8::8/125", 2),
    ("2001:db8:0:1::/64", 3),
    ("2001:db8:0:1:8000::/65", 2),
)


@given(st.lists(st.sampled_from([text for text, _ in NETWORKS]), min_size=1), st.data())
def test_places_are_those_of_the_location_map(texts: list[str], data: st.DataObject) -> None:
    rows = [(ip_network(text), value) for text, value in NETWORKS]
    v4, v6 = from_networks(rows, 4), from_networks(rows, 6)
    locator = Locator(Locations(v4, v6, PlaceTable.of([NOWHERE] * 4)))
    addresses = [
        data.draw(st.ip_addresses(network=text) | st.ip_addresses(v=ip_network(text).version))
        for text in texts
    ]
    expected = []
    for address in map(looked_up, addresses):
        first = (
            address if address.version == 4 else ip_address(int(address) >> 64 << 64)
        )  # of its /64
        expected.append(value_at(v4 if address.version == 4 else v6, first))
    assert locator.places(parse(list(map(str, addresses)))).tolist() == expected


def test_an_ipv6_address_below_two_to_the_32_is_not_taken_for_ipv4() -> None:
    assert parse(["::1"]).version.tolist() == [6]
    assert np.all(prefixes(parse(["::1", "0.0.0.1"])) == [1 << 48, 0])
