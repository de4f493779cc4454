"""The benchmark of location maps on databases that are small enough for a test."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from benchmarks import locating, locations_report
from benchmarks.locations import Case, Figures
from benchmarks.many_regions import REGIONS, SERVICES, ZONES_EACH, many_regions
from benchmarks.serving import Phase, Serving
from citydatabase.write import write_database
from rich.console import Console

from geodns.config.load import load

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    for name, text in many_regions().items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path / "geodns.yaml"


def run(seconds: float, peak: int) -> dict[str, Any]:
    return {"load": seconds, "peak": peak, "places": 9, "v4_ranges": 8, "v6_ranges": 7}


def figures(seconds: float, peak: int) -> Figures:
    maps = [{"services": ["web"], "classes": 5, "v4_ranges": 4, "v6_ranges": 3}]
    phases = {name: Phase(1.5, [0.001, 0.002]) for name in ("nothing", "zone", "database")}
    return Figures(
        cases=(
            Case("city", None, (run(seconds, peak),)),
            Case("city", "example", (run(seconds, peak) | {"compile": 2.0, "maps": maps},)),
        ),
        served=Serving(
            starts={"first": 6.0, "later": 3.0},
            phases=phases,
            peaks={"compiler": 6_000_000, "control": 2_000_000, "worker": 1_000_000},
        ),
        database="city.mmdb",
        making=None,
    )


def test_the_large_configuration_is_right_and_as_large_as_it_says(configuration: Path) -> None:
    loaded, warnings = load(configuration)
    assert warnings == ()
    regions = loaded.topology.regions
    assert len(regions) == REGIONS
    assert {len(region.availability_zones) for region in regions.values()} == {ZONES_EACH}
    assert set(loaded.services.services) == set(SERVICES)


def test_a_measurement_has_times_memory_and_the_size_of_each_map(
    configuration: Path, tmp_path: Path
) -> None:
    database = tmp_path / "city.mmdb"
    write_database(database, networks=5_000, records=1_000, seed=1)
    found = locating.measure(str(database), configuration)
    assert found["places"] == 1_001  # and one for nowhere
    assert found["v4_ranges"] > found["v6_ranges"] > 1_000
    assert min(found["load"], found["compile"]) > 0
    assert found["peak"] > 10_000_000
    # One map for each policy that goes by place, shared by its ten services.
    policies = [{name.rstrip("0123456789") for name in one["services"]} for one in found["maps"]]
    assert policies == [{"web"}, {"band"}, {"near"}, {"wide"}, {"rules"}, {"fence"}, {"first"}]
    assert {len(one["services"]) for one in found["maps"]} == {10}
    assert all(one["classes"] > REGIONS for one in found["maps"])


def test_a_process_that_has_ended_has_no_memory() -> None:
    assert locating.peak_memory(2**22 + 1) == 0  # above the largest process id (proc(5))


@pytest.mark.parametrize(
    ("seconds", "peak", "met"),
    [(9.9, 1_400_000_000, True), (10.1, 1_400_000_000, False), (9.9, 1_600_000_000, False)],
)
def test_a_city_database_has_to_be_fast_and_small(seconds: float, peak: int, met: bool) -> None:
    assert figures(seconds, peak).cases[0].met is met


def test_figures_are_shown_and_written_down() -> None:
    made = figures(3.21, 500_000_000)
    written = locations_report.markdown(made, {"cores": "2"}, WHEN, load=0.1)
    assert "| city | nothing | 3.21 |  | 500 | 9 |" in written
    assert "3.21 s, 500 MB, met" in written
    assert "| while a zone edit is taken in | 2 | 1.00 | 2.00 | 2.00 |" in written
    assert "cores 2" in written
    printed = io.StringIO()
    locations_report.show(made, Console(file=printed, width=80))
    assert "city database: ready in less than 10 s" in printed.getvalue()
    assert max(map(len, printed.getvalue().splitlines())) <= 80
    assert locations_report.as_json(made, {}, WHEN)["expectations"] == [
        {"database": "city", "met": True}
    ]
