"""The server that dig, kdig and dnsperf are set on: three regions on three continents."""

from __future__ import annotations

from pathlib import Path

from building import ZONE
from running import SERVER, RunningServer

Address = tuple[str, int]
TOPOLOGY = """\
regions:
  eu:
    location: [50.11, 8.68]
    availability_zones:
      eu-a: {endpoints: {web: [192.0.2.1, "2001:db8::1"]}}
  asia:
    location: [35.68, 139.69]
    availability_zones:
      asia-a: {endpoints: {web: [192.0.2.2, "2001:db8::2"]}}
  america:
    location: [38.9, -77.45]
    availability_zones:
      america-a: {endpoints: {web: [192.0.2.3, "2001:db8::3"]}}
"""


def serving(folder: Path) -> RunningServer:
    """The server, with its files in a folder; to be used as a context manager."""
    listen = 'listen: ["127.0.0.1:0"]'
    files = {
        "geodns.yaml": SERVER.replace(listen, 'listen: ["127.0.0.1:0", "[::1]:0"]'),
        "topology.yaml": TOPOLOGY,
        "zones/example.test.yaml": ZONE,
    }
    return RunningServer(folder, files)


def address_v6(server: RunningServer) -> Address | None:
    """Where it listens on ::1; None on a machine without IPv6."""
    addresses: list[str] = server.events("listening")[0]["addresses"]
    found = [address for address in addresses if address.startswith("[::1]:")]
    return ("::1", int(found[0].rpartition(":")[2])) if found else None
