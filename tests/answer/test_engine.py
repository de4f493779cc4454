# ruff: noqa: E501 - a table reads best with a row per line
"""The engine's replies: rcode, flags, sections, TTLs and scope, for every kind of question."""

from __future__ import annotations

import random
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from building import TOPOLOGY, image, lines, query, scope_of

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.answer.service import EndpointState, States

SOA = "example.test. 60 SOA ns1.example.test. admin.example.test. 7 3600 600 604800 60"
NOWHERE_HOST = "198.51.100.1"
WEB_EU = {"192.0.2.1", "192.0.2.2"}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make(tmp_path)


def make(folder: Path, states: States | None = None, **settings: Any) -> Engine:
    return Engine(image(folder, **settings), Identity("ns1.demo", "geodns 1"), states=states)


def ask(
    engine: Engine, name: str, type: str = "A", host: str = NOWHERE_HOST, **more: Any
) -> dns.message.Message:
    reply = engine.respond(query(name, type, **more), host)
    assert reply is not None
    return dns.message.from_wire(reply)


def addresses(message: dns.message.Message) -> list[str]:
    return [str(rdata) for rrset in message.answer for rdata in rrset]


CASES: list[tuple[str, str, str, str, list[str], list[str], list[str]]] = [
    # name, type, rcode, flags, answer, authority, additional
    ("ns1.example.test", "A", "NOERROR", "QR AA RD", ["ns1.example.test. 300 A 192.0.2.53"], [], []),
    ("ns1.example.test", "TXT", "NOERROR", "QR AA RD", [], [SOA], []),
    ("nothing.example.test", "A", "NXDOMAIN", "QR AA RD", [], [SOA], []),
    ("a.b.nothing.example.test", "A", "NXDOMAIN", "QR AA RD", [], [SOA], []),
    ("empty.example.test", "A", "NOERROR", "QR AA RD", [], [SOA], []),
    ("www.elsewhere.test", "A", "REFUSED", "QR RD", [], [], []),
    ("test", "A", "REFUSED", "QR RD", [], [], []),
    (".", "NS", "REFUSED", "QR RD", [], [], []),
    (
        "example.test", "NS", "NOERROR", "QR AA RD",
        ["example.test. 3600 NS ns1.example.test.", "example.test. 3600 NS ns2.elsewhere.test."],
        [], ["ns1.example.test. 300 A 192.0.2.53"],
    ),
    (
        "example.test", "MX", "NOERROR", "QR AA RD", ["example.test. 300 MX 10 mail.example.test."],
        [], ["mail.example.test. 300 A 192.0.2.25"],
    ),
    (
        "to-mail.example.test", "A", "NOERROR", "QR AA RD",
        ["to-mail.example.test. 300 CNAME mail.example.test.", "mail.example.test. 300 A 192.0.2.25"],
        [], [],
    ),
    (
        "to-mail.example.test", "CNAME", "NOERROR", "QR AA RD",
        ["to-mail.example.test. 300 CNAME mail.example.test."], [], [],
    ),
    (
        "to-mail.example.test", "TXT", "NOERROR", "QR AA RD",
        ["to-mail.example.test. 300 CNAME mail.example.test."], [SOA], [],
    ),
    (
        "to-nothing.example.test", "A", "NXDOMAIN", "QR AA RD",
        ["to-nothing.example.test. 300 CNAME nothing.example.test."], [SOA], [],
    ),
    (
        "to-outside.example.test", "A", "NOERROR", "QR AA RD",
        ["to-outside.example.test. 300 CNAME www.elsewhere.test."], [], [],
    ),
    (
        "loop-a.example.test", "A", "NOERROR", "QR AA RD",
        [
            "loop-a.example.test. 300 CNAME loop-b.example.test.",
            "loop-b.example.test. 300 CNAME loop-a.example.test.",
        ], [], [],
    ),
    ("any.wild.example.test", "A", "NOERROR", "QR AA RD", ["any.wild.example.test. 300 A 192.0.2.99"], [], []),
    ("a.b.wild.example.test", "A", "NOERROR", "QR AA RD", ["a.b.wild.example.test. 300 A 192.0.2.99"], [], []),
    ("any.wild.example.test", "TXT", "NOERROR", "QR AA RD", [], [SOA], []),
    # RFC 4592 2.2.1: an existing name stops the wildcard, and so does what lies below it.
    ("sub.wild.example.test", "A", "NOERROR", "QR AA RD", [], [SOA], []),
    ("x.sub.wild.example.test", "A", "NXDOMAIN", "QR AA RD", [], [SOA], []),
    (
        "www.child.example.test", "A", "NOERROR", "QR RD", [],
        ["child.example.test. 300 NS ns.child.example.test.", "child.example.test. 300 NS ns2.elsewhere.test."],
        ["ns.child.example.test. 300 A 192.0.2.54"],
    ),
    ("child.example.test", "DS", "NOERROR", "QR AA RD", [], [SOA], []),
    (
        "host.old.example.test", "A", "NOERROR", "QR AA RD",
        [
            "old.example.test. 300 DNAME new.example.test.",
            "host.old.example.test. 300 CNAME host.new.example.test.",
            "host.new.example.test. 300 A 192.0.2.77",
        ], [], [],
    ),
    ("ns1.example.test", "ANY", "NOERROR", "QR AA RD", ['ns1.example.test. 3600 HINFO "RFC8482" ""'], [], []),
    ("both.example.test", "TXT", "NOERROR", "QR AA RD", ['both.example.test. 300 TXT "beside"'], [], []),
    ("www.example.test", "TXT", "NOERROR", "QR AA RD", [], [SOA], []),
    ("www.example.test", "SRV", "NOERROR", "QR AA RD", [], [SOA], []),
]  # fmt: skip


@pytest.mark.parametrize("subnet", [None, "10.0.0.0/24"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_what_does_not_depend_on_the_client(
    engine: Engine, case: tuple[Any, ...], subnet: str | None
) -> None:
    name, type, rcode, flags, answer, authority, additional = case
    for _ in range(2):  # the second time from what was remembered
        reply = ask(engine, name, type, subnet=subnet)
        assert dns.rcode.to_text(reply.rcode()) == rcode
        assert dns.flags.to_text(reply.flags) == flags
        assert lines(reply.answer) == answer
        assert lines(reply.authority) == authority
        assert lines(reply.additional) == additional
        # RFC 7871 7.2.1: scope 0, it is the same for everyone.
        assert scope_of(reply) == (None if subnet is None else 0)


@pytest.mark.parametrize(
    ("subnet", "expected", "scope"),
    [
        ("10.200.7.0/24", WEB_EU, 24),  # two AZs share it by subnet
        ("10.200.0.0/16", WEB_EU, 24),
        ("20.1.2.0/24", {"192.0.2.11"}, 8),
        ("20.0.0.0/8", {"192.0.2.11"}, 8),
        ("20.1.2.3/32", {"192.0.2.11"}, 8),
        ("30.1.0.0/16", {"192.0.2.21"}, 8),
        ("10.1.2.5/32", {"192.0.2.21"}, 26),  # a nested range, smaller than a slot's subnet
        ("10.1.2.64/26", WEB_EU, 26),
        ("2001:db8:a:1::/64", WEB_EU, 48),
    ],
)
def test_the_client_subnet_decides_and_the_scope_is_exact(
    engine: Engine, subnet: str, expected: set[str], scope: int
) -> None:
    for name in ("www.example.test", "example.test", "x.apps.example.test"):
        reply = ask(engine, name, subnet=subnet)
        assert len(reply.answer) == 1
        assert set(addresses(reply)) <= expected
        assert scope_of(reply) == scope


def test_without_a_client_subnet_the_resolver_is_located(engine: Engine) -> None:
    assert addresses(ask(engine, "www.example.test", host="20.0.0.1")) == ["192.0.2.11"]
    assert addresses(ask(engine, "www.example.test", host="30.0.0.1", edns=True)) == ["192.0.2.21"]
    assert set(addresses(ask(engine, "www.example.test", host="2001:db8:a::5"))) <= WEB_EU
    assert scope_of(ask(engine, "www.example.test", host="20.0.0.1", edns=True)) is None


def test_a_client_that_asks_not_to_be_located_gets_what_its_resolver_would(engine: Engine) -> None:
    reply = ask(engine, "www.example.test", host="30.0.0.1", subnet="0.0.0.0/0")
    assert addresses(reply) == ["192.0.2.21"]
    assert scope_of(reply) == 0


def test_client_subnet_can_be_refused_by_configuration(tmp_path: Path) -> None:
    engine = Engine(image(tmp_path), Identity(), accept_client_subnet=False)
    reply = ask(engine, "www.example.test", host="20.0.0.1", subnet="30.0.0.0/24")
    assert addresses(reply) == ["192.0.2.11"]
    assert reply.options == ()
    assert reply.edns == 0


def test_the_ttl_is_the_names_own_or_the_services(engine: Engine) -> None:
    assert ask(engine, "www.example.test").answer[0].ttl == 20
    assert ask(engine, "example.test").answer[0].ttl == 30


def test_an_alias_leads_to_a_geo_name(engine: Engine) -> None:
    reply = ask(engine, "alias.example.test", subnet="20.0.0.0/24")
    assert lines(reply.answer) == [
        "alias.example.test. 300 CNAME www.example.test.",
        "www.example.test. 20 A 192.0.2.11",
    ]
    assert scope_of(reply) == 8


def test_aaaa_comes_from_the_nearest_endpoint_that_has_one(engine: Engine) -> None:
    reply = ask(engine, "www.example.test", "AAAA", subnet="20.0.0.0/24")
    assert set(addresses(reply)) <= {"2001:db8::1", "2001:db8::2"}


def test_a_subnet_keeps_its_answer_and_subnets_share_the_azs(engine: Engine) -> None:
    seen: list[str] = []
    for number in range(400):
        subnet = f"10.{number // 256 + 3}.{number % 256}.0/24"
        answers = {addresses(ask(engine, "www.example.test", subnet=subnet))[0] for _ in range(2)}
        assert len(answers) == 1
        seen.append(answers.pop())
    assert set(seen) == WEB_EU
    assert seen.count("192.0.2.1") / len(seen) == pytest.approx(0.5, abs=0.1)


# --- health ------------------------------------------------------------------------------------


def failing(*addresses: str) -> frozenset[bytes]:
    return frozenset(ip_address(address).packed for address in addresses)


def states(**down: float) -> States:
    return {f"web@{az.replace('_', '-')}": EndpointState(a) for az, a in down.items()}


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        ({"eu_a": 0.0}, {"192.0.2.2"}),
        ({"eu_b": 0.0}, {"192.0.2.1"}),
        ({"eu_a": 0.0, "eu_b": 0.0}, {"192.0.2.11"}),
        ({"eu_a": 0.0, "eu_b": 0.0, "us_a": 0.0}, {"192.0.2.21"}),
        ({"eu_a": 0.0, "eu_b": 0.0, "us_a": 0.0, "jp_a": 0.0}, WEB_EU),  # serve_all: the nearest
    ],
)
def test_the_nearest_that_is_available_answers(
    engine: Engine, down: dict[str, float], expected: set[str]
) -> None:
    ask(engine, "www.example.test", subnet="10.5.5.0/24")  # so that a table has to be forgotten
    engine.set_states(states(**down))
    found = {
        addresses(ask(engine, "www.example.test", subnet=f"10.5.{n}.0/24"))[0] for n in range(64)
    }
    assert found == expected


def test_a_recovered_endpoint_gets_its_clients_back(engine: Engine) -> None:
    before = addresses(ask(engine, "www.example.test", subnet="10.5.5.0/24"))
    engine.set_states(states(eu_a=0.0, eu_b=0.0))
    assert addresses(ask(engine, "www.example.test", subnet="10.5.5.0/24")) == ["192.0.2.11"]
    engine.set_states({})
    assert addresses(ask(engine, "www.example.test", subnet="10.5.5.0/24")) == before


def test_a_single_address_that_fails_leaves_the_answers_of_its_family(engine: Engine) -> None:
    engine.set_states({"web@eu-a": EndpointState(1.0, failing("2001:db8::1"))})
    v6 = {
        addresses(ask(engine, "www.example.test", "AAAA", subnet=f"10.5.{n}.0/24"))[0]
        for n in range(64)
    }
    v4 = {
        addresses(ask(engine, "www.example.test", "A", subnet=f"10.5.{n}.0/24"))[0]
        for n in range(64)
    }
    assert v6 == {"2001:db8::2"}
    assert v4 == WEB_EU


def test_a_family_that_answers_nowhere_follows_the_endpoints_other_addresses(
    engine: Engine,
) -> None:
    engine.set_states(
        {
            "web@eu-a": EndpointState(1.0, failing("2001:db8::1")),
            "web@eu-b": EndpointState(0.0, failing("192.0.2.2", "2001:db8::2")),
        }
    )
    v6 = {
        addresses(ask(engine, "www.example.test", "AAAA", subnet=f"10.5.{n}.0/24"))[0]
        for n in range(64)
    }
    assert v6 == {"2001:db8::1"}


@pytest.mark.parametrize(
    ("when_down", "answer", "authority"),
    [
        ("nodata", [], [SOA]),
        ({"addresses": ["203.0.113.9"]}, ["www.example.test. 20 A 203.0.113.9"], []),
        (
            {"cname": "sorry.elsewhere.test."},
            ["www.example.test. 20 CNAME sorry.elsewhere.test."],
            [],
        ),
    ],
)
def test_when_all_is_down_the_service_says_what_is_answered(
    tmp_path: Path, when_down: Any, answer: list[str], authority: list[str]
) -> None:
    engine = make(
        tmp_path,
        states=states(eu_a=0.0, eu_b=0.0, us_a=0.0, jp_a=0.0),
        services={"web": {"steering": "nearest", "when_down": when_down}},
    )
    reply = ask(engine, "www.example.test", subnet="10.5.5.0/24")
    assert lines(reply.answer) == answer
    assert lines(reply.authority) == authority


def test_several_addresses_in_one_answer(tmp_path: Path) -> None:
    engine = make(tmp_path, services={"web": {"steering": "nearest", "answers": 3}})
    assert set(addresses(ask(engine, "www.example.test", subnet="10.5.5.0/24"))) == WEB_EU


def test_partial_availability_spills_in_proportion(engine: Engine) -> None:
    engine.set_states(states(us_a=0.25))
    found = [
        addresses(ask(engine, "www.example.test", subnet=f"20.{n // 256}.{n % 256}.0/24"))[0]
        for n in range(2048)
    ]
    assert found.count("192.0.2.11") / len(found) == pytest.approx(0.25, abs=0.05)


def test_an_endpoint_that_is_an_alias(tmp_path: Path) -> None:
    regions = {
        **TOPOLOGY,
        "us": {
            "location": (38.9, -77.45),
            "availability_zones": {"us-a": {"endpoints": {"web": {"cname": "us.cdn.test."}}}},
        },
    }
    engine = make(tmp_path, regions=regions)
    alias = ["www.example.test. 20 CNAME us.cdn.test."]
    for type in ("A", "AAAA", "CNAME"):
        reply = ask(engine, "www.example.test", type, subnet="20.0.0.0/24")
        assert lines(reply.answer) == alias
    assert lines(ask(engine, "www.example.test", "CNAME", subnet="10.5.5.0/24").answer) == []


# --- messages ----------------------------------------------------------------------------------


def test_the_case_of_the_question_is_kept(engine: Engine) -> None:
    packet = query("wWw.eXample.TesT", subnet="20.0.0.0/24")
    reply = engine.respond(packet, NOWHERE_HOST)
    assert reply is not None
    end = packet.index(b"\x00\x00\x01\x00\x01") + 5
    assert reply[12:end] == packet[12:end]
    assert addresses(dns.message.from_wire(reply)) == ["192.0.2.11"]


def test_a_reply_that_does_not_fit_is_cut_and_whole_over_tcp(tmp_path: Path) -> None:
    engine = make(tmp_path)
    small = ask(engine, "many.example.test", "TXT")
    assert small.flags & dns.flags.TC
    assert small.answer == []
    large = ask(engine, "many.example.test", "TXT", edns=True, payload=4096)
    assert large.flags & dns.flags.TC
    assert large.edns == 0
    stream = Engine(image(tmp_path), Identity(), stream=True)
    whole = ask(stream, "many.example.test", "TXT")
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 12


def test_nsid_is_told_to_who_asks(engine: Engine) -> None:
    nsid = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
    reply = ask(engine, "www.example.test", options=(nsid,))
    assert [option.to_wire() for option in reply.options] == [b"ns1.demo"]


@pytest.mark.parametrize(
    ("name", "text"), [("version.bind", '"geodns 1"'), ("id.server", '"ns1.demo"')]
)
def test_identity_in_class_chaos(engine: Engine, name: str, text: str) -> None:
    packet = dns.message.make_query(name, "TXT", "CH").to_wire()
    reply = dns.message.from_wire(engine.respond(packet, NOWHERE_HOST) or b"")
    assert [str(rdata) for rrset in reply.answer for rdata in rrset] == [text]


def with_header(packet: bytes, position: int, value: bytes) -> bytes:
    return packet[:position] + value + packet[position + len(value) :]


PLAIN = query("www.example.test")
ECS = query("www.example.test", subnet="10.0.0.0/24")


@pytest.mark.parametrize(
    ("packet", "rcode"),
    [
        (with_header(PLAIN, 2, b"\x29\x00"), "NOTIMP"),  # opcode UPDATE
        (with_header(PLAIN, 4, b"\x00\x02"), "FORMERR"),  # two questions, one there
        (with_header(PLAIN, 4, b"\x00\x00"), "FORMERR"),  # no question
        (PLAIN[:-3], "FORMERR"),
        (PLAIN[:12], "FORMERR"),
        (with_header(PLAIN, 12, b"\xc0\x0c"), "FORMERR"),  # a name that points at itself
        (with_header(ECS, len(ECS) - 5, b"\x21"), "FORMERR"),  # /33
        (with_header(ECS, len(ECS) - 5, b"\x10"), "FORMERR"),  # /16 with an address of three bytes
        (with_header(ECS, len(ECS) - 4, b"\x08"), "FORMERR"),  # scope in a query
        (with_header(query("www.example.test", "AXFR"), 2, b"\x00\x00"), "REFUSED"),
        (query("www.example.test", edns=True)[:-6] + b"\x01\x00\x00\x00\x00", "FORMERR"),
    ],
)
def test_wrong_messages_get_the_right_error(engine: Engine, packet: bytes, rcode: str) -> None:
    reply = engine.respond(packet, NOWHERE_HOST)
    assert reply is not None
    assert reply[:2] == packet[:2]
    assert dns.rcode.to_text(dns.rcode.Rcode(reply[3] & 0x0F)) == rcode
    assert reply[2] & 0x80


def test_client_subnet_with_bits_behind_the_prefix_is_refused(engine: Engine) -> None:
    packet = with_header(ECS, len(ECS) - 5, b"\x14")  # /20, the address has 24 bits: 10.0.0
    packet = packet[:-1] + b"\x01"
    reply = dns.message.from_wire(engine.respond(packet, NOWHERE_HOST) or b"")
    assert reply.rcode() == dns.rcode.FORMERR


def test_an_unknown_edns_version_gets_badvers(engine: Engine) -> None:
    message = dns.message.make_query("www.example.test", "A", use_edns=0)
    packet = message.to_wire()
    packet = packet[:-5] + b"\x05" + packet[-4:]
    reply = dns.message.from_wire(engine.respond(packet, NOWHERE_HOST) or b"")
    assert reply.rcode() == dns.rcode.BADVERS
    assert reply.edns == 0


def test_two_opt_records_are_a_format_error(engine: Engine) -> None:
    packet = query("www.example.test", edns=True)
    packet = with_header(packet, 10, b"\x00\x02") + packet[-11:]
    reply = engine.respond(packet, NOWHERE_HOST)
    assert reply is not None
    assert reply[3] & 0x0F == dns.rcode.FORMERR


@pytest.mark.parametrize("packet", [b"", b"\x00" * 11, with_header(PLAIN, 2, b"\x81\x80")])
def test_what_is_no_query_gets_silence(engine: Engine, packet: bytes) -> None:
    assert engine.respond(packet, NOWHERE_HOST) is None


def test_a_record_behind_the_question_that_is_no_opt_does_not_matter(engine: Engine) -> None:
    message = dns.message.make_query("www.example.test", "A")
    message.additional.append(dns.rrset.from_text("x.test.", 0, "IN", "A", "192.0.2.200"))
    reply = dns.message.from_wire(engine.respond(message.to_wire(), "20.0.0.1") or b"")
    assert addresses(reply) == ["192.0.2.11"]


def test_queries_are_counted_by_what_was_answered_and_why(engine: Engine) -> None:
    for _ in range(3):
        ask(engine, "www.example.test", subnet="20.0.0.0/24")
    engine.set_states(states(us_a=0.0))
    ask(engine, "www.example.test", subnet="20.0.0.0/24")
    ask(engine, "nothing.example.test")
    counts = engine.counts()
    assert counts.queries == {(1, 0): 4, (1, 3): 1}
    assert counts.answers["web", "us", "us-a", "nearest"] == 3
    assert sum(n for (_, _, _, why), n in counts.answers.items() if why == "failover") == 1


def test_floods_of_names_do_not_drive_out_good_answers(engine: Engine) -> None:
    generator = random.Random(1)
    for _ in range(25_000):
        name = f"{generator.getrandbits(64):x}.example.test"
        assert engine.respond(query_bytes(name), NOWHERE_HOST) is not None
    assert engine.counts().queries[1, 3] == 25_000
    assert len(engine._questions) + len(engine._passing) < 20_000


def test_types_that_a_name_does_not_have_are_not_remembered_for_long(engine: Engine) -> None:
    usual = [
        query(f"{name}.example.test", type)
        for name in ("ns1", "mail", "alias")
        for type in ("A", "AAAA", "MX", "TXT")
    ]
    for packet in usual:
        assert engine.respond(packet, NOWHERE_HOST) is not None
    kept = len(engine._questions)
    assert kept == len(usual)
    for name in ("ns1", "mail", "alias", "many"):
        packet = query(f"{name}.example.test", "TYPE1000")
        for number in range(1000, 16000):
            typed = packet[:-4] + number.to_bytes(2, "big") + packet[-2:]
            assert engine.respond(typed, NOWHERE_HOST) is not None
    assert len(engine._questions) == kept
    assert len(engine._passing) <= 10_000
    assert sum(engine.counts().queries.values()) == kept + 4 * 15_000


def query_bytes(name: str) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return b"\x00\x01\x01\x00\x00\x01" + b"\x00" * 6 + labels + b"\x00\x00\x01\x00\x01"


def test_floods_under_a_geo_wildcard_share_one_plan(engine: Engine) -> None:
    for number in range(3_000):
        reply = engine.respond(query_bytes(f"h{number}.apps.example.test"), "10.5.5.5")
        assert reply is not None
        assert reply[3] & 0x0F == 0
    assert len(engine._plans) == 1


def test_only_services_whose_endpoints_changed_are_planned_anew(tmp_path: Path) -> None:
    regions = {
        "eu": {
            "location": (50, 8),
            "availability_zones": {
                "eu-a": {
                    "endpoints": {
                        "web": {"addresses": ["192.0.2.1"]},
                        "api": {"addresses": ["192.0.2.2"]},
                    }
                }
            },
        }
    }
    zone = """
"":
  - {type: NS, value: ns.elsewhere.test.}
www: {type: GEO, service: web}
api: {type: GEO, service: api}
"""
    engine = make(tmp_path, regions=regions, services={"web": {}, "api": {}}, zone=zone)
    assert addresses(ask(engine, "www.example.test")) == ["192.0.2.1"]
    assert addresses(ask(engine, "api.example.test")) == ["192.0.2.2"]
    engine.set_states({"web@eu-a": EndpointState(0.5)})
    kept = [plan.service.name for plan in engine._plans.values() if plan.tables[0] is not None]
    assert kept == ["api"]
