"""What PROXY headers are fuzzed against reads the format's own examples of good and bad ones."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from fuzzing.proxy_target import read

_SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
_V4 = _SIGNATURE + bytes.fromhex("2111000c c0000207 7f000001 1267 0035")
_V6 = _SIGNATURE + bytes.fromhex("21220024") + bytes(36)
_MAPPED = _V6[:26] + bytes.fromhex("ffffc0000207") + _V6[32:]


def test_a_good_header_names_the_source_and_its_own_end() -> None:
    assert read(_V4 + b"more") == (28, ip_address("192.0.2.7"))
    assert read(_MAPPED) == (52, ip_address("192.0.2.7"))
    assert read(_V6) == (52, ip_address("::"))
    assert read(_SIGNATURE + b"\x20\0\0\0") == (16, None)
    assert read(_SIGNATURE + b"\x21\0\0\0") == (16, None)


@pytest.mark.parametrize(
    "data",
    [
        _V4[:-1],
        _V6[:-1],
        b"\n" + _V4[1:],
        _V4[:12] + b"\x22" + _V4[13:],
        _V4[:15] + b"\x0b" + _V4[16:],
    ],
    ids=["cut", "IPv6 cut", "signature", "command", "too short for its addresses"],
)
def test_a_bad_header_is_none(data: bytes) -> None:
    assert read(data) is None
