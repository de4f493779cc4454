"""What docs/geo.md says about fields is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from mmdb_files import write_database

from geodns.geo.database import load_locations
from geodns.geo.place import Place

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "geo.md"
VALUES: dict[str, Any] = {
    "latitude": 52.5,
    "longitude": 13.25,
    "continent": "EU",
    "country": "DE",
    "subdivision": "BE",
    "city": "Berlin",
    "AS number": 64500,
}


def fields() -> list[tuple[str, str]]:
    """Each field of the table, with what it tells of a place."""
    rows = re.findall(r"^\| ([\w ]+) \| (`.*) \| (`.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return [
        (what, name) for what, *cells in rows for name in re.findall(r"`([^`]+)`", " ".join(cells))
    ]


def record(what: str, name: str) -> dict[str, Any]:
    *outer, last = name.split(".")
    found: Any = {last: VALUES[what]}
    for key in reversed(outer):
        found = {key: [found] if key == "subdivisions" else found}
    return dict(found)


def test_the_table_names_every_part_of_a_place() -> None:
    assert {what for what, _ in fields()} == set(VALUES)


@pytest.mark.parametrize(("what", "name"), fields())
def test_a_field_of_the_table_is_read(tmp_path: Path, what: str, name: str) -> None:
    others: dict[str, dict[str, Any]] = {
        "latitude": {"longitude": 13.25},
        "longitude": {"latitude": 52.5},
        "subdivision": {"country_code": "DE"},
    }
    contents = {**others.get(what, {}), **record(what, name)}
    file = write_database(tmp_path / "field.mmdb", {"192.0.2.0/24": contents})
    place = load_locations([file]).places[1]
    key = {"AS number": "asn"}.get(what, what)
    assert key in Place._fields
    assert getattr(place, key) == VALUES[what]
