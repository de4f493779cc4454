"""Edits of a configuration folder without a server, or with one that says no."""

from __future__ import annotations

import json
import os
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from commands import done, refused
from configfolder import SERVER, ZONE, write

from geodns.editor.edit import RefusedError, edit, edit_zone
from geodns.editor.lock import LOCK
from geodns.editor.site import open_site, read_origin
from geodns.zone.editing.change import setting
from geodns.zone.editing.records import read_kind, read_owner, read_value

LIVE = SERVER + "admin: {socket: admin.sock}\nstate: var\n"
MASTER = "@ 60 IN SOA ns.example.net. h 1 2 3 4 5\n@ 60 IN NS ns.example.net.\n"


@contextmanager
def answering(socket_file: Path, *answers: tuple[int, dict[str, object]]) -> Iterator[list[str]]:
    """A program at the admin socket that gives these answers, one after the other."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = left.pop(0)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *args: object) -> None:
            pass

    with socketserver.UnixStreamServer(str(socket_file), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def change_txt(config: Path, text: str) -> str:
    site = open_site(config)
    file = site.file_of(read_origin("example.test"))
    kind = read_kind("TXT")
    outcome = edit(
        site,
        lambda: edit_zone(
            site,
            file,
            lambda draft, before: setting(
                before,
                read_owner("txt", draft.origin),
                kind,
                [read_value(kind, text, draft.origin)],
            ),
            force=False,
        ),
        dry_run=False,
    )
    return outcome.use


def test_what_a_server_refuses_is_put_back(tmp_path: Path) -> None:
    config = write(tmp_path, server=LIVE)
    error = {"severity": "error", "text": "zones/example.test.yaml:1:1: error: too heavy [heavy]"}
    no = {"ok": False, "error": "the configuration can't be used", "problems": [error]}
    with (
        answering(tmp_path / "admin.sock", (422, no), (200, {"ok": True})) as asked,
        pytest.raises(RefusedError, match="too heavy") as refusal,
    ):
        change_txt(config, "hello")
    assert "the file is as it was before" in str(refusal.value)
    assert (tmp_path / "zones/example.test.yaml").read_text() == ZONE
    assert asked == ["/v1/reload", "/v1/reload"]


def test_without_a_server_it_is_written(tmp_path: Path) -> None:
    config = write(tmp_path, server=LIVE)
    assert change_txt(config, "hello") == "no server"
    assert change_txt(config, "hello") == "nothing to do"
    told = done(config, "record", "set", "example.test", "txt", "TXT", "again")
    assert told.endswith("written; no server is running\n")


def test_a_dry_run_shows_both_differences_and_writes_nothing(tmp_path: Path) -> None:
    config = write(tmp_path)
    told = done(config, "record", "add", "example.test", "ns1", "A", "192.0.2.2", "--dry-run")
    assert "-ns1: {type: A, value: 192.0.2.1}\n" in told
    assert "+ns1: {type: A, values: [192.0.2.1, 192.0.2.2]}\n" in told
    assert "+ ns1.example.test. 3600 IN A 192.0.2.2\n" in told
    assert {file.name for file in (tmp_path / "zones").iterdir()} == {"example.test.yaml"}
    assert (tmp_path / "zones/example.test.yaml").read_text() == ZONE
    told = done(
        config, "record", "add", "example.test", "ns1", "A", "192.0.2.2", "--dry-run", "--json"
    )
    assert json.loads(told)["changes"] == [
        {
            "name": "ns1.example.test.",
            "type": "A",
            "before": {"ttl": 3600, "values": ["192.0.2.1"]},
            "after": {"ttl": 3600, "values": ["192.0.2.1", "192.0.2.2"]},
        }
    ]


def test_a_link_is_followed_and_the_mode_stays(tmp_path: Path) -> None:
    config = write(tmp_path)
    link, real = tmp_path / "zones/example.test.yaml", tmp_path / "real.yaml"
    link.rename(real)
    link.symlink_to("../real.yaml")
    real.chmod(0o640)
    done(config, "record", "set", "example.test", "txt", "TXT", "x")
    assert link.is_symlink()
    assert "txt: {type: TXT, value: x}" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_what_a_killed_command_left_is_cleared(tmp_path: Path) -> None:
    config = write(tmp_path)
    (tmp_path / "zones/.example.test.yaml.4711.geodns-new").write_text("half")
    done(config, "record", "set", "example.test", "txt", "TXT", "x")
    left = {file.name for file in (tmp_path / "zones").iterdir()}
    assert left == {"example.test.yaml", LOCK}


def test_a_large_deletion_asks_for_force(tmp_path: Path) -> None:
    many = "".join(f"h{number}: {{type: A, value: 192.0.2.{number}}}\n" for number in range(40))
    addresses = ", ".join(f"192.0.2.{number}" for number in range(11))
    config = write(tmp_path, zone=f"{ZONE}many: {{type: A, values: [{addresses}]}}\n{many}")
    told = refused(config, "record", "remove", "example.test", "many")
    assert "removes 11 of 54 records" in told
    assert "--force" in told
    done(config, "record", "remove", "example.test", "many", "A", "192.0.2.1")
    assert "- many" in done(config, "record", "remove", "example.test", "many", "--force")
    told = refused(config, "zone", "delete", "example.test")
    assert "besides SOA and NS" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("record", "set", "exmple.test", "a", "A", "192.0.2.1"), "did you mean example.test?"),
        (("record", "set", "example.test", "a", "A", "192.0.2"), "write an address"),
        (("record", "set", "example.test", "a", "MX", "10", "mail"), "put a value of several"),
        (("record", "set", "example.test", "a", "AA", "1"), "not a record type"),
        (("record", "set", "example.test", "a.example.net.", "A", "192.0.2.1"), "not in the zone"),
        (("record", "set", "example.test", "a.example.test", "A", "192.0.2.1"), "twice|would be"),
        (("record", "set", "example.test", "a", "CNAME", "b", "c"), "only one CNAME"),
        (("record", "set", "example.test", "a", "CAA", "0 issue ca;x"), "begins a comment"),
        (("record", "remove", "example.test", "a"), "there are no records"),
        (("record", "remove", "example.test", "ns1", "A", "192.0.2.9"), "no A record 192.0.2.9"),
        (("record", "remove", "example.test", "@", "NS"), "no NS record"),
        (("zone", "create", "example.test", "--ns", "ns1"), "is there already"),
        (("zone", "show", "nowhere.test"), "there is no zone nowhere.test."),
    ],
)
def test_refusals_say_why(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    config = write(tmp_path)
    told = refused(config, *arguments)
    assert any(part in told for part in said.split("|")), told
    assert (tmp_path / "zones/example.test.yaml").read_text() == ZONE


def test_a_zone_with_two_files_is_not_edited(tmp_path: Path) -> None:
    config = write(tmp_path)
    (tmp_path / "zones/Example.Test.zone").write_text(MASTER)
    told = refused(config, "record", "set", "example.test", "a", "A", "192.0.2.1")
    assert "has the files Example.Test.zone and example.test.yaml" in told


def test_names_of_files_in_capitals_and_unusual_bytes_are_kept(tmp_path: Path) -> None:
    config = write(tmp_path, zone=None)
    file = tmp_path / "zones/EXAMPLE.Test.yaml"
    file.parent.mkdir()
    text = ZONE.replace("\n", "\r\n").rstrip("\r\n") + "  # Grüße"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    done(config, "record", "set", "example.test", "ns1", "A", "192.0.2.9")
    expected = text.replace("192.0.2.1}", "192.0.2.9}")
    assert file.read_bytes() == b"\xef\xbb\xbf" + expected.encode()
    done(config, "record", "set", "example.test", "bücher", "TXT", 'Grüße; "x"')
    told = done(config, "record", "list", "example.test", "xn--bcher-kva")
    assert told == 'xn--bcher-kva\t3600\tTXT\t"Gr\\195\\188\\195\\159e; \\"x\\""\n'


def test_an_empty_and_a_broken_file_are_not_made_worse(tmp_path: Path) -> None:
    config = write(tmp_path, zone="")
    told = refused(config, "record", "set", "example.test", "a", "A", "192.0.2.1")
    assert "has no NS record" in told
    done(config, "record", "set", "example.test", "@", "NS", "ns.example.net.")
    (tmp_path / "zones/example.test.yaml").write_text("a: {\n")
    told = refused(config, "record", "set", "example.test", "a", "A", "192.0.2.1")
    assert "the file can't be edited: is not YAML" in told
    (tmp_path / "zones/example.test.yaml").write_text(f"{ZONE}---\n{ZONE}")
    told = refused(config, "record", "set", "example.test", "a", "A", "192.0.2.1")
    assert "the file can't be edited: is not YAML" in told


@pytest.mark.parametrize(
    ("name", "text", "before", "after"),
    [
        ("example.test.zone", MASTER, " h 1 2 3", " h 2 2 3"),
        (
            "example.test.yaml",
            '"":\n  - {type: NS, value: ns.example.net.}\n'
            "  - {type: SOA, value: {serial: 4294967295, refresh: 60}} # by hand\n",
            "serial: 4294967295, refresh",
            "serial: 1, refresh",
        ),
    ],
)
def test_a_serial_that_is_written_down_moves_on(
    tmp_path: Path, name: str, text: str, before: str, after: str
) -> None:
    config = write(tmp_path, zone=None)
    (tmp_path / "zones").mkdir()
    file = tmp_path / "zones" / name
    file.write_text(text)
    done(config, "record", "set", "example.test", "txt", "TXT", "x", "--ttl", "60")
    assert file.read_text().startswith(text.replace(before, after))
    done(config, "record", "set", "example.test", "txt", "TXT", "x")
    assert after in file.read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_named(tmp_path: Path) -> None:
    config = write(tmp_path)
    (tmp_path / "zones").chmod(0o500)
    told = refused(config, "record", "set", "example.test", "a", "A", "192.0.2.1")
    assert "can't be edited: Permission denied" in told
