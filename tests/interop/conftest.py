"""One server for all of dig's and kdig's questions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from building import ZONE
from running import SERVER, RunningServer

_TOPOLOGY = """\
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    files = {
        "geodns.yaml": SERVER.replace(
            'listen: ["127.0.0.1:0"]', 'listen: ["127.0.0.1:0", "[::1]:0"]'
        ),
        "topology.yaml": _TOPOLOGY,
        "zones/example.test.yaml": ZONE,
    }
    with RunningServer(tmp_path_factory.mktemp("interop"), files) as running:
        yield running


@pytest.fixture(scope="session")
def at(server: RunningServer) -> tuple[str, int]:
    return server.udp


@pytest.fixture(scope="session")
def at_v6(server: RunningServer) -> tuple[str, int]:
    addresses: list[str] = server.events("listening")[0]["addresses"]
    found = [address for address in addresses if address.startswith("[::1]:")]
    if not found:
        pytest.skip("this machine has no IPv6 on its loopback interface")
    return "::1", int(found[0].rpartition(":")[2])
