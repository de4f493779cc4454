"""Messages between control and worker: whole ones come out however they went in."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from geodns.answer.engine import Counts
from geodns.answer.service import EndpointState
from geodns.server.channel import (
    Acknowledge,
    AskDemand,
    AskStatistics,
    Decoder,
    Demand,
    Message,
    NewImage,
    NewStates,
    Statistics,
    Stop,
    encode,
)

_COUNTS = Counts()
_COUNTS.queries[1, 0] = 5
_MESSAGES: list[Message] = [
    NewImage(1),
    NewStates(2, {f"web@az-{n}": EndpointState(0.5, frozenset((bytes(4),))) for n in range(2000)}),
    AskStatistics(3),
    AskDemand(4),
    Demand(4, 60.5, {("api", "web"): {12: 5}}),
    Acknowledge(1, 2),
    Statistics(3, {"udp": _COUNTS}, 4),
    Stop(5.0),
]
_STREAM = b"".join(map(encode, _MESSAGES))


def _pieces(cuts: Iterable[int]) -> list[bytes]:
    at = sorted({0, len(_STREAM), *cuts})
    return [_STREAM[start:end] for start, end in itertools.pairwise(at)]


@given(st.sets(st.integers(0, len(_STREAM)), max_size=30))
def test_frames_may_be_split_anywhere(cuts: set[int]) -> None:
    decoder = Decoder()
    found = [message for piece in _pieces(cuts) for message in decoder.feed(piece)]
    assert found == _MESSAGES


def test_frames_may_come_byte_by_byte() -> None:
    decoder = Decoder()
    stream = encode(NewImage(1)) + encode(Stop(1.0))
    found = [message for n in range(len(stream)) for message in decoder.feed(stream[n : n + 1])]
    assert found == [NewImage(1), Stop(1.0)]


def test_files_come_in_the_order_of_their_messages(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for number in range(3):
            (tmp_path / str(number)).write_text(f"file {number}")
            fd = os.open(tmp_path / str(number), os.O_RDONLY)
            socket.send_fds(ours, [encode(NewImage(number))], [fd])
            os.close(fd)
        decoder = Decoder()
        messages: list[Message] = []
        while len(messages) < 3:
            messages += decoder.receive(theirs) or []
    assert messages == [NewImage(0), NewImage(1), NewImage(2)]
    for number in range(3):
        with os.fdopen(decoder.files.popleft()) as file:
            assert file.read() == f"file {number}"


def test_the_end_of_the_stream_is_told() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        assert Decoder().receive(theirs) is None
