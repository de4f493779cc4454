"""``geodns health push`` tells a real server, says what it would tell, and refuses in one line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from click.testing import Result
from running import COMMAND, RunningServer

TOPOLOGY = """\
regions:
  eu:
    location: [50, 8]
    availability_zones:
      eu-a: {endpoints: {web: [192.0.2.1], api: [192.0.2.3]}}
"""
SERVICES = """\
checks:
  agent: {type: push, keep: 1h}
services:
  web: {steering: nearest, check: agent}
  api: {steering: nearest}
"""
FILES = {"topology.yaml": TOPOLOGY, "services.yaml": SERVICES}


def health(server: RunningServer, *arguments: str) -> Result:
    return server.command("health", "push", *arguments)


def test_a_push_is_told_and_a_dry_run_says_what_is_known(tmp_path: Path) -> None:
    with RunningServer(tmp_path, FILES) as server:
        dry = health(server, "web@eu-a", "down", "--dry-run")
        assert dry.stdout == "would report web@eu-a down; now 192.0.2.1 unknown\n"
        down = health(server, "web@eu-a", "down", "--reason", "disk full")
        assert (down.exit_code, down.stdout) == (0, "web@eu-a: reported down: disk full\n")
        dry = health(server, "web@eu-a", "up", "--dry-run")
        assert dry.stdout == "would report web@eu-a up; now 192.0.2.1 down\n"
        told = json.loads(health(server, "web@eu-a", "up", "--json").stdout)
        assert told == {"endpoint": "web@eu-a", "up": True, "detail": "reported up", "targets": 1}
        dried = json.loads(health(server, "web@eu-a", "down", "--dry-run", "--json").stdout)
        assert [target["state"] for target in dried["targets"]] == ["up"]


def test_a_refusal_is_one_line_with_a_hint_dry_or_not(tmp_path: Path) -> None:
    unknown = "error: there is no endpoint 'web@b'; write service@az\n"
    other = (
        "error: api@eu-a has no check of type push; give its service one, or drain or force it\n"
    )
    with RunningServer(tmp_path, FILES) as server:
        for dry in ([], ["--dry-run"]):
            refused = health(server, "web@b", "up", *dry)
            assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", unknown)
            refused = health(server, "api@eu-a", "up", *dry)
            assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", other)


def test_a_state_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    wrong = subprocess.run(
        [*COMMAND, "health", "push", "web@eu-a", "maybe"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert wrong.returncode == 2
    assert "'maybe' is not one of 'up', 'down'" in wrong.stderr
