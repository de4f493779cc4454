"""Every rule of the configuration: one text that breaks it, and exactly what is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import LATENCY, SERVER, SERVICES, TOPOLOGY, ZONE, found, problems, write

Finding = tuple[str, int, int]


def in_file(server: Path, name: str) -> list[Finding]:
    return [(id, line, column) for file, id, line, column in found(server) if file == name]


def topology(endpoint: str, second: str = "{}") -> str:
    """Two AZs in one region; the endpoints of each stand in the lines 5 and 6, column 19."""
    return f"""\
regions:
  r1:
    location: [0, 0]
    availability_zones:
      a: {{endpoints: {endpoint}}}
      b: {{endpoints: {second}}}
"""


FIRST = "web: [192.0.2.1]"
LATENCY_R1 = "latency: {EU: {r1: 1}}\n"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("{web: [192.0.2.1]}", "{web: [192.0.2.2]}", []),
        ("{web: [192.0.2.1], wep: [192.0.2.1]}", "", [("undefined-service", 5, 41)]),
        ("{web: [192.0.2.1, 192.0.2.1]}", "", [("repeated-address", 5, 40)]),
        ("{web: {addresses: [192.0.2.1, 192.0.2.1]}}", "", [("repeated-address", 5, 52)]),
        ('{web: ["2001:db8::1", "2001:DB8:0::1"]}', "", [("repeated-address", 5, 44)]),
        ("{web: [192.0.2.1]}", "{web: [192.0.2.1]}", [("shared-address", 6, 29)]),
        ("{web: []}", "", [("no-target", 5, 23)]),
        ("{web: }", "", [("no-target", 5, 23)]),
        ("{web: {weight: 3}}", "", [("no-target", 5, 23)]),
        ("{web: {addresses: [192.0.2.1], cname: a.}}", "", [("two-targets", 5, 23)]),
        ("{web: {cname: cdn.example.net}}", "", [("bad-value", 5, 36)]),
        ("{web: {cname: a..b.}}", "", [("bad-value", 5, 36)]),
        ("{web: [0.0.0.0]}", "", [("unusable-address", 5, 29)]),
        ('{web: ["ff02::1"]}', "", [("unusable-address", 5, 29)]),
        ("{web: [192.0.2.256]}", "", [("bad-value", 5, 29)]),
        ("{web: ['fe80::1%eth0']}", "", [("bad-value", 5, 29)]),
        ("{web: 192.0.2.1}", "", [("wrong-type", 5, 28)]),
        ("{web: {adresses: [192.0.2.1]}}", "", [("unknown-key", 5, 29)]),
        ("{web: {addresses: [192.0.2.1], weight: '5'}}", "", [("wrong-type", 5, 61)]),
        ("{web: {addresses: [192.0.2.1], weight: -1}}", "", [("bad-value", 5, 61)]),
        ("{web: {addresses: [192.0.2.1], weight: true}}", "", [("wrong-type", 5, 61)]),
        ("{web: {addresses: [192.0.2.1], capacity: .inf}}", "", [("bad-value", 5, 63)]),
    ],
)
def test_an_endpoint_is_what_a_service_can_answer_with(
    tmp_path: Path, first: str, second: str, expected: list[Finding]
) -> None:
    server = write(tmp_path, topology=topology(first, second or "{}"), latency=LATENCY_R1)
    assert in_file(server, "topology.yaml") == expected


def test_services_of_one_az_may_share_an_address(tmp_path: Path) -> None:
    server = write(
        tmp_path,
        topology=topology("{web: [192.0.2.1], api: [192.0.2.1]}"),
        services="services: {web: {}, api: {}}\n",
        latency=LATENCY_R1,
        zone=ZONE + "api: {type: GEO, service: api}\n",
    )
    assert found(server) == []


@pytest.mark.parametrize(
    ("second", "settings", "expected"),
    [
        ("{web: {cname: b.example.net.}}", "{https: {}}", [("https-of-aliases", 2, 9)]),
        ("{web: {cname: b.example.net.}}", "{}", []),
        ("{web: [192.0.2.2]}", "{https: {}}", []),
        (
            "{web: {cname: b.example.net.}}",
            "{https: {}, when_down: {addresses: [192.0.2.3]}}",
            [],
        ),
    ],
)
def test_https_of_nothing_but_aliases_is_warned_of(
    tmp_path: Path, second: str, settings: str, expected: list[Finding]
) -> None:
    server = write(
        tmp_path,
        topology=topology("{web: {cname: a.example.net.}}", second),
        services=f"services:\n  web: {settings}\n",
        latency=LATENCY_R1,
    )
    assert in_file(server, "services.yaml") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r: {location: [1, 2]}", []),
        ("r: {}", [("missing-key", 2, 3)]),
        ("r:", [("missing-key", 2, 3)]),
        ("r: 3", [("wrong-type", 2, 6)]),
        ("r: {location: [1]}", [("bad-value", 2, 17)]),
        ("r: {location: [1, 2, 3]}", [("bad-value", 2, 17)]),
        ("r: {location: [91, 2]}", [("bad-value", 2, 18)]),
        ("r: {location: [1, x]}", [("wrong-type", 2, 21)]),
        ("r: {location: [1, 2], country: de}", [("bad-value", 2, 34)]),
        ("r: {location: [1, 2], country: NO}", []),
        ("r: {location: [1, 2], bias: 100}", [("bad-value", 2, 31)]),
        ("r: {location: [1, 2], titel: x}", [("unknown-key", 2, 25)]),
        ("r: {location: [1, 2], availability_zones: {r: }}", [("ambiguous-name", 2, 46)]),
        ("r r: {location: [1, 2]}", [("bad-name", 2, 3)]),
        ("r: {location: [1, 2], availability_zones: {a@b: }}", [("bad-name", 2, 46)]),
        ("é: {location: [1, 2]}", [("bad-name", 2, 3)]),
        ("r: {location: [1, 2]}\n  r: {location: [1, 2]}", [("duplicate-key", 3, 3)]),
        (
            "r: {location: [1, 2], availability_zones: {a: }}\n"
            "  s: {location: [1, 2], availability_zones: {a: }}",
            [("repeated-az", 3, 46)],
        ),
    ],
)
def test_a_region_is_somewhere_and_its_names_mean_one_thing(
    tmp_path: Path, text: str, expected: list[Finding]
) -> None:
    zone = '"": {type: NS, value: ns1.example.net.}\n'
    server = write(tmp_path, topology=f"regions:\n  {text}\n", latency="", zone=zone)
    assert in_file(server, "topology.yaml") == expected


def test_a_wrong_region_hides_nothing_of_what_is_inside(tmp_path: Path) -> None:
    server = write(
        tmp_path,
        topology=TOPOLOGY.replace("location: [38.9, -77.4]", "loc: 1").replace(
            "[127.20.1.1]", "[127.10.1.1]"
        ),
    )
    assert in_file(server, "topology.yaml") == [
        ("missing-key", 12, 3),
        ("unknown-key", 13, 5),
        ("shared-address", 17, 29),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{type: tcp, port: 1}", []),
        ("{type: http}", []),
        ("{}", [("missing-key", 2, 3)]),
        ("", [("wrong-type", 2, 5)]),
        ("{type: htp}", [("bad-value", 2, 13)]),
        ("{type: [tcp]}", [("bad-value", 2, 13)]),
        ("{type: tcp}", [("missing-key", 2, 3)]),
        ("{type: tcp, port: 65536}", [("bad-value", 2, 24)]),
        ("{type: tcp, port: 1, path: /}", [("unknown-key", 2, 27)]),
        ("{type: http, prot: 1}", [("unknown-key", 2, 19)]),
        ("{type: http, path: healthz}", [("bad-value", 2, 25)]),
        ("{type: http, method: POUR}", [("bad-value", 2, 27)]),
        ("{type: http, expect: {status: 2xx}}", [("bad-value", 2, 36)]),
        ("{type: http, expect: {status: [200, 204]}}", []),
        ("{type: http, expect: {status: 299-200}}", [("bad-value", 2, 36)]),
        ("{type: http, expect: {status: []}}", [("bad-value", 2, 36)]),
        ("{type: http, families: [ipv5]}", [("bad-value", 2, 30)]),
        ("{type: http, families: []}", [("empty-list", 2, 29)]),
        ("{type: http, interval: 1s}", [("timeout-over-interval", 2, 29)]),
        ("{type: http, interval: 1s, timeout: 3s}", [("timeout-over-interval", 2, 42)]),
        ("{type: http, interval: 0s}", [("bad-value", 2, 29)]),
        ("{type: http, interval: 1 fortnight}", [("bad-value", 2, 29)]),
        (f"{{type: http, interval: {'9' * 400}}}", [("bad-value", 2, 29)]),
        ("{type: https}", [("https-without-host", 2, 3)]),
        ("{type: https, host: a}", []),
        ("{type: http, ca: geodns.yaml}", [("ca-without-https", 2, 23)]),
        ("{type: https, host: a, ca: x.pem}", [("missing-file", 2, 33)]),
        ("{type: http, method: HEAD, expect: {body: ok}}", [("body-of-head", 2, 48)]),
    ],
)
def test_a_check_can_be_done_and_means_what_it_says(
    tmp_path: Path, text: str, expected: list[Finding]
) -> None:
    services = f"checks:\n  c: {text}\nservices: {{web: {{check: c}}}}\n"
    assert in_file(write(tmp_path, services=services), "services.yaml") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", []),
        ("", []),
        ("{check: c}", [("undefined-check", 2, 16)]),
        ("{steering: nearst}", [("bad-value", 2, 19)]),
        ("{steering: {failover: {order: [us-east-1, eu-central-1b]}}}", []),
        ("{steering: {failover: {order: [us-east]}}}", [("undefined-region", 2, 39)]),
        (
            "{steering: {failover: {order: [us-east-1, us-east-1]}}}",
            [("repeated-in-order", 2, 50)],
        ),
        ("{steering: {failover: {ordre: []}}}", [("unknown-key", 2, 31)]),
        ("{steering: {falover: {order: []}}}", [("unknown-key", 2, 20)]),
        ("{steering: [latency]}", []),
        ("{steering: []}", [("empty-list", 2, 19)]),
        ("{steering: {latency: {within: 10ms}}}", []),
        ("{steering: {latency: {within: 10 parsecs}}}", [("bad-value", 2, 38)]),
        ("{steering: {latency: {}, nearest: {}}}", [("bad-value", 2, 19)]),
        ("{steering: [latency, {limit: 2}, {sticky: false}, {weight: load}]}", []),
        ("{steering: [latency, nearst]}", [("bad-value", 2, 29)]),
        ("{steering: [{nearst: {}}]}", [("unknown-key", 2, 21)]),
        ("{steering: [{prefer: {rules: {EU: us-east-2}}}]}", [("undefined-region", 2, 42)]),
        ("{steering: [{prefer: {rules: {EU: [us-east-1, x]}}}]}", [("undefined-region", 2, 54)]),
        ("{steering: {geo: {rules: {XX: us-east-1}}}}", [("bad-value", 2, 38)]),
        ("{steering: {subnet: {rules: {EU: us-east-1}}}}", [("bad-value", 2, 41)]),
        (
            "{steering: {weighted: {of: {us-east-1: 3, us-est-2: 1}}}}",
            [("undefined-region", 2, 50)],
        ),
        ("{steering: [{geofence: {rules: {EU: {only: moon}}}}]}", [("undefined-region", 2, 51)]),
        ('{steering: {geo: {rules: {"NA-US-CA, NA-US-WA": us-east-1}}}}', []),
        ('{steering: {geo: {rules: {"EU, XX": us-east-1}}}}', [("bad-value", 2, 33)]),
        ('{steering: {geo: {rules: {"EU, AS": us-east-1, AS: x}}}}', [("bad-value", 2, 33)]),
        ("{steering: [{geofence: {rules: {EU: {only: []}}}}]}", []),
        ("{branches: [s2]}", [("undefined-service", 2, 20)]),
        ("{branches: {web: 1}}", [("branch-loop", 2, 20)]),
        ("{ttl: 1h}", []),
        ("{ttl: -1}", [("bad-value", 2, 14)]),
        ("{ttl: 2147483648}", [("bad-value", 2, 14)]),
        ("{ttl: {min: 5s, max: 60s}}", []),
        ("{ttl: {min: 5s, max: 5s}}", []),
        ("{ttl: {min: 61s, max: 1m}}", [("crossed-ttls", 2, 20)]),
        ("{ttl: {min: 5s}}", [("missing-key", 2, 9)]),
        ("{ttl: {min: 5s, max: soon}}", [("bad-value", 2, 29)]),
        ("{ttl: {min: 5s, mex: 60s}}", [("missing-key", 2, 9), ("unknown-key", 2, 24)]),
        ("{ttl: [5s, 60s]}", [("wrong-type", 2, 14)]),
        ("{answers: 0}", [("bad-value", 2, 18)]),
        ("{answers: 1.5}", [("wrong-type", 2, 18)]),
        ("{when_down: serve-all}", [("bad-value", 2, 20)]),
        ("{when_down: {cname: cdn}}", [("bad-value", 2, 28)]),
        ("{when_down: {cname: cdn.}}", []),
        ("{when_down: {cnmae: cdn.}}", [("wrong-type", 2, 20)]),
        ("{when_down: {addresses: []}}", [("empty-list", 2, 32)]),
        ("{when_down: {addresses: [x]}}", [("bad-value", 2, 33)]),
        ("{when_down: {addresses: [192.0.2.1]}}", []),
        ("{anwsers: 2}", [("unknown-key", 2, 9)]),
    ],
)
def test_a_service_says_how_it_is_answered(
    tmp_path: Path, text: str, expected: list[Finding]
) -> None:
    server = write(tmp_path, services=f"services:\n  web: {text}\n")
    assert in_file(server, "services.yaml") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", []),
        ("{mass_failure: off}", []),
        ("{mass_failure: {share: 50%, within: 1m, least: 5}}", []),
        ("{mass_failure: {share: 0%}}", [("bad-value", 6, 33)]),
        ("{mass_failure: no}", [("bad-value", 6, 25)]),
        ("{references: [{check: c, addresses: [192.0.2.53]}]}", []),
        ("{references: [{check: c, addresses: []}]}", [("empty-list", 6, 46)]),
        ("{references: [{check: d, addresses: [192.0.2.53]}]}", [("undefined-check", 6, 32)]),
        ("{references: [{check: p, addresses: [192.0.2.53]}]}", [("unprobed-reference", 6, 32)]),
        (
            "{references: [{check: c, addresses: [192.0.2.53]}], references_needed: 2}",
            [("unreachable-references", 6, 81)],
        ),
        ("{longest: 0}", [("bad-value", 6, 20)]),
        ("{withdrawal: {most: 30%, per: 10m}}", []),
        ("{withdrawal: {per: 10m}}", [("missing-key", 6, 11)]),
        ("{withdrawal: {most: 0%}}", [("bad-value", 6, 30)]),
    ],
)
def test_a_guard_has_references_that_can_be_probed(
    tmp_path: Path, text: str, expected: list[Finding]
) -> None:
    services = (
        "checks:\n  c: {type: tcp, port: 53}\n  p: {type: push}\nservices: {web: {check: p}}\n"
        f"health:\n  guard: {text}\n"
    )
    told = in_file(write(tmp_path, services=services), "services.yaml")
    assert [item for item in told if item[0] != "unused-check"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("availability_zone: {withdraw_below: 50%, restore_above: 80%, hold: 60s}", []),
        ("availability_zone: {hold: 5m}", []),
        ("region: {withdraw_below: 1%}", []),
        ("region: {withdraw_below: 90%}", []),
        (
            "region: {withdraw_below: 60%, restore_above: 0.5}",
            [("crossed-thresholds", 3, 28)],
        ),
        ("region: {withdraw_below: 101%}", [("bad-value", 3, 28)]),
        ("region: {withdraw_below: 50}", [("bad-value", 3, 28)]),
        ("region: {withdraw: 50%}", [("unknown-key", 3, 12)]),
        ("regoin: {}", [("unknown-key", 3, 3)]),
        ("region:", []),
    ],
)
def test_thresholds_let_a_group_come_back(
    tmp_path: Path, text: str, expected: list[Finding]
) -> None:
    server = write(tmp_path, services=f"services: {{web: }}\nhealth:\n  {text}\n")
    assert in_file(server, "services.yaml") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('listen: ["0.0.0.0:53", "[::]:53"]', []),
        ("listen: 127.0.0.1:53", [("wrong-type", 1, 9)]),
        ("listen: []", [("empty-list", 1, 9)]),
        ("listen: [localhost:53]", [("bad-value", 1, 10)]),
        ("listen: ['::1:53']", [("bad-value", 1, 10)]),
        ("listen: ['127.0.0.1:65536']", [("bad-value", 1, 10)]),
        ("listen: ['127.0.0.1:53', '127.0.0.1:53']", [("repeated-listen", 1, 26)]),
        ("listen: ['[::1]:53', '[0::1]:53']", [("repeated-listen", 1, 22)]),
        ("listen: ['127.0.0.1:0', '127.0.0.1:0']", []),
        (
            "listen: ['127.0.0.1:53']\nadmin: {http: '127.0.0.1:53'}",
            [("repeated-listen", 2, 15)],
        ),
        ("workers: 0", [("bad-value", 1, 10)]),
        ("workers: four", [("bad-value", 1, 10)]),
        ("workers: [1]", [("wrong-type", 1, 10)]),
        ("log: {level: warn}", [("bad-value", 1, 14)]),
        ("tcp: {idle: 0}", [("bad-value", 1, 13)]),
        ("client_subnet: {accept: yes}", [("wrong-type", 1, 25)]),
        ("identity: 7", [("wrong-type", 1, 11)]),
        (f"identity: {'x' * 128}", []),
        (f"identity: {'ä' * 65}", [("too-long", 1, 11)]),
        (f"admin: {{socket: /{'x' * 106}}}", []),
        (f"admin: {{socket: /{'x' * 107}}}", [("too-long", 1, 17)]),
        ("- 1", [("wrong-type", 1, 1)]),
    ],
)
def test_the_server_has_sockets_and_limits_that_work(
    tmp_path: Path, text: str, expected: list[Finding]
) -> None:
    assert in_file(write(tmp_path, server=text + "\n"), "geodns.yaml") == expected


def test_what_nothing_uses_is_a_warning(tmp_path: Path) -> None:
    server = write(
        tmp_path,
        services="checks:\n  old: {type: http}\nservices:\n  web:\n  api:\n",
        topology=TOPOLOGY.replace(
            "          web: [", "          api: [127.10.1.2]\n          web: ["
        ),
    )
    assert [(item.id, item.line, item.column, item.severity) for item in problems(server)] == [
        ("unused-check", 2, 3, "warning"),
        ("unused-service", 5, 3, "warning"),
    ]
    assert "api@eu-central-1a" in problems(server)[1].message


def test_what_nothing_uses_is_not_said_while_there_are_errors(tmp_path: Path) -> None:
    server = write(tmp_path, services=SERVICES + "  api: {ttl: x}\n")
    assert [id for id, _, _ in in_file(server, "services.yaml")] == ["bad-value"]


@pytest.mark.parametrize(
    ("when_down", "severity"),
    [("nodata", "error"), ("{cname: cdn.example.net.}", "warning")],
)
def test_a_service_in_use_needs_something_to_answer_with(
    tmp_path: Path, when_down: str, severity: str
) -> None:
    server = write(
        tmp_path,
        services=SERVICES + f"  api: {{when_down: {when_down}}}\n",
        zone=ZONE + "api: {type: GEO, service: api}\n",
    )
    (problem,) = problems(server)
    assert (problem.id, problem.line, problem.severity) == ("no-endpoint", 5, severity)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("cdn: {type: GEO, service: cdn}\n", []),
        ('"*": {type: GEO, service: cdn}\n', []),
        (
            "cdn: [{type: GEO, service: cdn}, {type: TXT, value: x}]\n",
            [("cname-beside-records", 5, 28)],
        ),
        ("eu: {type: GEO, service: cdn}\n", [("cname-loop", 5, 26)]),
        (
            "cdn: {type: GEO, service: cdn}\neu: {type: CNAME, value: cdn.example.test.}\n",
            [("cname-loop", 5, 27)],
        ),
    ],
)
def test_an_answer_with_a_cname_stands_where_dns_allows_it(
    tmp_path: Path, records: str, expected: list[Finding]
) -> None:
    server = write(
        tmp_path,
        services=SERVICES + "  cdn:\n",
        topology=TOPOLOGY.replace("web: {", "cdn: {cname: EU.example.test.}\n          web: {"),
        zone=ZONE + records,
    )
    assert [f for f in in_file(server, "example.test.yaml") if f[0].startswith("cname")] == expected


def test_the_apex_cannot_answer_with_a_cname(tmp_path: Path) -> None:
    server = write(
        tmp_path,
        services="services: {web: {when_down: {cname: cdn.example.net.}}}\n",
        zone=ZONE.replace('"":\n', '"":\n  - {type: GEO, service: web}\n'),
    )
    assert in_file(server, "example.test.yaml") == [("cname-beside-records", 2, 26)]


def test_a_finding_is_a_sentence_with_what_would_be_right(tmp_path: Path) -> None:
    server = write(tmp_path, server=SERVER + "workers: 500\n", latency=LATENCY)
    (problem,) = problems(server)
    assert str(problem) == (
        f"{server}:6:10: error: workers must be auto or a whole number from 1 to 256, not 500"
        " [bad-value]"
    )
