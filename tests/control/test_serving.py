"""A real server: answers, reloads, keeps its workers alive, stops cleanly, and is taken over."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped] # it ships no types
from running import COMMAND, SERVER, SERVICES, TOPOLOGY, ZONE, RunningServer, free_port

from geodns.control.processes import find

_GERMANY, _JAPAN = "84.128.0.0/24", "1.0.16.0/24"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path) as running:
        yield running


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_clients_are_answered_over_udp_and_tcp(server: RunningServer) -> None:
    assert server.answer("www.example.test", subnet=_GERMANY) == ["192.0.2.1"]
    assert server.answer("www.example.test", subnet=_JAPAN) == ["192.0.2.2"]
    assert server.ask("txt.example.test", "TXT", tcp=True).answer[0][0].to_text() == '"first"'


def test_sighup_brings_a_change_into_use(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        server.write("services.yaml", SERVICES + "  spare: {}\n")
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        server.signal(signal.SIGHUP)
        server.wait_for("reloaded")
        assert server.answer("txt.example.test", "TXT") == ['"second"']


def test_a_changed_file_comes_into_use_by_itself(server: RunningServer) -> None:
    server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
    server.wait_for("reloaded", reason="file change")
    assert server.answer("txt.example.test", "TXT") == ['"second"']
    server.write(
        "zones/other.test.yaml", ZONE.replace("first", "other").replace("example", "other")
    )
    server.wait_for("reloaded")
    assert server.answer("txt.other.test", "TXT") == ['"other"']
    (server.folder / "zones" / "other.test.yaml").unlink()
    server.wait_for("reloaded")
    assert server.ask("txt.other.test", "TXT").rcode().name == "REFUSED"


def test_a_bad_file_is_reported_and_the_good_configuration_stays(server: RunningServer) -> None:
    server.write("services.yaml", "services:\n  wbe: {steering: nearest}\n  x: {ttl: never}\n")
    server.wait_for("reload refused, the last good configuration stays in use")
    problems = server.events("configuration problem")
    assert {Path(problem["file"]).name for problem in problems} >= {"services.yaml"}
    assert all(problem["line"] > 0 and problem["id"] for problem in problems)
    assert server.answer("www.example.test", subnet=_GERMANY) == ["192.0.2.1"]
    server.write("services.yaml", SERVICES.replace("30s", "7s"))
    server.wait_for("reloaded")
    assert server.ask("www.example.test").answer[0].ttl == 7


def test_a_setting_that_takes_a_restart_is_said_to(server: RunningServer) -> None:
    server.write("geodns.yaml", SERVER.replace("workers: 2", "workers: 1"))
    event = server.wait_for("these settings changed, which takes a restart")
    assert event["settings"] == ["workers"]
    assert len(server.workers()) == 2


def test_a_changed_identity_is_answered_without_a_restart(server: RunningServer) -> None:
    before = server.workers()
    server.write("geodns.yaml", SERVER.replace("ns1.test", "ns2.test"))
    server.wait_for("reloaded")
    query = dns.message.make_query("id.server", "TXT", "CH")
    reply = dns.query.udp(query, server.udp[0], port=server.udp[1], timeout=60)
    assert reply.answer[0][0].to_text() == '"ns2.test"'
    assert not set(before) & set(server.workers())


def test_a_killed_worker_is_replaced_and_answers_go_on(server: RunningServer) -> None:
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    event = server.wait_for("worker ended, starting another", pid=victim)
    assert event["reason"] == "was ended by SIGKILL"
    # From many ports, so that the kernel hands queries to every worker.
    for _ in range(20):
        assert server.answer("txt.example.test", "TXT") == ['"first"']
    _until(lambda: len(server.workers()) == 2 and victim not in server.workers())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean(server: RunningServer, number: signal.Signals) -> None:
    workers = server.workers()
    server.signal(number)
    assert server.wait() == 0
    assert [find(pid) for pid in workers] == [None, None]
    assert server.workers() == []
    assert not server.socket.exists()
    assert server.events()[-1]["event"] == "stopped"


@pytest.mark.slow
def test_workers_answer_on_without_control_and_a_new_control_takes_over(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    files = {"geodns.yaml": SERVER.replace("127.0.0.1:0", listen, 1)}
    with RunningServer(tmp_path, files) as server:
        orphans = server.workers()
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        for _ in range(10):
            assert server.answer("txt.example.test", "TXT") == ['"first"']
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        server.start()
        taken = server.wait_for("taking over from a control process that died")
        assert taken["workers"] == orphans
        _until(lambda: [find(pid) for pid in orphans] == [None, None])
        for _ in range(10):
            assert server.answer("txt.example.test", "TXT") == ['"second"']
        _until(lambda: not set(orphans) & set(server.workers()))


@pytest.mark.slow
def test_no_query_is_lost_while_configuration_and_workers_change(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        lost: list[str] = []
        asked = 0
        done = threading.Event()

        def ask() -> None:
            nonlocal asked
            while not done.is_set():
                asked += 1
                try:
                    server.answer("txt.example.test", "TXT")
                except dns.exception.DNSException as error:
                    lost.append(str(error))

        asking = threading.Thread(target=ask)
        asking.start()
        for text in ("second", "third"):
            server.write("zones/example.test.yaml", ZONE.replace("first", text))
            server.wait_for("reloaded")
        server.write("geodns.yaml", SERVER.replace("ns1.test", "ns2.test"))
        server.wait_for("reloaded")
        done.set()
        asking.join()
        assert asked > 10
        assert lost == []


class _Endpoint(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.mark.slow
def test_an_endpoint_that_stops_is_withdrawn_and_comes_back(tmp_path: Path) -> None:
    endpoint = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    port = endpoint.server_address[1]
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    other = ThreadingHTTPServer(("127.0.0.2", port), _Endpoint)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    files = {
        "topology.yaml": TOPOLOGY.replace("192.0.2.", "127.0.0."),
        "services.yaml": (
            f"checks:\n  ok: {{type: http, port: {port}, interval: 100ms, rise: 1, fall: 1}}\n"
            "services:\n  web: {steering: nearest, check: ok, ttl: 1s}\n"
            "health:\n  availability_zone: {withdraw_below: 50%, restore_above: 80%, hold: 0s}\n"
        ),
    }
    try:
        with RunningServer(tmp_path, files) as server:
            assert server.answer("www.example.test", subnet=_GERMANY) == ["127.0.0.1"]
            endpoint.shutdown()
            endpoint.server_close()
            _until(lambda: server.answer("www.example.test", subnet=_GERMANY) == ["127.0.0.2"])
            endpoint = ThreadingHTTPServer(("127.0.0.1", port), _Endpoint)
            threading.Thread(target=endpoint.serve_forever, daemon=True).start()
            _until(lambda: server.answer("www.example.test", subnet=_GERMANY) == ["127.0.0.1"])
    finally:
        for each in (endpoint, other):
            each.shutdown()
            each.server_close()


def test_a_stopped_server_leaves_its_folder_to_the_next(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        assert server.stop() == 0
        server.start()
        assert len(server.workers()) == 2
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(server.socket))


def test_a_stop_while_it_is_still_starting_leaves_nothing_behind(tmp_path: Path) -> None:
    config = RunningServer(tmp_path).config
    with subprocess.Popen(
        [*COMMAND, "serve", "-c", str(config)], stderr=subprocess.PIPE
    ) as control:
        children = Path(f"/proc/{control.pid}/task/{control.pid}/children")
        _until(lambda: children.read_text().split())
        compiler = int(children.read_text().split()[0])
        control.send_signal(signal.SIGTERM)
        assert control.wait(60) == 0
        assert control.stderr is not None
        assert control.stderr.read() == b""
    assert find(compiler) is None


def _database(file: Path, networks: dict[str, str]) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    for network, country in networks.items():
        writer.insert_network(IPSet([network]), {"country_code": country})
    fresh = file.with_suffix(".new")
    writer.to_db_file(str(fresh))
    fresh.replace(file)


@pytest.mark.slow
def test_a_database_is_read_anew_and_a_broken_one_holds_nothing_else_up(tmp_path: Path) -> None:
    database = tmp_path / "a.mmdb"
    _database(database, {"198.51.100.0/24": "DE"})
    files = {"geodns.yaml": SERVER + "geoip: {databases: [a.mmdb]}\n"}
    with RunningServer(tmp_path, files) as server:
        assert server.answer("www.example.test", subnet="198.51.100.0/24") == ["192.0.2.1"]
        _database(database, {"198.51.100.0/24": "JP"})
        server.wait_for("reloaded")
        assert server.answer("www.example.test", subnet="198.51.100.0/24") == ["192.0.2.2"]
        database.write_bytes(b"not a database")
        server.wait_for("configuration problem", id="geoip-unreadable", level="warning")
        server.wait_for("reloaded")
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        server.wait_for("reloaded")
        assert server.answer("txt.example.test", "TXT") == ['"second"']
        assert server.answer("www.example.test", subnet="198.51.100.0/24") == ["192.0.2.2"]
