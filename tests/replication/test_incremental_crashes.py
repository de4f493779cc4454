"""The control process is killed around reloads: whatever is then sent leads to the right zone."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

from copying import Copy
from running import SERVER, ZONE, RunningServer

_NAME = "zones/example.test.yaml"
_FILES = {"geodns.yaml": SERVER + "transfer: {allow: [127.0.0.1/32]}\n"}
_ROUNDS = 12
_LATEST = 1.5  # times what the reload before took: by then the next may be done, or not be begun


def test_after_kills_at_random_moments_every_serial_leads_to_the_present_zone(
    tmp_path: Path,
) -> None:
    chance = random.Random(6)
    held: dict[int, Copy] = {}
    with RunningServer(tmp_path, _FILES) as server:
        for number in range(_ROUNDS):
            begun = time.monotonic()
            _edit(server, number, 0)
            server.wait_for("reloaded")
            took = time.monotonic() - begun
            _take(server, held)
            _edit(server, number, 1)
            if number % 3 == 0:
                server.wait_for("reloaded")
                took = 0
            _kill_after(server, chance.uniform(0, took * _LATEST))
            server.start()
            present = _take(server, held)
            for older in held.values():
                copy = older.duplicate()
                copy.update(server)
                assert copy.records == present.records
        assert max(held) == present.serial
        outcomes = [event["outcome"] for event in server.events("zone transfer")]
        assert any(" from " in outcome for outcome in outcomes)


def _edit(server: RunningServer, number: int, step: int) -> None:
    server.write(_NAME, _zone(number, step))
    server.skip_events()
    server.signal(signal.SIGHUP)


def _zone(number: int, step: int) -> str:
    extra = "".join(f"n{n}: {{type: A, value: 192.0.2.{n}}}\n" for n in range(number % 5))
    return f"{ZONE}round: {{type: TXT, value: r{number}-{step}}}\n{extra}"


def _take(server: RunningServer, held: dict[int, Copy]) -> Copy:
    """The whole zone. A serial that was seen before stands for what it stood for then."""
    whole = Copy("example.test.")
    whole.update(server)
    known = held.setdefault(whole.serial, whole)
    assert known.records == whole.records
    return whole


def _kill_after(server: RunningServer, seconds: float) -> None:
    timer = threading.Timer(seconds, server.signal, (signal.SIGKILL,))
    timer.start()
    server.wait()
