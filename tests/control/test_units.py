"""The systemd units that are given as examples: systemd itself finds nothing wrong with them."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

_DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Copies, with a program that is there on every machine."""
    copies = []
    for name in ("geodns.service", "geodns.socket"):
        text = (_DOCS / name).read_text(encoding="utf-8")
        copies.append(tmp_path / name)
        copies[-1].write_text(text.replace("/opt/geodns/bin/geodns", shutil.which("true") or ""))
    return copies


def test_systemd_understands_the_units(units: list[Path]) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    ended = subprocess.run(
        [analyze, "verify", *map(str, units)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_service_is_one_that_the_server_can_be(units: list[Path]) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment] # keys keep their case
    parser.read(units[0])
    service = parser["Service"]
    assert service["Type"] == "notify"  # geodns.control.notify
    assert service["KillMode"] == "process"  # workers answer on without a control process
    # The name of this boot is read below /proc/sys.
    assert "ProcSubset" not in service
