"""Networks that asked become the client keys of plans, by the places of the databases."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
import pytest

from geodns.answer.demand import network_code
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.planning.networks import By, Counted, by_client, client_key

_CALIFORNIA = Place(37.0, -122.0, "NA", "US", "CA", "San Jose", 64500)
_GERMANY = Place(50.0, 8.0, "EU", "DE", None, None, 64500)


def _locations() -> Locations:
    """10.0.0.0/8 and 2001:db8::/32 in California, 20.0.0.0/8 in Germany, else nowhere."""
    v4 = Ranges(
        np.array([0, 10 << 24, 11 << 24, 20 << 24, 21 << 24], np.uint32),
        None,
        np.array([0, 1, 0, 2, 0], np.int32),
    )
    high = np.array([0, 0x20010DB8 << 32, 0x20010DB9 << 32], np.uint64)
    v6 = Ranges(high, np.zeros(3, np.uint64), np.array([0, 1, 0], np.int32))
    return Locations(v4, v6, PlaceTable.of([NOWHERE, _CALIFORNIA, _GERMANY]))


def _code(text: str) -> int:
    address = ip_address(text)
    return network_code(1 if address.version == 4 else 2, int(address))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("subdivision", {"NA-US-CA": 7, "EU-DE": 4, "default": 1}),
        ("country", {"NA-US": 7, "EU-DE": 4, "default": 1}),
        ("continent", {"NA": 7, "EU": 4, "default": 1}),
        ("asn", {"AS64500-US": 7, "AS64500-DE": 4, "default": 1}),
        (
            "network",
            {
                **{"10.0.1.0/24": 5, "20.0.0.0/24": 4, "2001:db8:5::/48": 2},
                **{"192.0.2.0/24": 1},
            },
        ),
    ],
)
def test_counts_are_put_together_by_area(by: By, expected: dict[str, int]) -> None:
    asked = {"10.0.1.9": 5, "2001:db8:5::1": 2, "20.0.0.1": 4, "192.0.2.1": 1}
    counts = {_code(text): Counted(queries, queries / 10) for text, queries in asked.items()}
    found = by_client(counts, by, _locations())
    assert {client: counted.queries for client, counted in found.items()} == expected
    assert {client: round(counted.rate * 10) for client, counted in found.items()} == expected
    assert list(found) == sorted(found, key=lambda client: -found[client].queries)


@pytest.mark.parametrize(
    ("place", "by", "key"),
    [
        (_CALIFORNIA._replace(subdivision="too-long"), "subdivision", "NA-US"),
        (_CALIFORNIA._replace(country="XX"), "subdivision", "NA"),
        (_CALIFORNIA._replace(country=None), "asn", "AS64500"),
        # The continent of the key is the country's own, whatever the database says.
        (_GERMANY._replace(continent="AS"), "country", "EU-DE"),
        (_GERMANY._replace(continent="AS"), "continent", "EU"),
        (NOWHERE, "asn", "default"),
        (NOWHERE._replace(continent="XX"), "country", "default"),
    ],
)
def test_the_key_is_the_most_specific_that_is_sound(place: Place, by: By, key: str) -> None:
    assert client_key(place, by) == key
