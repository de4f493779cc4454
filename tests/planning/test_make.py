"""Plans for services over small worlds, against assignments by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import configuration
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.config.settings import Configuration, LatencyRow
from geodns.explain.whatif import UnknownIdError
from geodns.geo.locations import Locations, Ranges
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.latency.client import parse_client
from geodns.planning.as_json import as_json
from geodns.planning.assign import Move, NoRoomError, Terms
from geodns.planning.clients import MOST_CLIENTS
from geodns.planning.demand import DemandRow
from geodns.planning.latencies import NotPlannableError
from geodns.planning.make import Made, NothingToPlanError, Wish, make
from geodns.planning.plan import Plan

_PLACES = [
    NOWHERE,
    Place(50.1, 8.7, "EU", "DE"),
    Place(48.9, 2.4, "EU", "FR"),
    Place(40.7, -74.0, "NA", "US", "NY"),
    Place(37.4, -122.0, "NA", "US", "CA", None, 64500),
    Place(35.7, 139.7, "AS", "JP", None, None, 64500),
]


def _locations() -> Locations:
    """Place n has n /8s of IPv4, from 10n.0.0.0 on; 2001:db8::/32 is in New York."""
    starts, values = [0], [0]
    for place in range(1, len(_PLACES)):
        starts += [10 * place << 24, 11 * place << 24]
        values += [place, 0]
    v4 = Ranges(np.array(starts, np.uint32), None, np.array(values, np.int32))
    high = np.array([0, 0x20010DB8 << 32, 0x20010DB9 << 32], np.uint64)
    v6 = Ranges(high, np.zeros(3, np.uint64), np.array([0, 3, 0], np.int32))
    return Locations(v4, v6, PlaceTable.of(_PLACES))


_SPOTS = {"de": (50.1, 8.7), "ny": (40.7, -74.0), "ca": (37.4, -122.0)}


def _world(
    folder: Path,
    capacities: Mapping[str, float | None],
    *,
    rows: Mapping[str, Mapping[str, float]] | None = None,
    steering: Any = "latency",
    costs: Mapping[str, float] | None = None,
) -> Configuration:
    """A service ``web`` with one AZ in each region."""
    regions = {
        name: {
            "location": _SPOTS[name],
            "cost": (costs or {}).get(name),
            "availability_zones": {
                f"{name}-a": {"endpoints": {"web": {"addresses": ["192.0.2.1"], "capacity": room}}}
            },
        }
        for name, room in capacities.items()
    }
    return configuration(
        folder,
        regions=regions,
        services={"web": {"steering": steering}},
        rows=tuple(LatencyRow(client, dict(row)) for client, row in (rows or {}).items()),
    )


def _rows(**demand: float) -> list[DemandRow]:
    """``EU_DE=5`` for EU-DE."""
    return [
        DemandRow(parse_client(client.replace("_", "-")), amount)
        for client, amount in demand.items()
    ]


def _make(world: Configuration, rows: list[DemandRow], **wish: Any) -> Made:
    former = wish.pop("former", None)
    terms = Terms(**{key: wish.pop(key) for key in ("move_cost", "headroom") if key in wish})
    if "cost_weight" in wish:
        terms = Terms(terms.move_cost, wish.pop("cost_weight"), terms.headroom)
    return make(world, "web", rows, _locations, Wish(terms, **wish), former)


_TABLE = {
    "EU-DE": {"de": 10, "ny": 90, "ca": 150},
    "EU-FR": {"de": 20, "ny": 80, "ca": 140},
    "NA-US": {"de": 90, "ny": 10, "ca": 60},
}


def test_the_overflow_is_that_of_the_clients_who_lose_least(tmp_path: Path) -> None:
    # Germany would lose 80 ms for each unit in New York, France only 60.
    world = _world(tmp_path, {"de": 100, "ny": 100}, rows=_TABLE)
    made = _make(world, _rows(EU_DE=80, EU_FR=40, NA_US=50))
    assert made.plan.rows == {
        "EU-DE": {"de": 1.0},
        "EU-FR": {"de": 0.5, "ny": 0.5},
        "NA-US": {"ny": 1.0},
    }
    found = made.assignment
    assert found.load_before.tolist() == [120, 50]
    assert found.load_after.tolist() == pytest.approx([100, 70])
    assert found.before.mean == pytest.approx((80 * 10 + 40 * 20 + 50 * 10) / 170)
    assert found.after.mean == pytest.approx((80 * 10 + 20 * 20 + 20 * 80 + 50 * 10) / 170)
    assert (found.after.p50, found.after.p95) == (10, 80)
    (move,) = found.moves
    assert move == Move("EU-FR", "de", "ny", move.demand, 20, 80)
    assert move.demand == pytest.approx(20)
    assert found.worth.tolist() == pytest.approx([60, 0], abs=0.01)
    assert made.plan.regions["de"].utilisation == pytest.approx(1)
    assert made.notes == ()


def test_more_demand_than_capacity_is_refused_with_figures(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100, "ny": 100}, rows=_TABLE)
    rows = _rows(EU_DE=150, NA_US=50)
    assert _make(world, rows)
    with pytest.raises(NoRoomError) as caught:
        _make(world, rows, headroom=0.1)
    assert str(caught.value) == (
        "the demand is 200, and the regions that may serve it have 180 with 10% of each kept free: "
        "20 too little (de 90, ny 90)"
    )


def test_what_is_down_is_left_out(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100, "ny": 100, "ca": 100}, rows=_TABLE)
    made = _make(world, _rows(EU_DE=80, NA_US=50), down=("de",))
    # To California, Germany would lose 60 ms and the United States 50.
    assert made.plan.rows == {"EU-DE": {"ny": 1.0}, "NA-US": {"ca": 0.6, "ny": 0.4}}
    with pytest.raises(NoRoomError, match="the regions that may serve it have 100"):
        _make(world, _rows(EU_DE=80, NA_US=50), down=("de", "ny-a"))
    with pytest.raises(NothingToPlanError, match="no region has an endpoint of the service web"):
        _make(world, _rows(EU_DE=80), down=("de", "ny", "web@ca-a"))
    with pytest.raises(UnknownIdError):
        _make(world, _rows(EU_DE=80), down=("mars",))


def test_a_plan_in_use_is_left_only_for_a_gain_above_the_price(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100, "ny": 100}, rows=_TABLE)
    former = Plan("web", {"EU": {"ny": 1.0}, "NA": {"de": 0.5, "ny": 0.5}})
    rows = _rows(EU_DE=10, EU_FR=10, NA_US=10)
    # To go home, Germany gains 80 ms, France 60, the United States 80.
    made = _make(world, rows, former=former, move_cost=70)
    assert made.plan.rows == {"EU-DE": {"de": 1.0}, "EU-FR": {"ny": 1.0}, "NA-US": {"ny": 1.0}}
    assert made.assignment.moved == pytest.approx(15)
    assert made.present == "the present plan"
    still = _make(world, rows, former=former, move_cost=float("inf"))
    assert still.assignment.moves == ()


def test_who_was_planned_into_a_region_that_is_gone_has_to_move(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100, "ny": 100}, rows=_TABLE)
    former = Plan("web", {"EU-DE": {"mars": 0.25, "ny": 0.75}})
    made = _make(world, _rows(EU_DE=100), former=former, move_cost=float("inf"))
    assert made.plan.rows == {"EU-DE": {"ny": 0.75, "de": 0.25}}
    assert [(move.source, move.target) for move in made.assignment.moves] == [(None, "de")]
    assert as_json(made)["moves"][0]["ms_before"] is None


def test_a_price_of_a_region_counts_as_much_as_it_is_weighed(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100, "ny": 100}, rows=_TABLE, costs={"de": 9, "ny": 2})
    rows = _rows(EU_FR=10)
    assert _make(world, rows).plan.rows == {"EU-FR": {"de": 1.0}}
    # New York is 60 ms farther and 7 cheaper.
    assert _make(world, rows, cost_weight=8).plan.rows == {"EU-FR": {"de": 1.0}}
    cheap = _make(world, rows, cost_weight=9)
    assert cheap.plan.rows == {"EU-FR": {"ny": 1.0}}
    assert (cheap.assignment.cost_before, cheap.assignment.cost_after) == (90, 20)


def test_nobody_is_planned_across_a_fence(tmp_path: Path) -> None:
    fence = {"geofence": {"rules": {"EU": {"only": "de"}}}}
    world = _world(tmp_path, {"de": 100, "ny": 100}, rows=_TABLE, steering=[fence, "latency"])
    made = _make(world, _rows(EU_DE=80, EU_FR=20, NA_US=100))
    assert made.plan.rows["EU-FR"] == {"de": 1.0}
    with pytest.raises(NoRoomError) as caught:
        _make(world, _rows(EU_DE=90, EU_FR=20, NA_US=50))
    assert str(caught.value) == (
        "the demand of EU-DE, EU-FR is 110, and the regions that may serve it have 100: 10 too "
        "little (de 100)"
    )


def test_a_key_whose_clients_go_to_several_regions_is_taken_apart(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 1000, "ny": 1000, "ca": 1000})
    # By addresses: New York has 3 /8s, California 4.
    made = _make(world, _rows(NA_US=70, EU=30))
    assert made.plan.rows == {"NA-US-NY": {"ny": 1}, "NA-US-CA": {"ca": 1}, "EU": {"de": 1}}
    assert made.assignment.load_after.tolist() == pytest.approx([30, 30, 40])
    assert made.assignment.moves == ()
    everyone = _make(world, _rows(default=150))
    assert everyone.assignment.load_after.sum() == pytest.approx(150)
    assert "NA-US-CA" in everyone.plan.rows
    whole = _make(world, _rows(NA_US=70, EU=30), split=False)
    assert set(whole.plan.rows) == {"NA-US", "EU"}


def test_of_very_many_clients_the_small_ones_go_with_their_area(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 1e6, "ny": 1e6})
    large = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(MOST_CLIENTS)]  # Germany
    small = [f"30.0.{n}.0/24" for n in range(100)]  # New York
    rows = [DemandRow(parse_client(text), 10) for text in large]
    rows += [DemandRow(parse_client(text), 1) for text in (*small, "AS64500-JP")]
    made = _make(world, rows)
    assert set(made.plan.rows) == {*large, "NA-US-NY", "AS-JP"}
    assert made.assignment.task.demand.sum() == pytest.approx(10 * MOST_CLIENTS + 101)
    assert made.notes == (
        "the 101 clients with least demand are planned as part of the areas that they are in",
    )


def test_prefixes_and_as_numbers_are_where_their_addresses_are(tmp_path: Path) -> None:
    table = {"30.1.0.0/16": {"de": 5, "ny": 50, "ca": 50}}
    world = _world(tmp_path, {"de": 100, "ny": 100, "ca": 100}, rows=table)
    rows = [
        DemandRow(parse_client(text), 10)
        for text in ("30.0.0.0/16", "30.1.2.0/24", "2001:db8:7::/48", "AS64500-US")
    ]
    assert _make(world, rows).plan.rows == {
        "30.0.0.0/16": {"ny": 1.0},
        "30.1.2.0/24": {"de": 1.0},  # the row of the prefix around it
        "2001:db8:7::/48": {"ny": 1.0},
        "AS64500-US": {"ca": 1.0},
    }


def test_the_load_that_a_query_makes_and_other_capacities_can_be_given(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100, "ny": None}, rows=_TABLE)
    made = _make(world, _rows(EU_DE=60), load_per_demand=2.0)
    assert made.plan.rows == {"EU-DE": {"de": 0.833333, "ny": 0.166667}}
    assert made.plan.origin.total == 120
    assert made.notes == ("without a limit, since an endpoint has no capacity: ny",)
    wider = _make(world, _rows(EU_DE=60), load_per_demand=2.0, capacity={"de": 500})
    assert wider.plan.rows == {"EU-DE": {"de": 1.0}}


def test_an_az_that_its_weight_overloads_is_noted(tmp_path: Path) -> None:
    azs = {
        "de-a": {"endpoints": {"web": {"addresses": ["192.0.2.1"], "weight": 3, "capacity": 50}}},
        "de-b": {"endpoints": {"web": {"addresses": ["192.0.2.2"], "weight": 1, "capacity": 50}}},
        "de-c": {"endpoints": {"web": {"addresses": ["192.0.2.3"], "weight": 0, "capacity": 50}}},
    }
    regions = {"de": {"location": _SPOTS["de"], "availability_zones": azs}}
    world = configuration(tmp_path, regions=regions, services={"web": {"steering": "latency"}})
    made = _make(world, _rows(EU_DE=80))
    assert made.regions[0].total == 100, "a weight of 0 takes no clients"
    assert made.notes == (
        "web@de-a would be at 120%: its weight gives it more of de's 80 than its capacity is of "
        "the region's",
    )


def test_without_any_capacity_the_plan_says_that_nothing_limits_it(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": None, "ny": None}, rows=_TABLE)
    made = _make(world, _rows(EU_DE=1e6))
    assert made.notes == ("no region has a capacity, so that nothing limits any",)
    assert made.plan.regions["de"].capacity is None


def test_no_demand_is_refused(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100}, rows=_TABLE)
    with pytest.raises(NothingToPlanError, match="there is no demand"):
        _make(world, _rows(EU_DE=0))


def test_a_service_of_other_services_is_planned_by_its_branches(tmp_path: Path) -> None:
    world = _world(tmp_path, {"de": 100})
    services = world.services.model_copy(
        update={
            "services": world.services.services
            | {"all": world.services.services["web"].model_copy(update={"branches": {"web": 1.0}})}
        }
    )
    regions = world.topology.regions["de"]
    az = regions.availability_zones["de-a"]
    az = az.model_copy(update={"endpoints": az.endpoints | {"all": az.endpoints["web"]}})
    regions = regions.model_copy(update={"availability_zones": {"de-a": az}})
    topology = world.topology.model_copy(update={"regions": {"de": regions}})
    world = Configuration(**{**vars(world), "services": services, "topology": topology})
    with pytest.raises(NotPlannableError, match=r"made of other services \(web\): plan those"):
        make(world, "all", _rows(EU_DE=1), _locations, Wish(Terms()))


@given(
    st.lists(st.integers(0, 100), min_size=3, max_size=3),
    st.lists(st.integers(0, 150), min_size=3, max_size=3),
    st.sampled_from([0.0, 5.0, float("inf")]),
)
@settings(max_examples=60, deadline=None)
def test_a_plan_keeps_its_promises(
    tmp_path_factory: pytest.TempPathFactory,
    demand: list[int],
    capacity: list[int],
    move_cost: float,
) -> None:
    rooms = {name: float(max(1, room)) for name, room in zip(_SPOTS, capacity, strict=True)}
    world = _world(tmp_path_factory.mktemp("world"), rooms, rows=_TABLE)
    rows = [
        DemandRow(parse_client(client), float(amount))
        for client, amount in zip(_TABLE, demand, strict=True)
    ]
    try:
        made = _make(world, rows, move_cost=move_cost)
    except NothingToPlanError:
        assert sum(demand) == 0
        return
    except NoRoomError:
        assert sum(demand) > sum(rooms.values())
        return
    for row in made.plan.rows.values():
        assert sum(row.values()) == pytest.approx(1, abs=1e-9)
    for name, load in made.plan.regions.items():
        assert load.load <= rooms[name] + 1e-5 * sum(demand)
    if move_cost == float("inf"):
        excess = made.assignment.load_before - made.assignment.task.capacity
        # What is in a full region must go; nobody else does.
        assert made.assignment.moved == pytest.approx(np.maximum(excess, 0).sum(), abs=1e-3)
    # Following the plan that was made, there is nothing to change.
    again = _make(world, rows, move_cost=move_cost, former=made.plan)
    assert again.assignment.moved == pytest.approx(0, abs=1e-3)
