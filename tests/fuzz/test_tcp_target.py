"""The model that TCP is fuzzed against notices a server that goes wrong."""

from __future__ import annotations

import selectors

import pytest
from building import query
from fuzzing.tcp_target import Client, judge
from fuzzing.wires import Switch, Wire
from fuzzing.world import HOSTS, engine


def _asked(*queries: bytes) -> Client:
    client = Client(Wire(), HOSTS[0])
    for packet in queries:
        client.said += len(packet).to_bytes(2, "big") + packet
    return client


def _reply(packet: bytes) -> bytes:
    reply = engine(stream=True).respond(packet, HOSTS[0])
    assert reply is not None
    return len(reply).to_bytes(2, "big") + reply


def test_a_query_without_its_reply_is_noticed() -> None:
    client = _asked(query("www.example.test"))
    with pytest.raises(AssertionError, match="without its reply"):
        judge(client)
    client.wire.sent += _reply(query("www.example.test"))
    judge(client)


def test_replies_in_another_order_are_noticed() -> None:
    first, second = query("www.example.test"), query("example.test", "MX")
    client = _asked(first, second)
    client.wire.sent += _reply(second) + _reply(first)
    with pytest.raises(AssertionError, match="in another order"):
        judge(client)


def test_a_wire_does_what_a_socket_does() -> None:
    wire = Wire()
    with pytest.raises(BlockingIOError):
        wire.recv(10)
    wire.arriving += b"abc"
    assert wire.recv(2) == b"ab"
    wire.room = 1
    assert wire.send(b"xy") == 1
    with pytest.raises(BlockingIOError):
        wire.send(b"y")
    assert wire.sent == b"x"
    wire.close()
    with pytest.raises(AssertionError, match="after it was closed"):
        wire.recv(1)


def test_a_switch_calls_what_is_ready_for_what_it_waits_for() -> None:
    switch, wire, seen = Switch(), Wire(), list[int]()
    switch.plug(wire)
    switch.register(wire.fileno(), selectors.EVENT_READ, seen.append)
    assert not switch.turn()
    wire.ended = True
    assert switch.turn()
    assert seen == [selectors.EVENT_READ]
    switch.modify(wire, selectors.EVENT_READ | selectors.EVENT_WRITE, seen.append)
    switch.turn()
    assert seen[1] == selectors.EVENT_READ | selectors.EVENT_WRITE
    switch.unregister(wire)
    assert not switch.turn()
