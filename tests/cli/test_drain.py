"""Drains and forces from the command to real answers, over restarts and kills."""

from __future__ import annotations

import json
import os
import pwd
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from running import RunningServer

from geodns.cli.events import line
from geodns.cli.moments import NoMomentError, ahead

EU, ASIA = "192.0.2.1", "192.0.2.2"
NOW = datetime(2026, 11, 24, 16, 30, tzinfo=timezone(timedelta(hours=1)))
ME = pwd.getpwuid(os.geteuid()).pw_name


def told(server: RunningServer, *arguments: str) -> dict[str, Any]:
    found = server.command(*arguments, "--json")
    assert found.exit_code == 0, found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def european(server: RunningServer) -> list[str]:
    return server.answer("www.example.test", subnet="2.0.0.0/24")


def test_a_drain_moves_clients_survives_a_kill_and_is_undone(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        assert european(server) == [EU]
        dry = told(server, "drain", "eu", "--dry-run")
        assert dry["dry_run"]
        assert dry["endpoints"] == {"web@eu-a": 1.0}
        assert european(server) == [EU]

        before = time.time()
        drained = told(server, "drain", "eu", "--reason", "new disks")
        assert drained["moved"] == {"web@eu-a": [1.0, 0.0]}
        assert drained["author"] == ME  # the kernel's word, not the caller's
        assert 30 <= drained["safe_at"] - before < 60  # at once, and then the TTL
        until(lambda: european(server) == [ASIA])

        server.signal(signal.SIGKILL)
        server.wait()
        server.start()
        assert european(server) == [ASIA]
        shown = server.command("status").stdout
        assert f"eu is drained by {ME}: new disks" in " ".join(shown.split())
        explained = server.command("explain", "www.example.test", "--client", "2.0.0.1").stdout
        assert "new disks" in explained

        assert server.command("undrain", "eu").stdout.startswith("eu is not drained any more\n")
        until(lambda: european(server) == [EU])
        again = server.command("undrain", "eu")
        assert (again.exit_code, again.stderr) == (1, "error: eu is not drained by itself\n")

        kinds = [
            json.loads(event)
            for event in server.command("events", "--json").stdout.split("\n")
            if event
        ]
        assert [(event["kind"], event["subject"], event["who"]) for event in kinds] == [
            ("drain", "eu", ME),
            ("undrain", "eu", ME),
        ]
        assert kinds[0]["moved"] == {"web@eu-a": [1.0, 0.0]}
        assert "new disks" in server.command("events", "--since", "1h").stdout


def test_a_drain_that_leaves_nothing_is_not_safe_and_says_so(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        server.command("drain", "eu")
        last = told(server, "drain", "web@asia-a")
        assert last["safe_at"] is None
        assert "its answers go on naming the drained ones" in last["warnings"][0]
        assert "not safe to switch off" in server.command("status").stdout


def test_a_drain_expires_by_itself(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        server.command("drain", "eu-a", "--until", "3s")
        until(lambda: european(server) == [EU])
        assert "drained" not in server.command("status").stdout


def test_what_cannot_be_drained_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        refused = server.command("drain", "eu-z")
        assert refused.exit_code == 1
        assert refused.stderr == (
            "error: there is no region, availability zone or endpoint (service@az) 'eu-z'\n"
        )
        assert server.command("drain", "eu", "--until", "2020-01-01T00:00Z").exit_code == 1
        assert server.command("drain", "eu", "--over", "soon").exit_code == 2


def test_a_force_holds_up_what_its_check_takes_down(tmp_path: Path) -> None:
    services = """
checks: {never: {type: tcp, port: 9, interval: 100ms, timeout: 50ms, rise: 1, fall: 1}}
services: {web: {steering: nearest, ttl: 30s, check: never, when_down: nodata}}
"""
    topology = """
regions:
  eu:
    location: [50.11, 8.68]
    availability_zones: {eu-a: {endpoints: {web: [127.93.7.1]}}}
"""
    files = {"services.yaml": services, "topology.yaml": topology}
    with RunningServer(tmp_path, files) as server:
        until(lambda: european(server) == [])
        server.command("force", "eu-a", "up", "--reason", "the check is wrong")
        until(lambda: european(server) == ["127.93.7.1"])
        server.command("force", "eu-a", "auto")
        until(lambda: european(server) == [])
        events = server.command("events").stdout
        assert "web@eu-a down (health checks)" in events
        assert "eu-a withdrawn (health checks)" in events


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("18:00", NOW.replace(hour=18, minute=0)),
        ("16:30", NOW + timedelta(days=1)),
        ("2026-11-24T18:00", NOW.replace(hour=18, minute=0)),
        ("2026-11-24T18:00Z", datetime(2026, 11, 24, 18, tzinfo=UTC)),
    ],
)
def test_points_in_time_are_read_as_people_write_them(text: str, expected: datetime) -> None:
    assert ahead(text, NOW) == expected.timestamp()


@pytest.mark.parametrize("text", ["soon", "25:00", "2026-11-24T16:00", ""])
def test_what_is_no_point_in_time_ahead_is_refused(text: str) -> None:
    with pytest.raises(NoMomentError):
        ahead(text, NOW)


def test_an_event_is_one_line_that_names_a_few_of_what_moved() -> None:
    moved = {f"web@a{number}": (1.0, 0.0) for number in range(6)}
    event = {
        "at": 0,
        "kind": "verdict",
        "subject": "eu",
        "what": "withdrawn",
        "who": "health checks",
        "why": "0% healthy",
        "moved": moved,
    }
    assert line(event) == (
        "1970-01-01T00:00:00Z verdict  eu withdrawn (health checks): 0% healthy "
        "[web@a0 100% → 0%, web@a1 100% → 0%, web@a2 100% → 0%, web@a3 100% → 0% and 2 more]"
    )
