"""Which server file is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from geodns.config.find import NoConfigurationError, find


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    near, far = tmp_path / "near.yaml", tmp_path / "far.yaml"
    near.touch()
    far.touch()
    return near, far


def test_the_named_file_wins_over_the_variable_and_the_places(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    named, variable = tmp_path / "named.yaml", tmp_path / "variable.yaml"
    named.touch()
    variable.touch()
    environment = {"GEODNS_CONFIG": str(variable)}
    assert find(named, environment, files) == named
    assert find(None, environment, files) == variable
    assert find(None, {"GEODNS_CONFIG": ""}, files) == files[0]
    files[0].unlink()
    assert find(None, {}, files) == files[1]


def test_a_named_file_that_is_not_there_is_not_replaced(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    with pytest.raises(NoConfigurationError, match=r"x\.yaml, named by -c, does not exist"):
        find(tmp_path / "x.yaml", {}, files)
    with pytest.raises(NoConfigurationError, match="named by GEODNS_CONFIG, is a folder"):
        find(None, {"GEODNS_CONFIG": str(tmp_path)}, files)


def test_without_any_file_all_places_are_named(files: tuple[Path, Path]) -> None:
    for file in files:
        file.unlink()
    with pytest.raises(NoConfigurationError) as caught:
        find(None, {}, files)
    for word in ("GEODNS_CONFIG", str(files[0]), str(files[1]), "-c"):
        assert word in str(caught.value)
