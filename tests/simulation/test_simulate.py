"""Simulations that can be reckoned by hand: three places, one of which fails."""

from __future__ import annotations

import dataclasses
import json
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from building import TOPOLOGY, configuration, three_places

from geodns.answer.resolve import AAAA
from geodns.answer.service import EndpointState
from geodns.config.settings import Configuration, LatencyRow, Topology
from geodns.latency.client import parse_client
from geodns.planning.demand import DemandRow
from geodns.simulation.as_json import as_json
from geodns.simulation.results import Flow, ServiceFound, Simulation
from geodns.simulation.simulate import Given, NothingToSimulateError, Wish, simulate
from geodns.simulation.weights import by_addresses, by_demand, by_people

_TABLE = (
    LatencyRow("EU", {"eu": 10, "us": 90, "jp": 250}),
    LatencyRow("NA", {"eu": 90, "us": 20, "jp": 150}),
    LatencyRow("AS", {"eu": 250, "us": 150, "jp": 30}),
)
_A_26 = 1 / 4 / 3 / 65536  # of all clients: a /26 of three /8s


def by_place(*, down: tuple[str, ...] = (), at: dict[str, float] | None = None) -> Any:
    return {id: EndpointState(0.0) for id in down} | {
        id: EndpointState(share) for id, share in (at or {}).items()
    }


def simulated(
    before: Configuration,
    after: Configuration | None = None,
    states: Any = None,
    wish: Wish | None = None,
) -> Simulation:
    places = three_places()
    wish = wish or Wish(lambda kinds, _: by_addresses(kinds))
    return simulate(
        Given(before, places, {}, "before"),
        Given(after or before, places, states or {}, "after"),
        wish,
    )


def rows(**demand: float) -> list[DemandRow]:
    return [DemandRow(parse_client(client), figure) for client, figure in demand.items()]


def demanded(**demand: float) -> Wish:
    return Wish(lambda kinds, _: by_demand(kinds, rows(**demand), "made up"), is_load=True)


def web(found: Simulation) -> ServiceFound:
    return next(each for each in found.services if each.name == "web")


def test_nothing_moves_where_nothing_changes(tmp_path: Path) -> None:
    found = simulated(configuration(tmp_path, rows=_TABLE))
    assert (found.total.moved, found.total.regions, found.gone, found.new) == (0.0, (), (), ())
    assert found.total.weight == 3 * 65536
    assert found.total.before == found.total.after
    assert found.total.before.latency.mean == pytest.approx((10 + 20 + 30) / 3, rel=1e-3)


def test_the_clients_of_a_region_that_fails_move_to_the_next(tmp_path: Path) -> None:
    both = by_place(down=("web@eu-a", "web@eu-b"))
    found = simulated(configuration(tmp_path, rows=_TABLE), states=both)
    # All of 10/8 but a /26, which is in Tokyo; Virginia is nearest to Frankfurt.
    (flow,) = found.total.regions
    assert (flow.source, flow.target) == ("eu", "us")
    assert flow.share == found.total.moved == pytest.approx(1 / 3 - _A_26)
    shares = {area.name: (area.before, area.after) for area in found.regions}
    assert shares["us"] == pytest.approx((1 / 3, 2 / 3 - _A_26))
    assert shares["eu"][1] == 0.0
    assert found.total.moved_region == found.total.moved


def test_latency_is_that_of_the_table_before_and_after(tmp_path: Path) -> None:
    settings = configuration(tmp_path, rows=_TABLE, services={"web": {"steering": "latency"}})
    found = simulated(settings, states=by_place(down=("web@eu-a", "web@eu-b"))).total
    assert (found.moved_before, found.moved_after) == (10, 90)
    assert found.regions == (Flow("eu", "us", found.moved, 10, 90),)
    assert found.before.latency.median == 20
    assert found.before.latency.p95 == 30
    assert found.after.latency.mean == pytest.approx((90 + 20 + 30) / 3, rel=1e-3)
    assert found.after.latency.p95 == 90


def test_an_az_leaves_its_clients_to_the_other_of_its_region(tmp_path: Path) -> None:
    found = simulated(configuration(tmp_path), states=by_place(down=("web@eu-a",))).total
    assert found.moved_region == 0.0
    assert found.moved == pytest.approx(1 / 6, abs=0.01)
    assert [(flow.source, flow.target) for flow in found.zones] == [("eu-a", "eu-b")]


def test_a_share_of_availability_moves_the_rest(tmp_path: Path) -> None:
    quarter = by_place(at={"web@eu-a": 0.25, "web@eu-b": 0.25})
    found = simulated(configuration(tmp_path), states=quarter).total
    assert found.moved == pytest.approx((1 / 3 - _A_26) * 0.75, abs=1e-4)


def test_who_gets_no_answer_is_told(tmp_path: Path) -> None:
    services = {"web": {"steering": "nearest", "when_down": "nodata"}}
    everything = by_place(down=("web@eu-a", "web@eu-b", "web@us-a", "web@jp-a"))
    found = simulated(configuration(tmp_path, services=services), states=everything).total
    assert (found.after.unanswered, found.after.forced) == (1.0, 1.0)
    assert (found.before.unanswered, found.before.forced) == (0.0, 0.0)
    assert {flow.target for flow in found.regions} == {"no answer"}


def test_endpoints_that_are_answered_though_they_are_down_are_told(tmp_path: Path) -> None:
    everything = by_place(down=("web@eu-a", "web@eu-b", "web@us-a", "web@jp-a"))
    found = simulated(configuration(tmp_path), states=everything).total
    assert (found.after.forced, found.after.unanswered, found.moved) == (1.0, 0.0, 0.0)


def test_another_steering_moves_who_it_sends_elsewhere(tmp_path: Path) -> None:
    before = configuration(tmp_path)
    after = configuration(tmp_path, services={"web": {"steering": {"failover": {"order": ["us"]}}}})
    found = simulated(before, after).total
    assert found.moved == pytest.approx(2 / 3)
    assert {(flow.source, flow.target) for flow in found.regions} == {("eu", "us"), ("jp", "us")}


def test_a_region_that_is_new_takes_its_clients_and_no_others(tmp_path: Path) -> None:
    less = {name: region for name, region in TOPOLOGY.items() if name != "jp"}
    found = simulated(configuration(tmp_path, regions=less), configuration(tmp_path)).total
    assert {flow.target for flow in found.regions} == {"jp"}
    assert found.moved == pytest.approx(1 / 3 + _A_26)
    assert found.moved_after < found.moved_before


def test_an_endpoint_that_changes_its_address_keeps_its_clients(tmp_path: Path) -> None:
    changed = json.loads(json.dumps(TOPOLOGY))
    changed["us"]["availability_zones"]["us-a"]["endpoints"]["web"] = ["192.0.2.99"]
    after = configuration(tmp_path, regions=changed)
    assert simulated(configuration(tmp_path), after).total.moved == 0.0


def test_one_address_at_two_azs_is_no_move(tmp_path: Path) -> None:
    anycast = json.loads(json.dumps(TOPOLOGY))
    for name in ("eu-a", "eu-b"):
        anycast["eu"]["availability_zones"][name]["endpoints"]["web"] = ["192.0.2.1"]
    settings = configuration(tmp_path, regions=anycast)
    assert simulated(settings, states=by_place(down=("web@eu-a",))).total.moved == 0.0


def test_demand_counts_instead_of_networks(tmp_path: Path) -> None:
    found = simulated(configuration(tmp_path), wish=demanded(EU=600, NA=300, AS=100))
    shares = {area.name: area.before for area in found.regions}
    assert found.total.weight == pytest.approx(1000)
    assert shares == {
        "eu": pytest.approx(0.6),
        "us": pytest.approx(0.3),
        "jp": pytest.approx(0.1),
    }


def test_demand_is_the_load_of_what_has_a_capacity(tmp_path: Path) -> None:
    sized = json.loads(json.dumps(TOPOLOGY))
    for az, capacity in (("us-a", 500), ("jp-a", None)):
        region = sized[az.partition("-")[0]]
        endpoint = region["availability_zones"][az]["endpoints"]["web"]
        endpoint["capacity"] = capacity
    settings = configuration(tmp_path, regions=sized)
    both = by_place(down=("web@eu-a", "web@eu-b"))
    found = web(simulated(settings, states=both, wish=demanded(EU=600, NA=300, AS=100)))
    loads = {load.endpoint: load for load in found.loads}
    assert loads["web@us-a"].utilisation_before == pytest.approx(0.6)
    assert loads["web@us-a"].utilisation_after == pytest.approx(1.8)
    assert loads["web@jp-a"].utilisation_after is None
    assert loads["web@jp-a"].load_after == pytest.approx(100)
    assert loads["web@eu-a"].before == pytest.approx(0.3, abs=0.02)


def test_demand_of_clients_that_are_nowhere_is_told(tmp_path: Path) -> None:
    found = simulated(configuration(tmp_path), wish=demanded(EU=300, SA=100))
    assert found.unplaced == pytest.approx(0.25)
    assert found.total.weight == pytest.approx(300)


def test_the_rest_of_an_area_is_what_no_other_row_is_for(tmp_path: Path) -> None:
    demand = [
        DemandRow(parse_client("10.1.2.0/26"), 100.0),
        DemandRow(parse_client("EU"), 100.0),
        DemandRow(parse_client("2001:db8:a::/48"), 200.0),
    ]
    network, six = (demand[at].client.code for at in (0, 2))
    wish = Wish(
        lambda kinds, _: by_demand(kinds, demand, "made up"),
        prefixes=(ip_network(network), ip_network(six)),
    )
    found = simulated(configuration(tmp_path), wish=wish)
    shares = {area.name: area.before for area in found.regions}
    # The /26 is in Tokyo; the IPv6 network is in Frankfurt, and asks for A like everybody.
    assert shares == {"jp": pytest.approx(0.25), "eu": pytest.approx(0.75)}


def test_people_count_by_country(tmp_path: Path) -> None:
    people = {"DE": 80.0, "US": 300.0, "JP": 120.0, "BR": 200.0}
    found = simulated(configuration(tmp_path), wish=Wish(lambda kinds, _: by_people(kinds, people)))
    shares = {area.name: area.before for area in found.regions}
    assert shares["us"] == pytest.approx(0.6)
    assert found.unplaced == pytest.approx(200 / 700)


def test_clients_whose_latency_nobody_knows_are_left_out_of_it(tmp_path: Path) -> None:
    wish = Wish(lambda kinds, _: by_demand(kinds, rows(default=100), "made up"))
    found = simulated(configuration(tmp_path), wish=wish).total
    assert 0 < found.before.latency.known < 0.05


def test_services_that_only_one_side_has_are_named(tmp_path: Path) -> None:
    before = configuration(tmp_path)
    services = {"web": {"steering": "nearest"}, "api": {"steering": "nearest"}}
    regions = json.loads(json.dumps(TOPOLOGY))
    regions["us"]["availability_zones"]["us-a"]["endpoints"]["api"] = ["192.0.2.31"]
    zone = "'': {type: NS, value: ns.elsewhere.test.}\n"
    after = configuration(
        tmp_path, services=services, regions=regions, zone=zone + "www: {type: GEO, service: api}\n"
    )
    found = simulated(before, after)
    assert (found.new, found.gone) == (("api",), ())
    assert simulated(after, before).gone == ("api",)


def test_a_type_that_one_region_has_is_asked_for_where_it_is_wished(tmp_path: Path) -> None:
    wish = Wish(lambda kinds, _: by_addresses(kinds), type=AAAA)
    found = simulated(configuration(tmp_path), wish=wish)
    assert web(found).type == "AAAA"
    assert {area.name: area.before for area in found.regions} == {"eu": pytest.approx(1.0)}


def test_without_a_service_or_a_client_there_is_nothing_to_simulate(tmp_path: Path) -> None:
    settings = configuration(tmp_path)
    empty = dataclasses.replace(settings, topology=Topology(regions={}))
    with pytest.raises(NothingToSimulateError, match="no service"):
        simulated(settings, wish=Wish(lambda kinds, _: by_addresses(kinds), ("other",)))
    with pytest.raises(NothingToSimulateError, match="no clients"):
        simulated(settings, wish=demanded(SA=5))
    assert simulated(empty).total.after.unanswered == 1.0


def test_json_writes_what_is_unknown_as_null(tmp_path: Path) -> None:
    wish = Wish(lambda kinds, _: by_demand(kinds, rows(default=100), "made up"))
    text = as_json(simulated(configuration(tmp_path), wish=wish))
    data = json.loads(text, parse_constant=pytest.fail)
    assert data["total"]["moved_before"] is None
