"""From a push of health over the admin socket to real answers, and back by silence."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import SERVER, RunningServer

from geodns.config.settings import Admin
from geodns.control.client import RefusedByServerError, ask, tell

EU, ASIA = "192.0.2.1", "192.0.2.2"
_CHECK = """\
checks:
  agent: {{type: push, keep: {keep}}}
services:
  web: {{steering: nearest, ttl: 1s, check: agent}}
health:
  availability_zone: {{hold: 0s}}  # by default an AZ is held out for a minute
"""
_PART = """\
checks:
  agent: {type: push, keep: 1h}
  other: {type: push, keep: 30m}
  both: {type: all, checks: [agent, other]}
services:
  web: {steering: nearest, ttl: 1s, check: both}
"""


def _server(folder: Path, services: str) -> RunningServer:
    return RunningServer(folder, {"geodns.yaml": SERVER, "services.yaml": services})


def _admin(server: RunningServer) -> Admin:
    return Admin(socket=server.socket)


def _push(server: RunningServer, up: bool, endpoint: str = "web@eu-a", **more: Any) -> Any:
    return tell(_admin(server), "/v1/health", {"endpoint": endpoint, "up": up, **more})


def _endpoint(server: RunningServer, id: str = "web@eu-a") -> dict[str, Any]:
    for region in ask(_admin(server), "/v1/status")["health"]["regions"]:
        for zone in region["availability_zones"]:
            for known in zone["endpoints"]:
                if known["id"] == id:
                    found: dict[str, Any] = known
                    return found
    raise AssertionError(id)


def _detail(server: RunningServer, address: str) -> str:
    targets = ask(_admin(server), "/v1/status")["health"]["targets"]
    (detail,) = [target["detail"] for target in targets if target["address"] == address]
    return str(detail)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _european(server: RunningServer) -> list[str]:
    return server.answer("www.example.test", subnet="2.0.0.0/24")


def test_who_is_unknown_is_withheld_and_reports_withdraw_and_bring_back(tmp_path: Path) -> None:
    with _server(tmp_path, _CHECK.format(keep="1h")) as server:
        _push(server, True, "web@asia-a")
        _until(lambda: _european(server) == [ASIA])
        assert _endpoint(server)["state"] == "unknown"
        _push(server, True)
        _until(lambda: _european(server) == [EU])

        told = _push(server, False, reason="disk full")
        assert told == {
            "endpoint": "web@eu-a",
            "up": False,
            "detail": "reported down: disk full",
            "targets": 1,
        }
        _until(lambda: _european(server) == [ASIA])
        assert _endpoint(server)["state"] == "down"
        assert _detail(server, EU) == "reported down: disk full"

        _push(server, True)
        _until(lambda: _european(server) == [EU])
        assert _endpoint(server)["state"] == "up"


def test_silence_takes_down_who_was_up_and_the_next_report_brings_it_back(tmp_path: Path) -> None:
    with _server(tmp_path, _CHECK.format(keep="3s")) as server:

        def told(*endpoints: str) -> list[str]:
            # Asia always reports: if both were down, all would be answered as if they were up.
            for endpoint in (*endpoints, "web@asia-a"):
                _push(server, True, endpoint)
            return _european(server)

        _until(lambda: told("web@eu-a") == [EU] and _endpoint(server)["state"] == "up")
        _until(lambda: told() == [ASIA])
        assert _detail(server, EU) == "nothing reported for 3 s"
        _until(lambda: told("web@eu-a") == [EU])


def test_who_never_reports_is_down_after_keep(tmp_path: Path) -> None:
    with _server(tmp_path, _CHECK.format(keep="3s")) as server:
        _until(lambda: _endpoint(server)["state"] == "down")
        assert _detail(server, EU) == "nothing reported for 3 s"


def test_a_part_of_a_combination_is_told_too(tmp_path: Path) -> None:
    with _server(tmp_path, _PART) as server:
        assert _push(server, True, "web@asia-a")["targets"] == 2
        assert _push(server, False)["targets"] == 2
        _until(lambda: _european(server) == [ASIA])


@pytest.mark.parametrize(
    ("services", "endpoint", "more", "error"),
    [
        (_PART, "web@b", {}, "there is no endpoint 'web@b'; write service@az"),
        (
            "services: {web: {steering: nearest}}\n",
            "web@eu-a",
            {},
            "web@eu-a has no check of type push; give its service one, or drain or force it",
        ),
        (_PART, "web@eu-a", {"load": 5}, "web@eu-a has no capacity in the topology"),
    ],
)
def test_what_nothing_can_take_is_refused_whole(
    tmp_path: Path, services: str, endpoint: str, more: dict[str, Any], error: str
) -> None:
    with _server(tmp_path, services) as server:
        before = _endpoint(server)["state"]
        with pytest.raises(RefusedByServerError) as refused:
            _push(server, False, endpoint, **more)
        assert str(refused.value).startswith(error)
        assert _endpoint(server)["state"] == before


def test_the_http_port_takes_no_health(tmp_path: Path) -> None:
    with _server(tmp_path, _CHECK.format(keep="1h")) as server:
        body = b'{"endpoint": "web@eu-a", "up": false}'
        request = urllib.request.Request(f"{server.admin}/v1/health", body, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        assert refused.value.code == 404
        refused.value.close()
        assert _endpoint(server)["state"] == "unknown"
