"""Transfers over TLS (RFC 9103): who must use it, slow readers, and clients that leave."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import certificates
import dns.message
import dns.query
import dns.rcode
from running import SERVER, ZONE, RunningServer
from workers import until

_SETTINGS = """\
tls: {listen: ["127.0.0.1:0"], certificate: certificate.pem, key: key.pem}
transfer: {allow: [{network: 127.0.0.0/8, tls: true}]}
"""


def _server(folder: Path, records: int) -> RunningServer:
    certificates.make().write(folder)
    many = "".join(f"n{n}: {{type: TXT, value: {'x' * 250}}}\n" for n in range(records))
    files = {"geodns.yaml": SERVER + _SETTINGS, "zones/example.test.yaml": ZONE + many}
    return RunningServer(folder, files)


def _connect(server: RunningServer, *, buffer: int = 0) -> ssl.SSLSocket:
    host, _, port = server.events("listening")[0]["tls"][0].rpartition(":")
    plain = socket.socket()
    if buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    plain.settimeout(60)
    plain.connect((host, int(port)))
    trust = ssl.create_default_context(cafile=server.folder / "certificate.pem")
    trust.set_alpn_protocols(["dot"])
    return trust.wrap_socket(plain, server_hostname=certificates.NAME)


def _ask(client: socket.socket) -> None:
    wire = dns.message.make_query("example.test", "AXFR").to_wire()
    client.sendall(len(wire).to_bytes(2, "big") + wire)


def _count(client: socket.socket, step: int) -> int:
    """The records of a transfer that is read in small steps, up to the second SOA."""
    received, count, ends = b"", 0, 0
    while ends < 2:
        while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
            data = client.recv(step)
            assert data
            received += data
        end = 2 + int.from_bytes(received[:2], "big")
        message = dns.message.from_wire(received[2:end], one_rr_per_rrset=True, xfr=True)
        received = received[end:]
        count += len(message.answer)
        ends += sum(rrset.rdtype == dns.rdatatype.SOA for rrset in message.answer)
    return count


def test_who_may_copy_over_tls_alone_is_refused_over_tcp(tmp_path: Path) -> None:
    with _server(tmp_path, 1) as server:
        query = dns.message.make_query("example.test", "AXFR")
        reply = dns.query.tcp(query, server.tcp[0], port=server.tcp[1], timeout=60)
        assert reply.rcode() == dns.rcode.REFUSED
        with _connect(server) as client:
            # RFC 9103 7.1: "the same ALPN value as DoT".
            assert client.selected_alpn_protocol() == "dot"
            _ask(client)
            assert _count(client, 1 << 16) == 7


def test_a_large_zone_comes_whole_to_a_slow_reader_and_who_leaves_is_forgotten(
    tmp_path: Path,
) -> None:
    with _server(tmp_path, 20000) as server:
        leaving = [_connect(server, buffer=4096) for _ in range(5)]
        for client in leaving:
            _ask(client)
            assert client.recv(100)
        with _connect(server, buffer=4096) as slow:
            _ask(slow)
            assert _count(slow, 3000) == 20006
        for client in leaving:
            client.close()
        until(
            lambda: [e["outcome"] for e in server.events("zone transfer")].count("broken off") == 5
        )
        assert server.answer("txt.example.test", "TXT") == ['"first"']
