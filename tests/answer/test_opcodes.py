"""Opcodes other than QUERY: refused as not implemented, in replies that clients can match."""

from __future__ import annotations

from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import pytest
from building import image, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine

_OPCODES = (dns.opcode.IQUERY, dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE)


@pytest.mark.parametrize("opcode", _OPCODES)
@pytest.mark.parametrize("edns", [False, True])
def test_an_opcode_that_is_not_implemented(tmp_path: Path, opcode: int, edns: bool) -> None:
    engine = Engine(image(tmp_path), Identity("ns1.demo"))
    packet = bytearray(query("Www.example.test", edns=edns))
    packet[2] |= opcode << 3
    reply = engine.respond(bytes(packet), "198.51.100.1")
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert message.rcode().name == "NOTIMP"
    assert message.opcode() == opcode
    # RFC 6891 6.1.1: an OPT record is answered with one.
    assert (message.edns == 0) == edns
    if opcode != dns.opcode.UPDATE:
        assert reply[12:34] == packet[12:34]


@pytest.mark.parametrize("rest", [b"", b"\xc0\x0c\0\1\0\1", b"\3www", b"\0\0\1"])
def test_without_a_readable_question_none_is_echoed(tmp_path: Path, rest: bytes) -> None:
    engine = Engine(image(tmp_path), Identity("ns1.demo"))
    packet = b"\x12\x34\x10\0\0\1\0\0\0\0\0\0" + rest
    assert engine.respond(packet, "198.51.100.1") == b"\x12\x34\x90\4" + bytes(8)
