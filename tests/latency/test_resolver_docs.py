"""The examples of docs/resolvers.md are read as they stand."""

from __future__ import annotations

import re
from pathlib import Path

from configfolder import problems, write

from geodns.latency.resolvers import read_resolvers

PAGE = Path(__file__).parents[2] / "docs" / "resolvers.md"


def test_the_example_is_read_and_used(tmp_path: Path) -> None:
    table, server = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "resolvers.yaml"
    file.write_text(table, encoding="utf-8")
    rows, found = read_resolvers(file)
    assert found == []
    assert [str(row.network) for row in rows] == [
        "192.0.2.53/32",
        "198.51.100.0/24",
        "2001:db8::/32",
    ]
    settings = "zones: zones\ntopology: topology.yaml\nservices: services.yaml\n" + server
    assert [
        one for one in problems(write(tmp_path, server=settings)) if "resolvers" in str(one)
    ] == []
