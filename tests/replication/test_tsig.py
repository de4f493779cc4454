"""TSIG against dnspython as the other side: what is verified, what is said of each fault."""

from __future__ import annotations

from random import Random
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import pytest

from geodns.answer.cold import error_reply
from geodns.answer.records import start_of_last
from geodns.replication.tsig import Request, read

KEY = dns.tsig.Key("k.test.", b"0123456789abcdef0123456789abcdef", "hmac-sha256")
KEYS = {KEY.name: KEY}


def _query(key: Any = KEY, name: str = "example.test", **more: Any) -> dns.message.Message:
    message = dns.message.make_query(name, "SOA", **more)
    message.use_tsig(key)
    return message


def _at(message: dns.message.Message) -> int:
    assert message.tsig is not None
    return int(message.tsig[0].time_signed)


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha384", "hmac-sha512"])
@pytest.mark.parametrize("edns", [False, 0])
@pytest.mark.parametrize("name", ["example.test", "test", "k.test", "."])
def test_a_good_signature_is_taken_and_the_reply_is_signed_so_that_the_asker_takes_it(
    algorithm: str, edns: Any, name: str
) -> None:
    key = dns.tsig.Key("k.test.", b"0123456789abcdef0123456789abcdef", algorithm)
    query = _query(key, name, use_edns=edns)
    packet = query.to_wire()
    request = read(packet, {key.name: key}, _at(query))
    assert isinstance(request, Request)
    assert request.key == "k.test."
    assert request.signer is not None
    signed = request.signer.sign(error_reply(packet, dns.rcode.REFUSED))
    assert len(signed) <= len(error_reply(packet, dns.rcode.REFUSED)) + request.signer.length
    reply = dns.message.from_wire(signed, keyring=key, request_mac=query.mac)
    assert (reply.rcode(), reply.had_tsig) == (dns.rcode.REFUSED, True)


def test_messages_of_one_reply_are_chained() -> None:
    query = _query()
    request = read(query.to_wire(), KEYS, _at(query))
    assert isinstance(request, Request)
    assert request.signer is not None
    plain = error_reply(query.to_wire(), 0)
    messages = [request.signer.sign(plain) for _ in range(4)]
    context = None
    for message in messages:
        read_back = dns.message.from_wire(
            message, keyring=KEY, request_mac=query.mac, multi=True, tsig_ctx=context
        )
        context = read_back.tsig_ctx
    # Out of their order they are not what was signed.
    first = dns.message.from_wire(messages[0], keyring=KEY, request_mac=query.mac, multi=True)
    with pytest.raises(dns.tsig.BadSignature):
        dns.message.from_wire(
            messages[2],
            keyring=KEY,
            request_mac=query.mac,
            multi=True,
            tsig_ctx=first.tsig_ctx,
        )


def _told(reply: Request | bytes) -> tuple[int, int, bool]:
    assert isinstance(reply, bytes)
    message = dns.message.from_wire(reply, keyring=False)
    assert message.tsig is not None
    rdata: Any = message.tsig[0]
    return message.rcode(), rdata.error, bool(rdata.mac)


def test_each_fault_is_told_as_the_rfc_says() -> None:
    query = _query()
    packet, now = query.to_wire(), _at(query)
    other = dns.tsig.Key("k.test.", b"another secret of thirty-two byte", "hmac-sha256")
    assert _told(read(packet, {}, now)) == (dns.rcode.NOTAUTH, dns.rcode.BADKEY, False)
    assert _told(read(packet, {KEY.name: other}, now)) == (9, dns.rcode.BADSIG, False)
    for late in (301, -301):
        reply = read(packet, KEYS, now + late)
        assert _told(reply) == (9, dns.rcode.BADTIME, True)
        assert isinstance(reply, bytes)
        with pytest.raises(dns.tsig.PeerBadTime):
            dns.message.from_wire(reply, keyring=KEY, request_mac=query.mac)
    assert isinstance(read(packet, KEYS, now + 299), Request)


def test_unsigned_requests_have_no_signer_and_what_is_broken_is_a_format_error() -> None:
    packet = dns.message.make_query("example.test", "AXFR").to_wire()
    assert read(packet, KEYS, 0) == Request(dns.message.from_wire(packet), None)
    reply = read(packet[:-3], KEYS, 0)
    assert isinstance(reply, bytes)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.FORMERR


def test_no_change_of_a_signed_packet_is_taken_for_signed() -> None:
    random = Random(11)
    query = _query()
    packet, now = query.to_wire(), _at(query)
    for _ in range(3000):
        damaged = bytearray(packet)
        for _ in range(random.randint(1, 3)):
            kind, at = random.randrange(3), random.randrange(len(damaged))
            if kind == 0:
                damaged[at] ^= 1 << random.randrange(8)
            elif kind == 1:
                del damaged[at]
            else:
                damaged.insert(at, random.randrange(256))
        if len(damaged) < 12 or bytes(damaged) == packet:
            continue
        found = read(bytes(damaged), KEYS, now)
        if isinstance(found, Request) and found.signer is not None:
            # The id on the wire may differ from the one that was signed (RFC 8945 5.4.1), the case
            # of the key's name does not matter, and the TTL of the record itself isn't signed.
            ttl = start_of_last(packet) + 4 + 4
            assert len(damaged) == len(packet)
            damaged[ttl : ttl + 4] = bytes(4)
            assert bytes(damaged[2:]).lower() == packet[2:].lower()
