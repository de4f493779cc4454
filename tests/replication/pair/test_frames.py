"""Messages of a pair, and proofs: read as they were written, and nothing else is taken."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from geodns.replication.pair.frames import (
    HEAD,
    MOST_UNPROVEN,
    PeerError,
    Row,
    body_size,
    decoded,
    encoded,
    packed_rows,
    packed_serials,
    read_rows,
    read_serials,
)
from geodns.replication.pair.proof import Transcript, is_proven, proof

_SECRET = b"s" * 32
_SEEN = Transcript("ns2", "ns1", b"c" * 32, b"d" * 32, b"a certificate")


@pytest.mark.parametrize("message", [{"type": "have", "number": 5}, b"", b"\0\xff" * 100])
def test_a_message_is_read_as_it_was_written(message: dict[str, object] | bytes) -> None:
    data = encoded(message)
    size, kind = body_size(data[: HEAD.size], MOST_UNPROVEN)
    assert size == len(data) - HEAD.size
    assert decoded(kind, data[HEAD.size :]) == message


@pytest.mark.parametrize("head", [HEAD.pack(MOST_UNPROVEN + 1, 1), HEAD.pack(1, 0), b"GET /"])
def test_a_head_that_is_none_is_refused(head: bytes) -> None:
    with pytest.raises(PeerError):
        body_size(head, MOST_UNPROVEN)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"type": 5}', b"[" * 100_000])
def test_a_body_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(PeerError):
        decoded(1, body)


def test_rows_and_serials_are_read_as_they_were_written() -> None:
    rows = [Row(1, b"\0", b"\1a\0", 1, 60, b"\0\4abcd"), Row(2, b"\0", b"\0", 16, None, b"")]
    assert read_rows(packed_rows(rows)) == rows
    assert read_serials(packed_serials({b"\1a\0": 5})) == {b"\1a\0": 5}


@pytest.mark.parametrize("data", [5, [5], [[1, "AA==", "AA==", 1, 60]], [[1, "!", "", 1, 1, ""]],
                                  [[-1, "", "", 1, 1, ""]], [[1, "", "", "A", 1, ""]]])  # fmt: skip
def test_rows_that_are_none_are_refused(data: object) -> None:
    with pytest.raises(PeerError):
        read_rows(data)


@pytest.mark.parametrize("data", [5, {"!": 1}, {"AA==": -1}, {"AA==": 2**32}, {"AA==": "x"}])
def test_serials_that_are_none_are_refused(data: object) -> None:
    with pytest.raises(PeerError):
        read_serials(data)


def test_a_proof_is_of_one_side_one_connection_and_one_secret() -> None:
    given = proof(_SECRET, "caller", _SEEN)
    assert is_proven(_SECRET, "caller", _SEEN, given)
    assert not is_proven(_SECRET, "called", _SEEN, given)
    assert not is_proven(b"t" * 32, "caller", _SEEN, given)
    others = ({"caller": "ns3"}, {"called": "ns3"}, {"caller_nonce": b"e" * 32},
              {"called_nonce": b"e" * 32}, {"certificate": b"another"})  # fmt: skip
    for other in others:
        assert not is_proven(_SECRET, "caller", replace(_SEEN, **other), given)


def test_a_byte_that_is_changed_proves_nothing() -> None:
    given = proof(_SECRET, "called", _SEEN)
    for _ in range(100):
        at = random.randrange(len(given))
        changed = given[:at] + bytes([given[at] ^ 1 << random.randrange(8)]) + given[at + 1 :]
        assert not is_proven(_SECRET, "called", _SEEN, changed)
