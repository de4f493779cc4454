"""Echo requests on loopback, and the packets that are taken for replies."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import socket
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probing import LONG, SHORT, cancelled_leaves_nothing, judged

from geodns.health.kits.icmp import (
    SYSCTL,
    IcmpCheck,
    IcmpProber,
    Opener,
    is_reply,
    open_ping,
    request,
)
from geodns.health.probe import NotProbedError

CHECK = IcmpCheck(type="icmp", timeout=LONG)
PAYLOADS = st.binary(min_size=56, max_size=56)


def _may_ping() -> bool:
    try:
        for version in (4, 6):
            open_ping(version).close()
    except (NotProbedError, OSError):
        return False
    return True


allowed = pytest.mark.skipif(not _may_ping(), reason="neither ping nor raw sockets are allowed")


def deaf(family: int, kind: int, protocol: int) -> socket.socket:
    """A real socket that hears nothing: its filter keeps 0 bytes of every packet."""
    made = socket.socket(family, kind, protocol)
    drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0
    program = struct.pack("HL", 1, ctypes.addressof(drop))
    made.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
    return made


@allowed
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.21", "::1"])
def test_an_address_that_replies_is_a_success(host: str) -> None:
    result = asyncio.run(judged(IcmpProber(CHECK), host))
    assert (result.ok, result.detail) == (True, "echo reply")


@allowed
def test_probes_of_one_address_at_once_each_find_their_reply() -> None:
    async def whole() -> list[bool]:
        prober = IcmpProber(CHECK)
        results = await asyncio.gather(*(judged(prober, "127.0.0.1") for _ in range(50)))
        return [result.ok for result in results]

    assert asyncio.run(whole()) == [True] * 50


@allowed
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_no_reply_is_cut_by_the_timeout(host: str) -> None:
    prober = IcmpProber(IcmpCheck(type="icmp", timeout=SHORT), deaf)
    result = asyncio.run(judged(prober, host))
    assert (result.ok, result.detail) == (False, "no answer in 0.3 s")


@allowed
def test_a_cancelled_probe_leaves_nothing_open() -> None:
    prober = IcmpProber(CHECK, deaf)
    asyncio.run(cancelled_leaves_nothing(lambda: judged(prober, "127.0.0.1")))


def refusing(*codes: int) -> tuple[Opener, list[int]]:
    """An opener that fails with these errors in turn, and the kinds it was asked for."""
    kinds: list[int] = []

    def opener(family: int, kind: int, protocol: int) -> socket.socket:
        kinds.append(kind)
        if len(kinds) <= len(codes):
            code = codes[len(kinds) - 1]
            raise OSError(code, os.strerror(code))
        return socket.socket(family, socket.SOCK_DGRAM)

    return opener, kinds


def test_without_permission_nobody_is_judged_and_the_remedy_is_told() -> None:
    opener, _ = refusing(errno.EACCES, errno.EPERM)
    result = asyncio.run(IcmpProber(CHECK, opener)(ip_address("127.0.0.1")))
    assert (result.ok, result.conclusive) == (False, False)
    assert result.detail == f"not probed: no permission to ping; allow it with {SYSCTL}"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EPROTONOSUPPORT])
def test_a_raw_socket_is_tried_where_ping_sockets_are_denied_or_unknown(code: int) -> None:
    opener, kinds = refusing(code)
    open_ping(4, opener).close()
    assert kinds == [socket.SOCK_DGRAM, socket.SOCK_RAW]


def test_running_out_of_files_is_not_taken_for_a_lack_of_permission() -> None:
    opener, _ = refusing(errno.EMFILE)
    with pytest.raises(OSError, match="Too many open files"):
        open_ping(4, opener)


def _slow_sum(data: bytes) -> int:
    """RFC 1071 one word at a time: 0xFFFF for a packet whose checksum holds."""
    total = 0
    for at in range(0, len(data), 2):
        total += data[at] * 256 + data[at + 1]
        total = total % 65536 + total // 65536
    return total


@given(st.integers(0, 0xFFFF), PAYLOADS)
def test_the_checksum_of_a_request_holds(number: int, payload: bytes) -> None:
    packet = request(4, number, payload)
    assert packet[:2] == b"\x08\x00"
    assert _slow_sum(packet) == 0xFFFF


@given(PAYLOADS, st.sampled_from([20, 24, 60]))
def test_a_reply_is_known_with_and_without_an_ip_header(payload: bytes, length: int) -> None:
    reply = b"\x00\x00" + request(4, 7, payload)[2:]
    header = bytes([0x40 | length // 4]) + bytes(length - 1)
    assert is_reply(4, reply, payload)
    assert is_reply(4, header + reply, payload)
    assert is_reply(6, b"\x81\x00" + request(6, 7, payload)[2:], payload)


@given(PAYLOADS, st.binary(max_size=120), st.sampled_from([4, 6]))
def test_requests_other_replies_and_garbage_are_no_reply(
    payload: bytes, garbage: bytes, version: int
) -> None:
    assert not is_reply(version, request(version, 7, payload), payload)
    other = bytes(byte ^ 1 for byte in payload)
    kind = b"\x00\x00" if version == 4 else b"\x81\x00"
    assert not is_reply(version, kind + request(version, 7, other)[2:], payload)
    if payload not in garbage:
        assert not is_reply(version, garbage, payload)
