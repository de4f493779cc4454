"""What each preset answers, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from ranked import costs, names, sources, tiers_of

from geodns.config.settings import (
    AvailabilityZone,
    LatencyRow,
    Region,
    Service,
    Topology,
)
from geodns.geo.place import NOWHERE, Place
from geodns.geo.places import PlaceTable
from geodns.steering.clients import Clients
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate

FRANKFURT, VIRGINIA, SINGAPORE = (50.11, 8.68), (38.95, -77.45), (1.35, 103.82)
BERLIN = Place(52.52, 13.405, "EU", "DE", "BE", "Berlin", 3320)


def topology(**biases: int) -> Topology:
    return Topology(
        regions={
            name: Region(
                location=location,
                bias=biases.get(name.partition("-")[0], 0),
                availability_zones={f"{name}{az}": AvailabilityZone() for az in "ab"},
            )
            for name, location in {
                "eu-central-1": FRANKFURT,
                "us-east-1": VIRGINIA,
                "ap-southeast-1": SINGAPORE,
            }.items()
        }
    )


CANDIDATES = [
    Candidate(f"web@{region}{az}", region, f"{region}{az}", 100)
    for region in ("eu-central-1", "us-east-1", "ap-southeast-1")
    for az in "ab"
]


def steering(
    preset: str | dict[str, object],
    *,
    rows: dict[str, dict[str, float]] | None = None,
    where: Topology | None = None,
    candidates: list[Candidate] | None = None,
) -> Steering:
    return Steering(
        Service.model_validate({"steering": preset}),
        topology() if where is None else where,
        CANDIDATES if candidates is None else candidates,
        [LatencyRow(client, figures) for client, figures in (rows or {}).items()],
    )


def by_order(*names: str) -> dict[str, object]:
    return {"failover": {"order": list(names)}}


def test_a_tier_is_a_region_with_its_azs_in_the_order_of_the_candidates() -> None:
    units = steering("latency").units
    assert [(unit.name, unit.endpoints) for unit in units] == [
        ("eu-central-1", (0, 1)),
        ("us-east-1", (2, 3)),
        ("ap-southeast-1", (4, 5)),
    ]


def test_a_region_without_endpoints_of_the_service_does_not_appear() -> None:
    policy = steering("latency", candidates=[CANDIDATES[4]])
    assert [(unit.name, unit.endpoints) for unit in policy.units] == [("ap-southeast-1", (0,))]


@pytest.mark.parametrize("preset", ["latency", "nearest", "failover"])
def test_a_service_without_endpoints_has_no_tiers(preset: str) -> None:
    policy = steering(preset, candidates=[], rows={"EU": {"us-east-1": 3}})
    client = Clients.of_one(BERLIN)
    assert policy.units == ()
    assert policy.rankings(client).rankings == ((),)
    assert policy.costs(client).shape == (1, 0)
    assert policy.explain(client) == []


@pytest.mark.parametrize("preset", ["latency", "nearest", "failover"])
def test_no_clients_have_no_rankings(preset: str) -> None:
    found = steering(preset).rankings(Clients.without_prefixes(PlaceTable.of([])))
    assert found.numbers.shape == (0,)
    assert found.rankings == ()


# --- latency ----------------------------------------------------------------------------------


def test_latency_without_a_table_estimates_from_distance() -> None:
    policy = steering("latency")
    # Berlin to Frankfurt is 424 km: 5 ms and 2 * 1.7 * 424 / 200 = 7.2 ms.
    assert costs(policy, BERLIN)["eu-central-1"] == pytest.approx(12.2, abs=0.1)
    assert sources(policy, BERLIN)["eu-central-1"] == "estimated from 424 km"
    assert names(policy, BERLIN) == ["eu-central-1", "us-east-1", "ap-southeast-1"]


def test_a_measured_figure_beats_the_estimate_of_a_nearer_region() -> None:
    policy = steering("latency", rows={"EU-DE": {"us-east-1": 4}})
    assert names(policy, BERLIN) == ["us-east-1", "eu-central-1", "ap-southeast-1"]
    assert sources(policy, BERLIN)["us-east-1"] == "latency table, row EU-DE"


ROWS: dict[str, dict[str, float]] = {
    "default": {"us-east-1": 1},
    "EU": {"us-east-1": 2},
    "EU-DE": {"us-east-1": 3},
    "EU-DE-BE": {"us-east-1": 4},
    "AS3320": {"us-east-1": 5},
    "AS3320-DE": {"us-east-1": 5.5},
    "203.0.113.0/24": {"us-east-1": 6},
    "2001:db8::/32": {"us-east-1": 7},
}


@pytest.mark.parametrize(
    ("place", "prefix_row", "cost", "row"),
    [
        (NOWHERE, -1, 1, "default"),
        (Place(continent="AS", country="JP", subdivision="13", asn=1), -1, 1, "default"),
        (Place(continent="EU"), -1, 2, "EU"),
        (Place(continent="EU", country="FR", subdivision="BE"), -1, 2, "EU"),
        (Place(continent="EU", country="DE"), -1, 3, "EU-DE"),
        (Place(continent="EU", country="DE", subdivision="BY"), -1, 3, "EU-DE"),
        (Place(continent="EU", country="DE", subdivision="BE"), -1, 4, "EU-DE-BE"),
        (BERLIN, -1, 5.5, "AS3320-DE"),
        (Place(country="FR", asn=3320), -1, 5, "AS3320"),
        (Place(country="DE", asn=3321), -1, 3, "EU-DE"),
        (Place(asn=3320), -1, 5, "AS3320"),
        (BERLIN, 0, 6, "203.0.113.0/24"),
        (NOWHERE, 1, 7, "2001:db8::/32"),
    ],
)
def test_the_most_specific_row_wins(place: Place, prefix_row: int, cost: float, row: str) -> None:
    policy = steering("latency", rows=ROWS)
    assert [str(prefix) for prefix in policy.prefixes] == ["203.0.113.0/24", "2001:db8::/32"]
    assert costs(policy, place, prefix_row)["us-east-1"] == cost
    assert sources(policy, place, prefix_row)["us-east-1"] == f"latency table, row {row}"


def test_a_row_wins_as_a_whole_and_the_regions_it_leaves_out_are_estimated() -> None:
    policy = steering("latency", rows={"EU": {"eu-central-1": 99}, "EU-DE": {"us-east-1": 3}})
    assert costs(policy, BERLIN)["eu-central-1"] == pytest.approx(12.2, abs=0.1)
    assert sources(policy, BERLIN)["eu-central-1"] == "estimated from 424 km"


def test_a_country_row_holds_whatever_continent_the_database_puts_the_country_on() -> None:
    policy = steering("latency", rows={"AS-TR": {"us-east-1": 3}})
    assert costs(policy, Place(continent="EU", country="TR"))["us-east-1"] == 3


def test_of_two_rows_for_the_same_client_the_first_counts_as_a_whole() -> None:
    rows = [
        LatencyRow("EU", {"us-east-1": 3.0}),
        LatencyRow("EU", {"us-east-1": 50.0, "eu-central-1": 7.0}),
    ]
    policy = Steering(Service(), topology(), CANDIDATES, rows)
    figures = costs(policy, BERLIN)
    assert figures["us-east-1"] == 3
    assert figures["eu-central-1"] == pytest.approx(12.2, abs=0.1)


def test_a_client_whose_place_is_unknown_is_ranked_by_the_default_row_then_file_order() -> None:
    policy = steering("latency", rows={"default": {"ap-southeast-1": 80}})
    assert names(policy, NOWHERE) == ["ap-southeast-1", "eu-central-1", "us-east-1"]
    assert sources(policy, NOWHERE)["us-east-1"] == "the client's place is unknown"


# --- nearest ----------------------------------------------------------------------------------


def test_nearest_ranks_by_distance_whatever_the_latency_table_says() -> None:
    policy = steering("nearest", rows={"10.0.0.0/8": {"us-east-1": 1}, "EU": {"us-east-1": 1}})
    assert policy.prefixes == ()
    assert names(policy, BERLIN) == ["eu-central-1", "us-east-1", "ap-southeast-1"]
    assert sources(policy, BERLIN)["eu-central-1"] == "424 km"


def test_a_positive_bias_draws_clients_from_farther_away() -> None:
    policy = steering("nearest", where=topology(us=20))
    plain = costs(steering("nearest"), BERLIN)["us-east-1"]
    assert costs(policy, BERLIN)["us-east-1"] == pytest.approx(plain * 0.8)
    assert sources(policy, BERLIN)["us-east-1"] == (
        f"{plain:.0f} km, bias +20 counts as {plain * 0.8:.0f} km"
    )


def test_a_bias_of_50_brings_a_region_at_150_km_before_one_at_100_km() -> None:
    degree = 111.195  # km, of latitude
    where = Topology(
        regions={
            "near": Region(location=(100 / degree, 0)),
            "far": Region(location=(-150 / degree, 0), bias=50),
        }
    )
    candidates = [Candidate(f"web@{name}", name, name, 1) for name in ("near", "far")]
    policy = steering("nearest", where=where, candidates=candidates)
    assert names(policy, Place(0, 0)) == ["far", "near"]
    assert sources(policy, Place(0, 0))["far"] == "150 km, bias +50 counts as 75 km"


def test_a_negative_bias_pushes_clients_away() -> None:
    policy = steering("nearest", where=topology(eu=-99))
    plain = costs(steering("nearest"), BERLIN)["eu-central-1"]
    assert costs(policy, BERLIN)["eu-central-1"] == pytest.approx(plain * 100)
    assert names(policy, BERLIN)[-1] == "eu-central-1"
    assert sources(policy, BERLIN)["eu-central-1"].endswith(
        f"bias -99 counts as {plain * 100:.0f} km"
    )


def test_a_client_known_only_by_continent_stands_at_its_centre() -> None:
    policy = steering("nearest")
    assert names(policy, Place(continent="AS"))[0] == "ap-southeast-1"
    assert names(policy, Place(continent="NA"))[0] == "us-east-1"
    assert names(policy, Place(continent="EU"))[0] == "eu-central-1"
    assert sources(policy, Place(continent="EU"))["eu-central-1"].endswith("from the centre of EU")


def test_a_client_known_only_by_country_stands_at_its_centre() -> None:
    policy = steering("latency")
    canada = Place(continent="NA", country="CA")
    assert names(policy, canada)[0] == "us-east-1"
    assert sources(policy, canada)["us-east-1"].endswith("from the centre of CA")


def test_an_unknown_place_is_ranked_in_file_order() -> None:
    policy = steering("nearest", where=topology(ap=50))
    assert names(policy, NOWHERE) == ["eu-central-1", "us-east-1", "ap-southeast-1"]
    assert np.isnan(policy.costs(Clients.of_one(NOWHERE))).all()
    assert set(sources(policy, NOWHERE).values()) == {"the client's place is unknown"}


def test_equal_distances_keep_file_order() -> None:
    twins = Topology(regions={"b": Region(location=FRANKFURT), "a": Region(location=FRANKFURT)})
    candidates = [Candidate("web@a1", "a", "a1", 1), Candidate("web@b1", "b", "b1", 1)]
    assert names(steering("nearest", where=twins, candidates=candidates), BERLIN) == ["b", "a"]


# --- failover ---------------------------------------------------------------------------------


def test_failover_without_an_order_is_file_order_for_everyone() -> None:
    policy = steering("failover")
    expected = ["eu-central-1", "us-east-1", "ap-southeast-1"]
    assert names(policy, BERLIN) == names(policy, NOWHERE) == expected
    assert sources(policy, BERLIN)["us-east-1"] == "position 2 in the failover order"


def test_regions_that_the_order_leaves_out_follow_in_file_order() -> None:
    policy = steering(by_order("ap-southeast-1"))
    assert names(policy, BERLIN) == ["ap-southeast-1", "eu-central-1", "us-east-1"]


def test_an_az_that_the_order_names_is_a_tier_of_its_own() -> None:
    policy = steering(by_order("us-east-1b", "eu-central-1"))
    assert {unit.name: unit.endpoints for unit in policy.units} == {
        "eu-central-1": (0, 1),
        "us-east-1": (2,),
        "us-east-1b": (3,),
        "ap-southeast-1": (4, 5),
    }
    assert tiers_of(policy, BERLIN) == [
        ["us-east-1b"],
        ["eu-central-1"],
        ["us-east-1"],
        ["ap-southeast-1"],
    ]


def test_a_region_whose_azs_are_all_named_needs_no_tier_of_its_own() -> None:
    policy = steering(by_order("us-east-1b", "us-east-1", "us-east-1a"))
    assert names(policy, BERLIN) == ["us-east-1b", "us-east-1a", "eu-central-1", "ap-southeast-1"]


def test_explain_takes_one_client() -> None:
    with pytest.raises(ValueError, match="one client"):
        steering("nearest").explain(Clients.without_prefixes(PlaceTable.of([BERLIN, NOWHERE])))


def test_every_client_needs_a_prefix_row() -> None:
    with pytest.raises(ValueError, match="1 places and 2 prefix rows"):
        Clients(PlaceTable.of([BERLIN]), np.array([-1, -1], dtype=np.int32))
