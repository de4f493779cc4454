"""Serials: compared as RFC 1982 does, never going back, in either style."""

from __future__ import annotations

from random import Random

import pytest

from geodns.zone.serial import Known, Style, Wanted, following, newer, served_serial

A, B = b"a" * 16, b"b" * 16
_DAY = 1_764_288_000  # 2025-11-28


@pytest.mark.parametrize(
    ("serial", "than", "is_newer"),
    [
        (1, 0, True),
        (0, 0, False),
        (0, 1, False),
        (0, 2**32 - 1, True),
        (44, 2**32 - 100, True),
        (2**31 - 1, 0, True),
        (2**31, 0, False),  # RFC 1982 3.2 leaves it undefined
        (2**31 + 1, 0, False),
    ],
)
def test_serials_are_compared_around_the_circle(serial: int, than: int, is_newer: bool) -> None:
    assert newer(serial, than) is is_newer


def test_the_next_serial_leaves_out_zero() -> None:
    assert following(2**32 - 1) == 1
    assert following(7) == 8


@pytest.mark.parametrize(
    ("wanted", "digest", "before", "style", "serial"),
    [
        # nothing was served before
        (Wanted(100, False), A, None, "unixtime", 100),
        (Wanted(_DAY + 5, False), A, None, "date", 2025112801),
        (Wanted(7, True), A, None, "date", 7),
        # the same content: only a person's newer serial moves it
        (Wanted(999, False), A, Known(100, A), "unixtime", 100),
        (Wanted(999, True), A, Known(100, A), "unixtime", 999),
        (Wanted(99, True), A, Known(100, A), "unixtime", 100),
        # another content
        (Wanted(999, False), B, Known(100, A), "unixtime", 999),
        (Wanted(50, False), B, Known(100, A), "unixtime", 101),
        (Wanted(100, True), B, Known(100, A), "unixtime", 101),
        (Wanted(_DAY, False), B, Known(2025112801, A), "date", 2025112802),
        (Wanted(_DAY, False), B, Known(2025112703, A), "date", 2025112801),
        (Wanted(50, False), B, Known(2**32 - 1, A), "unixtime", 50),
    ],
)
def test_what_is_served(
    wanted: Wanted, digest: bytes, before: Known | None, style: Style, serial: int
) -> None:
    assert served_serial(wanted, digest, before, style) == serial


def test_a_serial_moves_on_with_every_change_and_never_goes_back() -> None:
    random = Random(5)
    for _ in range(300):
        style: Style = random.choice(["unixtime", "date"])
        before: Known | None = None
        for _ in range(30):
            serial = random.choice([random.getrandbits(32), 1, 2**31])
            wanted = Wanted(serial, random.random() < 0.3)
            digest = random.choice([A, B])
            served = served_serial(wanted, digest, before, style)
            if before is not None and digest != before.digest:
                assert newer(served, before.serial)
            elif before is not None:
                assert served == before.serial or newer(served, before.serial)
            before = Known(served, digest)
