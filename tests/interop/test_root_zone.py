"""The root zone: from ``root.zone`` or ``root.yaml``, beside a child zone on the same server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.name
import pytest
from clients import dig, flags, section, status
from comparing import PARTS, ask_all
from dns.rdatatype import RdataType
from plain_zones import Question
from running import RunningServer
from served import Address
from yardsticks import NAMES, yardstick

pytestmark = pytest.mark.interop

MASTER = """\
. 86400 IN SOA a.root-servers.net. nstld.example. 2026112401 1800 900 604800 3600
. 518400 IN NS a.root-servers.net.
. 518400 IN NS b.root-servers.net.
a.root-servers.net. 518400 IN A 192.0.2.4
b.root-servers.net. 518400 IN AAAA 2001:db8::4
nic. 172800 IN NS ns1.nic.
ns1.nic. 172800 IN A 192.0.2.7
test. 172800 IN NS ns.test.
test. 172800 IN NS ns2.nic.
ns.test. 172800 IN A 192.0.2.8
ns2.nic. 172800 IN A 192.0.2.9
*.wild. 300 IN TXT "any"
alias. 300 IN CNAME a.root-servers.net.
"""
YAML = """\
"":
  - {type: NS, ttl: 518400, values: [a.root-servers.net., b.root-servers.net.]}
  - {type: SOA, ttl: 86400, value: {mname: a.root-servers.net., rname: nstld.example.,
     serial: 2026112401, refresh: 1800, retry: 900, expire: 604800, minimum: 3600}}
a.root-servers.net: {type: A, ttl: 518400, value: 192.0.2.4}
b.root-servers.net: {type: AAAA, ttl: 518400, value: "2001:db8::4"}
nic: {type: NS, ttl: 172800, value: ns1.nic.}
ns1.nic: {type: A, ttl: 172800, value: 192.0.2.7}
test: {type: NS, ttl: 172800, values: [ns.test., ns2.nic.]}
ns.test: {type: A, ttl: 172800, value: 192.0.2.8}
ns2.nic: {type: A, ttl: 172800, value: 192.0.2.9}
"*.wild": {type: TXT, ttl: 300, value: any}
alias: {type: CNAME, ttl: 300, value: a.root-servers.net.}
"""
CHILD = """\
@ 300 IN SOA ns admin 1 3600 600 604800 60
@ 300 IN NS ns
ns 300 IN A 192.0.2.8
www 300 IN A 192.0.2.10
"""
SOA = ". 3600 IN SOA a.root-servers.net. nstld.example. 2026112401 1800 900 604800 3600"


@pytest.fixture(scope="module", params=["root.zone", "root.db", "root.yaml"])
def at(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    text = YAML if request.param.endswith("yaml") else MASTER
    files = {
        f"zones/{request.param}": text,
        "zones/test.zone": CHILD,
    }
    folder = tmp_path_factory.mktemp("root")
    with RunningServer(folder, files) as server:
        yield server.udp


def test_the_apex(at: Address) -> None:
    output = dig(at, ".", "NS")
    assert flags(output) >= {"qr", "aa"}
    assert sorted(section(output, "ANSWER")) == [
        ". 518400 IN NS a.root-servers.net.",
        ". 518400 IN NS b.root-servers.net.",
    ]
    assert sorted(section(output, "ADDITIONAL")) == [
        "a.root-servers.net. 518400 IN A 192.0.2.4",
        "b.root-servers.net. 518400 IN AAAA 2001:db8::4",
    ]
    assert section(dig(at, ".", "SOA"), "ANSWER") == [SOA.replace(". 3600", ". 86400", 1)]


def test_a_delegation_has_its_glue(at: Address) -> None:
    output = dig(at, "www.nic", "A", "+norec")
    assert "aa" not in flags(output)
    assert section(output, "AUTHORITY") == ["nic. 172800 IN NS ns1.nic."]
    assert section(output, "ADDITIONAL") == ["ns1.nic. 172800 IN A 192.0.2.7"]


@pytest.mark.parametrize("name", ["missing", "www.missing", "x.root"])
def test_what_is_not_there_is_denied_by_the_root(at: Address, name: str) -> None:
    output = dig(at, name, "A")
    assert status(output) == "NXDOMAIN"
    assert section(output, "AUTHORITY") == [SOA]


def test_wildcards_and_aliases(at: Address) -> None:
    assert section(dig(at, "x.y.wild", "TXT"), "ANSWER") == ['x.y.wild. 300 IN TXT "any"']
    assert section(dig(at, "alias", "A"), "ANSWER") == [
        "alias. 300 IN CNAME a.root-servers.net.",
        "a.root-servers.net. 518400 IN A 192.0.2.4",
    ]


def test_a_child_zone_on_the_same_server_answers_for_itself(at: Address) -> None:
    output = dig(at, "www.test", "A")
    assert "aa" in flags(output)
    assert section(output, "ANSWER") == ["www.test. 300 IN A 192.0.2.10"]
    # RFC 4035 3.1.4.1: DS is the parent's to answer.
    assert section(dig(at, "test", "DS"), "AUTHORITY") == [SOA]


def test_where_nsd_knot_and_bind_agree_on_the_root_so_do_we(tmp_path: Path) -> None:
    names = [".", "nic", "ns1.nic", "a.b.nic", "test", "ns.test", "x.test", "net", "missing"]
    names += ["root-servers.net", "a.root-servers.net", "wild", "x.wild", "alias", "x.alias"]
    types = ["A", "AAAA", "NS", "SOA", "DS", "TXT", "CNAME", "MX"]
    asked = [
        Question(dns.name.from_text(name), RdataType.make(type), False, False, False, 1232)
        for name in names
        for type in types
    ]
    theirs = []
    for name in NAMES:
        folder = tmp_path / name.split()[0]
        folder.mkdir()
        files = {".": folder / "root.zone", "test": folder / "test.zone"}
        for file, text in zip(files.values(), (MASTER, CHILD), strict=True):
            file.write_text(text)
        with yardstick(name, folder, files) as address:
            theirs.append(ask_all(address, asked))
    files_of_ours = {"zones/root.zone": MASTER, "zones/test.zone": CHILD}
    with RunningServer(tmp_path / "ours", files_of_ours) as server:
        ours = ask_all(server.udp, asked)
    agreed = 0
    for question, reply, *others in zip(asked, ours, *theirs, strict=True):
        for part in PARTS:
            said = {getattr(other, part) for other in others}
            if len(said) == 1:
                agreed += 1
                assert said == {getattr(reply, part)}, f"{part} of {question}"
    assert agreed > 0.9 * len(asked) * len(PARTS)
