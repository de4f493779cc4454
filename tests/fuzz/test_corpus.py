"""Every input that fuzzing found worth keeping still runs well, and so do many mutated packets."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from building import query
from fuzzing import corpus, volume
from fuzzing.choices import Choices
from fuzzing.messages import build
from fuzzing.reach import least, reached
from fuzzing.targets import TARGETS

_ROOT = Path(__file__).resolve().parents[2]
_PACKETS = 200_000


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_corpus_runs_well(target: str) -> None:
    inputs = corpus.inputs(target)
    assert len(inputs) > 50
    for path in inputs:
        try:
            TARGETS[target](path.read_bytes())
        except BaseException as error:
            error.add_note(f"found by {path}")
            raise


def test_the_corpus_is_small() -> None:
    for target in TARGETS:
        sizes = [path.stat().st_size for path in corpus.inputs(target)]
        assert len(sizes) < 1000
        assert sum(sizes) < 500_000


@pytest.mark.slow
def test_hundreds_of_thousands_of_hostile_packets() -> None:
    total = volume.Outcome()
    for seed in range(_PACKETS // volume.SLICE):
        total.add(volume.run_slice(1000 + seed, volume.SLICE))
    assert total.findings == []
    assert total.packets == _PACKETS == sum(total.replies.values())
    assert {"NOERROR", "NXDOMAIN", "REFUSED", "FORMERR", "NOTIMP", "silence"} <= set(total.replies)


def test_no_choices_left_make_a_good_query() -> None:
    # An input that ends early ends in the ordinary, so small inputs are simple ones.
    assert build(Choices(b""))[12:] == query("www.example.test", edns=True)[12:]


def test_only_inputs_that_reach_something_new_are_kept() -> None:
    run = TARGETS["engine"]
    kept = least(run, [b"\0", b"\0\0", b"\1\0\0" + query("x.child.example.test", "DS")])
    assert len(kept) == 2
    assert least(run, kept) == kept


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_what_an_input_reaches_does_not_depend_on_what_ran_before(target: str) -> None:
    run = TARGETS[target]
    inputs = [path.read_bytes() for path in corpus.inputs(target)[::20]]
    before = [reached(run, data) for data in inputs]
    assert [reached(run, data) for data in reversed(inputs)] == before[::-1]


def test_failing_inputs_are_run_by_their_name(tmp_path: Path) -> None:
    good = corpus.save(tmp_path, b"\0\0\0")
    done = subprocess.run(
        [str(_ROOT / "scripts" / "fuzz"), str(good)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{good}: well\n"
