"""A worker's second, and what the log says of limits."""

from __future__ import annotations

import logging

import pytest

from geodns.answer.limits import Limiter, LimitRules
from geodns.answer.moment import Moment
from geodns.server.ticking import Ticker


class Clock:
    now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


def flood(limiter: Limiter, host: str, second: int) -> None:
    bucket = limiter.admit(host, second)
    limiter.hot(bucket, second)
    for _ in range(50):
        limiter.judge(bucket, "kind", second)


def test_the_moment_is_the_second_of_the_clock() -> None:
    clock, moment = Clock(), Moment()
    ticker = Ticker(moment, clock, list)
    assert ticker.tick() == pytest.approx(0.75)
    assert moment.now == 1_700_000_000
    clock.now += 5
    ticker.tick()
    assert moment.now == 1_700_000_005


def test_one_line_when_limits_begin_and_one_when_they_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock, limiters = Clock(), [Limiter(LimitRules(5)), Limiter(LimitRules(5))]
    ticker = Ticker(Moment(), clock, lambda: limiters)
    for _ in range(4):
        for limiter in limiters:
            flood(limiter, "198.51.100.7", int(clock.now))
        ticker.tick()
        clock.now += 1
    clock.now += 20
    ticker.tick()
    assert [record.message for record in caplog.records] == [
        "replies are being limited", "replies are no longer limited",
    ]  # fmt: skip
    assert caplog.records[0].__dict__["network"] == "198.51.100.0/24"
    assert caplog.records[1].__dict__["limited"] > 100


def test_an_attack_from_everywhere_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock, limiter = Clock(), Limiter(LimitRules(5))
    ticker = Ticker(Moment(), clock, lambda: [limiter])
    for number in range(200):
        flood(limiter, f"10.0.{number}.1", int(clock.now))
    ticker.tick()
    assert len(caplog.records) == 10
