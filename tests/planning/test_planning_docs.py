"""The runs that docs/planning.md shows are what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from geodns.cli.main import main

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "planning.md").read_text(encoding="utf-8")
_DEMAND = re.search(r"^```csv\n(.*?)```", _PAGE, re.MULTILINE | re.DOTALL)
_RUNS = re.findall(r"^```console\n\$ geodns (.*)\n((?:.*\n)*?)```", _PAGE, re.MULTILINE)


@pytest.mark.parametrize(("command", "shown"), _RUNS)
def test_a_run_on_the_page_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
) -> None:
    assert _DEMAND is not None
    (tmp_path / "demand.csv").write_text(_DEMAND[1])
    monkeypatch.chdir(tmp_path)
    example = str(_ROOT / "config" / "geodns.yaml")
    result = CliRunner().invoke(main, [*shlex.split(command), "-c", example])
    assert result.output.rstrip() == shown.rstrip()
    if "-o" in shlex.split(command):
        written = yaml.safe_load((tmp_path / "plan.yaml").read_text())["clients"]
        on_page = re.search(r"^```yaml\n(clients:\n.*?)```", _PAGE, re.MULTILINE | re.DOTALL)
        assert on_page is not None
        assert yaml.safe_load(on_page[1])["clients"] == written


def test_the_page_has_a_run() -> None:
    assert len(_RUNS) == 1
