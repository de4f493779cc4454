"""What README.md shows is what happens: its commands exist, its answers are the real ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from demonstration.clients import CLIENTS
from demonstration.hints import hints
from demonstration.setting import read_setting

from geodns.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURE = ROOT / "docs" / "pictures" / "world.svg"
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMAND_LINES = re.findall(r"^\$ (.*)$", README, re.MULTILINE)


def test_every_dig_and_demo_command_of_the_readme_is_one_that_scripts_run_prints() -> None:
    printed = hints(read_setting(ROOT / "config" / "geodns.yaml"), coloured=False)
    commands = [part.strip() for line in COMMAND_LINES for part in line.split(";")]
    asked = [c for c in commands if c.startswith(("dig ", "scripts/demo "))]

    assert len(asked) >= 4
    for command in asked:
        words = set(command.split()) - {"+short"}
        assert any(words <= set(line.split()) for line in printed.splitlines()), command


def test_the_table_of_the_readme_has_every_client_that_scripts_run_names() -> None:
    for client in CLIENTS:
        assert re.search(rf"^{client.country} +{client.subnet} ", README, re.MULTILINE), client


def test_every_geodns_command_of_the_readme_exists() -> None:
    used = set(re.findall(r"\.venv/bin/geodns (\w+)", README))

    assert used
    assert used <= set(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    files = [link for link in links if link and "://" not in link]

    missing = [link for link in files if not (document.parent / link).exists()]

    assert missing == []


def test_the_picture_shows_the_present_configuration(tmp_path: Path) -> None:
    """Who changes regions or steering makes it anew: docs/pictures/README.md says how."""
    drawn = tmp_path / "world.svg"
    date = re.search(r"20\d\d-\d\d-\d\d", PICTURE.read_text(encoding="utf-8"))
    assert date is not None
    program = [sys.executable, "-c", "from geodns.cli.main import main; main()"]
    command = [*program, "map", "web", "--date", date[0], "-o", str(drawn)]

    subprocess.run(command, check=True, timeout=120, cwd=ROOT)

    # What is around the map: the pixels of coastlines may differ between builds of NumPy.
    assert texts(drawn) == texts(PICTURE)


def texts(picture: Path) -> list[str]:
    """What is written in a picture."""
    return re.findall(r"<text[^>]*>([^<]*)<", picture.read_text(encoding="utf-8"))
