"""How a pair, and a promotion, are told to people."""

from __future__ import annotations

from typing import Any

import pytest

from geodns.cli.promote import lines
from geodns.control.glance import Tone
from geodns.control.summary import pair_findings, pair_line

_WELL = {
    "name": "ns1",
    "role": "primary",
    "epoch": 3,
    "primary": "ns1",
    "other": {"name": "ns2", "address": "192.0.2.2:5354"},
    "connected": True,
    "last_heard": 1000.0,
    "trouble": None,
    "behind": 0.0,
    "error": None,
    "unreplicated": [],
}
_STANDBY = _WELL | {"name": "ns2", "role": "standby", "other": {"name": "ns1", "address": "x"}}


@pytest.mark.parametrize(
    ("pair", "line", "findings"),
    [
        (_WELL, "primary with ns2 as its standby, epoch 3; nothing behind", []),
        (_STANDBY, "standby of ns1, epoch 3; nothing behind", []),
        (
            _WELL | {"behind": 40.0},
            "primary with ns2 as its standby, epoch 3; 40 s behind",
            [(Tone.PART, "the standby ns2 is 40 s behind")],
        ),
        (
            _STANDBY | {"connected": False, "behind": None, "trouble": "connection refused"},
            "standby of ns1, epoch 3; ns1 was last heard 20 s ago; connection refused",
            [(Tone.PART, "the primary ns1 is not connected")],
        ),
        (
            _WELL | {"connected": False, "behind": None, "last_heard": None},
            "primary with ns2 as its standby, epoch 3; ns2 was not heard yet",
            [(Tone.PART, "the standby ns2 is not connected")],
        ),
        (
            _WELL | {"error": "a: wrong", "unreplicated": ["/var/a.json"]},
            "primary with ns2 as its standby, epoch 3; nothing behind; not replicated: /var/a.json",
            [(Tone.BAD, "the standby has refused what came last: a: wrong")],
        ),
    ],
)
def test_a_pair_in_words(pair: dict[str, Any], line: str, findings: list[tuple[Tone, str]]) -> None:
    assert pair_line(pair, 1020.0) == line
    assert list(pair_findings(pair)) == findings


def test_a_server_that_is_alone_has_nothing_to_tell() -> None:
    assert list(pair_findings(None)) == []


def test_a_promotion_in_words() -> None:
    told: dict[str, Any] = {
        "name": "ns2",
        "former": "ns1",
        "epoch": 2,
        "dry_run": False,
        "warnings": ["something"],
        "handed_over": False,
        "serials_move_by": 107,
        "files": "/var/lib/geodns/replica/primary-2-ns2/files/etc/geodns/geodns.yaml",
    }
    assert list(lines(told)) == [
        "ns2 is the primary now, in epoch 2",
        "ns1 was not asked: it steps down when it sees this one again",
        "serials move on by 107: ns1 may have served some that never came here",
        "warning: something",
        f"its configuration is in {told['files']}",
    ]
    handed_over = told | {"handed_over": True, "serials_move_by": 0, "warnings": [], "files": None}
    assert list(lines(handed_over)) == [
        "ns2 is the primary now, in epoch 2",
        "ns1 has stepped down, and nothing is lost",
    ]
    dry = told | {"dry_run": True, "warnings": [], "files": None}
    assert next(iter(lines(dry))) == "would be done: ns2 becomes the primary in epoch 2"
