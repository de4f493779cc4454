"""Colours that can be told apart, whoever looks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from geodns.atlas.palette import Theme, colours, difference, ramp, shades
from geodns.geo.distance import kilometres

# Black and white are 1 apart in Oklab; side by side, people tell apart what differs by 0.02.
# Regions that are far apart never lie side by side, and each has its name on the map.
CLEAR, VISIBLE = 0.04, 0.018


def regions(count: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(2026)
    return [(float(rng.uniform(-50, 65)), float(rng.uniform(-180, 180))) for _ in range(count)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("count", [2, 13, 40])
def test_neighbours_differ_to_every_kind_of_vision(theme: Theme, count: int) -> None:
    places = regions(count)
    found = colours(places, theme)
    assert len(set(found)) == count
    for one, other in itertools.combinations(range(count), 2):
        apart = float(kilometres(*places[one], *places[other]))
        assert difference(found[one], found[other]) >= (CLEAR if apart < 3000 else VISIBLE)


def test_a_region_more_leaves_the_colours_of_the_others() -> None:
    places = regions(20)
    assert colours(places, "light")[:19] == colours(places[:19], "light")


def test_more_regions_than_candidates_get_colours_again() -> None:
    assert len(colours(regions(300), "light")) == 300


def test_shades_of_a_region_are_distinct() -> None:
    assert len(set(shades("#6aa9ee", 4))) == 4


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bands_of_latency_are_in_order_without_colours(theme: Theme) -> None:
    greys = [
        sum(int(c[at : at + 2], 16) * w for at, w in ((1, 2), (3, 7), (5, 1)))
        for c in ramp(9, theme)
    ]
    assert greys == sorted(greys, reverse=theme == "light")
