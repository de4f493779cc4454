"""Clients that are ranked alike make a class; there are never too many classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from building import configuration, three_places

from geodns.answer.classes import MOST_CLASSES, Classifier, _distinct, _unique_rows
from geodns.answer.compile import compile_image, steering_of


def test_distinct_rows_are_found_with_the_position_of_each() -> None:
    rows = np.random.default_rng(5).integers(0, 3, (5000, 4)).astype(np.int16)
    distinct, numbers = _unique_rows(rows)
    assert np.array_equal(distinct[numbers], rows)
    assert len(distinct) == len({tuple(row) for row in rows.tolist()}) == 81


def test_too_many_rankings_are_compared_by_fewer_tiers() -> None:
    generator = np.random.default_rng(5)
    order = np.stack([generator.permutation(20) for _ in range(20_000)]).astype(np.int16)
    rankings, numbers = _distinct(order)
    assert len(rankings) <= MOST_CLASSES
    assert rankings.shape[1] == 3  # 20 * 19 * 18 = 6840 rankings of three tiers
    assert np.array_equal(rankings[numbers], order[:, :3])


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
    assert classifier.classify(steering_of(settings, "web"), "failover") == (-1, ((0, 1, 2),))
    assert classifier.maps == []
