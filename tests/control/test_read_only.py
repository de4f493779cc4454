"""A file system that can't be written to, apart from the state folder, is enough."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from namespaces import needs_root, read_only
from netaddr import IPSet  # type: ignore[import-untyped] # it ships no types
from running import SERVER, ZONE, RunningServer


def test_nothing_but_the_state_folder_is_written_to(tmp_path: Path) -> None:
    needs_root()
    state = tmp_path / "var"
    state.mkdir()
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country_code": "DE"})
    writer.to_db_file(str(tmp_path / "a.mmdb"))
    files = {"geodns.yaml": SERVER + "geoip: {databases: [a.mmdb]}\n"}
    with RunningServer(tmp_path, files, prefix=read_only(state)) as server:
        with pytest.raises(OSError, match="Read-only file system"):
            Path(f"/proc/{server.pid}/root{tmp_path}/elsewhere").touch()
        assert (state / "locations.cache").exists()
        assert server.answer("www.example.test", subnet="198.51.100.0/24") == ["192.0.2.1"]
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        server.wait_for("reloaded")
        victim = server.workers()[0]
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while victim in server.workers() or len(server.workers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert server.answer("txt.example.test", "TXT") == ['"second"']
        assert server.stop() == 0
        told = {event["event"] for event in server.events() if event["level"] in _TROUBLE}
        assert told <= {
            "worker ended, starting another",
            "running as root; set `user` to one that has no other rights",
        }


_TROUBLE = ("warning", "error", "critical")
