"""dig and kdig understand HTTPS at geo names, whose hints are what A and AAAA answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from building import ZONE
from clients import dig, kdig, section
from running import SERVER, RunningServer
from served import TOPOLOGY, Address

pytestmark = pytest.mark.interop
SERVICES = """\
services:
  web: {steering: nearest, ttl: 30s, https: {alpn: [h3, h2], port: 8443, ech: AARhYmNk}}
"""


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    files = {
        "geodns.yaml": SERVER,
        "topology.yaml": TOPOLOGY,
        "services.yaml": SERVICES,
        "zones/example.test.yaml": ZONE,
    }
    with RunningServer(tmp_path_factory.mktemp("https"), files) as running:
        yield running.udp


@pytest.mark.parametrize("client", [dig, kdig])
@pytest.mark.parametrize(
    ("subnet", "region"), [("141.20.0.0/16", 1), ("133.11.0.0/16", 2), ("128.112.0.0/16", 3)]
)
def test_the_hints_are_the_clients_addresses(
    at: Address, client: Callable[..., str], subnet: str, region: int
) -> None:
    [record] = section(client(at, "www.example.test", "TYPE65", f"+subnet={subnet}"), "ANSWER")
    fields = record.split()
    assert fields[:2] == ["www.example.test.", "20"]
    assert fields[3:6] == ["HTTPS", "1", "."]
    parameters = dict(re.findall(r'([a-z0-9]+)="?([^"\s]+)"?', " ".join(fields[6:])))
    assert parameters == {
        "alpn": "h3,h2",
        "port": "8443",
        "ipv4hint": f"192.0.2.{region}",
        "ech": "AARhYmNk",
        "ipv6hint": f"2001:db8::{region}",
    }
