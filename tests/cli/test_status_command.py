"""``geodns status`` shows a running server, and says in one line that none runs."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from running import COMMAND, SERVER, RunningServer, free_port

from geodns.control.tree import age


def _status(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "status", "-c", str(config), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
def test_a_running_server_is_shown_with_reasons(tmp_path: Path) -> None:
    http = f"127.0.0.1:{free_port()}"
    with RunningServer(
        tmp_path, {"geodns.yaml": SERVER.replace('127.0.0.1:0"}', f'{http}"}}')}
    ) as server:
        server.answer("www.example.test")
        shown = _status(server.config)
        assert shown.returncode == 0, shown.stderr
        for text in ("ns1.test", "eu-a", "Tokyo", "192.0.2.2", "not checked", "example.test."):
            assert text in shown.stdout
        assert "\x1b" not in shown.stdout, "no colours where there is no terminal"

        data = json.loads(_status(server.config, "--json").stdout)
        assert [region["name"] for region in data["health"]["regions"]] == ["eu", "asia"]
        assert data["traffic"]["by_type"] == {"A": 1}
        assert [worker["image_generation"] for worker in data["workers"]] == [1, 1]

        server.write("services.yaml", "services: {x: {ttl: never}}\n")
        server.wait_for("reload refused, the last good configuration stays in use")
        assert "the last reload was refused" in _status(server.config).stdout

        server.socket.unlink()
        assert json.loads(_status(server.config, "--json").stdout)["pid"] == server.pid
        server.signal(signal.SIGTERM)
        server.wait()
        gone = _status(server.config)
        assert gone.returncode == 1
        assert gone.stderr.count("\n") == 1
        assert "no server is running here" in gone.stderr


def test_a_configuration_without_admin_says_what_to_set(tmp_path: Path) -> None:
    config = tmp_path / "geodns.yaml"
    config.write_text("zones: zones\n")
    shown = _status(config)
    assert (shown.returncode, shown.stderr.count("\n")) == (1, 1)
    assert "set admin.socket" in shown.stderr


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (7200, "2 h"), (864000, "10 days")],
)
def test_an_age_is_said_in_a_unit_that_people_use(seconds: float, text: str) -> None:
    assert age(seconds) == text
