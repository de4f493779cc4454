"""Completion in a real bash, by the script that ``geodns completion`` prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from configfolder import ZONE, write
from programs import program

_GEODNS = f"""#!/bin/sh
exec {sys.executable} -P -c "from geodns.cli.main import main; main(prog_name='geodns')" "$@"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, zone=ZONE + "mail: {type: MX, value: {preference: 10, exchange: ns1.test.}}\n")
    command = tmp_path / "bin/geodns"
    command.parent.mkdir()
    command.write_text(_GEODNS)
    command.chmod(0o755)
    return tmp_path


def offered(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    script = (
        'eval "$(geodns completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        ' _geodns_completion geodns; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = {
        "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
        "GEODNS_CONFIG": str(folder / "geodns.yaml"),
    }
    found = subprocess.run(
        [program("bash"), "-c", script, "bash", "geodns", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert found.stderr == ""
    return found.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("rec",), ["record"]),
        (("record", "s"), ["set"]),
        (("zone", "show", ""), ["example.test"]),
        (("record", "set", "ex"), ["example.test"]),
        (("record", "set", "example.test", "w"), ["www"]),
        (("record", "set", "example.test", "www", "GE"), ["GEO"]),
        (("record", "remove", "example.test", "mail", ""), ["MX"]),
        (("record", "set", "example.test", "www", "GEO", ""), ["web"]),
        (("record", "set", "--on"), ["--only"]),
        (("record", "set", "nowhere.test", ""), []),
        (("drain", "eu"), ["eu-central-1", "eu-central-1a", "eu-central-1b"]),
        (("drain", "web@"), ["web@eu-central-1a", "web@us-east-1a"]),
    ],
)
def test_bash_completes(folder: Path, words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(folder, *words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_printed(folder: Path, shell: str) -> None:
    found = subprocess.run(
        [folder / "bin/geodns", "completion", shell], capture_output=True, text=True, check=True
    )
    assert f"_GEODNS_COMPLETE={shell}_complete" in found.stdout
