"""Services made of others: failover between pools, shares of pools, pools within pools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dns.message
import pytest
from building import ZONE, image, query, scope_of

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.answer.image import Image
from geodns.answer.plan import Plan
from geodns.answer.resolve import A
from geodns.answer.service import EndpointState

POOLS = ["main", "spare", "last"]
REGIONS: dict[str, Any] = {
    region: {
        "location": where,
        "availability_zones": {
            f"{region}-a": {
                "endpoints": {
                    pool: {"addresses": [f"192.0.2.{10 * number + pool_number}"]}
                    for pool_number, pool in enumerate(POOLS, start=1)
                }
            }
        },
    }
    for number, (region, where) in enumerate(
        {"eu": (50.11, 8.68), "us": (38.9, -77.45)}.items(), start=1
    )
}
FRANKFURT, VIRGINIA, NOWHERE = 10 << 24, 20 << 24, 0


def compiled(folder: Path, steering: Any = None, branches: Any = POOLS[:2], **more: Any) -> Image:
    """The service top over its branches; pools go by distance unless told otherwise."""
    top: dict[str, Any] = {"branches": branches, **more.pop("top", {})}
    if steering is not None:
        top["steering"] = steering
    pools = {pool: {"steering": "nearest", **more.get(pool, {})} for pool in POOLS}
    others = {name: each for name, each in more.items() if name not in POOLS}
    return image(
        folder,
        regions=REGIONS,
        services={"top": top, **pools, **others},
        zone=ZONE.replace("service: web", "service: top"),
    )


def shares(
    made: Image, address: int, availability: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The part of the slots that each endpoint answers."""
    states = {id: EndpointState(each) for id, each in (availability or {}).items()}
    plan = Plan(made.services[0], A, states)
    number = made.locations[plan.location].find_v4(address)[0] if plan.location >= 0 else 0
    picks = [plan.picks[at] for at in plan.build(number)]
    endpoints = plan.service.endpoints
    ids = [endpoints[p.addresses[0].endpoint].id if p.addresses else "" for p in picks]
    return {id: ids.count(id) / len(ids) for id in sorted(set(ids))}


def down(*ids: str) -> dict[str, float]:
    return dict.fromkeys(ids, 0.0)


MAIN, SPARE = ("main@eu-a", "main@us-a"), ("spare@eu-a", "spare@us-a")


def test_branches_fail_over_in_their_order_and_each_ranks_for_itself(tmp_path: Path) -> None:
    made = compiled(tmp_path)
    assert shares(made, FRANKFURT) == {"main@eu-a": 1.0}
    assert shares(made, VIRGINIA) == {"main@us-a": 1.0}
    # The whole of the first branch is asked before anything of the second.
    assert shares(made, FRANKFURT, down("main@eu-a")) == {"main@us-a": 1.0}
    assert shares(made, FRANKFURT, down(*MAIN)) == {"spare@eu-a": 1.0}
    assert shares(made, VIRGINIA, down(*MAIN)) == {"spare@us-a": 1.0}
    assert shares(made, VIRGINIA, down(*MAIN, "spare@us-a")) == {"spare@eu-a": 1.0}
    assert shares(made, FRANKFURT, {"main@eu-a": 0.5, "main@us-a": 0.0}) == {
        "main@eu-a": 0.5,
        "spare@eu-a": 0.5,
    }


def test_when_all_are_down_the_services_own_when_down_counts(tmp_path: Path) -> None:
    everything = down(*MAIN, *SPARE)
    assert shares(compiled(tmp_path), FRANKFURT, everything) == {"main@eu-a": 1.0}
    none = compiled(tmp_path, top={"when_down": "nodata"}, main={"when_down": "serve_all"})
    assert shares(none, FRANKFURT, everything) == {"": 1.0}


def test_an_order_of_its_own_stands_over_that_of_the_branches(tmp_path: Path) -> None:
    made = compiled(tmp_path, {"failover": {"order": ["spare", "main"]}})
    assert shares(made, FRANKFURT) == {"spare@eu-a": 1.0}


def test_branches_share_by_their_shares(tmp_path: Path) -> None:
    made = compiled(tmp_path, "weighted", {"main": 3, "spare": 1})
    assert shares(made, FRANKFURT) == {
        "main@eu-a": pytest.approx(0.75, abs=0.03),
        "spare@eu-a": pytest.approx(0.25, abs=0.03),
    }
    # Who is down in a branch is replaced within it.
    assert shares(made, FRANKFURT, down("main@eu-a")) == {
        "main@us-a": pytest.approx(0.75, abs=0.03),
        "spare@eu-a": pytest.approx(0.25, abs=0.03),
    }
    assert shares(made, FRANKFURT, down(*MAIN)) == {"spare@eu-a": 1.0}
    # A branch that can take half of its share leaves it to the other: 1.5 against 1.
    assert shares(made, FRANKFURT, {"main@eu-a": 0.5, "main@us-a": 0.0}) == {
        "main@eu-a": pytest.approx(0.6, abs=0.03),
        "spare@eu-a": pytest.approx(0.4, abs=0.03),
    }


def test_shares_of_the_policy_stand_over_those_of_the_branches(tmp_path: Path) -> None:
    made = compiled(
        tmp_path, {"weighted": {"of": {"main": 1, "spare": 3}}}, {"main": 3, "spare": 1}
    )
    assert shares(made, FRANKFURT)["spare@eu-a"] == pytest.approx(0.75, abs=0.03)


def test_a_branch_that_the_shares_leave_out_comes_behind(tmp_path: Path) -> None:
    made = compiled(tmp_path, {"weighted": {"of": {"main": 1, "spare": 1}}}, POOLS)
    assert set(shares(made, FRANKFURT)) == {"main@eu-a", "spare@eu-a"}
    assert shares(made, FRANKFURT, down(*MAIN, *SPARE)) == {"last@eu-a": 1.0}


def test_a_list_of_branches_has_equal_shares(tmp_path: Path) -> None:
    made = compiled(tmp_path, "weighted", POOLS)
    assert list(shares(made, FRANKFURT).values()) == [pytest.approx(1 / 3, abs=0.03)] * 3


@pytest.mark.parametrize(
    "steering",
    [
        {"geo": {"rules": {"EU": "spare"}}},
        [{"prefer": {"rules": {"EU": "spare"}}}, "failover"],
        {"subnet": {"rules": {"10.0.0.0/8": "spare"}}},
        [{"geofence": {"rules": {"EU": {"never": "main"}}}}, "failover"],
        [{"geofence": {"rules": {"EU": {"only": ["spare"]}}, "closed": False}}, "failover"],
    ],
)
def test_rules_choose_branches_by_client(tmp_path: Path, steering: Any) -> None:
    made = compiled(tmp_path, steering)
    assert shares(made, FRANKFURT) == {"spare@eu-a": 1.0}
    assert shares(made, VIRGINIA) == {"main@us-a": 1.0}


def test_a_closed_fence_around_a_branch_is_not_left(tmp_path: Path) -> None:
    steering = [{"geofence": {"rules": {"EU": {"only": "spare"}}}}, "failover"]
    made = compiled(tmp_path, steering, top={"when_down": "nodata"})
    assert shares(made, FRANKFURT, down(*SPARE)) == {"": 1.0}
    assert shares(made, VIRGINIA, down(*MAIN)) == {"spare@us-a": 1.0}


def test_a_fence_within_a_branch_leaves_that_branch_empty_and_the_next_is_asked(
    tmp_path: Path,
) -> None:
    """Backtracking: a branch that has nobody for a client is as if it were not there."""
    fenced = {"steering": [{"geofence": {"rules": {"EU": {"only": []}}}}, "nearest"]}
    made = compiled(tmp_path, None, POOLS, main=fenced)
    assert shares(made, FRANKFURT) == {"spare@eu-a": 1.0}
    assert shares(made, VIRGINIA) == {"main@us-a": 1.0}
    shared = compiled(tmp_path, "weighted", {"main": 9, "spare": 1}, main=fenced)
    assert shares(shared, FRANKFURT) == {"spare@eu-a": 1.0}


def test_branches_may_be_made_of_branches(tmp_path: Path) -> None:
    made = compiled(
        tmp_path,
        "weighted",
        {"both": 1, "last": 1},
        both={"branches": {"main": 3, "spare": 1}, "steering": "weighted"},
    )
    assert shares(made, FRANKFURT) == {
        "last@eu-a": pytest.approx(0.5, abs=0.03),
        "main@eu-a": pytest.approx(0.375, abs=0.03),
        "spare@eu-a": pytest.approx(0.125, abs=0.03),
    }
    assert shares(made, FRANKFURT, down(*MAIN)) == {
        "last@eu-a": pytest.approx(0.5, abs=0.03),
        "spare@eu-a": pytest.approx(0.5, abs=0.03),
    }
    over = compiled(tmp_path, None, ["both", "last"], both={"branches": ["main", "spare"]})
    assert shares(over, FRANKFURT, down(*MAIN)) == {"spare@eu-a": 1.0}
    assert shares(over, FRANKFURT, down(*MAIN, *SPARE)) == {"last@eu-a": 1.0}


def test_the_answer_is_that_of_the_branch_on_the_wire_with_its_scope(tmp_path: Path) -> None:
    engine = Engine(compiled(tmp_path), Identity())
    found = {}
    for subnet in ("10.0.0.0/24", "20.0.0.0/24"):
        packet = query("www.example.test", subnet=subnet)
        reply = dns.message.from_wire(engine.respond(packet, "192.0.2.1") or b"")
        found[subnet] = str(reply.answer[0][0]), scope_of(reply)
    # Whose place is unknown is ranked in file order, as Frankfurt is; Virginia is 20.0.0.0/8.
    assert found == {"10.0.0.0/24": ("192.0.2.11", 4), "20.0.0.0/24": ("192.0.2.21", 8)}
    engine.set_states({id: EndpointState(0.0) for id in MAIN})
    packet = query("www.example.test", subnet="10.0.0.0/24")
    reply = dns.message.from_wire(engine.respond(packet, "192.0.2.1") or b"")
    assert str(reply.answer[0][0]) == "192.0.2.12"


def test_shares_of_branches_are_those_of_subnets_on_the_wire(tmp_path: Path) -> None:
    engine = Engine(compiled(tmp_path, "weighted", {"main": 3, "spare": 1}), Identity())
    counts: dict[str, int] = {}
    for number in range(2000):
        packet = query("www.example.test", subnet=f"20.{number >> 8}.{number & 255}.0/24")
        reply = dns.message.from_wire(engine.respond(packet, "192.0.2.1") or b"")
        answer = str(reply.answer[0][0])
        counts[answer] = counts.get(answer, 0) + 1
        assert scope_of(reply) == 24
    assert set(counts) == {"192.0.2.21", "192.0.2.22"}
    assert counts["192.0.2.21"] / 2000 == pytest.approx(0.75, abs=0.06)


def test_a_service_may_be_used_alone_and_as_a_branch(tmp_path: Path) -> None:
    made = compiled(tmp_path)
    assert [service.name for service in made.services] == ["top", *POOLS]
    ids = [endpoint.id for endpoint in made.services[0].endpoints]
    assert ids == [*MAIN, *SPARE]
    assert [endpoint.id for endpoint in made.services[1].endpoints] == list(MAIN)
