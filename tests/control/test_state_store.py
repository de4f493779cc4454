"""What the store keeps over the end of a process, and what it forgets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from geodns.control.store import FILE, Event, Store
from geodns.health.orders import Order, Orders

DRAIN = Order("eu-a", "drain", 100.5, "anna", "neue Platten für Müller", 900.0, 60.0, 30.0, 0.5)


def test_orders_are_there_again_in_the_next_store(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.keep(Orders([DRAIN, Order("eu-a", "force", 1, "ben")]))
    first.keep(Orders([DRAIN]))
    first.close()
    assert Store(tmp_path).orders().all == {("drain", "eu-a"): DRAIN}


def test_what_was_kept_outlives_a_killed_process(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; from pathlib import Path;"
        "from geodns.control.store import Store, Event;"
        "from geodns.health.orders import Order, Orders;"
        "store = Store(Path(sys.argv[1]));"
        "store.keep(Orders([Order('eu', 'drain', 1, 'anna')]));"
        "store.add(Event(1, 'drain', 'eu', 'drained', 'anna'));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.orders().get("drain", "eu") == Order("eu", "drain", 1, "anna")
    assert [event["subject"] for event in store.events()] == ["eu"]


def test_the_log_keeps_the_newest_events_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path, most_events=50)
    for number in range(1000):
        moved = {"web@a": (1.0, 0.0)}
        store.add(Event(float(number), "verdict", "web@a", "down", "health checks", "x", moved))
    found = store.events()
    assert [event["number"] for event in found] == list(range(951, 1001))
    assert found[-1] | {"moved": None} == {
        "at": 999.0, "kind": "verdict", "subject": "web@a", "what": "down",
        "who": "health checks", "why": "x", "moved": None, "number": 1000,
    }  # fmt: skip
    assert found[-1]["moved"] == {"web@a": [1.0, 0.0]}
    assert [event["number"] for event in store.events(since=998)] == [999, 1000]
    assert [event["number"] for event in store.events(after=999)] == [1000]
    assert [event["number"] for event in store.events(most=2)] == [999, 1000]


def test_a_damaged_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(os.urandom(10_000))
    store = Store(tmp_path)
    assert not store.orders().all
    store.keep(Orders([DRAIN]))
    assert (tmp_path / f"{FILE}.broken").stat().st_size == 10_000
    assert "begun anew" in caplog.text
