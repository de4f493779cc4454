"""A mass failure and a real server: kept in service, shown, and believed if a person says so."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from running import RunningServer, free_port

ME = pwd.getpwuid(os.geteuid()).pw_name
HOSTS = [f"127.20.{az}.1" for az in range(1, 5)]
SERVICES = """\
checks:
  c: {{type: tcp, port: {port}, interval: 200ms, timeout: 1s, rise: 1, fall: 2}}
services:
  web: {{steering: nearest, ttl: 30s, check: c, answers: 8}}
health:
  guard: {{mass_failure: {{share: 60%, within: 60s, least: 3}}}}
  availability_zone: {{hold: 0}}
"""


def topology() -> str:
    zones = "".join(
        f"      eu-{number}: {{endpoints: {{web: [{host}]}}}}\n"
        for number, host in enumerate(HOSTS)
    )
    return f"regions:\n  eu:\n    location: [50, 8]\n    availability_zones:\n{zones}"


@contextmanager
def answering(hosts: list[str], port: int) -> Iterator[None]:
    """TCP connections are taken at these addresses."""
    with ExitStack() as open_ones:
        for host in hosts:
            listening = open_ones.enter_context(socket.socket())
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(1000)
        yield


def health(server: RunningServer, *arguments: str) -> str:
    return server.command("health", *arguments).output


def guard(server: RunningServer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(health(server, "guard", "--json"))
    return found


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_mass_failure_is_held_back_until_a_person_trusts_the_probes(tmp_path: Path) -> None:
    port = free_port()
    files = {"topology.yaml": topology(), "services.yaml": SERVICES.format(port=port)}
    with RunningServer(tmp_path, files) as server:
        with answering(HOSTS, port):
            until(lambda: guard(server)["up"] == 4)
            assert health(server, "guard") == "verdicts are free\n0 of 4 targets believed up fail\n"
        until(lambda: guard(server)["kept"] == 4)
        assert sorted(server.answer("www.example.test")) == HOSTS
        shown = health(server, "guard").splitlines()
        assert shown[0].startswith("verdicts are frozen for ")
        # Of those that were heard of since they are believed up: on a busy machine not all of them.
        assert re.search(
            r" of [34] targets failed within 60 s, the prober may be cut off$", shown[0]
        )
        assert shown[2].startswith("kept up, though down by their probes: 127.20.1.1 of web@eu-0 (")

        dry = health(server, "trust", "--dry-run", "--for", "2h")
        assert dry.startswith(f"would be done: the guard is told to trust the probes by {ME}\n")
        assert dry.endswith("4 targets kept up would go down\n")
        assert guard(server)["frozen"]
        refused = "error: the guard is not told to trust the probes\n"
        assert health(server, "untrust") == refused

        told = health(server, "trust", "--reason", "power is off")
        assert told.startswith(
            f"the guard is told to trust the probes by {ME}: power is off\nends by itself at "
        )
        assert "moved web@eu-0 to 0%" in told
        assert not guard(server)["frozen"]

        server.signal(signal.SIGKILL)
        server.wait()
        server.start()
        assert guard(server)["trusted"]
        assert "power is off" in health(server, "guard")
        assert health(server, "untrust") == "the guard is on duty again\n"
        assert not guard(server)["trusted"]

        events = [
            json.loads(line) for line in server.command("events", "--json").stdout.splitlines()
        ]
        kinds = [(event["kind"], event["who"]) for event in events if event["kind"] != "verdict"]
        assert ("guard", "health checks") in kinds
        assert [kind for kind in kinds if kind[1] == ME] == [("trust", ME), ("untrust", ME)]
        [trusted] = [event for event in events if event["kind"] == "trust"]
        assert set(trusted["moved"]) == {f"web@eu-{number}" for number in range(4)}
