"""What is wrong with a steering is found when the file is checked, where it stands, with a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import TOPOLOGY, problems, write

from geodns.problem import Problem

API = TOPOLOGY.replace("          web:", "          api:")


def of_service(
    folder: Path, web: str, *, others: str = "", topology: str = TOPOLOGY
) -> list[Problem]:
    """What is found of the service web in line 2 of the file, below it ``others``."""
    server = write(folder, services=f"services:\n  web: {web}\n{others}", topology=topology)
    return [item for item in problems(server) if item.file.name == "services.yaml"]


@pytest.mark.parametrize(
    "steering",
    [
        "latency",
        "{latency: }",
        "{latency: {within: 10ms, cost: 20ms}}",
        "{nearest: {within: 200km, bias: {us-east-1: -20}}}",
        "{geo: {rules: {EU-DE: eu-central-1, default: [us-east-1, eu-central-1]}, only: true}}",
        "{geoproximity: {within: 15%}}",
        "{weighted: {of: {us-east-1: 0.5, eu-central-1a: 0}}}",
        "{failover: {order: [us-east-1a, eu-central-1]}}",
        "{multivalue: {addresses: 3}}",
        "{subnet: {rules: {192.0.2.0/24: us-east-1, AS4134: eu-central-1}}}",
        "[{geofence: {rules: {EU: {only: eu-central-1, never: []}}, closed: false}}, latency]",
        "[{cost: {within: 0.5, of: {us-east-1a: 3}}}, {priority: {of: {us-east-1: 0}}}]",
        '[{cost: {within: "2"}}, weight, spread, sticky, {limit: {tiers: 2, addresses: 2}}]',
        "[{weight: response_time}, {spread: region}, {sticky: false}, {limit: 3}]",
    ],
)
def test_what_is_right_is_not_found_fault_with(tmp_path: Path, steering: str) -> None:
    assert of_service(tmp_path, f"{{steering: {steering}}}") == []


@pytest.mark.parametrize(
    ("steering", "expected"),
    [
        # Presets and filters.
        ("nearst", ("bad-value", 19, "'nearst' is none of latency", "did you mean nearest?")),
        ("3", ("wrong-type", 19, "steering must be latency, nearest", "or a chain of filters")),
        ("{}", ("bad-value", 19, "exactly one of latency, nearest, geo", "")),
        ("{latency: {}, geo: {}}", ("bad-value", 19, "exactly one of latency, nearest", "")),
        ("{falover: {}}", ("unknown-key", 20, "'falover'", "did you mean failover?")),
        ("[]", ("empty-list", 19, "steering must not be empty", "")),
        ("[latency, wieght]", ("bad-value", 29, "'wieght' is none of", "did you mean weight?")),
        ("[latency, 3]", ("wrong-type", 29, "item 2 of steering must be a filter", "")),
        ("[{}]", ("bad-value", 20, "exactly one of geofence, prefer", "")),
        ("[{latency: {}, nearest: {}}]", ("bad-value", 20, "exactly one of geofence", "")),
        ("[{nearst: {}}]", ("unknown-key", 21, "'nearst'", "did you mean nearest?")),
        ("[multivalue]", ("bad-value", 20, "'multivalue' is none of geofence", "")),
        ("[{latency: {withn: 1ms}}]", ("unknown-key", 31, "'withn'", "did you mean within?")),
        # Tolerances, in the unit of the filter.
        ("{latency: {within: 10 parsecs}}", ("bad-value", 38, "no tolerance", "10ms or 15%")),
        ("{latency: {within: 200km}}", ("bad-value", 38, "'200km' is no tolerance here", "10ms")),
        ("{latency: {within: -1}}", ("bad-value", 38, "-1 is no tolerance", "")),
        ("{latency: {within: 101%}}", ("bad-value", 38, "'101%' is no tolerance", "")),
        ("{latency: {within: true}}", ("bad-value", 38, "true is no tolerance", "")),
        ("{latency: {within: []}}", ("bad-value", 38, "[] is no tolerance", "")),
        ("{nearest: {within: 10ms}}", ("bad-value", 38, "'10ms' is no tolerance", "200km or 15%")),
        ("[{cost: {within: 5ms}}]", ("bad-value", 36, "'5ms' is no tolerance", "0.5 or 15%")),
        ("{latency: {cost: -1s}}", ("bad-value", 36, "is not a duration", "as in 30s")),
        # Numbers.
        ("{nearest: {bias: {us-east-1: 100}}}", ("bad-value", 48, "from -99 to 99, not 100", "")),
        ("{nearest: {bias: {us-east-1: 1.5}}}", ("wrong-type", 48, "a whole number", "")),
        ("[{cost: {of: {us-east-1: -1}}}]", ("bad-value", 44, "a number at least 0, not -1", "")),
        ("[{weight: {of: {us-east-1: 1000001}}}]", ("bad-value", 46, "from 0 to 1000000", "")),
        ("[{weight: {of: {us-east-1: a}}}]", ("wrong-type", 46, "must be a number", "")),
        ("[{priority: {of: {us-east-1: -1}}}]", ("bad-value", 48, "from 0 to 65535", "")),
        ("[{limit: 0}]", ("bad-value", 28, "from 1 to 64, not 0", "")),
        ("[{limit: {tiers: 0}}]", ("bad-value", 36, "at least 1, not 0", "")),
        ("{multivalue: {addresses: 65}}", ("bad-value", 44, "from 1 to 64, not 65", "")),
        # Words.
        (
            "[{weight: laod}]",
            ("bad-value", 29, "weight, load, response_time or equal", "mean load?"),
        ),
        ("[{weight: {by: laod}}]", ("bad-value", 34, "not 'laod'", "did you mean load?")),
        ("[{spread: az}]", ("bad-value", 29, "availability_zone, region or none, not 'az'", "")),
        ("[{sticky: client}]", ("bad-value", 29, "subnet or none, not 'client'", "")),
        ("[{geofence: {closed: maybe}}]", ("wrong-type", 40, "true or false, not 'maybe'", "")),
        # Clients.
        (
            "{geo: {rules: {XX: us-east-1}}}",
            ("bad-value", 38, "does not begin with a cont", "EU-DE"),
        ),
        ("{geo: {rules: {AS-DE: us-east-1}}}", ("bad-value", 41, "DE is in EU", "write EU-DE")),
        (
            "{geo: {rules: {10.0.0.1/8: us-east-1}}}",
            ("bad-value", 46, "bits set behind", "did you mean 10.0.0.0/8?"),
        ),
        ("{subnet: {rules: {EU: us-east-1}}}", ("bad-value", 41, "is no network", "as in AS4134")),
        # Regions and AZs.
        (
            "{failover: {order: [us-est-1]}}",
            (
                "undefined-region",
                39,
                "no region or availability zone 'us-est-1'",
                "mean us-east-1?",
            ),
        ),
        (
            "{failover: {order: [us-east-1, eu-central-1, us-east-1]}}",
            ("repeated-in-order", 64, "'us-east-1' stands in this order twice", ""),
        ),
        ("{nearest: {bias: {us-est-1: 1}}}", ("undefined-region", 37, "'us-est-1'", "us-east-1?")),
        (
            "{weighted: {of: {us-east-1c: 1}}}",
            ("undefined-region", 36, "'us-east-1c'", "us-east-1"),
        ),
        ("[{weight: {of: {moon: 1}}}]", ("undefined-region", 35, "'moon'", "")),
        ("[{cost: {of: {us-east-l: 1}}}]", ("undefined-region", 33, "'us-east-l'", "us-east-1?")),
        ("[{priority: {of: {moon: 1}}}]", ("undefined-region", 37, "'moon'", "")),
        ("[latency, {prefer: {rules: {EU: moon}}}]", ("undefined-region", 51, "'moon'", "")),
        ("{geo: {rules: {EU: [us-east-1, moon]}}}", ("undefined-region", 50, "'moon'", "")),
        ("{subnet: {rules: {default: moon}}}", ("undefined-region", 46, "'moon'", "")),
        ("[{geofence: {rules: {EU: {only: moon}}}}]", ("undefined-region", 51, "'moon'", "")),
        (
            "[{geofence: {rules: {EU: {never: [us-east-1, moon]}}}}]",
            ("undefined-region", 64, "'moon'", ""),
        ),
        ("[{geofence: {rules: {EU: {onyl: x}}}}]", ("unknown-key", 45, "'onyl'", "mean only?")),
        ("[{geofence: {rules: {EU: x}}}]", ("wrong-type", 44, "EU must be a mapping, not 'x'", "")),
    ],
)
def test_what_is_wrong_is_found_where_it_stands(
    tmp_path: Path, steering: str, expected: tuple[str, int, str, str]
) -> None:
    [item] = of_service(tmp_path, f"{{steering: {steering}}}")
    id, column, words, hint = expected
    assert (item.id, item.line, item.column) == (id, 2, column)
    assert words in item.message
    assert hint in f"{item.message} {item.hint}"


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    chain = "[{latency: {within: x}}, {failover: {order: [moon]}}, {limit: 0}]"
    items = of_service(tmp_path, f"{{steering: {chain}}}")
    assert {item.id for item in items} >= {"bad-value"}
    assert [(item.line, item.column) for item in items][:1] == [(2, 39)]


# --- branches ---------------------------------------------------------------------------------

POOL = "  api: {}\n"


@pytest.mark.parametrize(
    "web",
    [
        "{branches: [api]}",
        "{branches: {api: 3}}",
        "{branches: {api: 0.5}, steering: weighted}",
        "{branches: [api], steering: {weighted: {of: {api: 1}}}}",
        "{branches: [api], steering: {failover: {order: [api]}}}",
        "{branches: [api], steering: {geo: {rules: {EU: api}}}}",
        "{branches: [api], steering: {subnet: {rules: {default: api}}}}",
        "{branches: [api], steering: [{geofence: {rules: {EU: {never: api}}}}, failover]}",
        "{branches: [api], steering: [{prefer: {rules: {EU: api}}}, {limit: {tiers: 1}}]}",
        "{branches: [api], steering: [{priority: {of: {api: 1}}}, {sticky: none}]}",
    ],
)
def test_branches_can_be_ranked_by_all_that_needs_no_place(tmp_path: Path, web: str) -> None:
    assert of_service(tmp_path, web, others=POOL, topology=API) == []


@pytest.mark.parametrize(
    ("web", "expected"),
    [
        ("{branches: [apy]}", ("undefined-service", 20, "no service 'apy'", "did you mean api?")),
        (
            "{branches: {apy: 2}}",
            ("undefined-service", 20, "no service 'apy'", "did you mean api?"),
        ),
        ("{branches: api}", ("wrong-type", 19, "a list of services, or a mapping", "not 'api'")),
        ("{branches: [3]}", ("wrong-type", 19, "a list of services, or a mapping", "")),
        ("{branches: {api: -1}}", ("bad-value", 25, "from 0 to 1000000, not -1", "")),
        ("{branches: [api, api]}", ("bad-value", 19, "'api' stands in this list twice", "")),
        (
            "{branches: [api], steering: latency}",
            ("placeless-branch", 36, "latency can't", "inside"),
        ),
        (
            "{branches: [api], steering: {geoproximity: {}}}",
            ("placeless-branch", 36, "geoproximity can't rank branches", "rank them by failover"),
        ),
        (
            "{branches: [api], steering: [failover, nearest]}",
            ("placeless-branch", 47, "nearest can't rank branches", "rank them by failover"),
        ),
        ("{branches: [api], steering: [cost]}", ("placeless-branch", 37, "cost can't", "")),
        (
            "{branches: [api], steering: {failover: {order: [api, us-east-1]}}}",
            ("undefined-branch", 61, "there is no branch 'us-east-1'", ""),
        ),
        (
            "{branches: [api], steering: [{weight: {of: {appi: 1}}}]}",
            ("undefined-branch", 52, "there is no branch 'appi'", "did you mean api?"),
        ),
        ("{branches: [web]}", ("branch-loop", 20, "'web' leads back to 'web': web > web", "")),
    ],
)
def test_what_is_wrong_with_branches_is_found_where_it_stands(
    tmp_path: Path, web: str, expected: tuple[str, int, str, str]
) -> None:
    items = of_service(tmp_path, web, others=POOL, topology=API)
    # What is left of the service then has nothing to answer with.
    [item] = [each for each in items if each.line == 2 and each.id != "no-endpoint"]
    id, column, words, hint = expected
    assert (item.id, item.column) == (id, column)
    assert words in item.message
    assert hint in f"{item.message} {item.hint}"


@pytest.mark.parametrize("length", [2, 3, 7])
def test_a_loop_of_branches_is_told_at_each_service_that_is_in_it(
    tmp_path: Path, length: int
) -> None:
    names = ["web", *(f"s{number}" for number in range(1, length))]
    following = [*names[1:], names[0]]
    others = "".join(
        f"  {name}: {{branches: {{{next_}: 1, api: 1}}}}\n"
        for name, next_ in zip(names[1:], following[1:], strict=True)
    )
    # A service that leads into the loop without being in it is not part of the mistake.
    others += "  outside: {branches: [web]}\n" + POOL
    items = of_service(tmp_path, f"{{branches: [{following[0]}]}}", others=others, topology=API)
    loops = [item for item in items if item.id == "branch-loop"]
    assert [item.line for item in loops] == list(range(2, 2 + length))
    assert f"web > {following[0]}" in loops[0].message
    assert loops[0].message.endswith("> web")


def test_a_service_may_be_a_branch_of_several(tmp_path: Path) -> None:
    others = "  one: {branches: [api]}\n  two: {branches: [api]}\n" + POOL
    assert of_service(tmp_path, "{branches: [one, two, api]}", others=others, topology=API) == []


def test_a_service_with_branches_has_no_endpoints_of_its_own(tmp_path: Path) -> None:
    server = write(tmp_path, services=f"services:\n  web: {{branches: [api]}}\n{POOL}")
    items = [item for item in problems(server) if item.id == "endpoint-of-branches"]
    assert [(item.file.name, item.line, item.column) for item in items] == [
        ("topology.yaml", 9, 11),
        ("topology.yaml", 17, 11),
    ]
    assert "'web' is made of branches" in items[0].message
    assert items[0].hint == "make it an endpoint of one of the branches"
