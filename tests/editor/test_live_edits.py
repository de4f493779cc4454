"""Edits beside a running server: in use when the command returns, none lost, none by half."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from commands import done, geodns, refused
from running import COMMAND, FILES, RunningServer

from geodns.editor.lock import LockError, locked

ZONE = "zones/example.test.yaml"
MASTER = """\
$TTL 60
@    IN SOA ns1 hostmaster 1 3600 600 604800 300
@    IN NS  ns1
ns1  IN A   192.0.2.53
www  IN GEO web   ; by place
"""


def test_an_edit_is_answered_when_the_command_returns(tmp_path: Path) -> None:
    with RunningServer(tmp_path, {"zones/second.test.zone": MASTER}) as server:
        for number in range(3):
            told = done(
                server.config, "record", "set", "example.test", "txt", "TXT", f"no {number}"
            )
            assert "written, and in use" in told
            assert server.answer("txt.example.test", "TXT") == [f'"no {number}"']
        done(server.config, "record", "add", "second.test", "a", "A", "192.0.2.7", "--ttl", "5")
        assert server.answer("a.second.test") == ["192.0.2.7"]
        done(server.config, "zone", "create", "third.test", "--ns", "ns1.example.test.")
        assert server.answer("third.test", "NS") == ["ns1.example.test."]
        assert "a copy is in" in done(server.config, "zone", "delete", "third.test")
        assert server.ask("third.test", "NS").rcode().name == "REFUSED"
        (kept,) = (tmp_path / "var" / "deleted-zones").iterdir()
        assert kept.read_text().startswith('"": {ttl: 3600, type: NS')


@pytest.mark.slow
def test_edits_of_several_processes_are_all_kept(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        running = [
            subprocess.Popen(
                [
                    *COMMAND,
                    "record",
                    "add",
                    "example.test",
                    name,
                    "A",
                    f"192.0.2.{number}",
                    "-c",
                    str(server.config),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            for number in range(8)
            for name in ("shared", f"own{number}")[number % 2 :: 2]
        ]
        for process in running:
            output, _ = process.communicate(timeout=120)
            assert process.returncode == 0, output
        assert sorted(server.answer("shared.example.test")) == [
            f"192.0.2.{number}" for number in (0, 2, 4, 6)
        ]
        for number in (1, 3, 5, 7):
            assert server.answer(f"own{number}.example.test") == [f"192.0.2.{number}"]


def test_what_would_be_an_error_is_not_written(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        before = (tmp_path / ZONE).read_bytes()
        told = refused(server.config, "record", "set", "example.test", "txt", "CNAME", "www")
        assert "a CNAME stands alone" in told
        assert "example.test.yaml:7:" in told
        assert told.endswith("nothing was changed\n")
        told = refused(server.config, "record", "set", "example.test", "www", "GEO", "wbe")
        assert "'wbe', which is not defined (did you mean web?)" in told
        assert (tmp_path / ZONE).read_bytes() == before


def test_errors_from_before_are_named_and_the_edit_stays(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        server.write("services.yaml", FILES["services.yaml"] + "  api: {ttl: never}\n")
        server.wait_for("reload refused, the last good configuration stays in use")
        found = geodns(server.config, "record", "set", "example.test", "txt", "TXT", "second")
        assert found.exit_code == 1
        assert "not in use: the configuration has errors, which it had before" in found.stdout
        assert "services.yaml:3:" in found.stdout
        assert "second" in (tmp_path / ZONE).read_text()
        assert server.answer("txt.example.test", "TXT") == ['"first"']


def test_who_holds_the_lock_is_named(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            *COMMAND[:1],
            "-c",
            "import sys, pathlib\n"
            "from geodns.editor.lock import locked\n"
            "with locked(pathlib.Path(sys.argv[1]), 0):\n"
            "    print('held', flush=True); sys.stdin.read()",
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    moments = iter(range(100))
    with (
        pytest.raises(LockError, match=rf"process {holder.pid} \(.*\) is editing"),
        locked(tmp_path, 5, lambda: next(moments), lambda _: None),
    ):
        pass
    holder.kill()  # the kernel gives the lock free
    holder.wait()
    with locked(tmp_path, 5):
        pass
