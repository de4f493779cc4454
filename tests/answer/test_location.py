"""A location map finds the range of an address and the largest prefix inside it."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.answer.location import Embedded, LocationMap, embedded_v4, prefix_inside


def _map(v4: list[int], v6: list[int]) -> LocationMap:
    return LocationMap(
        v4_starts=v4,
        v4_classes=list(range(len(v4))),
        v6_high=[start >> 64 for start in v6],
        v6_low=[start & (2**64 - 1) for start in v6],
        v6_classes=list(range(100, 100 + len(v6))),
    )


def _slow_scope(address: int, first: int, last: int, bits: int) -> int:
    for length in range(bits + 1):
        low = address >> (bits - length) << (bits - length)
        high = low | ((1 << (bits - length)) - 1)
        if low >= first and high <= last:
            return length
    raise AssertionError


_v4_starts = st.sets(st.integers(1, 2**32 - 1), max_size=20).map(lambda s: [0, *sorted(s)])


@given(_v4_starts, st.integers(0, 2**32 - 1))
def test_v4_class_and_scope_equal_a_linear_search(starts: list[int], address: int) -> None:
    number = max(n for n, start in enumerate(starts) if start <= address)
    last = starts[number + 1] - 1 if number + 1 < len(starts) else 2**32 - 1
    expected = number, _slow_scope(address, starts[number], last, 32)
    assert _map(starts, [0]).find_v4(address) == expected


# Starts that share their high half are what the search in two halves must get right.
_v6_addresses = st.builds(
    lambda high, low: high << 64 | low,
    st.sampled_from([0x3000 << 48, (0x3000 << 48) + 1, 0x3001 << 48]),
    st.integers(0, 2**64 - 1) | st.integers(0, 3),
)
_v6_starts = st.sets(_v6_addresses, max_size=20).map(lambda s: [0, *sorted(s)])


@given(_v6_starts, _v6_addresses)
def test_v6_class_and_scope_equal_a_linear_search(starts: list[int], address: int) -> None:
    number = max(n for n, start in enumerate(starts) if start <= address)
    last = starts[number + 1] - 1 if number + 1 < len(starts) else 2**128 - 1
    scope = _slow_scope(address, starts[number], last, 128)
    # The block must not hold addresses with IPv4 inside, which all begin with 00: /3 leaves them.
    assert _map([0, 1], starts).find_v6(address) == (100 + number, max(scope, 4))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("::ffff:192.0.2.1", Embedded(0xC0000201, 96)),
        ("64:ff9b::192.0.2.1", Embedded(0xC0000201, 96)),
        ("2002:c000:201::5", Embedded(0xC0000201, 16)),
        ("2001:0:4136:e378:8000:63bf:3fff:fdfe", Embedded(0xC0000201, 96)),
        ("2001:db8::1", None),
        ("::1", None),
        ("64:ff9b:1::1", None),
    ],
)
def test_ipv4_inside_ipv6_is_recognised(address: str, expected: Embedded | None) -> None:
    assert embedded_v4(int(IPv6Address(address))) == expected


def test_an_address_that_carries_ipv4_is_located_as_that_ipv4() -> None:
    located = _map([0, 0xC0000200, 0xC0000300], [0])
    assert located.find_v6(int(IPv6Address("64:ff9b::192.0.2.1"))) == (1, 96 + 24)
    assert located.find_v6(int(IPv6Address("2002:c000:201::1"))) == (1, 16 + 24)


@given(_v6_addresses | st.integers(0, 2**128 - 1))
def test_no_v6_scope_holds_an_address_with_ipv4_inside(address: int) -> None:
    _, scope = _map([0, 1], [0]).find_v6(address)
    block = ip_network((address >> (128 - scope) << (128 - scope), scope))
    for special in ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"):
        inside = embedded_v4(address) is not None
        assert inside or not block.overlaps(ip_network(special))


def test_one_range_over_everything_has_scope_zero() -> None:
    assert prefix_inside(1234, 0, 2**32 - 1, 32) == 0
    assert _map([0], [0]).find_v4(99) == (0, 0)


def test_one_class_for_both_families_has_scope_zero_for_all() -> None:
    assert _map([0], [0]).find_v6(int(IPv6Address("2001:db8::1"))) == (100, 0)
