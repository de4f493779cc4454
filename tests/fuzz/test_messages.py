"""Whole messages made by hypothesis: replies are judged, and junk around a query is no matter."""

from __future__ import annotations

import dns.message
import pytest
from fuzzing.world import HOSTS, NAMES, engine
from hypothesis import given
from hypothesis import strategies as st
from oracle import STREAM_LIMIT, Judge, check_reply, read
from strategies import Message, messages

from geodns.answer.engine import Engine

_QUERIES = messages(NAMES)
_HOSTS = st.sampled_from(HOSTS)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(engine(), engine(stream=True))


@pytest.fixture(scope="module")
def stream() -> Engine:
    return engine(stream=True)


@given(_QUERIES, _HOSTS)
def test_a_message_of_good_form_gets_a_good_reply(judge: Judge, query: Message, host: str) -> None:
    reply = judge.check(query.to_wire(), host)
    assert reply is not None
    assert reply[3] & 0x0F != 1, "FORMERR for a message of good form"


@given(_QUERIES, _HOSTS)
def test_junk_around_a_query_changes_nothing(stream: Engine, query: Message, host: str) -> None:
    reply = stream.respond(query.to_wire(), host)
    assert reply == stream.respond(query.plain().to_wire(), host)


@given(_QUERIES, _HOSTS)
def test_the_order_of_queries_changes_nothing(stream: Engine, query: Message, host: str) -> None:
    # An engine that has seen much answers as one that has seen nothing.
    assert stream.respond(query.to_wire(), host) == engine(stream=True).respond(
        query.to_wire(), host
    )


@given(_QUERIES, st.integers(0, 65535), st.binary(max_size=60))
def test_a_message_with_wrong_counts_or_an_end_cut_off_is_survived(
    judge: Judge, query: Message, at: int, other: bytes
) -> None:
    packet = query.to_wire()
    at %= len(packet)
    for damaged in (packet[:at], packet[:at] + other, packet[:at] + other + packet[at:]):
        judge.check(damaged, HOSTS[0])


@given(_QUERIES, _HOSTS)
def test_a_reply_is_never_answered(judge: Judge, query: Message, host: str) -> None:
    packet = query.to_wire()
    reply = judge.check(packet, host)
    assert reply is not None
    assert judge.check(reply, host) is None


@given(_QUERIES)
def test_the_judge_reads_what_dnspython_reads(query: Message) -> None:
    packet = query.to_wire()
    reading = read(packet)
    assert reading is not None
    message = dns.message.from_wire(packet)
    assert (reading.opt is not None) == (message.edns >= 0)
    assert reading.opt is None or len(reading.opt.options) == len(message.options)
    assert reading.rest == b""


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"\x12\x35\x81\0\0\0\0\0\0\0\0\0", "the id"),
        (b"\x12\x34\x01\0\0\0\0\0\0\0\0\0", "QR"),
        (b"\x12\x34\x89\0\0\0\0\0\0\0\0\0", "opcode"),
        (b"\x12\x34\x81\0\0\0\0\0\0\0\0", "bytes"),
        (b"\x12\x34\x81\0\0\2\0\0\0\0\0\0", "more than one question"),
        (b"\x12\x34\x81\0\0\1\0\0\0\0\0\0\1b\0\0\1\0\1", "another one"),
        (b"\x12\x34\x81\1\0\0\0\0\0\0\0\0" + bytes(100), "amplifies"),
        (b"\x12\x34\x81\1\0\0\0\1\0\0\0\0", "with records"),
        (None, "silence"),
    ],
)
def test_the_judge_sees_what_is_wrong(reply: bytes | None, says: str) -> None:
    packet = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"
    with pytest.raises(AssertionError, match=says):
        check_reply(packet, reply, STREAM_LIMIT)
