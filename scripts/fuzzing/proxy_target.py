"""PROXY v2 headers under fuzzing: over UDP and TCP, judged by a plain reading of the format."""

from __future__ import annotations

import struct
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address

from fuzzing.choices import Choices
from fuzzing.messages import build
from fuzzing.wires import Listener, Switch, Wire
from fuzzing.world import engine, options, world
from geodns.server.connections import ConnectionLimits
from geodns.server.face import Face
from geodns.server.proxy import SIGNATURE, Balancers, Header, ProxyError, parse
from geodns.server.tcp import TcpServer

_BALANCER = "127.0.0.2"
_BALANCERS = Balancers([f"{_BALANCER}/32"])
_COMMANDS = (0x21, 0x20, 0x22, 0x31, 0x11)
_FAMILIES = (0x11, 0x12, 0x21, 0x22, 0x00, 0x31, 0x32, 0x13, 0x41, 0x10)
_V4, _V6 = bytes((30, 0, 0, 9)), bytes.fromhex("20010db8000a") + bytes(10)
_MAPPED = bytes(10) + b"\xff\xff" + _V4
_PORTS = struct.pack(">HH", 4711, 53)
_MOST = 4096
_MOST_TURNS = 1000
_LIMITS = ConnectionLimits(10, 10, 10.0, 10.0, 10.0)
_Address = IPv4Address | IPv6Address


def run(data: bytes) -> None:
    """Judges what becomes of a header with a query behind it. Raises what the server raises."""
    choices = Choices(data)
    header = choices.raw(choices.number(80)) if choices.chance(4) else _header(choices)
    query = build(choices)
    _check_parsing(header, header + query)
    _check_datagram(header + query)
    _check_stream(header, query, choices)


def _header(choices: Choices) -> bytes:
    """Mostly a good one, with this or that about it that is odd."""
    signature = SIGNATURE
    if choices.chance(16):
        at = choices.number(len(SIGNATURE) - 1)
        signature = SIGNATURE[:at] + choices.raw(1) + SIGNATURE[at + 1 :]
    command, family = choices.pick(_COMMANDS), choices.pick(_FAMILIES)
    if choices.chance(16):
        command, family = choices.number(255), choices.number(255)
    source = choices.pick((_V4, _MAPPED, _V6)) if family >> 4 == 2 else _V4
    addresses = (source * 4)[: 16 if family >> 4 == 2 else 4] * 2 + _PORTS
    if choices.chance(4):
        addresses = choices.raw(choices.number(60))
    rest = addresses + (choices.raw(choices.number(600)) if choices.chance(4) else b"")
    length = choices.number(65535) if choices.chance(8) else len(rest)
    return signature + bytes((command, family)) + length.to_bytes(2, "big") + rest


def read(data: bytes) -> tuple[int, _Address | None] | None:
    """Section 2.2 of the format, word by word: length, and source if it is another; None: no."""
    if len(data) < 16:
        return None
    signature, version, command, family, protocol, length = (
        data[:12], data[12] >> 4, data[12] & 15, data[13] >> 4, data[13] & 15,
        int.from_bytes(data[14:16], "big") + 16,
    )  # fmt: skip
    if signature != SIGNATURE or version != 2 or length > min(_MOST, len(data)):
        return None
    if command == 0:
        return length, None
    if command != 1 or protocol > 2 or family > 2:
        return None
    size = (0, 4, 16)[family]
    if length < 16 + (2 * size + 4 if size else 0):
        return None
    if not size:
        return length, None
    source = ip_address(data[16 : 16 + size])
    return length, getattr(source, "ipv4_mapped", None) or source


def _check_parsing(header: bytes, packet: bytes) -> None:
    wanted = read(packet)
    found: Header | None
    try:
        found = parse(packet)
    except ProxyError:
        found = None
    assert (found is None) == (wanted is None), "read by one of two readers alone"
    if found is not None and wanted is not None:
        source = ip_address(found.source) if found.source is not None else None
        assert (found.length, source) == wanted, "read in two ways"
    for end in range(min(len(header), 20)):
        assert _is_refused(packet[:end]) or end >= 16, "the beginning of a header passes for one"


def _is_refused(data: bytes) -> bool:
    try:
        parse(data)
    except ProxyError:
        return True
    return False


def _check_datagram(packet: bytes) -> None:
    dropped: Counter[str] = Counter()

    def drop(reason: str) -> None:
        dropped[reason] += 1

    answer = _BALANCERS.unwrapping(engine().respond, drop)
    reply = answer(packet, _BALANCER)
    wanted = read(packet)
    if wanted is None:
        assert reply is None, "answered without a good header"
        assert dropped == {"proxy header": 1}, "dropped in silence"
        return
    length, source = wanted
    assert not dropped, "dropped with a good header"
    plain = engine().respond(packet[length:], str(source) if source is not None else _BALANCER)
    assert reply == plain, "another reply than the client gets itself"
    assert answer(packet, "198.51.100.9") == engine().respond(packet, "198.51.100.9"), "believed"


def _check_stream(header: bytes, query: bytes, choices: Choices) -> None:
    """The same on a connection, in two pieces; there it ends where its length says that it does."""
    said = header + len(query).to_bytes(2, "big") + query
    cut = choices.number(min(len(said), 65535))
    switch, listener, wire = Switch(), Listener(), Wire()
    face = Face(world(), options(stream=True))
    server = TcpServer(switch, lambda: 1000.0, _LIMITS, _BALANCERS)
    switch.plug(listener)
    switch.plug(wire)
    server.listen(listener, face)
    listener.waiting.append((wire, _BALANCER))
    for piece in (said[:cut], said[cut:]):
        wire.arriving += piece
        _turn(switch)
    wire.ended = True
    _turn(switch)
    assert wire.closed, "left open"
    dropped = face.counts().dropped
    assert not dropped["fault"], "the engine raised"
    wanted = read(said)
    assert bool(dropped["proxy header"]) == (wanted is None), "refused or taken for no reason"
    if wanted is None:
        assert not wire.sent, "answered without a good header"
        return
    length, source = wanted
    _check_sent(bytes(wire.sent), said[length:], str(source) if source is not None else _BALANCER)


def _turn(switch: Switch) -> None:
    for _ in range(_MOST_TURNS):
        if not switch.turn():
            return
    raise AssertionError("the server is busy for ever with nothing")


def _check_sent(sent: bytes, said: bytes, host: str) -> None:
    wanted, reference = b"", engine(stream=True)
    while len(said) >= 2 and len(said) >= (end := 2 + int.from_bytes(said[:2], "big")):
        reply = reference.respond(said[2:end], host)
        if reply is None:
            break
        wanted += len(reply).to_bytes(2, "big") + reply
        said = said[end:]
    assert sent == wanted, "other replies than the client gets itself"
