"""An octoDNS file on a real server: rules by country and subnet, failing checks, drains."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from running import COMMAND, RunningServer

PATIENCE = 60.0  # seconds: a busy machine is slow, not wrong
EU, NA, OFFICE = "127.79.1.1", "127.79.2.1", "127.79.3.1"
GERMANY, AMERICA, JAPAN, INSIDE = "194.25.0.0/24", "8.8.8.0/24", "133.11.0.0/24", "192.0.2.0/24"
ZONE = f"""
"": {{type: NS, value: ns.elsewhere.test.}}
www:
  dynamic:
    pools:
      eu: {{fallback: na, values: [{{value: {EU}}}]}}
      na: {{values: [{{value: {NA}}}]}}
      office: {{fallback: eu, values: [{{value: {OFFICE}, status: up}}]}}
    rules:
    - {{subnets: [{INSIDE}], pool: office}}
    - {{geos: [EU-DE, AS], pool: eu}}
    - {{pool: na}}
  octodns:
    healthcheck: {{protocol: TCP, port: PORT}}
    geodns: {{healthcheck: {{interval: 200ms, timeout: 2s, rise: 1, fall: 2}}}}
  ttl: 7
  type: A
  values: [192.0.2.98, 192.0.2.99]
"""
FILES = {
    "geodns.yaml": """
listen: ["127.0.0.1:0"]
workers: 2
zones: zones
state: var
admin: {socket: var/admin.sock, http: "127.0.0.1:0"}
""",
}


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


def run(folder: Path, *command: str) -> str:
    whole = [*COMMAND, *command, "-c", str(folder / "geodns.yaml")]
    return subprocess.run(whole, capture_output=True, check=True, text=True).stdout


def test_an_octodns_file_is_served_with_its_rules_fallbacks_and_checks(tmp_path: Path) -> None:
    eu = listening(EU, 0)
    port = eu.getsockname()[1]
    files = {**FILES, "zones/example.test.yaml": ZONE.replace("PORT", str(port))}

    def answers(subnet: str) -> list[str]:
        reply = server.ask("www.example.test", subnet=subnet)
        assert all(rrset.ttl == 7 for rrset in reply.answer)
        return sorted(str(rdata) for rrset in reply.answer for rdata in rrset)

    with RunningServer(tmp_path, files) as server:
        na = listening(NA, port)
        wait_until(lambda: answers(GERMANY) == [EU] and answers(AMERICA) == [NA])
        assert answers(JAPAN) == [EU]
        assert answers(INSIDE) == [OFFICE]  # nothing listens there, but its status is up

        eu.close()
        wait_until(lambda: answers(GERMANY) == [NA])
        explained = run(tmp_path, "explain", "www.example.test", "--client", GERMANY)
        assert "www.example.test/A@eu/127.79.1.1" in explained
        assert "EU-DE" in explained
        na.close()
        wait_until(lambda: answers(GERMANY) == ["192.0.2.98", "192.0.2.99"])
        assert answers(AMERICA) == ["192.0.2.98", "192.0.2.99"]
        assert answers(INSIDE) == [OFFICE]

        with listening(EU, port), listening(NA, port):
            wait_until(lambda: answers(GERMANY) == [EU] and answers(AMERICA) == [NA])
            run(tmp_path, "drain", "www.example.test/A@eu", "--reason", "moves")
            wait_until(lambda: answers(GERMANY) == [NA])
            run(tmp_path, "undrain", "www.example.test/A@eu")
            run(tmp_path, "drain", f"www.example.test/A@office/{OFFICE}")
            wait_until(lambda: answers(GERMANY) == [EU] and answers(INSIDE) == [EU])
            _check_status(tmp_path)
            assert server.admin is not None
            with urlopen(server.admin, timeout=PATIENCE) as page:
                assert "www.example.test/A@office" in page.read().decode()


def _check_status(folder: Path) -> None:
    assert "www.example.test/A@eu" in run(folder, "status")
    health: dict[str, Any] = json.loads(run(folder, "status", "--json"))["health"]
    (record,) = health["regions"]
    assert record["name"] == "www.example.test/A"
    assert [pool["name"] for pool in record["availability_zones"]] == [
        "www.example.test/A@eu",
        "www.example.test/A@na",
        "www.example.test/A@office",
    ]
    assert {pool["state"] for pool in record["availability_zones"]} == {"in service"}
    assert {target["address"] for target in health["targets"]} == {EU, NA}
