"""From a load that a real endpoint reports, or that is pushed, to the shares of real answers."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from running import RunningServer

from geodns.config.settings import Admin
from geodns.control.client import ask

EU_A, EU_B, US = "127.78.1.1", "127.78.1.2", "127.78.2.1"
CLIENTS = [f"11.{n // 256}.{n % 256}.0/24" for n in range(600)]
NEAR = 0.08
"""Four standard deviations of the share that so many clients show: which ones move is by hash."""
FILES = {
    "geodns.yaml": """
listen: ["127.0.0.1:0"]
workers: 2
topology: topology.yaml
services: services.yaml
zones: zones
state: state
admin: {socket: admin.sock}
""",
    "zones/example.test.yaml": """
"":
  - {type: NS, value: ns.elsewhere.test.}
www: {type: GEO, service: web}
""",
}
TWO_REGIONS = f"""
regions:
  eu:
    location: [50, 8]
    availability_zones:
      eu-a: {{endpoints: {{web: {{addresses: [{EU_A}], capacity: 1000}}}}}}
  us:
    location: [38, -77]
    availability_zones:
      us-a: {{endpoints: {{web: {{addresses: [{US}], capacity: 1000}}}}}}
"""
ONE_REGION = f"""
regions:
  eu:
    location: [50, 8]
    availability_zones:
      eu-a: {{endpoints: {{web: {{addresses: [{EU_A}], capacity: 1000}}}}}}
      eu-b: {{endpoints: {{web: {{addresses: [{EU_B}], capacity: 1000}}}}}}
"""
# On a busy machine many checks are too late: these are no failures of an endpoint.
CHECK = """
checks:
  ok:
    {type: http, port: PORT, interval: 200ms, timeout: 200ms, rise: 1, fall: 1000,
     load: {json: "$.load.current"}}
"""
SHEDS = (
    CHECK
    + """
services:
  web:
    steering: {failover: {order: [eu, us]}}
    check: ok
    ttl: 1s
    load: {low: 70%, high: 100%, fall: 1s, rise: 1s, keep: 1m}
"""
)
SHARES = (
    CHECK
    + """
services:
  web:
    steering: [{failover: {order: [eu]}}, {weight: {by: load}}]
    check: ok
    ttl: 1s
"""
)


class Fleet:
    """Endpoints on several loopback addresses that tell the load they are told to."""

    def __init__(self) -> None:
        self.loads: dict[str, Any] = {}


@contextmanager
def fleet(*addresses: str) -> Iterator[tuple[Fleet, int]]:
    """The endpoints, all at one port."""
    told = Fleet()

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here = self.connection.getsockname()[0]
            body = json.dumps({"load": {"current": told.loads.get(here, 0)}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    servers = [ThreadingHTTPServer((addresses[0], 0), Endpoint)]
    port = servers[0].server_address[1]
    servers += [ThreadingHTTPServer((address, port), Endpoint) for address in addresses[1:]]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told, port
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def served(server: RunningServer) -> dict[str, float]:
    """The share of clients that each address is answered to."""
    counts = Counter(server.answer("www.example.test", subnet=subnet)[0] for subnet in CLIENTS)
    return {address: count / len(CLIENTS) for address, count in counts.items()}


def endpoints(server: RunningServer) -> dict[str, dict[str, Any]]:
    """What the status says of each endpoint."""
    health = ask(Admin(socket=server.folder / "admin.sock"), "/v1/status")["health"]
    return {
        endpoint["id"]: endpoint
        for region in health["regions"]
        for zone in region["availability_zones"]
        for endpoint in zone["endpoints"]
    }


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_the_share_of_answers_follows_the_load_that_an_endpoint_reports(tmp_path: Path) -> None:
    with fleet(EU_A, US) as (told, port):
        files = {
            **FILES,
            "topology.yaml": TWO_REGIONS,
            "services.yaml": SHEDS.replace("PORT", str(port)),
        }
        with RunningServer(tmp_path, files) as server:
            assert served(server) == {EU_A: 1.0}
            told.loads[EU_A] = 850

            def sheds_half() -> bool:
                before, shares = endpoints(server)["web@eu-a"], served(server)
                return (
                    # Half of the way between the watermarks, give or take the dead band.
                    before["availability"] == pytest.approx(0.5, abs=0.05)
                    and endpoints(server)["web@eu-a"]["availability"] == before["availability"]
                    and shares.get(EU_A) == pytest.approx(before["availability"], abs=NEAR)
                    and shares.get(US) == pytest.approx(1 - before["availability"], abs=NEAR)
                )

            until(sheds_half)
            reason = endpoints(server)["web@eu-a"]["reason"]
            assert "load 850 of 1000 (85%), between 70% and 100%" in reason
            shown = server.command("status").stdout
            assert "sheds " in shown
            assert "85%" in shown
            explained = server.command("explain", "www.example.test", "--client", "11.0.0.1")
            assert "sheds " in explained.stdout
            told.loads[EU_A] = 100
            until(lambda: endpoints(server)["web@eu-a"]["availability"] == 1.0)
            until(lambda: served(server) == {EU_A: 1.0})


@pytest.mark.slow
def test_the_azs_of_a_region_share_by_the_free_capacity_that_they_report(tmp_path: Path) -> None:
    with fleet(EU_A, EU_B) as (told, port):
        told.loads.update({EU_A: 200, EU_B: 800})
        files = {
            **FILES,
            "topology.yaml": ONE_REGION,
            "services.yaml": SHARES.replace("PORT", str(port)),
        }
        with RunningServer(tmp_path, files) as server:

            def has(share: float) -> bool:
                factor = endpoints(server)["web@eu-a"]["load"]["factor"]  # of two, mean 1
                near = factor / 2 == pytest.approx(share, abs=0.05)
                return near and served(server).get(EU_A) == pytest.approx(factor / 2, abs=NEAR)

            # 800 of 1000 are free here, 200 of 1000 there.
            until(lambda: has(0.8))
            told.loads.update({EU_A: 500, EU_B: 500})
            until(lambda: has(0.5))


@pytest.mark.slow
def test_a_pushed_load_sheds_until_its_time_is_over(tmp_path: Path) -> None:
    with fleet(EU_A, US) as (_, port):
        files = {
            **FILES,
            "topology.yaml": TWO_REGIONS,
            "services.yaml": SHEDS.replace("PORT", str(port)),
        }
        with RunningServer(tmp_path, files) as server:
            done = server.command("load", "web@eu-a", "2000", "--for", "1h")
            assert (done.exit_code, done.stdout) == (
                0,
                "web@eu-a: load 2000 of 1000 (200%), for 3600 s\n",
            )
            until(lambda: served(server).get(US, 0) > 0.4)
            assert endpoints(server)["web@eu-a"]["availability"] < 0.6
            # The next one takes the place of the one before, and is over soon.
            assert server.command("load", "web@eu-a", "2000", "--for", "1s").exit_code == 0
            until(lambda: endpoints(server)["web@eu-a"]["availability"] == 1.0)
            until(lambda: served(server) == {EU_A: 1.0})
            wrong = server.command("load", "web@eu-x", "5")
            assert wrong.exit_code == 1
            assert "there is no endpoint 'web@eu-x'; write service@az" in wrong.stderr
            dry = server.command("load", "web@eu-a", "900", "--dry-run")
            assert "would report for web@eu-a: load 900 for 60 s; now load 0 of 1000" in dry.stdout
