"""Knot DNS and BIND configure themselves from the catalog of a running server."""

from __future__ import annotations

from pathlib import Path

import pytest
from keys import SECRET
from running import SERVER, ZONE, RunningServer, free_port
from secondaries import Copies, Primary, secondary
from test_secondaries import soa_serial
from workers import until

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("name", ["Knot DNS", "BIND"])  # NSD 4.6 reads no catalogs
def test_a_secondary_follows_the_catalog(tmp_path: Path, name: str) -> None:
    port, told = free_port(), free_port()
    settings = f"""\
{SERVER.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)}
keys: {{k.test.: {{secret: "{SECRET}"}}}}
transfer:
  allow: [{{key: k.test.}}]
  notify: [{{address: 127.0.0.1, port: {told}, key: k.test.}}]
  catalog: catalog.invalid.
"""
    primary = Primary(port, "k.test.", "hmac-sha256", SECRET)
    copies = Copies(catalog="catalog.invalid.")
    with (
        RunningServer(tmp_path, {"geodns.yaml": settings}) as server,
        secondary(name, tmp_path / "secondary", told, primary, copies) as at,
    ):
        until(lambda: soa_serial(at, "example.test") == soa_serial(server.udp, "example.test"))
        server.write("zones/new.test.yaml", ZONE.replace("example", "new"))
        until(lambda: soa_serial(at, "new.test") is not None)
        (tmp_path / "zones/new.test.yaml").unlink()
        until(lambda: soa_serial(at, "new.test") is None)
        assert soa_serial(at, "example.test") is not None
