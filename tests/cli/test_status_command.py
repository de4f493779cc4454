"""``geodns status`` shows a running server, and says in one line that none runs."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest
from running import COMMAND, SERVER, RunningServer, free_port

from geodns.control.age import age

_PATIENCE = 60.0  # seconds until a test gives up: a busy machine is slow, not wrong


def _status(config: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "status", "-c", str(config), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | env,
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
        for text in ("ns1.test: all well", "Tokyo", "example.test."):
            assert text in shown.stdout
        assert "asia-a" not in shown.stdout, "what is well takes one line"
        everything = _status(server.config, "--all").stdout
        for text in ("eu-a", "192.0.2.2", "unchecked"):
            assert text in everything
        assert "\x1b" not in shown.stdout, "no colours where there is no terminal"

        plain = _status(server.config, PYTHONIOENCODING="ascii")
        assert plain.returncode == 0, "not every terminal has every sign"
        assert "ns1.test: all well" in plain.stdout

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


class _Terminal:
    """A command on a terminal of its own, 24 lines of 80 characters."""

    def __init__(self, *command: str) -> None:
        self._here, there = pty.openpty()
        termios.tcsetwinsize(there, (24, 80))
        self._process = subprocess.Popen(
            command,
            stdin=there,
            stdout=there,
            stderr=there,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(there)
        self.shown = b""

    def wait_for(self, text: str) -> None:
        deadline, start = time.monotonic() + _PATIENCE, len(self.shown)
        while text.encode() not in self.shown[start:]:
            assert time.monotonic() < deadline, (text, self.shown)
            if select.select([self._here], [], [], 1.0)[0]:
                self.shown += os.read(self._here, 65536)

    def interrupt(self) -> int:
        """What Ctrl-C does; returns the exit status."""
        self._process.send_signal(signal.SIGINT)
        self.wait_for("\x1b[?1049l")
        return self._process.wait(_PATIENCE)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._here)


@pytest.mark.slow
def test_watching_outlives_the_server_and_gives_the_screen_back(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        terminal = _Terminal(*COMMAND, "status", "-c", str(server.config), "--watch")
        try:
            terminal.wait_for("per second")
            server.stop()
            terminal.wait_for("no server is running here")
            server.start()
            terminal.wait_for("per second")  # two looks at the same server
            assert terminal.interrupt() == 0
        finally:
            terminal.close()
    assert b"\x1b[2J" not in terminal.shown, "it is drawn over, not cleared"
    assert b"Traceback" not in terminal.shown


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
