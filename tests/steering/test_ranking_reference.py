"""The vectorised ranking against a slow and obvious one, client by client."""

from __future__ import annotations

import math
from collections.abc import Sequence
from ipaddress import ip_network
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geodns.config.settings import AvailabilityZone, LatencyRow, Region, Service, Topology
from geodns.geo.countries import continent_centre, country_centre
from geodns.geo.place import Place
from geodns.geo.places import PlaceTable
from geodns.steering.clients import Clients
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate

COUNTRIES = {"DE": "EU", "FR": "EU", "US": "NA", "BR": "SA", "JP": "AS"}
AREAS = ["default", "EU", "NA", "AS", "EU-DE", "NA-US", "NA-US-CA", "EU-FR-75"]
SYSTEMS = ["AS1", "AS64500", "AS1-DE", "AS1-US", "AS64500-FR"]
PREFIXES = ["192.0.2.0/24", "198.51.100.0/25", "0.0.0.0/0", "2001:db8::/32"]
REGIONS = [f"region-{number}" for number in range(6)]


class Case(NamedTuple):
    topology: Topology
    candidates: list[Candidate]
    rows: list[LatencyRow]
    places: list[Place]
    prefix_rows: list[int]


# --- the reference ----------------------------------------------------------------------------


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    (phi1, lambda1), (phi2, lambda2) = (tuple(map(math.radians, point)) for point in (one, other))
    half = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin((lambda2 - lambda1) / 2) ** 2
    )
    return 2 * 6371.0088 * math.asin(min(1, math.sqrt(half)))


def location(place: Place) -> tuple[float, float] | None:
    if place.latitude is not None and place.longitude is not None:
        return place.latitude, place.longitude
    centre = country_centre(place.country or "") or continent_centre(place.continent or "")
    return (centre.latitude, centre.longitude) if centre else None


def winning_row(case: Case, place: Place, prefix: str | None) -> LatencyRow | None:
    """Prefix, ASN in a country, ASN, subdivision, country, continent, default."""
    continent, country, subdivision = place.continent, place.country, place.subdivision
    for key in (
        prefix,
        f"AS{place.asn}-{country}" if place.asn and country else None,
        f"AS{place.asn}" if place.asn else None,
        f"{COUNTRIES[country]}-{country}-{subdivision}" if country and subdivision else None,
        f"{COUNTRIES[country]}-{country}" if country else None,
        continent,
        "default",
    ):
        for row in case.rows:
            if row.client == key:
                return row
    return None


def reference_cost(case: Case, preset: str, region: str, place: Place, prefix: str | None) -> float:
    settings, here = case.topology.regions[region], location(place)
    distance = math.nan if here is None else kilometres(here, settings.location)
    if preset == "nearest":
        share = 1 - settings.bias / 100 if settings.bias > 0 else 1 / (1 + settings.bias / 100)
        return distance * share
    row = winning_row(case, place, prefix)
    if row is not None and region in row.milliseconds:
        return row.milliseconds[region]
    return 5 + 2 * 1.7 * distance / 200


# --- cases ------------------------------------------------------------------------------------


@st.composite
def places(draw: st.DrawFn) -> Place:
    country = draw(st.none() | st.sampled_from(sorted(COUNTRIES)))
    located = draw(st.booleans())
    return Place(
        latitude=draw(st.integers(-90, 90)) if located else None,
        longitude=draw(st.integers(-180, 180)) if located else None,
        # As databases have it: sometimes another continent than the table's, or none.
        continent=draw(st.sampled_from([COUNTRIES.get(country or ""), "EU", "AF", None])),
        country=country,
        subdivision=draw(st.sampled_from(["CA", "75", None])) if country else None,
        asn=draw(st.sampled_from([None, 1, 2, 64500, 2**32 - 1])),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(st.sampled_from(REGIONS), unique=True, max_size=6))
    latitudes = st.sampled_from([-90, -30, 0, 50, 50.5, 90])
    topology = Topology(
        regions={
            name: Region(
                location=(draw(latitudes), draw(st.integers(-180, 180))),
                bias=draw(st.sampled_from([-99, -20, 0, 0, 1, 50, 99])),
                availability_zones={f"{name}{az}": AvailabilityZone() for az in "ab"},
            )
            for name in names
        }
    )
    homes = st.tuples(st.sampled_from(names), st.sampled_from("ab")) if names else st.nothing()
    candidates = [
        Candidate(f"web@{region}{az}", region, f"{region}{az}", 100)
        for region, az in draw(st.lists(homes, unique=True))
    ]
    figures = st.dictionaries(st.sampled_from(REGIONS), st.integers(0, 200).map(float))
    clients = draw(st.lists(st.sampled_from(AREAS + SYSTEMS + PREFIXES), unique=True))
    rows = [LatencyRow(client, draw(figures)) for client in clients]
    prefixes = sum(client in PREFIXES for client in clients)
    found = draw(st.lists(places(), max_size=30))
    prefix_rows = [draw(st.integers(-1, prefixes - 1)) for _ in found]
    return Case(topology, candidates, rows, found, prefix_rows)


def steering(case: Case, preset: str) -> Steering:
    service = Service.model_validate({"steering": preset})
    return Steering(service, case.topology, case.candidates, case.rows)


def clients_of(case: Case) -> Clients:
    rows = np.array(case.prefix_rows, dtype=np.int32)
    prefixes = tuple(ip_network(row.client) for row in case.rows if row.client in PREFIXES)
    return Clients(PlaceTable.of(case.places), rows, prefixes)


def same(one: float, other: float) -> bool:
    both_unknown = math.isnan(one) and math.isnan(other)
    return both_unknown or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-3)


def is_sorted(costs: Sequence[float], positions: Sequence[int]) -> bool:
    """By cost, unknown ones last, equal ones by position."""
    keys = [
        (math.isnan(cost), 0 if math.isnan(cost) else cost, position)
        for cost, position in zip(costs, positions, strict=True)
    ]
    return keys == sorted(keys)


# --- the properties ---------------------------------------------------------------------------


@given(cases(), st.sampled_from(["latency", "nearest"]))
def test_costs_are_those_of_the_reference(case: Case, preset: str) -> None:
    policy = steering(case, preset)
    used = {candidate.region for candidate in case.candidates}
    assert [tier.name for tier in policy.units] == [r for r in case.topology.regions if r in used]
    prefixes = [row.client for row in case.rows if row.client in PREFIXES]
    assert policy.prefixes == (tuple(map(ip_network, prefixes)) if preset == "latency" else ())
    with np.errstate(all="raise"):
        costs = policy.costs(clients_of(case))
    for number, (place, row) in enumerate(zip(case.places, case.prefix_rows, strict=True)):
        prefix = prefixes[row] if row >= 0 else None
        for position, tier in enumerate(policy.units):
            expected = reference_cost(case, preset, tier.name, place, prefix)
            assert same(costs[number, position], expected), (place, tier.name)


@given(cases(), st.sampled_from(["latency", "nearest"]))
def test_the_order_is_that_of_the_costs_and_explain_tells_the_same(case: Case, preset: str) -> None:
    policy, clients = steering(case, preset), clients_of(case)
    with np.errstate(all="raise"):
        found, costs = policy.rankings(clients), policy.costs(clients)
    for number in range(len(clients)):
        tiers = [tier.units for tier in found.rankings[found.numbers[number]]]
        assert all(len(units) == 1 for units in tiers)
        positions, row = [units[0] for units in tiers], costs[number]
        assert sorted(positions) == list(range(len(policy.units)))
        assert is_sorted(row[positions].tolist(), positions)
        said = policy.explain(clients.take(np.array([number])))
        assert [each.name for each in said] == [unit.name for unit in policy.units]
        assert all(same(each.cost, cost) for each, cost in zip(said, row, strict=True))
        assert all(each.source and each.unit == policy.unit for each in said)


@given(cases())
def test_every_endpoint_is_in_exactly_one_tier(case: Case) -> None:
    for preset in ("latency", "nearest", "failover"):
        found = [at for unit in steering(case, preset).units for at in unit.endpoints]
        assert sorted(found) == list(range(len(case.candidates)))


def test_many_clients_are_ranked_as_each_of_them_alone() -> None:
    """More clients than are ranked at a time, so that the seams are covered."""
    random = np.random.default_rng(53)
    topology = Topology(
        regions={
            name: Region(location=(random.uniform(-60, 60), random.uniform(-180, 180)))
            for name in REGIONS
        }
    )
    candidates = [Candidate(f"web@{name}a", name, f"{name}a", 1) for name in REGIONS]
    rows = [LatencyRow("EU-DE", {"region-3": 1.0}), LatencyRow("AS-JP", {"region-5": 400.0})]
    found = [
        Place(latitude, longitude, COUNTRIES[country], country)
        for latitude, longitude, country in zip(
            random.uniform(-90, 90, 40_000).tolist(),
            random.uniform(-180, 180, 40_000).tolist(),
            random.choice(sorted(COUNTRIES), 40_000).tolist(),
            strict=True,
        )
    ]
    policy = Steering(Service(), topology, candidates, rows)
    clients = Clients.without_prefixes(PlaceTable.of(found))
    numbers, rankings = policy.rankings(clients)
    case = Case(topology, candidates, rows, found, [])
    for number in (*range(0, 40_000, 97), 16_383, 16_384, 32_767, 32_768, 39_999):
        costs = [reference_cost(case, "latency", name, found[number], None) for name in REGIONS]
        order = [tier.units[0] for tier in rankings[numbers[number]]]
        assert order == sorted(range(len(REGIONS)), key=costs.__getitem__)


def test_clients_at_a_place_are_those_of_the_place() -> None:
    found = PlaceTable.of([Place(country="DE"), Place(country="US")])
    where = np.array([1, 0, 1])
    rows = np.array([-1, 2, 3], dtype=np.int32)
    clients = Clients.at(found, where, rows, ())
    assert [place.country for place in clients.places] == ["US", "DE", "US"]
    assert clients.take(np.array([2])).prefix_row.tolist() == [3]
    assert clients.part(1, 9).prefix_row.tolist() == [2, 3]
