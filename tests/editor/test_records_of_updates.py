"""What dynamic updates wrote, as commands on zones and records show it, and how it is dropped."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import configfolder
import dns.query
import dns.rcode
import dns.update
import pytest
from commands import done, geodns, refused
from keys import SECRET, signing
from running import SERVER, ZONE, RunningServer

from geodns.answer.image import RRset
from geodns.control.store import Store

_SETTINGS = f"""\
keys: {{k.test.: {{secret: "{SECRET}"}}}}
update: {{wait: 60s, most: 20, zones: {{example.test.: [{{key: k.test.}}]}}}}
"""
_STOPPED = configfolder.SERVER + "state: var\nadmin: {socket: var/admin.sock}\n"
_FILE = ZONE + "gone: {type: A, value: 192.0.2.7}\nkept: {type: A, value: 192.0.2.8}\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    files = {"geodns.yaml": SERVER + _SETTINGS, "zones/example.test.yaml": _FILE}
    with RunningServer(tmp_path_factory.mktemp("server"), files) as running:
        yield running


def _send(server: RunningServer, *changes: tuple[str, ...], rcode: str = "NOERROR") -> None:
    update = dns.update.UpdateMessage("example.test.", **signing("k.test."))
    for name, type, *values in changes:
        update.replace(name, 60, type, *values) if values else update.delete(name, type)
    host, port = server.tcp
    reply = dns.query.tcp(update, host, port=port, timeout=120)
    assert dns.rcode.to_text(reply.rcode()) == rcode


def _serial(server: RunningServer) -> int:
    (soa,) = server.answer("example.test", "SOA")
    return int(soa.split()[2])


def test_zones_are_shown_as_served_and_what_updates_wrote_is_marked(
    server: RunningServer,
) -> None:
    _send(server, ("txt", "TXT", "second"), ("new", "A", "192.0.2.9"), ("gone", "A"))
    shown = done(server.config, "zone", "show", "example.test")
    lines = [line.split() for line in shown.splitlines()]
    assert ["txt", "60", "TXT", '"second"', "written"] in lines
    assert ["new", "60", "A", "192.0.2.9", "written"] in lines
    assert ["gone", "3600", "A", "192.0.2.7", "removed"] in lines
    assert ["kept", "3600", "A", "192.0.2.8"] in lines
    assert "first" not in shown
    told = json.loads(done(server.config, "zone", "show", "example.test", "--json"))
    served = {(item["name"], item["type"]): item["values"] for item in told["records"]}
    assert served["txt.example.test.", "TXT"] == ['"second"']
    assert ("gone.example.test.", "A") not in served
    assert [(item["name"], item["state"]) for item in told["updates"]] == [
        ("gone.example.test.", "removed"),
        ("new.example.test.", "served"),
        ("txt.example.test.", "served"),
    ]
    (row,) = json.loads(done(server.config, "zone", "list", "--json"))
    assert (row["records"], row["updated"]) == (7, 3)
    listed = done(server.config, "record", "list", "example.test", "new")
    assert listed == "new\t60\tA\t192.0.2.9\tby update\n"


def test_exports_and_comparisons_are_of_the_file_or_of_what_is_served(
    server: RunningServer, tmp_path: Path
) -> None:
    _send(server, ("txt", "TXT", "second"))
    told = geodns(server.config, "zone", "export", "example.test")
    assert "first" in told.stdout
    assert "without" in told.stderr
    file = tmp_path / "example.test.yaml"
    told = geodns(
        server.config, "zone", "export", "example.test", "--with-updates", "-o", str(file)
    )
    assert not told.stderr
    assert "second" in file.read_text()
    same = done(server.config, "zone", "diff", "example.test", str(file), "--with-updates")
    assert same == "they are the same\n"
    found = geodns(server.config, "zone", "diff", "example.test", str(file))
    assert found.exit_code == 1
    assert '+ txt.example.test. 60 IN TXT "second"' in found.stdout


def test_after_a_reset_the_file_is_answered_with_a_newer_serial(server: RunningServer) -> None:
    _send(server, ("txt", "TXT", "third"), ("new", "A", "192.0.2.9"), ("gone", "A"))
    before = _serial(server)
    told = done(server.config, "record", "reset", "example.test", "txt", "TXT", "--dry-run")
    assert '- txt.example.test. 60 IN TXT "third"\n+ txt.example.test. 60 IN TXT "first"' in told
    assert server.answer("txt.example.test", "TXT") == ['"third"']
    told = done(server.config, "record", "reset", "example.test", "txt")
    assert "1 record set reset: the file counts, and is in use" in told
    assert server.answer("txt.example.test", "TXT") == ['"first"']
    assert server.answer("new.example.test") == ["192.0.2.9"]
    assert _serial(server) > before
    told = done(server.config, "record", "reset", "example.test", "--all")
    assert "- new.example.test. 60 IN A 192.0.2.9" in told
    assert "+ gone.example.test. 3600 IN A 192.0.2.7" in told
    assert server.answer("gone.example.test") == ["192.0.2.7"]
    assert "nothing to do" in done(server.config, "record", "reset", "example.test", "--all")
    told = done(server.config, "events")
    assert "reset    example.test. txt TXT" in told
    assert "example.test. gone A, new A" in told or "example.test. new A, gone A" in told


def test_an_update_that_comes_during_a_reset_is_made_of_the_file(server: RunningServer) -> None:
    _send(server, ("txt", "TXT", "third"))
    server.skip_events()
    command = ("record", "reset", "example.test", "txt")
    reset = threading.Thread(target=done, args=(server.config, *command))
    reset.start()
    server.wait_for("reloading", reason="reset")
    _add(server, "txt", "TXT", "late")
    reset.join(120)
    assert sorted(server.answer("txt.example.test", "TXT")) == ['"first"', '"late"']


def _add(server: RunningServer, name: str, type: str, value: str) -> None:
    update = dns.update.UpdateMessage("example.test.", **signing("k.test."))
    update.add(name, 60, type, value)
    dns.query.tcp(update, server.tcp[0], port=server.tcp[1], timeout=120)


def test_a_reset_that_the_configuration_does_not_let_into_use_is_none(
    server: RunningServer,
) -> None:
    _send(server, ("txt", "TXT", "third"))
    good = (server.folder / "services.yaml").read_text()
    server.skip_events()
    server.write("services.yaml", "services: {web: {steering: nonsense}}\n")
    told = refused(server.config, "record", "reset", "example.test", "txt")
    assert "nothing was reset: the configuration has 1 error" in told
    assert server.answer("txt.example.test", "TXT") == ['"third"']
    assert "third" in done(server.config, "record", "list", "example.test", "txt")
    server.write("services.yaml", good)
    server.wait_for("reloaded")
    assert server.answer("txt.example.test", "TXT") == ['"third"']


def test_edits_of_what_an_update_wrote_say_that_they_do_not_count(server: RunningServer) -> None:
    _send(server, ("txt", "TXT", "third"))
    told = done(server.config, "record", "set", "example.test", "txt", "TXT", "edited")
    assert "a dynamic update wrote txt.example.test. TXT, which counts" in told
    assert server.answer("txt.example.test", "TXT") == ['"third"']
    done(server.config, "record", "reset", "example.test", "txt")
    assert server.answer("txt.example.test", "TXT") == ['"edited"']


def test_many_take_force(server: RunningServer) -> None:
    _send(server, *((f"n{number}", "A", "192.0.2.1") for number in range(11)))
    told = refused(server.config, "record", "reset", "example.test", "--all")
    assert "record sets that updates wrote; if that is meant, say --force" in told
    done(server.config, "record", "reset", "example.test", "--all", "--force")
    assert server.answer("n3.example.test") == []


def test_what_updates_hold_of_a_zone_is_limited_and_counted(server: RunningServer) -> None:
    _send(server, *((f"m{number}", "A", "192.0.2.1") for number in range(21)), rcode="REFUSED")
    assert server.answer("m3.example.test") == []
    _send(server, ("m3", "A", "192.0.2.1"))
    metrics = urllib.request.urlopen(f"{server.admin}/metrics", timeout=60).read().decode()
    for rcode in ("NOERROR", "REFUSED"):
        assert f'geodns_updates_total{{rcode="{rcode}",zone="example.test."}}' in metrics
    assert 'geodns_updated_record_sets{zone="example.test."} ' in metrics


def test_without_a_server_nothing_is_reset(tmp_path: Path) -> None:
    config = configfolder.write(tmp_path, server=_STOPPED)
    _written(tmp_path / "var", {b"\3txt\7example\4test\0": {16: RRset(60, (b"\1x",))}})
    assert '"x"' in done(config, "zone", "show", "example.test")
    told = refused(config, "record", "reset", "example.test", "txt")
    assert "what updates wrote is the server's; start it first: no server is running" in told


def test_what_updates_wrote_outlives_the_zones_file(tmp_path: Path) -> None:
    config = configfolder.write(tmp_path, server=_STOPPED)
    _written(tmp_path / "var", {b"\3txt\7example\4test\0": {16: RRset(60, (b"\1x",))}})
    told = geodns(config, "zone", "delete", "example.test", "--force")
    assert "wrote 1 record sets into example.test: they are kept" in told.stderr
    told = geodns(config, "zone", "list")
    assert "example.test has no file, and 1 record sets of dynamic updates" in told.stderr
    told = geodns(config, "record", "reset", "example.test", "--all", "--dry-run")
    assert '- txt.example.test. 60 IN TXT "x"' in told.stdout


def _written(state: Path, sets: dict[bytes, dict[int, RRset]]) -> None:
    state.mkdir(exist_ok=True)
    store = Store(state)
    store.keep_written(b"\7example\4test\0", sets)
    store.close()
