"""From a probe that fails to shorter TTLs, and back, on a real server with real checks."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from running import COMMAND, RunningServer

PATIENCE = 60.0  # seconds: a busy machine is slow, not wrong
FIRST, SECOND = "127.78.1.1", "127.78.2.1"
FILES = {
    "topology.yaml": f"""
regions:
  eu: {{location: [50, 8], availability_zones: {{eu-a: {{endpoints: {{web: [{FIRST}]}}}}}}}}
  us: {{location: [38, -77], availability_zones: {{us-a: {{endpoints: {{web: [{SECOND}]}}}}}}}}
""",
    "services.yaml": """
checks:
  open: {type: tcp, port: PORT, interval: 2s, fast_interval: 1s, timeout: 500ms, rise: 1, fall: 4}
services:
  web: {steering: failover, check: open, ttl: {min: 1s, max: 60s}}
health:
  availability_zone: {withdraw_below: 50%, restore_above: 80%, hold: 0s}
""",
    "zones/example.test.yaml": """
"":
  - {type: NS, value: ns.elsewhere.test.}
www: {type: GEO, service: web}
capped: {type: GEO, service: web, ttl: 4}
""",
}
STABLE = 2 + 3 * 1  # seconds: the next probe, and three more in haste
FAILED_ONCE = 3 * 1


def listening(host: str, port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.listen(64)
    return found


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(folder: Path, *command: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    whole = [*COMMAND, *command, "--json", "-c", str(folder / "geodns.yaml")]
    found: dict[str, Any] = json.loads(
        subprocess.run(whole, capture_output=True, check=True).stdout
    )
    return found


def test_ttls_are_long_while_all_is_stable_and_short_while_probes_fail(tmp_path: Path) -> None:
    first = listening(FIRST, 0)
    port = first.getsockname()[1]
    files = {name: text.replace("PORT", str(port)) for name, text in FILES.items()}

    def answer(name: str = "www") -> tuple[str, int]:
        (found,) = server.ask(f"{name}.example.test").answer
        return str(found[0]), found.ttl

    with listening(SECOND, port), RunningServer(tmp_path, files) as server:
        wait_until(lambda: answer() == (FIRST, STABLE))
        assert answer("capped") == (FIRST, 4)
        first.close()
        wait_until(lambda: answer()[1] <= FAILED_ONCE)
        first = listening(FIRST, port)
        wait_until(lambda: answer() == (FIRST, STABLE))
        first.close()
        wait_until(lambda: answer()[0] == SECOND)
        # It comes back with the first success.
        wait_until(lambda: answer() == (SECOND, 2))
        told = ask(tmp_path, "explain", "www.example.test", "--client", "192.0.2.1")
        assert told["answer"]["ttl_why"] == "web@eu-a could change in 2 s"
        (zone,) = ask(tmp_path, "status")["health"]["regions"][0]["availability_zones"]
        assert zone["endpoints"][0]["steady"] == 2
