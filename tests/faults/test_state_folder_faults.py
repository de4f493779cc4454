"""A state folder that is full, gone or somebody else's costs what it keeps, and no answer."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import dns.query
import dns.rcode
import dns.update
import pytest
from day_world import write_database
from fault_servers import until
from keys import SECRET, signing
from namespaces import small_disk
from running import COMMAND, SERVER, ZONE, RunningServer

from geodns.control.processes import find

pytestmark = pytest.mark.slow
_MOVING = "20.9.1.0/24"


def _kill_one(server: RunningServer) -> None:
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    server.wait_for("worker ended, starting another", pid=victim)


def test_a_full_disk_stops_neither_reloads_nor_workers(tmp_path: Path) -> None:
    write_database(tmp_path / "places.mmdb", "DE")
    files = {"geodns.yaml": SERVER + "geoip: {databases: [places.mmdb]}\n"}
    with RunningServer(tmp_path, files) as server:
        state = tmp_path / "var"
        for name in ("workers.json.new", "locations.new"):
            (state / name).symlink_to("/dev/full")
        before = server.workers()
        write_database(tmp_path / "places.mmdb", "JP")
        server.wait_for("reloaded")
        assert server.answer("www.example.test", subnet=_MOVING) == ["192.0.2.2"]
        _kill_one(server)
        found = server.wait_for(
            "the workers can't be written down; if this process dies, end them by hand"
        )
        assert found["reason"] == "No space left on device"
        for _ in range(10):
            assert server.answer("txt.example.test", "TXT") == ['"first"']
        (state / "workers.json.new").unlink()
        os.kill(before[1], signal.SIGKILL)
        until(lambda: not set(before) & set(server.workers()), "the workers are written down")


def test_a_state_folder_that_is_removed_costs_no_answer_and_no_reload(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        workers = server.workers()
        shutil.rmtree(tmp_path / "var")
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        server.wait_for("reloaded")
        os.kill(workers[0], signal.SIGKILL)
        server.wait_for("worker ended, starting another", pid=workers[0])
        for _ in range(10):
            assert server.answer("txt.example.test", "TXT") == ['"second"']
        assert server.stop() == 0
        assert [find(pid) for pid in workers] == [None, None]


def _serve(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "serve", "-c", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_server_leaves_the_first_and_its_sockets_alone(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        refused = _serve(server.config)
        assert refused.returncode == 1
        assert (
            f"another geodns serve (process {server.pid}) uses the state folder"
            in (refused.stderr.splitlines()[-1])
        )
        assert server.socket.is_socket()
        for _ in range(10):
            assert server.answer("txt.example.test", "TXT") == ['"first"']


def test_an_admin_socket_with_too_long_a_path_is_refused_in_one_sentence(tmp_path: Path) -> None:
    name = "s" * 110
    settings = SERVER.replace("var/admin.sock", f"var/{name}")
    refused = _serve(RunningServer(tmp_path, {"geodns.yaml": settings}).config)
    assert refused.returncode == 1
    length = len(os.fsencode(tmp_path / "var" / name))
    assert (
        f"/{name} has {length} bytes; the path of a Unix socket has at most 107" in refused.stderr
    )


def test_on_a_full_disk_no_serial_is_served_that_could_be_lost(tmp_path: Path) -> None:
    updates = f"""\
keys: {{k.test.: {{secret: "{SECRET}"}}}}
update: {{wait: 60s, zones: {{example.test.: [{{key: k.test.}}]}}}}
"""
    settings = {"geodns.yaml": SERVER + updates}
    with RunningServer(tmp_path, settings, prefix=small_disk(tmp_path / "var")) as server:
        before = server.answer("example.test", "SOA")
        filler = Path(f"/proc/{server.pid}/root{tmp_path}/var/filler")
        with suppress(OSError), filler.open("wb", buffering=0) as stream:
            while stream.write(bytes(512)):
                pass
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        refused = server.wait_for("reload refused, the last good configuration stays in use")
        assert "the serials of zones can't be kept, so it is not served" in refused["reason"]
        assert server.answer("txt.example.test", "TXT") == ['"first"']
        assert _update(server) == dns.rcode.SERVFAIL
        assert server.answer("example.test", "SOA") == before
        filler.unlink()
        server.signal(signal.SIGHUP)
        server.wait_for("reloaded")
        assert server.answer("txt.example.test", "TXT") == ['"second"']
        assert _update(server) == dns.rcode.NOERROR
        assert server.answer("new.example.test", "TXT") == ['"x"']
        assert server.answer("example.test", "SOA") != before


def _update(server: RunningServer) -> dns.rcode.Rcode:
    update = dns.update.UpdateMessage("example.test.", **signing("k.test."))
    update.add("new", 60, "TXT", "x")
    return dns.query.tcp(update, server.tcp[0], port=server.tcp[1], timeout=120).rcode()
