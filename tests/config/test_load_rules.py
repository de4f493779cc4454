"""The settings of load: what is taken, and what is found wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import SERVER, SERVICES, TOPOLOGY, found, problems, write

from geodns.config.load import load

CHECK = "checks:\n  c: {type: http, host: a.test, LOAD}\nservices:\n  web: {check: c}\n"
SHED = "services:\n  web: {load: LOAD}\n"
SOCKET = SERVER + "admin: {socket: admin.sock}\n"
CAPACITY = TOPOLOGY.replace(
    'web: [127.10.1.1, "2001:db8:10:1::1"]', "web: {addresses: [127.10.1.1], capacity: 500}"
)


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("load: {json: $.load.current}", []),
        ("load: {json: 'load[0]'}", []),
        ("load: {header: X-Load}", []),
        ("load: null", []),
        ("load: {}", [("bad-value", 2, 39)]),
        ("load: {json: a, header: b}", [("bad-value", 2, 39)]),
        ("load: {json: a..b}", [("bad-value", 2, 46)]),
        ("load: {header: X Load}", [("bad-value", 2, 48)]),
        ("load: {path: a}", [("unknown-key", 2, 40)]),
        ("load: $.load", [("wrong-type", 2, 39)]),
        ("method: HEAD, load: {json: a}", [("load-of-head", 2, 60)]),
        ("method: HEAD, load: {header: X-Load}", []),
    ],
)
def test_a_check_says_where_the_load_stands(
    tmp_path: Path, load: str, expected: list[tuple[str, int, int]]
) -> None:
    server = write(tmp_path, services=CHECK.replace("LOAD", load))
    assert [(id, line, column) for _, id, line, column in found(server)] == expected


@pytest.mark.parametrize(
    ("shed", "expected"),
    [
        ("{}", []),
        ("{low: 60%, high: 0.9, smoothing: 30s, fall: 10s, rise: 10m, keep: 2m}", []),
        ("{addresses: sum}", []),
        ("{low: 100%}", [("crossed-watermarks", 2, 21)]),
        ("{high: 50%}", [("crossed-watermarks", 2, 22)]),
        ("{low: 60%, high: 60%}", [("crossed-watermarks", 2, 21)]),
        ("{low: 120%}", [("bad-value", 2, 21)]),
        ("{addresses: mean}", [("bad-value", 2, 27)]),
        ("{keep: 0s}", [("bad-value", 2, 22)]),
        ("{hihg: 90%}", [("unknown-key", 2, 16)]),
        ("70%", [("wrong-type", 2, 15)]),
    ],
)
def test_a_service_has_watermarks(
    tmp_path: Path, shed: str, expected: list[tuple[str, int, int]]
) -> None:
    text = SHED.replace("LOAD", shed)
    server = write(tmp_path, server=SOCKET, services=text, topology=CAPACITY)
    assert [(id, line, column) for _, id, line, column in found(server)] == expected


def test_an_endpoint_without_capacity_never_sheds(tmp_path: Path) -> None:
    server = write(tmp_path, server=SOCKET, services=SHED.replace("LOAD", "{}"))
    (problem,) = problems(server)
    assert (problem.id, problem.line, problem.severity) == ("no-capacity", 9, "warning")
    assert problem.message == "web@eu-central-1a has no capacity, so that it never sheds load"


def test_watermarks_that_nobody_tells_a_load_for_are_said(tmp_path: Path) -> None:
    server = write(tmp_path, services=SHED.replace("LOAD", "{}"), topology=CAPACITY)
    (problem,) = problems(server)
    assert (problem.id, problem.line, problem.severity) == ("untold-load", 2, "warning")


def test_without_load_nothing_of_it_is_said_or_done(tmp_path: Path) -> None:
    server = write(tmp_path, services=SERVICES)
    assert found(server) == []
    configuration, _ = load(server)
    assert configuration.services.services["web"].load is None
