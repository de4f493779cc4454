"""Who serves the world: what the map shows is what ``geodns explain`` says of a client there."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest
from configfolder import write

from geodns.atlas.cells import land_cells
from geodns.atlas.outlines import countries
from geodns.atlas.survey import NONE
from geodns.atlas.view import BANDS, Question, View, view
from geodns.config.load import load
from geodns.config.settings import Configuration
from geodns.explain.build import Given, explain
from geodns.explain.explanation import Explanation
from geodns.explain.live import assumed_up
from geodns.explain.question import parse_question
from geodns.explain.whatif import Availabilities, withdraw
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import map_values, whole_space
from geodns.health.availability import EndpointAvailability

EXAMPLE = Path(__file__).parents[2] / "config" / "geodns.yaml"
NAMES = {"web": "www.example.test", "api": "api.example.test", "login": "login.example.test"}
CLIENT = "192.0.2.7"


@cache
def example() -> Configuration:
    return load(EXAMPLE)[0]


def seen(
    service: str = "web", *down: str, configuration: Configuration | None = None, **question: str
) -> View:
    configuration = configuration or example()
    available = Availabilities({}, withdraw(configuration.topology, down), down)
    asked = Question(service, down, **question)  # type: ignore[arg-type]
    return view(configuration, asked, available, Availabilities())


def explained(service: str, place: Place, *down: str) -> Explanation:
    """What ``geodns explain`` says of a client of which just this place is known."""
    start = int(ip_address("192.0.2.0"))
    starts = np.array([0, start, start + 256], np.uint32)
    places = PlaceTable.of([NOWHERE, place])
    v4 = Ranges(starts, None, np.array([0, 1, 0], np.int32))
    locations = Locations(v4, map_values(whole_space(6, 0), np.zeros(1, np.int32)), places)
    withdrawn = withdraw(example().topology, down)
    given = Given(
        example(),
        assumed_up(),
        Availabilities({}, withdrawn, down),
        lambda: locations,
        lambda _: [],
    )
    return explain(given, parse_question(NAMES[service], "A", CLIENT, resolver=False))


def fills(found: View) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([look.fill for look in found.looks.distinct])[found.looks.number]


@pytest.mark.parametrize(
    ("service", "down"),
    [("web", ()), ("web", ("eu-central-1", "us-east-1")), ("api", ("cn-hangzhou",)), ("login", ())],
)
def test_a_cell_has_the_colour_of_the_region_that_explain_names(
    service: str, down: tuple[str, ...]
) -> None:
    found, places = seen(service, *down), land_cells().places()
    names = [group.name for group in found.groups]
    for cell in np.random.default_rng(11).integers(0, len(places), 12).tolist():
        explanation = explained(service, places[cell], *down)
        assert explanation.choice is not None
        assert explanation.choice.region == names[fills(found)[cell]], places[cell]


@pytest.mark.parametrize("failed", ["eu-central-1", "sa-east-1"])
def test_a_failure_moves_exactly_the_cells_of_the_region_that_failed(failed: str) -> None:
    before, after = seen("web"), seen("web", failed)
    number = [group.name for group in before.groups].index(failed)
    moved = np.array([look.dots for look in after.looks.distinct])[after.looks.number] != NONE
    assert np.array_equal(moved, fills(before) == number)
    assert np.array_equal(fills(before)[~moved], fills(after)[~moved])
    assert not np.any(fills(after) == number)


def test_what_a_failed_region_had_is_what_moved() -> None:
    found = seen("web", "eu-central-1")
    failed = next(group for group in found.groups if group.name == "eu-central-1")
    assert (failed.state, failed.now.people, failed.now.land) == ("down", 0, 0)
    assert found.moved.people == pytest.approx(failed.before.people)
    assert found.moved.land == pytest.approx(failed.before.land)
    assert {flow.source for flow in found.flows} == {"eu-central-1"}
    assert sum(flow.part.people for flow in found.flows) == pytest.approx(
        found.moved.people, abs=1e-3
    )
    assert found.latency.mean > found.latency_before.mean


@pytest.mark.parametrize("by", ["region", "az"])
def test_shares_add_up_to_the_whole_world(by: str) -> None:
    found = seen("api", by=by)
    assert sum(group.now.people for group in found.groups) == pytest.approx(1)
    assert sum(group.now.land for group in found.groups) == pytest.approx(1)
    assert sum(band.people for band in found.bands) == pytest.approx(1)


def test_an_az_that_fails_moves_clients_within_its_region_only() -> None:
    assert seen("web", "eu-central-1a").moved.people == 0
    found = seen("web", "eu-central-1a", by="az")
    assert found.moved.people > 0.01
    assert {flow.target for flow in found.flows} == {"eu-central-1b", "eu-central-1c"}
    site = next(site for site in found.sites if site.region == "eu-central-1")
    assert (site.up, site.all) == (2, 3)


def test_azs_share_by_weight() -> None:
    found = {group.name: group.now.people for group in seen("api", by="az").groups}
    # Weights 200, 100 and 50.
    assert found["eu-central-1a"] == pytest.approx(2 * found["eu-central-1b"], rel=1e-3)
    assert found["eu-central-1a"] == pytest.approx(4 * found["eu-central-1c"], rel=1e-3)


def test_a_region_that_sheds_load_shares_its_cells_with_the_next() -> None:
    known = {
        f"web@eu-central-1{az}": EndpointAvailability(0.6, (True, True), "sheds", frozenset())
        for az in "abc"
    }
    shedding = Availabilities(known)
    found = view(example(), Question("web"), shedding, shedding)
    number = [group.name for group in found.groups].index("eu-central-1")
    striped = [look for look in found.looks.distinct if look.stripes != NONE]
    assert striped
    assert {look.fill for look in striped} == {number}
    before = next(group for group in seen("web").groups if group.name == "eu-central-1")
    assert found.groups[number].now.people == pytest.approx(0.6 * before.now.people, rel=1e-3)


def test_nobody_serves_what_when_down_answers() -> None:
    down = ("eu-central-1", "us-east-1", "ap-southeast-1")
    found = seen("login", *down)  # its when_down is an address of nobody's region
    assert found.nobody.now.people == pytest.approx(1)
    assert np.all(fills(found) == len(found.groups))
    assert np.isnan(found.latency.mean)


def test_by_country_each_country_is_of_one_colour() -> None:
    found, cells = seen("web", located="country"), land_cells()
    for number, country in enumerate(countries()):
        if country.code is not None:
            assert len(set(fills(found)[cells.country == number])) == 1, country.code


def test_latency_is_that_of_whoever_serves() -> None:
    found, cells = seen("web"), land_cells()
    germany = [country.code for country in countries()].index("DE")
    bands = np.array([look.fill for look in found.latency_looks.distinct])
    of_germany = bands[found.latency_looks.number][cells.country == germany]
    assert set(of_germany.tolist()) == {int(np.searchsorted(BANDS, 8))}  # latency.yaml: EU-DE 8 ms


def test_a_service_of_branches_is_drawn_by_their_endpoints(tmp_path: Path) -> None:
    services = """\
services:
  web: {steering: nearest}
  front: {branches: [web]}
"""
    zone = '"":\n  - {type: NS, values: [ns1.example.test.]}\nwww: {type: GEO, service: front}\n'
    server = "topology: topology.yaml\nservices: services.yaml\nzones: zones\n"
    file = write(tmp_path, server=server, services=services, zone=zone)
    configuration = load(file)[0]
    front, web = (seen(name, configuration=configuration) for name in ("front", "web"))
    assert [group.now for group in front.groups] == [group.now for group in web.groups]
    assert np.array_equal(fills(front), fills(web))
