"""Where a service has a range of TTLs, an answer's is no longer than health lets it stand."""

from __future__ import annotations

from math import inf
from pathlib import Path
from random import Random
from typing import Any

import dns.message
import pytest
from building import FRANKFURT, TOPOLOGY, configuration, image, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.answer.image import (
    BranchImage,
    EndpointImage,
    Minimum,
    ServiceImage,
    TierImage,
    WhenDown,
)
from geodns.answer.plan import Plan
from geodns.answer.resolve import AAAA, A
from geodns.answer.service import EndpointState, States, shares_of
from geodns.answer.steady import steady_of
from geodns.control.compiler import longest_ttls

VIRGINIA = "20.1.2.0/24"
RANGE = {"ttl": {"min": 5, "max": 60}}
WEB = {"web": {"steering": "nearest", **RANGE}}
ZONE = """
"":
  - {type: NS, ttl: 3600, values: [ns.elsewhere.test.]}
  - {type: SOA, ttl: 900, value: {mname: ns.elsewhere.test., rname: admin.example.test., serial: 7,
     refresh: 3600, retry: 600, expire: 604800, minimum: 600}}
www: {type: GEO, service: web}
short: {type: GEO, service: web, ttl: 20}
shorter: {type: GEO, service: web, ttl: 3}
long: {type: GEO, service: web, ttl: 1h}
alias: {type: CNAME, ttl: 300, value: www.example.test.}
"""


def make(folder: Path, states: States | None = None, **settings: Any) -> Engine:
    settings = {"zone": ZONE, "services": WEB, **settings}
    return Engine(image(folder, **settings), Identity(), states=states)


def ask(engine: Engine, name: str = "www", type: str = "A") -> dns.message.Message:
    """The reply to a client in Virginia: us-a is nearest, then eu, then jp."""
    reply = engine.respond(query(f"{name}.example.test", type, subnet=VIRGINIA), "1.1.1.1")
    assert reply is not None
    return dns.message.from_wire(reply)


def ttl(engine: Engine, name: str = "www", type: str = "A") -> int:
    return int(ask(engine, name, type).answer[-1].ttl)


def up(steady: float) -> EndpointState:
    return EndpointState(1.0, steady=steady)


def down(steady: float) -> EndpointState:
    return EndpointState(0.0, steady=steady)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, 60),
        ({"web@us-a": up(30)}, 30),
        ({"web@us-a": up(12.9)}, 12),
        ({"web@us-a": up(2)}, 5),
        ({"web@us-a": up(0)}, 5),
        ({"web@us-a": up(4000)}, 60),
        # What stands behind does not matter yet.
        ({"web@eu-a": up(10), "web@jp-a": down(10)}, 60),
        # What is ahead and down could come back.
        ({"web@us-a": down(20)}, 20),
        ({"web@us-a": down(inf), "web@eu-a": up(30), "web@eu-b": up(40)}, 30),
        ({"web@us-a": down(40), "web@eu-a": down(50), "web@jp-a": up(10)}, 40),
        # Where a part spills, those who take it count.
        ({"web@us-a": EndpointState(0.5), "web@eu-b": up(15), "web@jp-a": up(10)}, 15),
    ],
)
def test_the_ttl_goes_by_all_that_was_asked_and_no_further(
    tmp_path: Path, states: States, expected: int
) -> None:
    assert ttl(make(tmp_path, states)) == expected


def test_a_new_state_is_in_the_next_answer_and_the_old_ttl_comes_back(tmp_path: Path) -> None:
    engine = make(tmp_path)
    found = []
    for steady in (inf, 30, 20, 10, 30, inf):
        engine.set_states({"web@us-a": up(steady)})
        found.append(ttl(engine))
    assert found == [60, 30, 20, 10, 30, 60]
    assert sum(engine.counts().queries.values()) == 6


@pytest.mark.parametrize(
    ("name", "steady", "expected"),
    [
        ("short", inf, 20),
        ("short", 30, 20),
        ("short", 10, 10),
        ("shorter", 30, 3),
        ("shorter", 0, 3),
        ("long", inf, 3600),
        ("long", 100, 100),
        ("long", 1, 5),
        ("alias", 10, 10),
    ],
)
def test_a_ttl_of_the_zone_stands_in_place_of_the_longest(
    tmp_path: Path, name: str, steady: float, expected: int
) -> None:
    assert ttl(make(tmp_path, {"web@us-a": up(steady)}), name) == expected


def test_a_fixed_ttl_stays_as_it_is(tmp_path: Path) -> None:
    engine = make(tmp_path, {"web@us-a": up(1)}, services={"web": {"ttl": 40}})
    assert (ttl(engine), ttl(engine, "short")) == (40, 20)


def test_all_records_of_a_set_have_one_ttl(tmp_path: Path) -> None:
    services = {"web": {**WEB["web"], "answers": 2}}
    states = {"web@us-a": down(inf), "web@eu-a": up(30), "web@eu-b": up(20)}
    (found,) = ask(make(tmp_path, states, services=services)).answer
    assert (len(found), found.ttl) == (2, 20)


def test_families_have_ttls_of_their_own_and_hints_the_shorter_one(tmp_path: Path) -> None:
    services = {"web": {**WEB["web"], "https": {}}}
    # Only eu has IPv6: who asks for it never sees us-a.
    engine = make(tmp_path, {"web@us-a": up(10), "web@eu-b": up(30)}, services=services)
    assert (ttl(engine), ttl(engine, type="AAAA"), ttl(engine, type="HTTPS")) == (10, 30, 10)
    engine.set_states({"web@us-a": up(40), "web@eu-b": up(30)})
    assert (ttl(engine), ttl(engine, type="AAAA"), ttl(engine, type="HTTPS")) == (40, 30, 30)


def test_an_alias_has_it_too(tmp_path: Path) -> None:
    regions: dict[str, Any] = {
        **TOPOLOGY,
        "us": {
            "location": (38.9, -77.45),
            "availability_zones": {
                "us-a": {"endpoints": {"web": {"cname": "us.cdn.test."}}},
            },
        },
    }
    engine = make(tmp_path, {"web@us-a": up(10)}, regions=regions)
    (found,) = ask(engine, type="AAAA").answer
    assert (found.ttl, str(found[0])) == (10, "us.cdn.test.")


ALL = ("web@us-a", "web@eu-a", "web@eu-b", "web@jp-a")


@pytest.mark.parametrize(
    ("when_down", "expected"),
    [("serve_all", 20), ({"addresses": ["203.0.113.1"]}, 20), ({"cname": "x.test."}, 20)],
)
def test_what_is_answered_when_all_is_down_goes_by_whoever_comes_back_first(
    tmp_path: Path, when_down: object, expected: int
) -> None:
    services = {"web": {**WEB["web"], "when_down": when_down}}
    states = {id: down(20 + 10 * number) for number, id in enumerate(reversed(ALL))}
    assert ttl(make(tmp_path, states, services=services)) == expected


@pytest.mark.parametrize(
    ("more", "steady", "expected"),
    [(RANGE, 20, 20), (RANGE, 2, 5), (RANGE, 4000, 600), ({"ttl": 30}, 20, 600)],
)
def test_no_data_is_remembered_no_longer_than_that(
    tmp_path: Path, more: dict[str, Any], steady: float, expected: int
) -> None:
    services = {"web": {"steering": "nearest", "when_down": "nodata", **more}}
    reply = ask(make(tmp_path, {id: down(steady) for id in ALL}, services=services))
    (soa,) = reply.authority
    assert (reply.answer, soa.ttl) == ([], expected)


def test_a_type_that_no_endpoint_has_keeps_the_ttl_of_the_soa(tmp_path: Path) -> None:
    (soa,) = ask(make(tmp_path, {"web@us-a": up(10)}), type="MX").authority
    assert soa.ttl == 600


BRANCHES: dict[str, Any] = {
    "eu": {
        "location": (50.1, 8.7),
        "availability_zones": {
            "eu-a": {"endpoints": {"near": ["192.0.2.1"], "web2": ["192.0.2.9"]}},
            "eu-b": {"endpoints": {"near": ["192.0.2.2"]}},
            "eu-c": {"endpoints": {"near": ["192.0.2.3"]}},
        },
    },
    "us": {
        "location": (38.9, -77.5),
        "availability_zones": {"us-a": {"endpoints": {"far": ["192.0.2.11"]}}},
    },
}


@pytest.mark.parametrize(
    ("near", "states", "expected"),
    [
        ({}, {"near@eu-b": up(10)}, 10),
        ({}, {"far@us-a": up(10)}, 60),
        ({}, {f"near@eu-{az}": down(20) for az in "abc"} | {"far@us-a": up(10)}, 10),
        ({}, {f"near@eu-{az}": down(20) for az in "abc"}, 20),
        # Below its minimum as soon as the second of three has gone.
        ({"min_available": 2}, {f"near@eu-{az}": down(20) for az in "ab"}, 20),
        ({"min_available": 1}, {"near@eu-a": up(30), "near@eu-b": up(20)}, 20),
    ],
)
def test_branches_count_with_all_that_is_asked_of_them(
    tmp_path: Path, near: dict[str, Any], states: States, expected: int
) -> None:
    services = {"near": near, "far": {}, "web": {"branches": ["near", "far"], **RANGE}}
    engine = make(tmp_path, states, regions=BRANCHES, services=services)
    assert ttl(engine) == expected


def test_an_endpoint_that_is_not_asked_counts_where_a_minimum_hangs_on_it() -> None:
    endpoints = tuple(_endpoint(n, v4=1) for n in range(3))
    tiers = tuple(TierImage(f"r{n}", (n,)) for n in range(3))
    service = _service(endpoints, tiers, ((0, 1, 2),), (Minimum("web", (0, 1, 2), 2),))
    states = {"e0": up(50), "e1": up(40), "e2": up(30)}
    # Of three, two must go: the second of them goes at 40, but who answers goes at 50.
    assert steady_of(service, 0, A, states) == (40, "e1")
    assert steady_of(service, 0, A, {**states, "e2": down(10)}) == (40, "e1")


def test_a_drain_waits_for_the_longest_ttl(tmp_path: Path) -> None:
    assert longest_ttls(configuration(tmp_path, zone=ZONE, services=WEB)) == {"web": 3600}
    zone = "\n".join(line for line in ZONE.splitlines() if not line.startswith("long"))
    assert longest_ttls(configuration(tmp_path, zone=zone, services=WEB)) == {"web": 60}


def test_what_is_remembered_of_times_that_have_gone_is_forgotten(tmp_path: Path) -> None:
    regions = {
        "us": {
            "location": (FRANKFURT.latitude, FRANKFURT.longitude),
            "availability_zones": {
                f"us-{n}": {"endpoints": {"web": [f"192.0.2.{n}"]}} for n in range(1, 10)
            },
        }
    }
    services = {"web": {"ttl": {"min": 0, "max": 3000}, "answers": 4}}
    made = image(tmp_path, zone=ZONE, regions=regions, services=services)
    plan, engine = Plan(made.services[0], A, {}), Engine(made, Identity())
    most = 0
    for number, steady in enumerate(range(100, 180), 1):
        states = {"web@us-1": up(steady)}
        plan.set_states(states, frozenset(states))
        plan.build(0)
        engine.set_states(states)
        assert ttl(engine) == steady
        assert sum(engine.counts().queries.values()) == number
        if plan.worn:
            most = max(most, len(plan.picks))
            plan = Plan(made.services[0], A, states)
    assert 60_000 < most < 80_000


def _endpoint(number: int, v4: int = 0, v6: int = 0, *, alias: bool = False) -> EndpointImage:
    return EndpointImage(
        id=f"e{number}",
        region="r",
        availability_zone=f"az{number}",
        weight=1,
        v4=tuple((at, bytes((192, 0, number, at))) for at in range(v4)),
        v6=tuple((v4 + at, bytes((32, number, at)) + bytes(13)) for at in range(v6)),
        cname=b"\1x\0" if alias else None,
    )


def _service(
    endpoints: tuple[EndpointImage, ...],
    tiers: tuple[TierImage, ...],
    classes: tuple[tuple[int, ...], ...],
    minimums: tuple[Minimum, ...] = (),
    when_down: str = "serve_all",
) -> ServiceImage:
    return ServiceImage(
        name="web",
        answers=1,
        when_down=WhenDown(when_down),
        endpoints=endpoints,
        tiers=tiers,
        classes=classes,
        location=-1,
        minimums=minimums,
        least_ttl=0,
    )


def _random_service(random: Random) -> ServiceImage:
    count = random.randint(1, 7)
    endpoints = tuple(
        _endpoint(n, random.choice((0, 1, 1, 2)), random.choice((0, 0, 1, 2)), alias=alias)
        for n, alias in ((n, random.random() < 0.1) for n in range(count))
    )
    endpoints = tuple(each._replace(weight=random.choice((0, 1, 1, 3))) for each in endpoints)
    tiers, numbers = [], list(range(count))
    while numbers:
        size = random.randint(1, 3)
        tiers.append(TierImage("t", tuple(numbers[:size])))
        numbers = numbers[size:]
    plain = list(range(len(tiers)))
    tops = list(plain)
    if len(plain) > 1 and random.random() < 0.5:
        cut = random.randint(1, len(plain) - 1)
        branches = (
            BranchImage("a", random.choice((0, 1, 2)), tuple(plain[:cut])),
            BranchImage("b", random.choice((0, 1)), tuple(plain[cut:])),
        )
        tiers.append(TierImage("branches", (), branches))
        tops = [len(tiers) - 1] if random.random() < 0.7 else [*plain[:1], len(tiers) - 1]
    random.shuffle(tops)
    minimums = []
    for size in sorted(random.sample(range(1, count + 1), random.randint(0, min(2, count)))):
        least = random.choice((0.3, 0.6, 1.0, 1, 2, 3))
        minimums.append(Minimum("web", tuple(range(size)), least))
    order = tuple(tops[: random.randint(1, len(tops))])
    down = random.choice(("serve_all", "nodata"))
    return _service(endpoints, tuple(tiers), (order,), tuple(minimums), down)


def _random_state(random: Random, endpoint: EndpointImage, steady: float) -> EndpointState:
    addresses = [packed for _, packed in (*endpoint.v4, *endpoint.v6)]
    failing = frozenset(each for each in addresses if random.random() < 0.3)
    return EndpointState(random.choice((0.0, 0.5, 1.0, 1.0)), failing, steady=steady)


def test_whatever_happens_before_the_ttl_is_over_leaves_the_answer_as_it_is() -> None:
    random = Random(7)
    finite = changed = 0
    for _ in range(2000):
        service = _random_service(random)
        states = {
            each.id: _random_state(random, each, random.choice((5, 10, 20, 30, 40, inf)))
            for each in service.endpoints
        }
        type = random.choice((A, AAAA))
        steady = steady_of(service, 0, type, states).seconds
        answer = shares_of(service, 0, type, states)

        def later(
            until: float, *, service: ServiceImage = service, states: States = states
        ) -> States:
            """Where all that could have changed before has, in one way or another."""
            return {
                each.id: _random_state(random, each, 0)
                if states[each.id].steady < until
                else states[each.id]
                for each in service.endpoints
            }

        for _ in range(6):
            assert shares_of(service, 0, type, later(steady)) == answer
        if steady < inf:
            finite += 1
            changed += any(
                shares_of(service, 0, type, later(steady + 1)) != answer for _ in range(12)
            )
    assert finite > 1000
    assert changed > 0.8 * finite  # nor is it much shorter than it need be
