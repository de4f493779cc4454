"""``geodns schema``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from geodns.cli.main import main


@pytest.mark.parametrize("kind", ["server", "topology", "services", "zone", "latency"])
def test_a_schema_is_printed_as_json(kind: str) -> None:
    result = CliRunner().invoke(main, ["schema", kind])
    assert result.exit_code == 0
    assert json.loads(result.output)["title"] == f"geodns {kind} file"


def test_an_unknown_kind_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["schema", "zoen"])
    assert result.exit_code == 2
    assert "'zone'" in result.output
