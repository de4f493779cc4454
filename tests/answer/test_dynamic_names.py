"""What is answered at a name with a dynamic record, for every type, and around it."""

from __future__ import annotations

from pathlib import Path

import dns.message
import dns.name
import dns.rcode
import pytest
from building import image, lines, query, scope_of

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.answer.image import RRset
from geodns.answer.resolve import CNAME, A
from geodns.answer.service import EndpointState
from geodns.answer.transferred import Transferred

ZONE = """
"":
- {type: NS, value: ns.elsewhere.test.}
- {type: MX, value: {preference: 10, exchange: www.example.test.}}
www:
- type: A
  ttl: 60
  values: [192.0.2.8, 192.0.2.9]
  dynamic:
    pools: {eu: {values: [{value: 192.0.2.1}]}, rest: {values: [{value: 192.0.2.2}]}}
    rules: [{geos: [EU], pool: eu}, {pool: rest}]
- {type: TXT, ttl: 60, value: beside}
alias:
  type: CNAME
  ttl: 60
  value: last.example.net.
  dynamic:
    pools: {eu: {values: [{value: eu.example.net.}]}, rest: {values: [{value: rest.example.net.}]}}
    rules: [{geos: [EU], pool: eu}, {pool: rest}]
"*.wild":
  type: A
  ttl: 60
  value: 192.0.2.9
  dynamic: {pools: {one: {values: [{value: 192.0.2.3, status: up}]}}, rules: [{pool: one}]}
off:
  type: A
  ttl: 60
  value: 192.0.2.9
  dynamic: {pools: {one: {values: [{value: 192.0.2.3, status: down}]}}, rules: [{pool: one}]}
bare:
  type: AAAA
  ttl: 60
  dynamic: {pools: {one: {values: [{value: "2001:db8::1", status: down}]}}, rules: [{pool: one}]}
  octodns: {lenient: true}
old:
  type: A
  ttl: 60
  value: 192.0.2.9
  geo: {EU: [192.0.2.11, 192.0.2.12], NA-US: 192.0.2.13}
"""
EUROPE, AMERICA = "10.0.0.0/24", "20.0.0.0/24"


def ask(
    folder: Path, name: str, type: str, subnet: str = EUROPE, down: tuple[str, ...] = ()
) -> dns.message.Message:
    states = {id: EndpointState(0.0) for id in down}
    engine = Engine(image(folder, services={}, zone=ZONE), Identity(), states=states)
    packet = query(f"{name}.example.test", type, subnet=subnet)
    return dns.message.from_wire(engine.respond(packet, "192.0.2.200") or b"")


@pytest.mark.parametrize(
    ("name", "type", "subnet", "answer", "scope"),
    [
        ("www", "A", EUROPE, ["www.example.test. 60 A 192.0.2.1"], 16),
        ("www", "A", AMERICA, ["www.example.test. 60 A 192.0.2.2"], 4),
        ("www", "TXT", EUROPE, ['www.example.test. 60 TXT "beside"'], 0),
        ("www", "AAAA", EUROPE, [], 0),
        ("alias", "A", EUROPE, ["alias.example.test. 60 CNAME eu.example.net."], 16),
        ("alias", "CNAME", AMERICA, ["alias.example.test. 60 CNAME rest.example.net."], 4),
        ("alias", "TXT", EUROPE, ["alias.example.test. 60 CNAME eu.example.net."], 16),
        ("a.wild", "A", EUROPE, ["a.wild.example.test. 60 A 192.0.2.3"], 0),
        ("off", "A", EUROPE, ["off.example.test. 60 A 192.0.2.9"], 0),
        ("bare", "AAAA", EUROPE, [], 0),
        ("old", "A", AMERICA, ["old.example.test. 60 A 192.0.2.13"], 8),
    ],
)
def test_each_type_is_answered_as_its_own_record_says(
    tmp_path: Path, name: str, type: str, subnet: str, answer: list[str], scope: int
) -> None:
    reply = ask(tmp_path, name, type, subnet)
    assert reply.rcode() == dns.rcode.NOERROR
    assert lines(reply.answer) == answer
    assert scope_of(reply) == scope


def test_the_older_geo_answers_with_all_values_of_a_place(tmp_path: Path) -> None:
    reply = ask(tmp_path, "old", "A")
    assert sorted(map(str, reply.answer[0])) == ["192.0.2.11", "192.0.2.12"]
    down = ("old.example.test/A@EU/192.0.2.11", "old.example.test/A@EU/192.0.2.12")
    assert lines(ask(tmp_path, "old", "A", down=down[:1]).answer) == [
        "old.example.test. 60 A 192.0.2.12"
    ]
    assert lines(ask(tmp_path, "old", "A", down=down).answer) == [
        "old.example.test. 60 A 192.0.2.9"
    ]


def test_any_is_answered_with_one_record_that_stands_for_all(tmp_path: Path) -> None:
    for name in ("www", "alias"):
        (line,) = lines(ask(tmp_path, name, "ANY").answer)
        assert " HINFO " in line


def test_all_plain_values_are_answered_where_no_pool_is_left(tmp_path: Path) -> None:
    down = ("www.example.test/A@eu/192.0.2.1", "alias.example.test/CNAME@eu/eu.example.net")
    reply = ask(tmp_path, "www", "A", down=down)
    assert sorted(map(str, reply.answer[0])) == ["192.0.2.8", "192.0.2.9"]
    reply = ask(tmp_path, "alias", "A", down=down)
    assert lines(reply.answer) == ["alias.example.test. 60 CNAME last.example.net."]


def test_addresses_that_depend_on_the_client_are_not_added_to_other_answers(tmp_path: Path) -> None:
    engine = Engine(image(tmp_path, services={}, zone=ZONE), Identity())
    packet = query("example.test", "MX", subnet=EUROPE)
    reply = dns.message.from_wire(engine.respond(packet, "192.0.2.200") or b"")
    assert len(reply.answer) == 1
    assert reply.additional == []


def test_secondaries_get_what_one_client_is_answered(tmp_path: Path) -> None:
    made = image(tmp_path, services={}, zone=ZONE)
    (zone,) = made.zones.values()
    found = Transferred(made, {}, "10.0.0.1").of(zone)
    records = {
        (dns.name.from_wire(owner, 0)[0].to_text(), type): len(rrset.rdatas)
        for owner, node in found.items()
        for type, rrset in node.items()
        if isinstance(rrset, RRset)
    }
    assert records == {
        ("www.example.test.", A): 1,
        ("alias.example.test.", CNAME): 1,
        ("*.wild.example.test.", A): 1,
        ("off.example.test.", A): 1,
        ("old.example.test.", A): 2,
    }
