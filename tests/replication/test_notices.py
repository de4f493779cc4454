"""What a NOTIFY is answered, and what of it is decided and logged."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig
import pytest

from geodns.config.replication import Transfer
from geodns.replication.inbound import Notified
from geodns.replication.notices import Notices
from geodns.replication.transfer import Basis, Transfers
from geodns.replication.tsig import Request
from geodns.server.answering import HandedQuery

KEY = dns.tsig.Key("k.test.", b"0123456789abcdef0123456789abcdef", "hmac-sha256.")
SOA = "ns1.example.test. h.example.test. 77 1 2 3 4"


def notify(zone: str = "Example.TEST.", type: str = "SOA", soa: bool = True) -> Any:
    message: Any = dns.message.make_query(zone, type)
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = (message.flags & ~dns.flags.RD) | dns.flags.AA
    if soa:
        message.answer.append(dns.rrset.from_text(zone, 0, "IN", "SOA", SOA))
    return message


class Decided:
    """Decides by the zone's name, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, str, str | None, int | None]] = []

    def __call__(self, apex: bytes, host: str, key: str | None, serial: int | None) -> Notified:
        self.asked.append((apex, host, key, serial))
        return {7: Notified.TAKEN, 6: Notified.REFUSED}.get(apex[0], Notified.NOT_OURS)


def answered(packet: bytes, decided: Decided | None = None) -> bytes:
    """By the whole of what answers such packets."""

    async def nothing(*_: object) -> Any:
        raise AssertionError

    notice = Notices(decided or Decided()).answer
    transfers = Transfers(
        lambda: Basis(-1, Transfer(), {KEY.name: KEY}),
        nothing,
        lambda *_: None,
        nothing,
        notice=notice,
    )

    async def go() -> bytes:
        batches = [b async for b in transfers.answer(HandedQuery("udp", packet, "192.0.2.1"))]
        return batches[0][0]

    return asyncio.run(go())


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("edns", [False, True])
def test_what_is_taken_is_answered_with_its_question_and_aa(signed: bool, edns: bool) -> None:
    message, decided = notify(), Decided()
    message.use_edns(0 if edns else -1)
    if signed:
        message.use_tsig(KEY)
    packet = answered(message.to_wire(), decided)
    reply = dns.message.from_wire(packet, keyring=KEY if signed else False, request_mac=message.mac)
    assert reply.id == message.id
    assert reply.opcode() == dns.opcode.NOTIFY
    assert reply.flags & (dns.flags.QR | dns.flags.AA | dns.flags.TC | dns.flags.RD) == (
        dns.flags.QR | dns.flags.AA
    )
    assert reply.rcode() == dns.rcode.NOERROR
    assert reply.question == message.question
    assert packet[12:26] == b"\7Example\4TEST\0"
    assert (reply.answer, reply.authority) == ([], [])
    assert (reply.edns >= 0) is edns
    assert reply.had_tsig is signed
    key = "k.test." if signed else None
    assert decided.asked == [(b"\7example\4test\0", "192.0.2.1", key, 77)]


@pytest.mark.parametrize(
    ("message", "rcode"),
    [
        (notify("refuse.test."), "REFUSED"),
        (notify("other-one.test."), "NOTAUTH"),
        (notify(type="NS"), "FORMERR"),
        (notify(type="ANY", soa=False), "FORMERR"),
    ],
)
def test_what_is_not_taken_is_answered_without_aa(message: Any, rcode: str) -> None:
    reply = dns.message.from_wire(answered(message.to_wire()))
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert not reply.flags & dns.flags.AA


def test_questions_that_are_none_or_several_or_of_another_class_are_not_asked_about() -> None:
    decided = Decided()
    wire = notify(soa=False).to_wire()
    for packet, rcode in (
        (wire[:4] + b"\0\0" + wire[6:12], dns.rcode.FORMERR),
        (wire[:4] + b"\0\2" + wire[6:] + wire[12:], dns.rcode.FORMERR),
        (wire[:-1] + b"\3", dns.rcode.NOTAUTH),
    ):
        assert dns.message.from_wire(answered(packet, decided)).rcode() == rcode
    assert decided.asked == []


def test_one_without_a_soa_says_no_serial() -> None:
    decided = Decided()
    answered(notify(soa=False).to_wire(), decided)
    assert decided.asked[0][3] is None


def test_a_wrong_signature_is_answered_as_for_any_message() -> None:
    message, decided = notify(), Decided()
    message.use_tsig(dns.tsig.Key("k.test.", b"x" * 32, "hmac-sha256."))
    packet = answered(message.to_wire(), decided)
    assert packet[3] & 15 == dns.rcode.NOTAUTH
    assert decided.asked == []


def test_what_is_refused_is_logged_and_a_flood_of_it_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    notices = Notices(Decided(), clock=lambda: 0.0)
    message = notify("refuse.test.")
    for n in range(500):
        host = f"2001:db8::{n:x}" if n > 10 else "192.0.2.7"
        notices.answer(Request(message, None), HandedQuery("udp", message.to_wire(), host))
    assert len(caplog.records) <= 100
    assert caplog.records[0].message == "a NOTIFY was not taken"
