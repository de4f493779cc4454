"""Control killed anywhere in updates, resets, edits and starts: what it acknowledged is there.

The lives are in ``killed_lives.py``. There are 300, or as many as GEODNS_KILLS says.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from killing import Moment, is_possible, killed_at

_ROUNDS = int(os.environ.get("GEODNS_KILLS", "300"))
_FOLDERS = (Path(__file__).parent, Path(__file__).parents[1], Path(__file__).parents[2] / "scripts")

pytestmark = pytest.mark.skipif(not is_possible(), reason="ptrace(2) is not allowed here")


@pytest.mark.slow
def test_whatever_is_killed_what_was_acknowledged_is_there_whole_and_serials_never_go_back(
    tmp_path: Path,
) -> None:
    seed = random.randrange(2**32)
    # A process of its own: it forks each life from one that has loaded everything.
    command = [sys.executable, "-P", str(_FOLDERS[0] / "killed_lives.py")]
    done = subprocess.run(
        [*command, str(tmp_path / "lives"), str(_ROUNDS), str(seed)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, _FOLDERS))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"seed {seed}:\n{done.stderr[-5000:]}"
    counts = json.loads(done.stdout)
    kinds = ("start", "update", "edit", "reset")
    assert sum(counts[f"killed in {kind}"] for kind in kinds) == _ROUNDS
    assert counts["followed by the journal"]


def test_a_process_is_killed_before_or_after_the_call_that_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "file"

    def write() -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(descriptor, b"whole")

    contents = []
    for stops in range(5):
        file.write_bytes(b"former")
        killed_at(Moment(0, stops), write)
        contents.append(file.read_bytes())
    assert contents == [b"former", b"former", b"", b"", b"whole"]
