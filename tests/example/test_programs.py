"""What an interop test does where the program that it needs is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import program


def _install(folder: Path, name: str) -> Path:
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_an_installed_program_is_found_on_the_path(tmp_path: Path) -> None:
    file = _install(tmp_path, "frobnicate-dns")

    assert program("frobnicate-dns", {"PATH": str(tmp_path)}) == file


def test_a_missing_program_skips_the_test_and_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="frobnicate-dns is not installed"):
        program("frobnicate-dns", {"PATH": str(tmp_path)})


@pytest.mark.parametrize("value", ["1", "yes"])
def test_a_missing_program_fails_the_test_where_programs_are_required(
    tmp_path: Path, value: str
) -> None:
    environment = {"PATH": str(tmp_path), "GEODNS_REQUIRE_PROGRAMS": value}

    with pytest.raises(pytest.fail.Exception, match="frobnicate-dns is not installed"):
        program("frobnicate-dns", environment)
