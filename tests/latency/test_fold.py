"""Folding by hand, and the whole build against a slow reference."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import slow_build
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_build import Measurement

from geodns.config.settings import Topology
from geodns.geo.locations import Locations
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import from_networks
from geodns.latency.build import Built, Ground, build
from geodns.latency.fold import Choices
from geodns.latency.raw import RawFile

NOW = 1_795_000_000
DAY = 86_400
REGIONS = ("near", "far")
TOPOLOGY = Topology.model_validate(
    {
        "regions": {
            "near": {"location": [50, 8], "availability_zones": {"near-a": {}}},
            "far": {"location": [38, -77], "availability_zones": {"far-a": {}}},
        }
    }
)
BERLIN = Place(52, 13, "EU", "DE", "BE", asn=64500)
MUNICH = Place(48, 11, "EU", "DE", "BY", asn=64500)
ERFURT = Place(51, 11, "EU", "DE", None, asn=64501)
PARIS = Place(49, 2, "EU", "FR", "IDF", asn=64500)
OSAKA = Place(35, 135, "AS", "JP")
PLACES = (NOWHERE, BERLIN, MUNICH, ERFURT, PARIS, OSAKA)
# Two networks in each place but the first, 10.<place>.<number>.0/24.
GROUND = Ground(
    TOPOLOGY,
    Locations(
        from_networks([(ip_network(f"10.{at}.0.0/16"), at) for at in range(6)] + [
            (ip_network("0.0.0.0/0"), 0)
        ], 4),
        from_networks([(ip_network("::/0"), 0)], 6),
        PlaceTable.of(PLACES),
    ),
    NOW,
)  # fmt: skip


def measured(at: int, network: int, region: str, ms: float, age: int = 0) -> Measurement:
    return Measurement(f"10.{at}.{network}.7", PLACES[at], region, ms, NOW - age * DAY)


def built(rows: list[Measurement], choices: Choices) -> Built:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "raw.csv"
        lines = (f"{one.address},{one.region},{one.ms},{one.time}\n" for one in rows)
        file.write_text("client,region,ms,time\n" + "".join(lines), encoding="utf-8")
        return build(Path("table.csv"), [RawFile(file)], GROUND, choices)


def table(rows: list[Measurement], choices: Choices) -> dict[str, dict[str, tuple[float, int]]]:
    return {
        row.client: {
            region: (figure.ms, figure.samples or 0) for region, figure in row.figures.items()
        }
        for row in built(rows, choices).table.rows
    }


def clients(rows: list[Measurement], least: int = 5) -> list[str]:
    return [row.client for row in built(rows, Choices(DAY, least)).table.rows]


def test_countries_that_agree_are_their_continent() -> None:
    rows = [measured(at, 0, "near", 20) for at in (1, 4)] * 5
    assert table(rows, Choices(DAY, 5)) == {"EU": {"near": (20, 10)}}


def test_a_country_that_differs_keeps_all_countries_apart() -> None:
    rows = [measured(1, 0, "near", 20)] * 5 + [measured(4, 0, "near", 60)] * 5
    assert clients(rows) == ["EU-DE", "EU-FR"]


def test_a_lone_country_does_not_speak_for_its_continent() -> None:
    assert clients([measured(5, 0, "near", 200)] * 5) == ["AS-JP"]


def test_a_difference_within_the_tolerance_is_none() -> None:
    rows = [measured(1, 0, "near", 100)] * 20 + [measured(2, 0, "near", 109)] * 20
    assert clients(rows) == ["EU-DE"]


def test_a_prefix_that_differs_has_its_row_and_takes_from_above_what_it_lacks() -> None:
    many = [measured(1, 0, "near", 20), measured(1, 0, "far", 90)] * 50
    odd = [measured(1, 1, "near", 50)] * 20
    rows = table(many + odd, Choices(DAY, 5))
    assert rows["10.1.1.0/24"] == {"near": (50, 20), "far": (90, 0)}
    assert "10.1.0.0/24" not in rows


def test_an_as_that_differs_in_one_country_has_its_row_there() -> None:
    rows = [measured(2, 0, "near", 20), measured(1, 0, "near", 20)] * 50
    rows += [measured(3, 0, "near", 90), measured(3, 1, "near", 90)] * 10
    assert clients(rows) == ["EU-DE", "AS64501-DE"]


def test_an_as_has_no_row_where_its_subdivisions_tell_its_clients_apart() -> None:
    rows = [measured(3, 0, "near", 30)] * 200
    rows += [measured(1, 0, "near", 90)] * 40 + [measured(2, 0, "near", 150)] * 60
    # AS64500's median is 150, its subdivisions say 126 on average: far, but nearer to each client.
    assert clients(rows) == ["EU-DE", "EU-DE-BE", "EU-DE-BY"]


def test_few_measurements_make_no_row() -> None:
    rows = [measured(1, 0, "near", 20)] * 50 + [measured(1, 1, "near", 70)] * 4
    assert clients(rows) == ["EU-DE"]


def test_the_median_counts_a_measurement_of_one_half_life_as_half() -> None:
    # By hand: weights 1/4 at 10, 1/4 at 20, 1/2 at 30, 1 at 40; half of 2 is reached with 30.
    ages = {10: 2, 20: 2, 30: 1, 40: 0}
    rows = [measured(1, 0, "near", ms, age) for ms, age in ages.items()]
    assert table(rows, Choices(DAY, 1))["EU-DE"] == {"near": (35, 4)}  # exactly: with the next
    assert table(rows, Choices(1e12 * DAY, 1))["EU-DE"] == {"near": (25, 4)}


_MEASURED = st.builds(
    measured,
    st.integers(0, 5),
    st.integers(0, 1),
    st.sampled_from(REGIONS),
    st.sampled_from([10.0, 12.25, 30.5, 40.0, 41.0, 90.0, 200.0]),
    st.integers(0, 3),
)
_BURSTS = st.lists(st.tuples(_MEASURED, st.integers(1, 12)), min_size=1, max_size=25)


@settings(max_examples=150, deadline=None)
@given(
    _BURSTS, st.integers(1, 6), st.sampled_from([0.0, 5.0, 20.0]), st.sampled_from([0.0, 0.1, 0.5])
)
def test_a_table_is_as_a_slow_reference_builds_it(
    bursts: list[tuple[Measurement, int]], least: int, tolerance: float, share: float
) -> None:
    rows = [one for one, times in bursts for _ in range(times)]
    choices = Choices(DAY, least, tolerance, share)
    assert table(rows, choices) == slow_build.build(rows, choices, NOW)
