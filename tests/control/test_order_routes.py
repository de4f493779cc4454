"""Orders over the admin API: who gave them, what is refused, and where they are not taken."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from running import RunningServer

from geodns.control.ordering import OrderError, Wish, read_wish


def test_nobody_drains_over_http(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        for path in ("drain", "undrain", "force", "unforce", "trust", "untrust", "events"):
            data = None if path == "events" else b'{"id": "eu"}'
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{server.admin}/v1/{path}", data, timeout=30)
            assert refused.value.code == 404
        assert server.answer("www.example.test", subnet="2.0.0.0/24") == ["192.0.2.1"]


def test_a_reason_is_one_line_of_plain_text() -> None:
    body = json.dumps({"id": "eu", "over": 5, "reason": "a\x1b[2Jb\n c"}).encode()
    assert read_wish(body) == Wish("eu", 5.0, None, "a [2Jb c", False)


@pytest.mark.parametrize(
    "body",
    [b"x", b"[]", b"{}", b'{"id": "eu", "ttl": 1}', b'{"id": "eu", "over": -1}',
     b'{"id": "eu", "over": "5s"}', b'{"id": "eu", "until": NaN}', b'{"id": "eu", "over": true}',
     json.dumps({"id": "eu", "reason": "x" * 201}).encode()],
)  # fmt: skip
def test_what_is_no_order_is_refused(body: bytes) -> None:
    with pytest.raises(OrderError):
        read_wish(body)
