"""Zones copied from a running server: who may, how it is signed, and that it is the zone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import pytest
from keys import SECRET
from running import SERVER, ZONE, RunningServer

KEYS = f"""\
keys:
  k.test.: {{secret: "{SECRET}"}}
  long.test.: {{algorithm: hmac-sha512, secret: "{SECRET}"}}
"""
ALLOW = "transfer: {allow: [{key: k.test.}, {key: long.test., network: 127.0.0.0/8}]}\n"
FILES = {"geodns.yaml": SERVER + KEYS + ALLOW}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Nobody changes it."""
    with RunningServer(tmp_path_factory.mktemp("axfr"), FILES) as running:
        yield running


def _keyring(name: str = "k.test.", secret: str = SECRET, algorithm: str = "hmac-sha256") -> Any:
    key = dns.name.from_text(name)
    return {key: dns.tsig.Key(key, secret, algorithm)}


def _copy(server: RunningServer, zone: str = "example.test", **more: Any) -> dns.zone.Zone:
    copied = dns.zone.Zone(zone)
    query, _ = dns.xfr.make_query(copied, **more)
    host, port = server.tcp
    dns.query.inbound_xfr(host, copied, query, port=port, timeout=60)
    return copied


def _ask(server: RunningServer, message: dns.message.Message, *, tcp: bool) -> dns.message.Message:
    host, port = server.tcp
    ask = dns.query.tcp if tcp else dns.query.udp
    return ask(message, host, port=port, timeout=60)


@pytest.mark.parametrize(
    "keyring", [_keyring(), _keyring("long.test.", algorithm="hmac-sha512")], ids=["256", "512"]
)
def test_a_zone_is_copied_with_a_key_and_geo_names_are_addresses_in_it(
    server: RunningServer, keyring: Any
) -> None:
    server.skip_events()
    copied = _copy(server, keyring=keyring)
    www = copied.find_rdataset("www", "A")
    assert (www.ttl, [rdata.address for rdata in www]) == (30, ["192.0.2.1"])
    assert copied.find_rdataset("txt", "TXT")[0].to_text() == '"first"'
    assert set(map(str, copied.nodes)) == {"@", "ns1", "www", "txt"}
    event = server.wait_for("zone transfer")
    assert (event["zone"], event["to"]) == ("example.test.", "127.0.0.1")


def test_thousands_of_records_come_in_many_messages_all_signed(tmp_path: Path) -> None:
    text = "x" * 200
    many = "".join(
        f"n{n}: [{{type: A, value: 10.0.{n >> 8}.{n & 255}}}, {{type: TXT, value: {text}}}]\n"
        for n in range(5000)
    )
    files = {**FILES, "zones/example.test.yaml": ZONE + many}
    with RunningServer(tmp_path, files) as server:
        copied = _copy(server, keyring=_keyring())
        assert len(copied.nodes) == 5004
        for n in (0, 1, 4999):
            found = copied.find_rdataset(f"n{n}", "A")[0]
            assert found.address == f"10.0.{n >> 8}.{n & 255}"


def test_who_goes_in_the_middle_of_a_transfer_leaves_nothing_behind(tmp_path: Path) -> None:
    # More than what the kernel keeps on its way.
    many = "".join(f"n{n}: {{type: TXT, value: {'x' * 250}}}\n" for n in range(30000))
    files = {**FILES, "zones/example.test.yaml": ZONE + many}
    with RunningServer(tmp_path, files) as server:
        query, _ = dns.xfr.make_query(dns.zone.Zone("example.test"), keyring=_keyring())
        wire = query.to_wire()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(server.tcp)
            client.sendall(len(wire).to_bytes(2, "big") + wire)
            assert len(client.recv(1000)) > 2
        assert server.wait_for("zone transfer")["outcome"] == "broken off"
        assert len(_copy(server, keyring=_keyring()).nodes) == 30004


@pytest.mark.parametrize(
    ("keyring", "fault"),
    [
        (None, dns.rcode.REFUSED),
        (_keyring(secret="A" * 43 + "="), dns.tsig.PeerBadSignature),
        (_keyring("other.test."), dns.tsig.PeerBadKey),
        (_keyring(algorithm="hmac-sha384"), dns.tsig.PeerBadKey),
    ],
    ids=["unsigned", "another secret", "another key", "another algorithm"],
)
def test_nobody_else_gets_it(server: RunningServer, keyring: Any, fault: Any) -> None:
    if isinstance(fault, type):
        with pytest.raises(fault):
            _copy(server, keyring=keyring)
    else:
        query, _ = dns.xfr.make_query(dns.zone.Zone("example.test"))
        assert _ask(server, query, tcp=True).rcode() == fault
    # The server is none the worse for it.
    assert server.answer("txt.example.test", "TXT") == ['"first"']


def test_what_is_not_here_and_what_is_not_for_udp(server: RunningServer) -> None:
    other = dns.message.make_query("other.test", "AXFR")
    other.use_tsig(_keyring())
    assert _ask(server, other, tcp=True).rcode() == dns.rcode.NOTAUTH
    axfr = dns.message.make_query("example.test", "AXFR")
    axfr.use_tsig(_keyring())
    assert _ask(server, axfr, tcp=False).rcode() == dns.rcode.FORMERR
    query, serial = dns.xfr.make_query(dns.zone.Zone("example.test"), serial=5, keyring=_keyring())
    assert serial == 5
    single = _ask(server, query, tcp=False)
    assert [rrset.rdtype for rrset in single.answer] == [dns.rdatatype.SOA]


def test_who_has_the_serial_gets_the_soa_alone_and_others_the_whole_zone(
    server: RunningServer,
) -> None:
    (soa,) = server.answer("example.test", "SOA")
    serial = int(soa.split()[2])
    for held, count in ((serial, 1), (serial + 1, 1), (serial - 1, 6)):
        query, _ = dns.xfr.make_query(
            dns.zone.Zone("example.test"), serial=held, keyring=_keyring()
        )
        answer = _ask(server, query, tcp=True).answer
        assert sum(len(rrset) for rrset in answer) == count - (count > 1)


@pytest.mark.parametrize("tcp", [False, True])
def test_ordinary_queries_that_are_signed_have_signed_replies(
    server: RunningServer, tcp: bool
) -> None:
    for name, type in (("example.test", "SOA"), ("www.example.test", "A")):
        query = dns.message.make_query(name, type, use_edns=0)
        query.use_tsig(_keyring())
        reply = _ask(server, query, tcp=tcp)
        assert reply.had_tsig
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.answer
    query = dns.message.make_query("nobody.example.test", "A")
    query.use_tsig(_keyring())
    assert _ask(server, query, tcp=tcp).rcode() == dns.rcode.NXDOMAIN


def test_what_is_not_implemented_is_said_so(server: RunningServer) -> None:
    message = dns.message.make_query("example.test", "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.use_tsig(_keyring())
    for tcp in (False, True):
        assert _ask(server, message, tcp=tcp).rcode() == dns.rcode.NOTIMP


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "not signed"])
@pytest.mark.parametrize("tcp", [True, False], ids=["TCP", "UDP"])
@pytest.mark.parametrize("version", [-1, 0, 1])
def test_replies_have_an_opt_record_where_the_request_has_one(
    server: RunningServer, version: int, tcp: bool, signed: bool
) -> None:
    requests = [
        dns.message.make_query("example.test", "AXFR"),
        dns.message.make_query("example.test", "IXFR"),
        dns.message.make_query("nowhere.test", "AXFR"),
        dns.update.UpdateMessage("example.test"),
    ]
    notice = dns.message.make_query("example.test", "SOA")
    notice.set_opcode(dns.opcode.NOTIFY)
    for request in (*requests, notice):
        request.use_edns(version)
        if signed:
            request.use_tsig(_keyring())
        reply = _ask(server, request, tcp=tcp)
        assert reply.edns == min(version, 0), request
        assert (reply.rcode() == dns.rcode.BADVERS) == (version > 0), request
        assert reply.had_tsig == signed


def test_replies_to_bad_signatures_have_an_opt_record_too(server: RunningServer) -> None:
    request = dns.message.make_query("example.test", "SOA", use_edns=0)
    request.use_tsig(_keyring("unknown.test."))
    wire = request.to_wire()
    dns.query.send_udp(channel := socket.socket(type=socket.SOCK_DGRAM), wire, server.udp)
    with channel:
        reply = dns.message.from_wire(channel.recv(4096), keyring=False)
    assert (reply.edns, reply.rcode()) == (0, dns.rcode.NOTAUTH)
