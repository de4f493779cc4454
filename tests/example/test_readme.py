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
    """Who changes regions, centres of population or steering runs docs/pictures/world.py."""
    shown = (ROOT / "docs" / "pictures" / "world.svg").read_text(encoding="utf-8")
    drawn = tmp_path / "docs" / "pictures"
    drawn.mkdir(parents=True)
    (drawn / "world.py").write_bytes((ROOT / "docs" / "pictures" / "world.py").read_bytes())
    (tmp_path / "config").symlink_to(ROOT / "config")

    subprocess.run([sys.executable, drawn / "world.py"], check=True, timeout=60)

    assert (drawn / "world.svg").read_text(encoding="utf-8") == shown
