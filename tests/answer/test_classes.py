"""Clients that are ranked alike make a class; there are never too many classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from building import configuration, three_places

from geodns.answer.classes import MOST_CLASSES, Classifier
from geodns.answer.compile import compile_image, steering_of
from geodns.geo.place import Place
from geodns.geo.places import PlaceTable
from geodns.steering.clients import Clients
from geodns.steering.distinct import distinct_rows
from geodns.steering.policy import Finding, Policy, Stood
from geodns.steering.ranking import Rankings, Tier


def test_distinct_rows_are_found_with_the_position_of_each() -> None:
    rows = np.random.default_rng(5).integers(0, 3, (5000, 4)).astype(np.int16)
    distinct, numbers = distinct_rows(rows)
    assert np.array_equal(distinct[numbers], rows)
    assert len(distinct) == len({tuple(row) for row in rows.tolist()}) == 81


def test_with_a_depth_rankings_are_told_apart_by_their_first_tiers(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    places = generator.uniform(-60, 60, (12, 2)).round(2).tolist()
    regions = {
        f"r{number}": {
            "location": place,
            "availability_zones": {
                f"r{number}-a": {"endpoints": {"web": {"addresses": [f"192.0.2.{number}"]}}}
            },
        }
        for number, place in enumerate(places)
    }
    settings = configuration(tmp_path, regions=regions, services={"web": {"steering": "nearest"}})
    policy = steering_of(settings, "web")
    found = PlaceTable.of(Place(*at) for at in generator.uniform(-60, 60, (3000, 2)).tolist())
    clients = Clients.without_prefixes(found)
    whole, cut = policy.rankings(clients), policy.rankings(clients, 3)
    assert len(cut.rankings) < len(whole.rankings)
    for number in range(len(clients)):
        full = whole.rankings[whole.numbers[number]]
        short = cut.rankings[cut.numbers[number]]
        assert short[:3] == full[:3]
        # What comes behind follows in file order.
        assert list(short[3:]) == sorted(full[3:])


def test_there_are_never_too_many_classes(tmp_path: Path) -> None:
    class Deep(Policy, Stood):
        prefixes = ()
        key = "deep"

        def stand(self, clients: Clients) -> Stood:
            self.clients = clients
            return self

        def rankings(  # type: ignore[override] # it is both, and asked as the one that stands
            self, depth: int | None = None, most: int | None = None
        ) -> Rankings | None:
            count = MOST_CLASSES + 1 if depth is None or depth > 4 else 5
            numbers = np.arange(len(self.clients), dtype=np.int64) % 5
            found = Rankings(numbers, tuple((Tier((n,)),) for n in range(count)))
            return None if most is not None and count > most else found

        def explain(self, client: Clients) -> list[Finding]:
            raise NotImplementedError

    assert len(Classifier(three_places()).classify(Deep()).rankings) == 5


def test_services_with_one_policy_and_the_same_regions_share_a_location_map(tmp_path: Path) -> None:
    services = {"web": {"steering": "nearest"}, "api": {"steering": "nearest"}}
    regions = {
        name: {
            "location": place,
            "availability_zones": {
                f"{name}-a": {
                    "endpoints": {
                        "web": {"addresses": [f"192.0.2.{number}"]},
                        "api": {"addresses": [f"192.0.2.{number}"]},
                    }
                }
            },
        }
        for number, (name, place) in enumerate({"eu": (50, 8), "us": (38, -77)}.items())
    }
    image = compile_image(
        configuration(tmp_path, regions=regions, services=services), three_places()
    )
    assert len(image.locations) == 1
    assert [service.location for service in image.services] == [0, 0]


def test_a_fixed_order_needs_no_location_map(tmp_path: Path) -> None:
    settings = configuration(tmp_path, services={"web": {"steering": "failover"}})
    classifier = Classifier(three_places())
    location, rankings = classifier.classify(steering_of(settings, "web"))
    assert location == -1
    assert rankings == ((Tier((0,)), Tier((1,)), Tier((2,))),)
    assert classifier.maps == []
