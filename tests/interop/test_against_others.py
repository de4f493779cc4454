"""The same zones in NSD, Knot DNS and BIND: the same questions get the same answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparing import Case, Reply, ask_all
from differences import RULES, unexplained
from plain_zones import ZONES, Question, questions
from running import RunningServer
from yardsticks import NAMES, yardstick

_SHOWN = 20
_DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def _theirs(name: str, folder: Path, asked: list[Question]) -> list[Reply]:
    folder.mkdir()
    files = {}
    for zone, text in ZONES.items():
        files[zone] = folder / f"{zone}.zone"
        files[zone].write_text(text)
    with yardstick(name, folder, files) as address:
        return ask_all(address, asked)


def _ours(folder: Path, asked: list[Question]) -> list[Reply]:
    files = {f"zones/{zone}.zone": text for zone, text in ZONES.items()}
    with RunningServer(folder, files) as server:
        return ask_all(server.udp, asked)


def test_answers_are_those_of_nsd_knot_and_bind(tmp_path: Path) -> None:
    asked = list(questions())
    assert len(asked) > 10_000
    theirs = {name: _theirs(name, tmp_path / name.split()[0], asked) for name in NAMES}
    ours = _ours(tmp_path / "ours", asked)
    used: set[str] = set()
    wrong = []
    for number, question in enumerate(asked):
        others = {name: replies[number] for name, replies in theirs.items()}
        case = Case(question, ours[number], others)
        parts = unexplained(case, used)
        if parts:
            wrong.append(f"{', '.join(parts)} of {case}")
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:_SHOWN])
    # A rule that nothing needs any more hides the next difference.
    assert used == {rule.name for rule in RULES}


def test_every_difference_is_explained_in_the_documentation() -> None:
    section = _DOCUMENT.read_text().partition("## Where servers differ")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    assert rows[1:] == [rule.name for rule in RULES]
