"""Every test that docs/protocol.md names as evidence is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = (_ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
_NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", _PAGE)))


@pytest.mark.parametrize(("file", "test"), _NAMED)
def test_a_test_that_the_page_names_exists(file: str, test: str) -> None:
    text = (_ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {test}\(", text, re.MULTILINE)


def test_every_row_of_what_is_there_has_a_test() -> None:
    rows = [line.split("|") for line in _PAGE.splitlines() if re.match(r"\| \d{4}", line)]
    assert len(rows) > 20
    for _, rfcs, there, _, shown, _ in rows:
        assert not there.strip() or "::" in shown, rfcs
