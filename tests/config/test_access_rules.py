"""Access lists in the configuration: what is wrong with them, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from configfolder import SERVER, found, problems, write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{default: [10.0.0.0/8, '::1'], zones: {example.test.: none}}", []),
        ("{zones: {example.test.: any}}", []),
        ("{zones: {broken.test.: any}}", []),
        ("{zones: {exampel.test.: any}}", [("undefined-zone", 23)]),
        ("{zones: {example.test: any}}", [("bad-value", 37)]),
        ("{zones: {example.test.: all}}", [("bad-value", 38)]),
        ("{zones: {example.test.: [10.0.0.1/8]}}", [("bad-value", 39)]),
        ("{zones: {example.test.: [any]}}", [("bad-value", 39)]),
        ("{zones: {example.test.: any, EXAMPLE.test.: none}}", [("repeated-zone", 43)]),
        ("{zones: {.: none}}", []),
        ("{zones: {root.: none}}", [("undefined-zone", 23)]),
        ("{default: 5}", [("bad-value", 24)]),
    ],
)
def test_a_list_is_for_a_zone_that_is_there(
    tmp_path: Path, text: str, expected: list[tuple[str, int]]
) -> None:
    server = write(tmp_path, server=f"{SERVER}allow_query: {text}\n")
    (tmp_path / "zones" / "root.zone").write_text("@ SOA a. b. 1 2 3 4 5\n@ NS a.example.test.\n")
    (tmp_path / "zones" / "broken.test.yaml").write_text("www: {type: A, value: x}\n")
    in_server = [(id, column) for file, id, _, column in found(server) if file == "geodns.yaml"]
    assert in_server == expected


def test_a_zone_that_was_meant_is_named(tmp_path: Path) -> None:
    text = f"{SERVER}allow_query: {{zones: {{exampel.test.: none}}}}\n"
    (problem,) = problems(write(tmp_path, server=text))
    assert problem.hint == "did you mean example.test.?"
