"""Places of two databases as one: the rules in words, and against a slow reading of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.geo.merging import merge_places
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable

BERLIN = Place(52.52, 13.4, "EU", "DE", "BE", "Berlin")
GERMANY = Place(continent="EU", country="DE")
EUROPE = Place(continent="EU")
PARIS = Place(48.85, 2.35, "EU", "FR", "75", "Paris")


def merged(best: Place, other: Place) -> Place:
    (place,) = merge_places(PlaceTable.of([best]), PlaceTable.of([other]))
    return place


@pytest.mark.parametrize(
    ("best", "other", "expected"),
    [
        (NOWHERE, NOWHERE, NOWHERE),
        (BERLIN, NOWHERE, BERLIN),
        (NOWHERE, BERLIN, BERLIN),
        # The AS number comes from whichever has it, the better one first.
        (BERLIN, Place(asn=3320), BERLIN._replace(asn=3320)),
        (BERLIN._replace(asn=1), Place(asn=3320), BERLIN._replace(asn=1)),
        (BERLIN, PARIS._replace(asn=5), BERLIN._replace(asn=5)),
        (Place(asn=3320), BERLIN, BERLIN._replace(asn=3320)),
        # The same country: what is missing is filled in.
        (GERMANY, BERLIN, BERLIN),
        (Place(country="DE"), GERMANY, GERMANY),
        (Place(country="DE", city="Bonn"), BERLIN, BERLIN._replace(city="Bonn")),
        (Place(50.7, 7.1, country="DE"), BERLIN, BERLIN._replace(latitude=50.7, longitude=7.1)),
        # ... unless they name different subdivisions of it.
        (Place(country="DE", subdivision="NW"), BERLIN, Place(None, None, "EU", "DE", "NW")),
        # A continent, and a place on it; or on another one.
        (EUROPE, BERLIN, BERLIN),
        (Place(continent="AS"), BERLIN, Place(continent="AS")),
        # Contradictions: the better one stands alone.
        (GERMANY, PARIS, GERMANY),
        (BERLIN, PARIS, BERLIN),
        # Coordinates and no country can't be compared with anything.
        (Place(52.0, 13.0), BERLIN, Place(52.0, 13.0)),
        (GERMANY, Place(52.0, 13.0), GERMANY),
        (GERMANY, EUROPE, GERMANY),
    ],
)
def test_what_the_better_one_lacks_is_filled_in(best: Place, other: Place, expected: Place) -> None:
    assert merged(best, other) == expected


def reference(best: Place, other: Place) -> Place:
    """The rules in the docstring of ``merge_places``, one place at a time."""
    place = best._replace(asn=best.asn or other.asn)
    taken: tuple[str, ...]
    if best.country is None and best.latitude is None:
        if best.continent not in (None, other.continent):
            return place
        taken = ("latitude", "longitude", "continent", "country", "subdivision", "city")
        clash = False
    else:
        if best.country is None or best.country != other.country:
            return place
        taken = ("latitude", "longitude", "continent", "subdivision", "city")
        clash = None not in (best.subdivision, other.subdivision)
        clash = clash and best.subdivision != other.subdivision
    if clash:
        taken = ("continent",)
    missing = {name: getattr(other, name) for name in taken if getattr(place, name) is None}
    return place._replace(**missing)


@st.composite
def places(draw: st.DrawFn) -> Place:
    latitude, longitude = draw(st.sampled_from([(None, None), (52.5, 13.4), (1.0, 2.0)]))
    country = draw(st.sampled_from([None, "DE", "FR"]))
    return Place(
        latitude,
        longitude,
        draw(st.sampled_from([None, "EU", "AS"])),
        country,
        draw(st.sampled_from([None, "A", "B"])) if country else None,
        draw(st.sampled_from([None, "x", "y"])),
        draw(st.sampled_from([None, 1, 2])),
    )


@given(st.lists(st.tuples(places(), places())))
def test_many_places_are_merged_as_one_by_one(pairs: list[tuple[Place, Place]]) -> None:
    bests, others = [best for best, _ in pairs], [other for _, other in pairs]
    table = merge_places(PlaceTable.of(bests), PlaceTable.of(others))
    assert list(table) == [reference(best, other) for best, other in pairs]


@given(places(), places())
def test_a_merged_place_is_never_in_two_countries(best: Place, other: Place) -> None:
    place = merged(best, other)
    for field in ("latitude", "country", "subdivision", "city"):
        value = getattr(place, field)
        assert value in (getattr(best, field), getattr(other, field))
    if best.country is not None:
        assert place.country == best.country
    assert (place.latitude is None) == (place.longitude is None)
