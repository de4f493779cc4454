"""min_available: a number of endpoints that there are, or a share."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import found, write

from geodns.config.load import load

SERVICES = "services:\n  web: {{min_available: {}}}\n"


@pytest.mark.parametrize(("text", "value"), [("2", 2), ("1", 1), ("50%", 0.5), ("0.5", 0.5)])
def test_a_whole_number_is_of_endpoints_and_all_else_a_share(
    tmp_path: Path, text: str, value: float
) -> None:
    configuration, _ = load(write(tmp_path, services=SERVICES.format(text)))
    least = configuration.services.services["web"].min_available
    assert (least, type(least)) == (value, type(value))


def test_more_than_there_are_is_an_error_where_it_stands(tmp_path: Path) -> None:
    server = write(tmp_path, services=SERVICES.format("3"))
    assert ("services.yaml", "unreachable-minimum", 2, 24) in found(server)


@pytest.mark.parametrize("text", ["-1", "120%", "many"])
def test_what_is_neither_is_refused(tmp_path: Path, text: str) -> None:
    assert found(write(tmp_path, services=SERVICES.format(text)))
