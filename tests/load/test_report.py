"""Reading a load out of an answer: paths, numbers, and everything that is not one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.load.report import LoadError, from_json, from_text, parse_path

BODY = b'{"load": {"current": 930, "half": "12.5"}, "nodes": [{"cpu": 0.25}, {"cpu": 7}]}'


@pytest.mark.parametrize(
    ("path", "load"),
    [
        ("$.load.current", 930),
        ("load.current", 930),
        ("$.load.half", 12.5),
        ("$.nodes[1].cpu", 7),
        (" $.nodes[0].cpu ", 0.25),
    ],
)
def test_a_path_leads_to_a_number(path: str, load: float) -> None:
    assert from_json(BODY, parse_path(path)) == load


def test_the_whole_document_may_be_a_list() -> None:
    assert from_json(b"[3, 4]", parse_path("$[1]")) == 4


@pytest.mark.parametrize("text", ["", "$", "$.", "a..b", "$.a[", "$.a[x]", "$[-1]", "a b", "$.*.["])
def test_what_is_no_path_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("as in $.load.current")):
        parse_path(text)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON"),
        (b"busy", "the body is not JSON"),
        (b"\xff\xfe\x00", "the body is not JSON"),
        (b"[" * 60_000, "the body is not JSON"),
        (b"{}", "the body has no $.load"),
        (b'{"load": 5}', "the body has no $.load.current"),
        (b'{"load": [5]}', "the body has no $.load.current"),
        (b'{"load": {"current": null}}', "the body has no $.load.current"),
        (b'{"load": {"current": true}}', "true is not a load; it must be a number of at least 0"),
        (b'{"load": {"current": -1}}', "-1 is not a load; it must be a number of at least 0"),
        (b'{"load": {"current": NaN}}', "nan is not a load; it must be a number of at least 0"),
        (b'{"load": {"current": Infinity}}', "inf is not a load; it must be a number"),
        (b'{"load": {"current": "much"}}', "'much' is not a load; it must be a number"),
        (b'{"load": {"current": {"a": 1}}}', "{'a': 1} is not a load; it must be a number"),
        (b'{"load": {"current": 1' + b"0" * 400 + b"}}", "a number this large is not a load"),
        (b'{"load": {"current": 1' + b"0" * 5000 + b"}}", "the body is not JSON"),
    ],
)
def test_what_is_no_load_has_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=f"^{re.escape(reason)}"):
        from_json(body, parse_path("$.load.current"))


def test_a_header_holds_a_number() -> None:
    assert from_text(" 41.5 ", "X-Load") == 41.5
    with pytest.raises(LoadError, match=r"^the answer has no header X-Load$"):
        from_text(None, "X-Load")
    with pytest.raises(LoadError, match="'41%' is not a load"):
        from_text("41%", "X-Load")


def read(load: Callable[[], float]) -> float | None:
    try:
        return load()
    except LoadError:
        return None


@given(st.binary(max_size=200), st.text(max_size=30))
def test_whatever_an_endpoint_sends_is_a_number_or_an_error_of_ours(body: bytes, text: str) -> None:
    for found in (
        read(lambda: from_json(body, ("load",))),
        read(lambda: from_text(text, "X-Load")),
    ):
        assert found is None or 0 <= found < 1e15


names = st.text("abcdefgh-_", min_size=1, max_size=6)


@given(st.lists(st.one_of(names, st.integers(0, 3)), min_size=1, max_size=5), st.integers(0, 999))
def test_every_path_finds_what_was_put_at_it(path: list[str | int], load: int) -> None:
    document: object = load
    for part in reversed(path):
        document = {part: document} if isinstance(part, str) else [0] * part + [document]
    text = "$" + "".join(f".{p}" if isinstance(p, str) else f"[{p}]" for p in path)
    assert from_json(json.dumps(document).encode(), parse_path(text)) == load
