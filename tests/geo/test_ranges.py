"""Ranges against slow references: an address at a time, over all boundaries of a small space."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from geodns.geo.locations import Ranges
from geodns.geo.ranges import (
    Network,
    combine,
    find,
    from_networks,
    map_values,
    merge_neighbours,
    value_at,
    whole_space,
)

Address = IPv4Address | IPv6Address
Family = Literal[4, 6]
Rows = list[tuple[Network, int]]

FAMILIES: tuple[Family, ...] = (4, 6)
BITS = {4: 32, 6: 128}
# Addresses with equal high halves are told apart by the low half alone.
HIGH_HALVES = [0, 1, 0x20010DB8 << 32, 2**63, 2**64 - 1]


def address(version: Family, number: int) -> Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)


@st.composite
def networks(draw: st.DrawFn, version: Family) -> Network:
    length = draw(st.integers(0, BITS[version]))
    if version == 4:
        number = draw(st.sampled_from([0, 10 << 24, 255 << 24])) | draw(st.integers(0, 2**24 - 1))
        return IPv4Network((number, length), strict=False)
    low = draw(st.sampled_from([0, 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1))
    number = draw(st.sampled_from(HIGH_HALVES)) << 64 | low
    return IPv6Network((number, length), strict=False)


def rows(version: Family) -> st.SearchStrategy[Rows]:
    return st.lists(st.tuples(networks(version), st.integers(0, 3)), max_size=12)


both = st.sampled_from(FAMILIES).flatmap(
    lambda version: st.tuples(st.just(version), rows(version), rows(version))
)


def edges(version: Family, *maps: Rows) -> list[Address]:
    """Every address at which a value can change, those beside it, and both ends."""
    last = 2 ** BITS[version] - 1
    numbers = {0, 1, last - 1, last}
    for network, _ in (row for given_rows in maps for row in given_rows):
        first, end = int(network.network_address), int(network.broadcast_address)
        numbers |= {first - 1, first, first + 1, end - 1, end, end + 1}
    return [address(version, number) for number in sorted(numbers) if 0 <= number <= last]


def reference(networks_and_values: Rows, subject: Address) -> int:
    """The most specific network wins; of equal ones the last."""
    best, value = -1, -1
    for network, candidate in networks_and_values:
        if subject in network and network.prefixlen >= best:
            best, value = network.prefixlen, candidate
    return value


def boundaries(ranges: Ranges) -> list[int]:
    if ranges.low is None:
        return [int(start) for start in ranges.starts]
    return [int(high) << 64 | int(low) for high, low in zip(ranges.starts, ranges.low, strict=True)]


def assert_sound(ranges: Ranges, version: Family) -> None:
    """What the contract of Ranges says."""
    starts = boundaries(ranges)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert len(starts) == len(ranges.values)
    assert ranges.values.dtype == np.int32
    assert ranges.starts.dtype == (np.uint32 if version == 4 else np.uint64)
    assert (ranges.low is None) == (version == 4)
    assert (ranges.values[1:] != ranges.values[:-1]).all()


@given(both)
@example((4, [(IPv4Network("0.0.0.0/0"), 1), (IPv4Network("255.255.255.255/32"), 2)], []))
@example((6, [(IPv6Network("::/0"), 1), (IPv6Network("::1:0:0:0:1/128"), 2)], []))
def test_the_most_specific_network_wins(case: tuple[Family, Rows, Rows]) -> None:
    version, given_rows, _ = case
    ranges = from_networks(given_rows, version)
    assert_sound(ranges, version)
    for subject in edges(version, given_rows):
        assert value_at(ranges, subject) == reference(given_rows, subject), subject


@given(both)
def test_the_order_of_different_networks_does_not_matter(case: tuple[Family, Rows, Rows]) -> None:
    version, given_rows, _ = case
    unique = list(dict(given_rows).items())
    assert_equal(from_networks(unique, version), from_networks(reversed(unique), version))


def assert_equal(one: Ranges, other: Ranges) -> None:
    assert boundaries(one) == boundaries(other)
    assert one.values.tolist() == other.values.tolist()


@given(rows(4), rows(6))
def test_networks_of_the_other_family_are_left_out(four: Rows, six: Rows) -> None:
    assert_equal(from_networks([*four, *six], 4), from_networks(four, 4))
    assert_equal(from_networks([*six, *four], 6), from_networks(six, 6))


@given(both)
def test_combined_maps_have_the_values_of_both_everywhere(case: tuple[Family, Rows, Rows]) -> None:
    version, first_rows, second_rows = case
    first, second = from_networks(first_rows, version), from_networks(second_rows, version)
    combined, pairs = combine(first, second)
    assert_sound(combined, version)
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
    for subject in edges(version, first_rows, second_rows):
        expected = [value_at(first, subject), value_at(second, subject)]
        assert pairs[value_at(combined, subject)].tolist() == expected, subject


@given(both)
def test_a_map_combined_with_itself_is_cut_nowhere(case: tuple[Family, Rows, Rows]) -> None:
    version, given_rows, _ = case
    ranges = from_networks(given_rows, version)
    combined, pairs = combine(ranges, ranges)
    assert boundaries(combined) == boundaries(ranges)
    assert (pairs[:, 0] == pairs[:, 1]).all()


@given(both, st.lists(st.integers(-1, 2), min_size=5, max_size=5))
def test_mapped_values_are_replaced_and_neighbours_merged(
    case: tuple[Family, Rows, Rows], table: Sequence[int]
) -> None:
    version, given_rows, _ = case
    ranges = from_networks(given_rows, version)
    mapped = map_values(ranges, np.array(table))  # the last entry is for -1
    assert_sound(mapped, version)
    for subject in edges(version, given_rows):
        assert value_at(mapped, subject) == table[value_at(ranges, subject)], subject


@given(both)
def test_an_address_is_in_the_range_that_is_found(case: tuple[Family, Rows, Rows]) -> None:
    version, given_rows, _ = case
    ranges = from_networks(given_rows, version)
    starts = [*boundaries(ranges), 2 ** BITS[version]]
    for subject in edges(version, given_rows):
        position = find(ranges, subject)
        assert starts[position] <= int(subject) < starts[position + 1]


def test_ranges_that_share_the_high_half_are_told_apart_by_the_low_half() -> None:
    given_rows: Rows = [
        (ip_network("2001:db8::/64"), 0),
        (ip_network("2001:db8::8000:0:0:0/65"), 1),
        (ip_network("2001:db8::ffff/128"), 2),
    ]
    ranges = from_networks(given_rows, 6)
    expected = {
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff": -1,
        "2001:db8::": 0,
        "2001:db8::fffe": 0,
        "2001:db8::ffff": 2,
        "2001:db8::1:0": 0,
        "2001:db8::7fff:ffff:ffff:ffff": 0,
        "2001:db8::8000:0:0:0": 1,
        "2001:db8::ffff:ffff:ffff:ffff": 1,
        "2001:db8:0:1::": -1,
    }
    assert {text: value_at(ranges, ip_address(text)) for text in expected} == expected


def test_the_whole_space_is_one_range() -> None:
    for version in FAMILIES:
        ranges = whole_space(version, 7)
        assert_sound(ranges, version)
        assert value_at(ranges, address(version, 0)) == 7
        assert value_at(ranges, address(version, 2 ** BITS[version] - 1)) == 7


def test_merging_keeps_what_is_different() -> None:
    starts = np.array([0, 5, 9, 12], np.uint32)
    merged = merge_neighbours(Ranges(starts, None, np.array([1, 1, 2, 1], np.int32)))
    assert merged.starts.tolist() == [0, 9, 12]
    assert merged.values.tolist() == [1, 2, 1]
