"""A killed server goes on from its last verdicts; a new endpoint is seen before it is answered."""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from running import SERVER, RunningServer

from geodns.config.settings import Admin
from geodns.control.client import ask, tell
from geodns.control.store import Store
from geodns.control.verdicts import Verdicts

EU, ASIA = "192.0.2.1", "192.0.2.2"
_PUSHED = """\
checks: {agent: {type: push, keep: 1h}}
services: {web: {steering: nearest, ttl: 1s, check: agent}}
"""
_PROBED = """\
checks: {{port: {{type: tcp, port: {port}, interval: 500ms, rise: 1, fall: 2}}}}
services: {{web: {{steering: nearest, ttl: 1s, check: port, when_down: nodata}}}}
"""
_TOPOLOGY = """\
regions:
  eu:
    location: [50.11, 8.68]
    availability_zones:
      eu-a: {endpoints: {web: [127.0.0.1]}}
"""


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _european(server: RunningServer) -> list[str]:
    return server.answer("www.example.test", subnet="2.0.0.0/24")


def _states(server: RunningServer) -> dict[str, str]:
    regions = ask(Admin(socket=server.socket), "/v1/status")["health"]["regions"]
    zones = [zone for region in regions for zone in region["availability_zones"]]
    return {e["id"]: e["state"] for zone in zones for e in zone["endpoints"]}


def test_verdicts_survive_kill_9(tmp_path: Path) -> None:
    files = {"geodns.yaml": SERVER, "services.yaml": _PUSHED}
    with RunningServer(tmp_path, files) as server:
        admin = Admin(socket=server.socket)
        tell(admin, "/v1/health", {"endpoint": "web@asia-a", "up": True})
        tell(admin, "/v1/health", {"endpoint": "web@eu-a", "up": False})
        _until(lambda: _european(server) == [ASIA])
        _until(lambda: len(_rows(tmp_path)) >= 3)
        server.signal(signal.SIGKILL)
        server.wait()
        server.start()
        assert _states(server) == {"web@eu-a": "down", "web@asia-a": "up"}
        assert _european(server) == [ASIA]


def _rows(folder: Path) -> dict[str, str]:
    store = Store(folder / "var")
    try:
        return store.verdicts()[0]
    finally:
        store.close()


def test_a_service_is_answered_from_the_first_query_after_a_first_start(tmp_path: Path) -> None:
    # when_down is nodata: who answered before anything is known would say that there is nothing.
    with socket.create_server(("127.0.0.1", 0)) as endpoint:
        services = _PROBED.format(port=endpoint.getsockname()[1])
        files = {"topology.yaml": _TOPOLOGY, "services.yaml": services}
        with RunningServer(tmp_path, files) as server:
            assert _european(server) == ["127.0.0.1"]
            assert _states(server) == {"web@eu-a": "up"}


@pytest.mark.parametrize(("age", "recalled"), [(0.0, True), (99.0, True), (101.0, False)])
def test_verdicts_that_are_too_old_are_not_recalled(
    tmp_path: Path, age: float, recalled: bool
) -> None:
    store = Store(tmp_path)
    store.keep_verdicts({"target c 10.0.0.1": "{}"}, 1000.0)
    assert bool(Verdicts(store, lambda: 1000.0 + age).recalled(100.0)) is recalled
    store.close()


def test_verdicts_from_the_future_are_not_recalled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = Store(tmp_path)
    store.keep_verdicts({"target c 10.0.0.1": "{}"}, 1000.0)
    assert Verdicts(store, lambda: 900.0).recalled(100.0) == {}
    assert caplog.messages == []
    store.close()


def test_rows_of_what_is_gone_are_dropped(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep_verdicts({"a": "1", "b": "2"}, 5.0)
    store.drop_verdicts({"b", "c"})
    store.keep_verdicts({"b": "3"}, 6.0)
    assert store.verdicts() == ({"b": "3"}, 6.0)
    store.close()
