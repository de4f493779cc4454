"""A service with min_available counts as available only while enough of its endpoints are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import image

from geodns.answer.image import ServiceImage
from geodns.answer.resolve import AAAA, A
from geodns.answer.service import EndpointState, shares_of, too_few

REGIONS: dict[str, Any] = {
    "eu": {
        "location": (50.1, 8.7),
        "availability_zones": {
            "eu-a": {"endpoints": {"near": ["192.0.2.1", "2001:db8::1"]}},
            "eu-b": {"endpoints": {"near": ["192.0.2.2"]}},
            "eu-c": {"endpoints": {"near": ["192.0.2.3"]}},
        },
    },
    "us": {
        "location": (38.9, -77.5),
        "availability_zones": {
            "us-a": {"endpoints": {"far": ["192.0.2.11", "2001:db8::11"]}},
            "us-b": {"endpoints": {"far": ["192.0.2.12"]}},
        },
    },
}


def service(folder: Path, near: object, web: object = None, **more: Any) -> ServiceImage:
    services = {
        "near": {"min_available": near},
        "far": {},
        "web": {"branches": ["near", "far"], "min_available": web, **more},
    }
    return image(folder, regions=REGIONS, services=services).services[-1]


def answered(service: ServiceImage, *down: str, type: int = A) -> set[str]:
    """Ids of the endpoints that clients get, with a * where they are forced."""
    states = {id: EndpointState(0.0) for id in down}
    return {
        service.endpoints[candidate.address.endpoint].id + "*" * (share.reason == "forced")
        for share in shares_of(service, 0, type, states)
        for candidate in share.candidates
    }


NEAR = ("near@eu-a", "near@eu-b", "near@eu-c")
FAR = {"far@us-a", "far@us-b"}


@pytest.mark.parametrize(
    ("least", "down", "passed_over"),
    [
        (None, 2, False),
        (1, 2, False),
        (2, 1, False),
        (2, 2, True),
        (3, 1, True),
        ("50%", 1, False),
        ("50%", 2, True),
        ("67%", 1, True),
        ("100%", 0, False),
        ("0%", 2, False),
    ],
)
def test_a_branch_below_its_minimum_is_passed_over(
    tmp_path: Path, least: object, down: int, passed_over: bool
) -> None:
    found = answered(service(tmp_path, least), *NEAR[:down])
    assert found == (FAR if passed_over else set(NEAR[down:]))


def test_endpoints_without_the_type_do_not_count(tmp_path: Path) -> None:
    web = service(tmp_path, 2)
    assert answered(web, type=AAAA) == {"near@eu-a"}
    assert answered(web, "near@eu-a", type=AAAA) == {"far@us-a"}


def test_the_minimum_of_a_service_is_over_all_its_branches_and_leads_to_when_down(
    tmp_path: Path,
) -> None:
    web = service(tmp_path, 2, 4, when_down={"addresses": ["203.0.113.1"]})
    assert answered(web, "far@us-a") == set(NEAR)
    assert answered(web, "far@us-a", "near@eu-a") == set()


def test_a_branch_that_does_not_count_leaves_nothing_to_the_minimum_of_the_whole(
    tmp_path: Path,
) -> None:
    # near has one left, which does not count, so that two of five are there.
    assert answered(service(tmp_path, 2, 3), "near@eu-a", "near@eu-b") == {f"{id}*" for id in NEAR}
    assert answered(service(tmp_path, 2, 2), "near@eu-a", "near@eu-b") == FAR


def test_it_is_told_which_endpoints_do_not_count_and_whose_minimum_it_is(tmp_path: Path) -> None:
    web = service(tmp_path, 2)
    down = {id: EndpointState(0.0) for id in NEAR[:2]}
    assert {
        web.endpoints[at].id: minimum.service for at, minimum in too_few(web, A, down).items()
    } == (dict.fromkeys(NEAR, "near"))
    assert too_few(web, A, {}) == {}
