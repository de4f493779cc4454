"""The real countries: where their people are, and how much of the address space is theirs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

_CENTRES = Path(__file__).resolve().parents[2] / "geodns/geo/data/country_centres.csv"
# Degrees around the centre within which most cities of a country of a million people lie.
_SPREAD, _LEAST_SPREAD, _MOST_SPREAD = 0.4, 0.1, 9.0


class Country(NamedTuple):
    """Codes as in ISO 3166-1; the centre of population in degrees; ``weight``: of the addresses."""

    code: str
    continent: str
    latitude: float
    longitude: float
    spread: float
    weight: float


def countries() -> list[Country]:
    """All that have people."""
    found = []
    with _CENTRES.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            people = int(row["population"])
            if row["country"] and people:
                found.append(_country(row, people))
    return found


def _country(row: dict[str, str], people: int) -> Country:
    spread = _SPREAD * (people / 1e6) ** 0.5
    return Country(
        row["country"],
        row["continent"],
        float(row["latitude"]),
        float(row["longitude"]),
        min(max(spread, _LEAST_SPREAD), _MOST_SPREAD),
        people**0.7,
    )
