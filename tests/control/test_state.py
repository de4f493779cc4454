"""One control process owns a state folder, and finds what an earlier one left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from geodns.control import processes
from geodns.control.processes import Process
from geodns.control.state import StateError, StateFolder


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        yield child
        child.kill()


@pytest.fixture
def stubborn() -> Iterator[subprocess.Popen[bytes]]:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def _process(child: subprocess.Popen[bytes]) -> Process:
    process = processes.find(child.pid)
    assert process is not None
    return process


def test_the_folder_is_made_and_is_not_for_everyone(tmp_path: Path) -> None:
    StateFolder(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o007 == 0


def test_a_second_control_process_is_refused_by_name(tmp_path: Path) -> None:
    first = StateFolder(tmp_path)
    with pytest.raises(StateError, match=rf"process {os.getpid()}\) uses the state folder"):
        StateFolder(tmp_path)
    first.close()
    StateFolder(tmp_path).close()


def test_a_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"file/var can't be used: Not a directory"):
        StateFolder(tmp_path / "file" / "var")


def test_workers_that_still_run_are_found_again(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    folder = StateFolder(tmp_path)
    process = _process(sleeper)
    folder.remember_workers([process, Process(process.pid, process.started - 1)])
    assert folder.orphans() == (process,), "a reused process id is somebody else"
    folder.close()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"boot": 1}', '{"boot": "x", "workers": [[1, 2]]}']
)
def test_a_damaged_or_foreign_record_names_nobody(tmp_path: Path, text: str) -> None:
    folder = StateFolder(tmp_path)
    (tmp_path / "workers.json").write_text(text)
    assert folder.orphans() == ()
    folder.close()


def test_a_process_is_asked_to_end(sleeper: subprocess.Popen[bytes]) -> None:
    asyncio.run(processes.end([_process(sleeper)], grace=30))
    assert sleeper.wait() == -signal.SIGTERM


def test_a_process_that_does_not_listen_is_killed(stubborn: subprocess.Popen[bytes]) -> None:
    asyncio.run(processes.end([_process(stubborn)], grace=0.05))
    assert stubborn.wait() == -signal.SIGKILL


def test_a_process_with_a_reused_id_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    process = _process(sleeper)
    assert not processes.send(Process(process.pid, process.started - 1), signal.SIGTERM)
    assert sleeper.poll() is None
