# ruff: noqa: E501 - a table reads best with a row per line
"""Names tied to a service, beside and behind everything else that a zone can hold."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rdtypes.svcbbase
import pytest
from building import TOPOLOGY, configuration, image, lines, query, scope_of, three_places

from geodns.answer.cold import Identity
from geodns.answer.compile import compile_image
from geodns.answer.engine import Engine
from geodns.answer.service import EndpointState, States
from geodns.config.settings import Configuration, Server, Services, Topology
from geodns.zone.load import load_zones

VIRGINIA, TOKYO = "20.1.2.0/24", "30.1.2.0/24"
ECH = "AARhYmNk"
SOA = "example.test. 60 SOA ns.elsewhere.test. admin.example.test. 7 3600 600 604800 60"
ZONE = """
"":
  - {type: NS, ttl: 3600, values: [ns.elsewhere.test.]}
  - {type: SOA, ttl: 900, value: {mname: ns.elsewhere.test., rname: admin.example.test., serial: 7,
     refresh: 3600, retry: 600, expire: 604800, minimum: 60}}
  - {type: MX, ttl: 300, values: [{preference: 10, exchange: www.example.test.}]}
  - {type: GEO, service: web}
www: {type: GEO, service: web, ttl: 20}
never: {type: GEO, service: web, ttl: 0}
always: {type: GEO, service: web, ttl: 2147483647}
"*.apps": {type: GEO, service: web}
deep.www2.apps: {type: TXT, ttl: 300, value: "stops the wildcard"}
below.www3: {type: TXT, ttl: 300, value: "x"}
www3: {type: GEO, service: web}
both:
  - {type: GEO, service: web}
  - {type: TXT, ttl: 300, value: "beside"}
  - {type: MX, ttl: 300, values: [{preference: 5, exchange: www.example.test.}]}
one: {type: CNAME, ttl: 300, value: two.example.test.}
two: {type: CNAME, ttl: 200, value: x.apps.example.test.}
to-old: {type: CNAME, ttl: 300, value: www.old.example.test.}
old: {type: DNAME, ttl: 300, value: example.test.}
_sip._tcp: {type: SRV, ttl: 300, value: {priority: 1, weight: 1, port: 5060, target: www.example.test.}}
own:
  - {type: GEO, service: web}
  - {type: HTTPS, ttl: 300, value: {svcpriority: 2, targetname: ., svcparams: {port: 444}}}
child: {type: NS, ttl: 300, values: [ns.child.example.test., ns.elsewhere.test.]}
ns.child: {type: GEO, service: web}
"""
HTTPS = {"alpn": ["h3", "h2"], "port": 8443, "ech": ECH}
WEB = {"web": {"steering": "nearest", "https": HTTPS}}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make(tmp_path)


def make(folder: Path, states: States | None = None, **settings: Any) -> Engine:
    return Engine(
        image(folder, **{"zone": ZONE, "services": WEB, **settings}), Identity(), states=states
    )


def ask(engine: Engine, name: str, type: str = "A", subnet: str = VIRGINIA) -> dns.message.Message:
    reply = engine.respond(
        query(f"{name}.example.test".lstrip("."), type, subnet=subnet), "1.1.1.1"
    )
    assert reply is not None
    return dns.message.from_wire(reply)


def data(reply: dns.message.Message) -> list[str]:
    return [str(rdata) for rrset in reply.answer for rdata in rrset]


def hints(reply: dns.message.Message) -> dict[str, list[str]]:
    """The hints of the last record, by family."""
    parameters = reply.answer[-1][0].params
    keys = dns.rdtypes.svcbbase.ParamKey
    return {
        family: [str(address) for address in parameters[key].addresses] if key in parameters else []
        for family, key in (("A", keys.IPV4HINT), ("AAAA", keys.IPV6HINT))
    }


def down(*ids: str, of: str = "web") -> States:
    return {f"{of}@{id}": EndpointState(0.0) for id in ids}


ALL = ("eu-a", "eu-b", "us-a", "jp-a")


@pytest.mark.parametrize(
    ("name", "type", "answer", "scope"),
    [
        ("www", "A", ["www.example.test. 20 A 192.0.2.11"], 8),
        ("", "A", ["example.test. 30 A 192.0.2.11"], 8),
        ("", "MX", ["example.test. 300 MX 10 www.example.test."], 0),
        ("never", "A", ["never.example.test. 0 A 192.0.2.11"], 8),
        ("always", "A", ["always.example.test. 2147483647 A 192.0.2.11"], 8),
        ("x.apps", "A", ["x.apps.example.test. 30 A 192.0.2.11"], 8),
        ("x.y.apps", "A", ["x.y.apps.example.test. 30 A 192.0.2.11"], 8),
        ("x.apps", "MX", [], 0),
        ("www2.apps", "A", [], 0),
        ("both", "TXT", ['both.example.test. 300 TXT "beside"'], 0),
        ("both", "MX", ["both.example.test. 300 MX 5 www.example.test."], 0),
        ("both", "A", ["both.example.test. 30 A 192.0.2.11"], 8),
        ("both", "SRV", [], 0),
        ("www3", "A", ["www3.example.test. 30 A 192.0.2.11"], 8),
        (
            "one", "A",
            [
                "one.example.test. 300 CNAME two.example.test.",
                "two.example.test. 200 CNAME x.apps.example.test.",
                "x.apps.example.test. 30 A 192.0.2.11",
            ], 8,
        ),
        (
            "to-old", "A",
            [
                "to-old.example.test. 300 CNAME www.old.example.test.",
                "old.example.test. 300 DNAME example.test.",
                "www.old.example.test. 300 CNAME www.example.test.",
                "www.example.test. 20 A 192.0.2.11",
            ], 8,
        ),
        ("one", "CNAME", ["one.example.test. 300 CNAME two.example.test."], 0),
        ("_sip._tcp", "SRV", ["_sip._tcp.example.test. 300 SRV 1 1 5060 www.example.test."], 0),
        ("www", "ANY", ['www.example.test. 3600 HINFO "RFC8482" ""'], 0),
        ("www", "CNAME", [], 0),
        ("www", "SVCB", [], 0),
        (
            "www", "HTTPS",
            [f'www.example.test. 20 HTTPS 1 . alpn="h3,h2" port="8443" ipv4hint="192.0.2.11" ech="{ECH}" ipv6hint="2001:db8::1"'], 24,
        ),
        ("own", "HTTPS", ['own.example.test. 300 HTTPS 2 . port="444"'], 0),
        ("own", "A", ["own.example.test. 30 A 192.0.2.11"], 8),
    ],
)  # fmt: skip
def test_what_a_geo_name_answers(
    engine: Engine, name: str, type: str, answer: list[str], scope: int
) -> None:
    for _ in range(2):  # the second time from what was remembered
        reply = ask(engine, name, type)
        found = lines(reply.answer)
        if type == "HTTPS" and name == "www":
            found = [line.replace("2001:db8::2", "2001:db8::1") for line in found]
        assert found == answer
        assert reply.rcode() == dns.rcode.NOERROR
        assert scope_of(reply) == scope
        # RFC 2308 2.2: no data has the SOA, and what is there has not.
        assert lines(reply.authority) == ([] if answer else [SOA])
        # The addresses of a service differ between clients, those of an MX host must not.
        assert lines(reply.additional) == []


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        ("x.www", "NXDOMAIN"),  # RFC 8020: below a name without children is nothing
        ("x.deep.www2.apps", "NXDOMAIN"),
        ("x.www2.apps", "NXDOMAIN"),  # RFC 4592 2.2.1: the empty non-terminal stops the wildcard
        ("other.www3", "NXDOMAIN"),
        ("below.www3", "NOERROR"),
    ],
)
def test_below_a_geo_name_the_zone_decides(engine: Engine, name: str, rcode: str) -> None:
    reply = ask(engine, name)
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert lines(reply.authority) == [SOA]
    assert scope_of(reply) == 0


def test_glue_never_comes_from_a_service(engine: Engine) -> None:
    reply = ask(engine, "www.child")
    assert lines(reply.authority) == [
        "child.example.test. 300 NS ns.child.example.test.",
        "child.example.test. 300 NS ns.elsewhere.test.",
    ]
    assert lines(reply.additional) == []
    assert scope_of(reply) == 0


# --- HTTPS -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subnet", ["10.5.5.0/24", "10.5.6.0/24", VIRGINIA, TOKYO, "2001:db8:a::/48"]
)
@pytest.mark.parametrize("answers", [1, 2, 4])
def test_hints_are_the_addresses_that_the_client_gets(
    tmp_path: Path, subnet: str, answers: int
) -> None:
    engine = make(tmp_path, services={"web": {**WEB["web"], "answers": answers}})
    for name in ("www", "", "x.apps", "one", "to-old"):
        found = hints(ask(engine, name, "HTTPS", subnet))
        for family in ("A", "AAAA"):
            addresses = data(ask(engine, name, family, subnet))
            assert found[family] == [text for text in addresses if not text.endswith(".")]


def test_both_families_come_from_the_same_endpoint(engine: Engine) -> None:
    for number in range(64):
        subnet = f"10.5.{number}.0/24"
        v4, v6 = (data(ask(engine, "www", type, subnet))[0] for type in ("A", "AAAA"))
        assert v4[-1] == v6[-1]


def test_parameters_can_be_left_out(tmp_path: Path) -> None:
    engine = make(tmp_path, services={"web": {"steering": "nearest", "https": {}}})
    assert data(ask(engine, "www", "HTTPS", "10.5.5.0/24"))[0].startswith("1 . ipv4hint=")


def test_https_follows_health(engine: Engine) -> None:
    ask(engine, "www", "HTTPS")
    engine.set_states(down("us-a", "eu-a"))
    found = hints(ask(engine, "www", "HTTPS"))
    assert found == {"A": ["192.0.2.2"], "AAAA": ["2001:db8::2"]}
    engine.set_states({})
    assert hints(ask(engine, "www", "HTTPS"))["A"] == ["192.0.2.11"]


@pytest.mark.parametrize(
    ("when_down", "a", "aaaa", "https"),
    [
        ("nodata", [], [], []),
        (
            {"addresses": ["203.0.113.9"]},
            ["203.0.113.9"],
            [],
            ['1 . port="1" ipv4hint="203.0.113.9"'],
        ),
        (
            {"addresses": ["2001:db8::9"]},
            [],
            ["2001:db8::9"],
            ['1 . port="1" ipv6hint="2001:db8::9"'],
        ),
        ({"cname": "sorry.elsewhere.test."}, *[["sorry.elsewhere.test."]] * 3),
        (
            "serve_all",
            ["192.0.2.11"],
            ["2001:db8::1"],
            ['1 . port="1" ipv4hint="192.0.2.11" ipv6hint="2001:db8::1"'],
        ),
    ],
)
def test_when_all_is_down_every_type_follows_when_down(
    tmp_path: Path, when_down: Any, a: list[str], aaaa: list[str], https: list[str]
) -> None:
    service = {"steering": "nearest", "https": {"port": 1}, "when_down": when_down}
    engine = make(tmp_path, states=down(*ALL), services={"web": service})
    found = [
        [text.replace("2001:db8::2", "2001:db8::1") for text in data(ask(engine, "www", type))]
        for type in ("A", "AAAA", "HTTPS")
    ]
    assert found == [a, aaaa, https]


def test_a_fallback_of_a_family_that_no_endpoint_has_waits_until_all_is_down(
    tmp_path: Path,
) -> None:
    v4_only = {
        "us": {
            "location": (38.9, -77.45),
            "availability_zones": {"us-a": {"endpoints": {"web": {"addresses": ["192.0.2.11"]}}}},
        }
    }
    service = {"steering": "nearest", "https": {}, "when_down": {"addresses": ["2001:db8::9"]}}
    engine = make(tmp_path, regions=v4_only, services={"web": service})
    assert data(ask(engine, "www", "AAAA")) == []
    assert data(ask(engine, "www", "HTTPS")) == ['1 . ipv4hint="192.0.2.11"']
    engine.set_states(down("us-a"))
    assert data(ask(engine, "www", "AAAA")) == ["2001:db8::9"]
    assert data(ask(engine, "www", "A")) == []
    assert data(ask(engine, "www", "HTTPS")) == ['1 . ipv6hint="2001:db8::9"']


def test_a_service_without_endpoints_answers_with_its_target(tmp_path: Path) -> None:
    engine = make(
        tmp_path, services={"web": {"when_down": {"cname": "x.elsewhere.test."}}}, regions={}
    )
    for type in ("A", "AAAA", "HTTPS", "CNAME", "TXT"):
        reply = ask(engine, "www", type)
        assert data(reply) == ["x.elsewhere.test."]
        assert scope_of(reply) == 0


# --- aliases -----------------------------------------------------------------------------------

MIXED: dict[str, Any] = {
    **TOPOLOGY,
    "us": {
        "location": (38.9, -77.45),
        "availability_zones": {"us-a": {"endpoints": {"web": {"cname": "us.cdn.test."}}}},
    },
}
ALIAS_ZONE = """
"": {type: NS, value: ns.elsewhere.test.}
www: {type: GEO, service: web, ttl: 20}
"""


@pytest.mark.parametrize("https", [None, {}])
def test_who_is_sent_to_an_alias_is_so_for_every_type(tmp_path: Path, https: Any) -> None:
    services = {"web": {"steering": "nearest", "https": https}}
    engine = make(tmp_path, regions=MIXED, zone=ALIAS_ZONE, services=services)
    for type in ("A", "AAAA", "HTTPS", "CNAME", "TXT"):
        assert data(ask(engine, "www", type, VIRGINIA)) == ["us.cdn.test."]
    assert data(ask(engine, "www", "A", TOKYO)) == ["192.0.2.21"]
    for type in ("AAAA", "CNAME", "TXT"):
        # Not the alias of the next best: a resolver would then use it for A as well.
        assert data(ask(engine, "www", type, TOKYO)) == []
    expected = [] if https is None else ['1 . ipv4hint="192.0.2.21"']
    assert data(ask(engine, "www", "HTTPS", TOKYO)) == expected


def test_an_alias_takes_over_for_every_type_at_once(tmp_path: Path) -> None:
    services = {"web": {"steering": "nearest", "https": {}}}
    engine = make(
        tmp_path,
        regions=MIXED,
        zone=ALIAS_ZONE,
        services=services,
        states=down("jp-a", "eu-a", "eu-b"),
    )
    for type in ("A", "AAAA", "HTTPS", "CNAME"):
        assert data(ask(engine, "www", type, TOKYO)) == ["us.cdn.test."]
    engine.set_states(down("us-a"))
    assert data(ask(engine, "www", "A", VIRGINIA))[0] in {"192.0.2.1", "192.0.2.2"}
    assert data(ask(engine, "www", "AAAA", VIRGINIA))[0] in {"2001:db8::1", "2001:db8::2"}


# --- several zones, several names --------------------------------------------------------------


def test_one_service_in_parent_and_child_zone(tmp_path: Path) -> None:
    (tmp_path / "example.test.yaml").write_text(
        '"": {type: NS, value: ns.elsewhere.test.}\n'
        "www: {type: GEO, service: web, ttl: 11}\n"
        "sub: {type: NS, value: ns.elsewhere.test.}\n"
    )
    (tmp_path / "sub.example.test.yaml").write_text(
        '"":\n  - {type: NS, value: ns.elsewhere.test.}\n  - {type: GEO, service: web, ttl: 22}\n'
        "www: {type: GEO, service: web, ttl: 33}\n"
    )
    zones, problems, files = load_zones(tmp_path, {"web"})
    assert [problem.id for problem in problems if problem.severity == "error"] == []
    settings = Configuration(
        server=Server(),
        topology=Topology.model_validate({"regions": TOPOLOGY}),
        services=Services.model_validate({"services": WEB}),
        latency=(),
        zones=zones,
        files=tuple(files),
    )
    engine = Engine(compile_image(settings, three_places()), Identity())
    for name, ttl in (("www", 11), ("sub", 22), ("www.sub", 33)):
        reply = ask(engine, name)
        assert lines(reply.answer) == [f"{name}.example.test. {ttl} A 192.0.2.11"]
        denied = ask(engine, name, "TXT").authority[0]
        zone = "example.test." if name == "www" else "sub.example.test."
        assert str(denied.name) == zone
    assert len(engine._plans) == 1


# --- scope -------------------------------------------------------------------------------------


def test_a_type_that_one_tier_alone_has_is_the_same_for_everyone(tmp_path: Path) -> None:
    regions: dict[str, Any] = {
        **TOPOLOGY,
        "eu": {
            "location": (50.11, 8.68),
            "availability_zones": {
                "eu-a": {"endpoints": {"web": {"addresses": ["192.0.2.1", "2001:db8::1"]}}}
            },
        },
    }
    engine = make(tmp_path, regions=regions)
    for subnet in (VIRGINIA, TOKYO, "10.1.1.0/24"):
        reply = ask(engine, "www", "AAAA", subnet)
        assert (data(reply), scope_of(reply)) == (["2001:db8::1"], 0)
    assert scope_of(ask(engine, "www", "A")) == 8
    assert scope_of(ask(engine, "www", "HTTPS")) == 8


def test_an_address_that_all_endpoints_share_is_the_same_for_everyone(tmp_path: Path) -> None:
    anycast = {
        name: {
            "location": region["location"],
            "availability_zones": {
                az: {"endpoints": {"web": {"addresses": ["192.0.2.1"]}}}
                for az in region["availability_zones"]
            },
        }
        for name, region in TOPOLOGY.items()
    }
    engine = make(tmp_path, regions=anycast)
    for states in ({}, down("eu-a", "us-a"), {"web@us-a": EndpointState(0.5)}, down(*ALL)):
        engine.set_states(states)
        for type in ("A", "HTTPS"):
            assert scope_of(ask(engine, "www", type)) == 0


# --- health ------------------------------------------------------------------------------------


def test_a_state_means_the_same_addresses_when_they_are_listed_in_another_order(
    tmp_path: Path,
) -> None:
    failing = frozenset((ip_address("192.0.2.1").packed,))
    for order in (["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.1"]):
        regions = {
            "eu": {
                "location": (50, 8),
                "availability_zones": {"eu-a": {"endpoints": {"web": {"addresses": order}}}},
            }
        }
        engine = make(tmp_path, regions=regions, states={"web@eu-a": EndpointState(1.0, failing)})
        found = {data(ask(engine, "www", "A", f"10.5.{n}.0/24"))[0] for n in range(64)}
        assert found == {"192.0.2.2"}


def test_the_settings_of_https_are_checked(tmp_path: Path) -> None:
    for https in (
        {"alpn": ["h 2"]},
        {"alpn": ["h2", "h2"]},
        {"port": 0},
        {"ech": "not base64"},
        {"ech": "AAJhYg=="},
        {"ipv4hint": ["192.0.2.1"]},
    ):
        with pytest.raises(ValueError, match=r"services\.web\.https"):
            configuration(tmp_path, services={"web": {"https": https}})
