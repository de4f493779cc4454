"""Places as columns: nothing is lost, and equal places are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable, intern_names

coordinates = st.sampled_from([(None, None), (0.0, 0.0), (52.5, 13.4), (-90.0, 180.0)])
codes = st.sampled_from([None, "DE", "US", "AQ"])


@st.composite
def places(draw: st.DrawFn) -> Place:
    latitude, longitude = draw(coordinates)
    country = draw(codes)
    return Place(
        latitude=latitude,
        longitude=longitude,
        continent=draw(st.sampled_from([None, "EU", "NA"])),
        country=country,
        subdivision=draw(st.sampled_from([None, "BE", "1"])) if country else None,
        city=draw(st.sampled_from([None, "Berlin", "São Paulo"])),
        asn=draw(st.sampled_from([None, 1, 2**32 - 1])),
    )


@given(st.lists(places()))
def test_a_table_gives_back_the_places_that_it_was_made_of(rows: list[Place]) -> None:
    table = PlaceTable.of(rows)
    assert len(table) == len(rows)
    assert list(table) == rows
    assert [table[-1 - number] for number in range(len(rows))] == rows[::-1]
    assert list(table[1:3]) == rows[1:3]


@given(st.lists(places()))
def test_distinct_places_keep_their_order_and_know_where_each_row_went(rows: list[Place]) -> None:
    table, numbers = PlaceTable.of(rows).distinct()
    assert list(table) == list(dict.fromkeys(rows))
    assert [table[int(number)] for number in numbers] == rows


@given(st.lists(places(), min_size=1), st.data())
def test_rows_are_taken_in_the_order_that_is_asked_for(
    rows: list[Place], data: st.DataObject
) -> None:
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    taken = PlaceTable.of(rows).take(np.array(wanted, np.int64))
    assert list(taken) == [rows[number] for number in wanted]


def test_a_row_beyond_the_end_is_an_error() -> None:
    with pytest.raises(IndexError):
        PlaceTable.of([NOWHERE])[1]


def test_half_a_pair_of_coordinates_is_left_out() -> None:
    table = PlaceTable.of([Place(latitude=1.0, country="DE"), Place(longitude=1.0)])
    assert list(table) == [Place(country="DE"), NOWHERE]


def test_a_subdivision_without_its_country_is_left_out() -> None:
    assert PlaceTable.of([Place(subdivision="CA", city="x")])[0] == Place(city="x")


def test_equal_subdivisions_of_different_countries_are_different() -> None:
    rows = [Place(country="US", subdivision="CA"), Place(country="IT", subdivision="CA")]
    table = PlaceTable.of(rows)
    assert table.subdivisions == (None, "US-CA", "IT-CA")
    assert list(table) == rows


def test_many_different_columns_do_not_overflow_the_comparison() -> None:
    rows = [
        Place(float(n), float(-n), "EU", f"C{n}", f"S{n}", f"city {n}", n + 1) for n in range(80)
    ]
    table, numbers = PlaceTable.of(rows * 2).distinct()
    assert len(table) == 80
    assert numbers.tolist() == [*range(80), *range(80)]


def test_names_are_interned_with_none_first() -> None:
    positions, names = intern_names(["b", None, "a", "b"])
    assert names == (None, "b", "a")
    assert positions.tolist() == [1, 0, 2, 1]
