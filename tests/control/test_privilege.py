"""Giving up root: who the server's processes are, and what they can still do."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from namespaces import needs_root, open_to_all
from passing import passing
from running import COMMAND, SERVER, ZONE, RunningServer

from geodns.config.settings import Server
from geodns.control.privilege import PrivilegeError, give_folder, identity
from geodns.control.state import StateError, StateFolder
from geodns.control.stepping_down import must_be

_BIND_LOW_PORTS = "0000000000000400"  # CAP_NET_BIND_SERVICE alone
_NONE = "0000000000000000"


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _status(process: int | str) -> dict[str, str]:
    """A process's or thread's entries in /proc, with single spaces."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name: " ".join(value.split()) for name, _, value in pairs}


def _low_port() -> int:
    """A port below 1024 of 127.0.0.1 that nobody has."""
    for port in range(1023, 600, -1):
        with (
            socket.socket(type=socket.SOCK_STREAM) as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.skip("there is no free port below 1024")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of root's that everybody may read; pytest's own are closed to others."""
    made = Path(tempfile.mkdtemp(prefix="geodns-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def nobody() -> pwd.struct_passwd:
    needs_root()
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("there is no user nobody")


def _files(more: str, port: int = 0) -> dict[str, str]:
    return {"geodns.yaml": SERVER.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1) + more}


def _is_nobody(status: dict[str, str], nobody: pwd.struct_passwd) -> bool:
    uid, gid = str(nobody.pw_uid), str(nobody.pw_gid)
    return (
        status["Uid"].split() == [uid] * 4
        and status["Gid"].split() == [gid] * 4
        and status["Groups"].split() == list(map(str, os.getgrouplist("nobody", nobody.pw_gid)))
        and status["NoNewPrivs"] == "1"
    )


def test_a_server_started_as_root_runs_as_its_user_from_then_on(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    files = _files("user: nobody\n", _low_port())
    with RunningServer(folder, files, prefix=open_to_all()) as server:
        for thread in Path(f"/proc/{server.pid}/task").iterdir():
            assert _status(f"{server.pid}/task/{thread.name}")["Uid"].split()[0] != "0"
        control = _status(server.pid)
        assert _is_nobody(control, nobody)
        assert {control[name] for name in ("CapPrm", "CapEff")} == {_BIND_LOW_PORTS}
        assert {control[name] for name in ("CapInh", "CapAmb")} == {_NONE}
        for pid in server.workers():
            worker = _status(pid)
            assert _is_nobody(worker, nobody)
            assert {worker[f"Cap{each}"] for each in ("Inh", "Prm", "Eff", "Amb")} == {_NONE}
        assert (folder / "var").stat().st_uid == nobody.pw_uid
        assert server.socket.stat().st_uid == nobody.pw_uid
        assert server.answer("txt.example.test", "TXT") == ['"first"']
        assert not [event for event in server.events() if event["level"] == "warning"]


def test_the_compiler_runs_as_the_user_too(folder: Path, nobody: pwd.struct_passwd) -> None:
    with RunningServer(folder, _files("user: nobody\n"), prefix=open_to_all()) as server:
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        seen: list[dict[str, str]] = []

        def compiler() -> bool:
            for pid in set(children.read_text().split()) - set(map(str, server.workers())):
                # It may end at any moment, and begins as a copy of control.
                try:
                    command = Path(f"/proc/{pid}/cmdline").read_bytes()
                    found = _status(pid)
                except (OSError, ValueError):
                    continue
                if b"geodns.control.compiler" in command:
                    seen.append(found)
            return bool(seen)

        server.signal(signal.SIGHUP)
        _until(compiler)
        assert _is_nobody(seen[-1], nobody)
        assert seen[-1]["CapEff"] == _NONE
        server.wait_for("reloaded")


@pytest.mark.slow
def test_port_53_is_still_answered_after_workers_die_and_are_replaced(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    port = _low_port()
    files = _files("user: nobody\n", port)
    with RunningServer(folder, files, prefix=open_to_all()) as server:
        victim = server.workers()[0]
        os.kill(victim, signal.SIGKILL)
        server.wait_for("worker ended, starting another", pid=victim)
        _until(lambda: len(server.workers()) == 2 and victim not in server.workers())
        before = server.workers()
        server.write("geodns.yaml", files["geodns.yaml"] + "tcp: {connections: 7}\n")
        server.wait_for("reloaded")
        assert not set(before) & set(server.workers())
        for _ in range(10):
            assert server.answer("txt.example.test", "TXT") == ['"first"']
            assert server.ask("txt.example.test", "TXT", tcp=True).answer
        assert all(_is_nobody(_status(pid), nobody) for pid in server.workers())
        assert not server.events("a worker can't be replaced, it runs on as it is")


@pytest.mark.slow
def test_a_user_takes_over_port_53_from_workers_that_outlived_their_control_process(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    files = _files("user: nobody\n", _low_port())
    with RunningServer(folder, files, prefix=open_to_all()) as server:
        orphans = server.workers()
        server.signal(signal.SIGKILL)
        server.wait()
        server.write("zones/example.test.yaml", ZONE.replace("first", "second"))
        server.start()
        assert server.wait_for("taking over from a control process that died")["workers"] == orphans
        _until(lambda: not set(orphans) & set(server.workers()))
        assert server.answer("txt.example.test", "TXT") == ['"second"']


def test_without_low_ports_control_keeps_no_capability(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    with RunningServer(folder, _files("user: nobody\n"), prefix=open_to_all()) as server:
        status = _status(server.pid)
        assert _is_nobody(status, nobody)
        assert {status[f"Cap{each}"] for each in ("Inh", "Prm", "Eff", "Amb")} == {_NONE}


def test_a_user_that_systemd_lets_bind_low_ports_hands_that_to_no_other_process(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    (folder / "var").mkdir()
    os.chown(folder / "var", nobody.pw_uid, nobody.pw_gid)
    user = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--init-groups")
    rights = ("--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")
    prefix = (*open_to_all(), *user, *rights)
    with RunningServer(folder, _files("", _low_port()), prefix=prefix) as server:
        control = _status(server.pid)
        assert _is_nobody(control, nobody)
        assert {control[name] for name in ("CapPrm", "CapEff")} == {_BIND_LOW_PORTS}
        assert {control[name] for name in ("CapInh", "CapAmb")} == {_NONE}
        for pid in server.workers():
            worker = _status(pid)
            assert {worker[f"Cap{each}"] for each in ("Inh", "Prm", "Eff", "Amb")} == {_NONE}
        assert server.answer("txt.example.test", "TXT") == ['"first"']


def test_with_sockets_from_systemd_control_keeps_no_capability(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    port = _low_port()
    prefix = passing(f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}")
    files = _files("user: nobody\n", port)
    with RunningServer(folder, files, prefix=(*open_to_all(), *prefix)) as server:
        status = _status(server.pid)
        assert _is_nobody(status, nobody)
        assert status["CapEff"] == status["CapPrm"] == _NONE
        server.write("geodns.yaml", files["geodns.yaml"] + "tcp: {connections: 7}\n")
        server.wait_for("reloaded")
        assert server.answer("txt.example.test", "TXT") == ['"first"']
        assert server.ask("txt.example.test", "TXT", tcp=True).answer


def test_a_user_that_changes_between_two_looks_stops_the_start() -> None:
    server = Server(user="geodns")
    must_be(("geodns", None), server)
    for named in ((None, None), ("other", None), ("geodns", "dns")):
        with pytest.raises(PrivilegeError, match="start again"):
            must_be(named, server)


def test_root_without_a_user_is_warned(tmp_path: Path) -> None:
    needs_root()
    with RunningServer(tmp_path) as server:
        assert server.events("running as root; set `user` to one that has no other rights")
        assert _status(server.pid)["NoNewPrivs"] == "1"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("user: no-such-user-here\n", "there is no user no-such-user-here on this machine"),
        ("user: nobody\ngroup: no-such-group\n", "there is no group no-such-group on this machine"),
        ("group: nogroup\n", "`group` says nothing without `user`"),
    ],
)
def test_a_user_that_can_not_be_become_is_one_sentence(
    tmp_path: Path, settings: str, said: str
) -> None:
    assert said in _refusal(RunningServer(tmp_path, _files(settings)).config)


def test_a_configuration_that_the_user_can_not_read_is_one_sentence(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    config = RunningServer(folder, _files("user: nobody\n")).config
    config.chmod(0o600)
    assert f"the user nobody can't read {config}" in _refusal(config, *open_to_all())


def test_another_file_that_the_user_can_not_read_is_a_problem_of_the_configuration(
    folder: Path, nobody: pwd.struct_passwd
) -> None:
    config = RunningServer(folder, _files("user: nobody\n")).config
    (folder / "topology.yaml").chmod(0o600)
    said = _refusal(config, *open_to_all())
    assert f"{folder / 'topology.yaml'}" in said
    assert "Permission denied" in said


def test_a_state_folder_of_root_is_one_sentence(folder: Path, nobody: pwd.struct_passwd) -> None:
    config = RunningServer(folder, _files("user: nobody\n")).config
    (folder / "var").mkdir(mode=0o755)
    said = _refusal(config, *open_to_all())
    assert f"the state folder {folder / 'var'} can't be used by the user nobody" in said


def _refusal(config: Path, *prefix: str) -> str:
    """What a server that does not start says."""
    ended = subprocess.run(
        [*prefix, *COMMAND, "serve", "-c", str(config)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert b"Traceback" not in ended.stderr
    return " ".join(ended.stderr.decode().split())


def test_the_user_that_it_already_is_needs_nothing() -> None:
    assert identity(pwd.getpwuid(os.geteuid()).pw_name, None) is None
    assert identity(None, None) is None


def test_a_folder_that_is_there_stays_whose_it_is(
    tmp_path: Path, nobody: pwd.struct_passwd
) -> None:
    owner = identity("nobody", None)
    assert owner is not None
    give_folder(tmp_path, owner)
    assert tmp_path.stat().st_uid == 0
    give_folder(tmp_path / "new" / "var", owner)
    made = (tmp_path / "new" / "var").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (owner.uid, owner.gid, 0o750)
    assert (tmp_path / "new").stat().st_uid == 0
    (tmp_path / "file").touch()
    with pytest.raises(PrivilegeError, match="can't be made"):
        give_folder(tmp_path / "file" / "var", owner)


def test_a_state_folder_that_is_in_use_is_not_blamed_on_rights(tmp_path: Path) -> None:
    first = StateFolder(tmp_path)
    with pytest.raises(StateError, match="another geodns serve"):
        StateFolder(tmp_path)
    first.close()
