"""Serials on a running server: over edits, reloads, restarts and clocks that go back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from running import ZONE, RunningServer

from geodns.control.store import Store, known_serials
from geodns.zone.serial import Known

_NAME = "zones/example.test.yaml"
_EXPLICIT = """\
"":
  - {type: NS, ttl: 3600, values: [ns1.example.test.]}
  - {type: SOA, value: {serial: 7}}
ns1: {type: A, value: 127.0.0.1}
"""


def _serial(server: RunningServer) -> int:
    (soa,) = server.answer("example.test", "SOA")
    return int(soa.split()[2])


def _reload(server: RunningServer) -> None:
    server.skip_events()
    server.signal(signal.SIGHUP)
    while "SIGHUP" not in server.wait_for("reloaded")["reason"]:
        pass  # that of the watcher, which saw the file too


def test_a_serial_moves_with_the_content_alone_and_never_back(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        file = tmp_path / _NAME
        first = _serial(server)
        assert first == int(file.stat().st_mtime)

        os.utime(file, (first + 500, first + 500))  # touched, not changed
        _reload(server)
        assert _serial(server) == first

        server.write(_NAME, ZONE + "other: {type: A, value: 192.0.2.7}\n")
        os.utime(file, (first - 5000, first - 5000))  # copied from an old archive
        _reload(server)
        assert _serial(server) == first + 1

        server.signal(signal.SIGKILL)
        server.wait()
        server.start()
        assert _serial(server) == first + 1


def test_a_serial_in_the_file_counts_where_it_is_newer(tmp_path: Path) -> None:
    with RunningServer(tmp_path, {_NAME: _EXPLICIT}) as server:
        assert _serial(server) == 7
        server.write(_NAME, _EXPLICIT.replace("127.0.0.1", "127.0.0.2"))
        _reload(server)
        assert _serial(server) == 8
        assert "serial-behind" in {e["id"] for e in server.events("configuration problem")}
        server.write(_NAME, _EXPLICIT.replace("serial: 7", "serial: 20"))
        _reload(server)
        assert _serial(server) == 20


def test_serials_are_there_for_others_while_the_store_is_open(tmp_path: Path) -> None:
    assert known_serials(tmp_path) == {}
    store = Store(tmp_path)
    assert known_serials(tmp_path) == {}
    store.keep_serials({b"a": Known(2**32 - 1, b"x" * 16), b"b": Known(1, b"y" * 16)})
    store.keep_serials({b"b": Known(2, b"z" * 16)})
    assert known_serials(tmp_path) == {
        b"a": Known(2**32 - 1, b"x" * 16),
        b"b": Known(2, b"z" * 16),
    }
    store.close()


def test_a_damaged_store_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    assert known_serials(tmp_path) == {}
