"""What YAML means here, and where everything in it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.yamlfile import Document, parse, read

FILE = Path("some.yaml")


def data(text: str) -> Any:
    document, problems = parse(text, Document(FILE))
    assert problems == []
    return document.data


def findings(text: str) -> list[tuple[str, int, int]]:
    _, problems = parse(text, Document(FILE))
    return [(problem.id, problem.line, problem.column) for problem in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("True", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("10:30", "10:30"),
        ("1:30.5", "1:30.5"),
        ("2026-11-01", "2026-11-01"),
        ("1.5", 1.5),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ('"12"', "12"),
        ("127.10.1.1", "127.10.1.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_are_read_as_yaml_1_2_reads_them(text: str, expected: object) -> None:
    assert data(text) == expected


def test_keys_are_always_strings() -> None:
    assert data("1: a\ntrue: b\nnull: c\n") == {"1": "a", "true": "b", "null": "c"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [("duplicate-key", 3, 1)]),
        ("a: {b: 1, b: 2}\n", [("duplicate-key", 1, 11)]),
        ("? [a]\n: 1\n", [("bad-key", 1, 3)]),
        ("a: !vault x\n", [("unknown-tag", 1, 4)]),
        ("a: b\n  c: d\n", [("yaml-syntax", 2, 4)]),
        ("a: 'x\n", [("yaml-syntax", 2, 1)]),
        ("a: *x\n", [("yaml-syntax", 1, 4)]),
        ("a: 1\n---\nb: 2\n", [("yaml-syntax", 2, 1)]),
        ("a:\n  b: \x07\n", [("yaml-syntax", 2, 6)]),
        ("a: \ud800\n", [("yaml-syntax", 1, 4)]),
        ("<<: 3\n", [("bad-merge", 1, 5)]),
        ("&a [*a]\n", [("too-deep", 1, 1)]),
        ("a: &a {<<: *a}\n", [("too-deep", 1, 8)]),
        ("- " * 300_000, [("too-deep", 1, 127)]),
    ],
)
def test_what_is_wrong_is_found_at_its_place(
    text: str, expected: list[tuple[str, int, int]]
) -> None:
    assert findings(text) == expected


def test_brackets_without_end_are_too_deep() -> None:
    ((id, line, column),) = findings("[" * 300_000)
    # At our limit, or at libyaml's own in versions that have one.
    assert (id, line) == ("too-deep", 1)
    assert column in (64, 1001)


def test_aliases_cannot_make_a_small_file_endless() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert [id for id, _, _ in findings("\n".join(lines))] == ["too-large"]


def test_merges_cannot_make_a_small_file_endless() -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    assert "too-deep" in {id for id, _, _ in findings("\n".join(lines))}


def test_own_keys_win_over_merged_ones_and_keep_their_positions() -> None:
    text = "base: &base {a: 1, b: 1}\nreal:\n  <<: *base\n  b: 2\n"
    document, problems = parse(text, Document(FILE))
    assert problems == []
    assert document.data["real"] == {"a": 1, "b": 2}
    assert document.key_at(("real", "b")) == (4, 3)
    assert document.value_at(("real", "b")) == (4, 6)
    assert document.key_at(("real", "a")) == (1, 14)


def test_of_several_merges_the_first_wins() -> None:
    text = "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y]}\n"
    assert data(text)["z"] == {"a": 1, "b": 2}


def test_a_position_that_is_not_there_is_that_of_what_is_around_it() -> None:
    document, _ = parse("a:\n  b: 1\n", Document(FILE))
    assert document.key_at(("a", "b", "c", 7)) == (2, 3)
    assert document.value_at(("z",)) == (1, 1)


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: \xff\n")
    for file, id in [
        (tmp_path / "absent.yaml", "unreadable-file"),
        (tmp_path, "unreadable-file"),
        (Path("a\0b"), "unreadable-file"),
        (binary, "not-utf-8"),
    ]:
        assert [problem.id for problem in read(file)[1]] == [id]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(file)[0].data == {"a": 1}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    document, problems = parse(text, Document(FILE))
    assert document.data is None or document.values
    assert all(problem.line >= 1 for problem in problems)


@given(st.text(alphabet="ab:-[]{}&*<|>!'\"#?, \n\t%@`", max_size=80))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    parse(text, Document(FILE))
