"""What keeps ``geodns serve`` from starting is said in one line, and nothing is left behind."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from running import COMMAND, SERVER, RunningServer


def _serve(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "serve", "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_error_of_the_configuration_is_a_line(tmp_path: Path) -> None:
    files = {"services.yaml": "services:\n  wbe: {steering: nearst}\n  x: {ttl: never}\n"}
    server = RunningServer(tmp_path, files)
    ended = _serve(server.config)
    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert len(lines) >= 3
    assert all(": error: " in line or ": warning: " in line for line in lines)
    assert any("services.yaml:2:" in line for line in lines)


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        server = RunningServer(tmp_path, {"geodns.yaml": SERVER.replace("127.0.0.1:0", taken, 1)})
        ended = _serve(server.config)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"{taken} is taken" in ended.stderr


def test_a_taken_admin_address_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        text = SERVER.replace('http: "127.0.0.1:0"', f'http: "{taken}"')
        ended = _serve(RunningServer(tmp_path, {"geodns.yaml": text}).config)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"the admin address {taken} can't be listened on" in ended.stderr


@pytest.mark.slow
def test_a_second_server_in_the_same_state_folder_is_refused(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        ended = _serve(server.config)
        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1
        assert f"another geodns serve (process {server.pid})" in ended.stderr
        assert server.socket.exists(), "the running one keeps its admin socket"
        assert server.answer("www.example.test")


def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    ended = _serve(tmp_path / "none.yaml")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "none.yaml" in ended.stderr
