"""How single values are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodns.config.values import (
    parse_absolute_name,
    parse_address,
    parse_duration,
    parse_share,
    parse_socket_address,
)
from geodns.socket_address import SocketAddress
from geodns.wording import did_you_mean

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.from_regex(r"\d+(\.\d+)?\s?(ms|s|m|h|%|)", fullmatch=True),
    st.lists(st.integers()),
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("1.5m", 90), ("2 h", 7200), ("1d", 86400), (7, 7), ("7", 7)],
)
def test_a_duration_is_a_number_with_a_unit(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "share"), [("50%", 0.5), ("0.5 %", 0.005), (1, 1.0), (0.3, 0.3)])
def test_a_share_is_a_percentage_or_a_number_to_one(text: object, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


def outcome(parse: Callable[[Any], Any], value: object) -> tuple[Any, str]:
    """What is made of a value, and the sentence with which it is refused."""
    try:
        return parse(value), ""
    except ValueError as error:
        return None, str(error)


@given(ANYTHING)
def test_anything_is_a_duration_and_a_share_or_is_refused(value: object) -> None:
    for parse in (parse_duration, parse_share):
        number, refusal = outcome(parse, value)
        assert "write a" in refusal if number is None else math.isfinite(number)


@pytest.mark.parametrize("text", ["127.0.0.1:53", "[::1]:53", "0.0.0.0:0"])
def test_a_socket_address_is_written_as_it_is_read(text: str) -> None:
    address = parse_socket_address(text)
    assert str(address) == text
    assert parse_socket_address(address) is address


@given(ANYTHING | st.from_regex(r"(\[[0-9a-f:.]+\]|[0-9.]+):\d+", fullmatch=True))
def test_anything_is_an_address_and_port_or_is_refused(value: object) -> None:
    address, refusal = outcome(parse_socket_address, value)
    if address is None:
        assert "is not an address and port" in refusal
    else:
        assert isinstance(address, SocketAddress)
        assert 0 <= address.port <= 65535


@given(ANYTHING)
def test_anything_is_an_ip_address_or_is_refused(value: object) -> None:
    address, refusal = outcome(parse_address, value)
    assert address is not None or "is not an IP address" in refusal


@given(st.text())
def test_any_text_is_an_absolute_name_or_is_refused(text: str) -> None:
    name, refusal = outcome(parse_absolute_name, text)
    if name is None:
        assert "not a name" in refusal or "must end with a dot" in refusal
    else:
        assert name.endswith((".", "\u3002", "\uff0e", "\uff61"))


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("wbe", "did you mean web?"),
        ("WEB", "did you mean web?"),
        ("eu-centra-1", "did you mean eu-central-1?"),
        ("xyzzy", None),
        (7, None),
        ("w" * 100_000, None),
    ],
)
def test_a_misspelt_word_is_recognised(word: object, hint: str | None) -> None:
    assert did_you_mean(word, ["web", "eu-central-1"]) == hint
