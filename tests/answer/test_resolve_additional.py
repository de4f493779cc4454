"""What goes along with an answer: glue, and addresses of the hosts that its records name."""

from __future__ import annotations

from pathlib import Path

import dns.message
import dns.rdatatype
import pytest
from building import image, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine

_ZONE = """\
"":
  - {type: NS, ttl: 300, values: [ns.elsewhere.test.]}
host: {type: A, ttl: 60, value: 192.0.2.1}
"*.wild": {type: A, ttl: 60, value: 192.0.2.2}
alias: {type: CNAME, ttl: 60, value: host.example.test.}
renamed: {type: DNAME, ttl: 60, value: wild.example.test.}
geo: {type: GEO, service: web}
sub: {type: NS, ttl: 60, values: [ns.sub.example.test., any.wild.example.test.]}
ns.sub: {type: A, ttl: 60, value: 192.0.2.3}
sibling: {type: NS, ttl: 60, values: [ns.sub.example.test.]}
mx: {type: MX, ttl: 60, value: {preference: 1, exchange: TARGET}}
service: {type: HTTPS, ttl: 60, value: {svcpriority: 1, targetname: TARGET}}
own:
  - {type: HTTPS, ttl: 60, value: {svcpriority: 1, targetname: .}}
  - {type: AAAA, ttl: 60, value: "2001:db8::4"}
away: {type: HTTPS, ttl: 60, value: {svcpriority: 0, targetname: own.example.test.}}
null: {type: HTTPS, ttl: 60, value: {svcpriority: 0, targetname: .}}
"""
_HOST = "host.example.test. 60 IN A 192.0.2.1"
_WILD = "any.wild.example.test. 60 IN A 192.0.2.2"
_GLUE = "ns.sub.example.test. 60 IN A 192.0.2.3"


def _added(folder: Path, name: str, type: str, target: str = "host.example.test.") -> list[str]:
    engine = Engine(image(folder, zone=_ZONE.replace("TARGET", target)), Identity("ns1.demo"))
    wire = engine.respond(query(f"{name}.example.test", type), "198.51.100.1")
    assert wire is not None
    rrsets = dns.message.from_wire(wire).additional
    return [
        f"{rrset.name.canonicalize()} {rrset.ttl} IN {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in rrsets
        for rdata in rrset
    ]


@pytest.mark.parametrize(
    ("target", "added"),
    [
        ("host.example.test.", [_HOST]),
        ("HOST.Example.test.", [_HOST]),
        ("any.wild.example.test.", [_WILD]),
        ("alias.example.test.", []),
        ("x.renamed.example.test.", []),
        ("nothing.example.test.", []),
        ("geo.example.test.", []),  # depends on the client, which has to ask for it
        ("ns.sub.example.test.", []),  # below a cut: not ours to tell
        ("host.elsewhere.test.", []),
        ("xexample.test.", []),
    ],
)
def test_a_host_that_the_zone_knows_comes_along(
    tmp_path: Path, target: str, added: list[str]
) -> None:
    assert _added(tmp_path, "mx", "MX", target) == added
    assert _added(tmp_path, "service", "HTTPS", target) == added


def test_a_referral_brings_glue_of_the_cut_and_from_beside_it(tmp_path: Path) -> None:
    assert _added(tmp_path, "www.sub", "A") == [_GLUE, _WILD]
    assert _added(tmp_path, "www.sibling", "A") == [_GLUE]


def test_the_target_of_a_service_may_be_the_owner_itself(tmp_path: Path) -> None:
    # RFC 9460 2.5.2
    assert _added(tmp_path, "own", "HTTPS") == ["own.example.test. 60 IN AAAA 2001:db8::4"]


def test_an_alias_of_a_service_brings_what_is_asked_next(tmp_path: Path) -> None:
    # RFC 9460 4.1
    assert _added(tmp_path, "away", "HTTPS") == [
        "own.example.test. 60 IN HTTPS 1 .",
        "own.example.test. 60 IN AAAA 2001:db8::4",
    ]
    assert _added(tmp_path, "null", "HTTPS") == []
