"""Dynamic records that octoDNS loads are loaded, and what it refuses is never passed in silence.

Random records, right ones and ones with a fault, are given to octoDNS's own classes and to ours.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from octodns.record import Record
from octodns.record.exception import ValidationError
from octodns.zone import Zone

from geodns.zone.load import load_zones

CASES, CASES_A_ZONE = 3000, 100
_GEOS = ("AF", "AF-ZA", "AS", "AS-JP", "AS-CY", "EU", "EU-DE", "NA", "NA-US", "NA-US-CA", "OC")
_SUBNETS = (
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/24",
    "192.0.2.0/24",
    "2001:db8::/32",
    "0.0.0.0/0",
)
_VALUES = {
    "A": ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"),
    "AAAA": ("2001:db8::1", "2001:db8:0::2", "2001:db8::3"),
    "CNAME": ("a.example.net.", "b.example.net.", "c.example.net."),
}


def _record(some: random.Random) -> dict[str, Any]:
    """A dynamic record that is right, as far as chance lets it be."""
    type = some.choice(list(_VALUES))
    names = ["one", "two", "three"][: some.randint(1, 3)]
    pools: dict[str, Any] = {name: {"values": _values(some, type)} for name in names}
    for at, name in enumerate(names[:-1]):
        if some.random() < 0.5:
            pools[name]["fallback"] = some.choice(names[at + 1 :])
    geos, subnets = some.sample(_GEOS, 6), some.sample(_SUBNETS, 5)
    rules: list[dict[str, Any]] = []
    for name in names[:-1]:
        rule: dict[str, Any] = {"pool": name}
        if some.random() < 0.4:
            rule["subnets"] = [subnets.pop() for _ in range(some.randint(1, 2))]
        if some.random() < 0.7 or "subnets" not in rule:
            rule["geos"] = [geos.pop() for _ in range(some.randint(1, 2))]
        rules.append(rule)
    if some.random() < 0.7:
        rules.sort(key=_order)
    rules.append({"pool": names[-1]})
    record = {"type": type, "ttl": 60, "dynamic": {"pools": pools, "rules": rules}}
    plain = some.sample(_VALUES[type], 2)
    return {**record, **({"value": plain[0]} if type == "CNAME" else {"values": plain})}


def _order(rule: dict[str, Any]) -> int:
    return 0 if "geos" not in rule else 1 if "subnets" in rule else 2


def _values(some: random.Random, type: str) -> list[dict[str, Any]]:
    found = []
    count = some.randint(1, 3)
    for value in some.sample(_VALUES[type], count):
        item: dict[str, Any] = {"value": value}
        if count > 1 and some.random() < 0.5:
            item["weight"] = some.choice([1, 2, 50, 100])
        if some.random() < 0.3:
            item["status"] = some.choice(["up", "down", "obey"])
        found.append(item)
    return found


def _broken(record: dict[str, Any], some: random.Random) -> dict[str, Any]:
    """The record with one thing changed, most likely for the worse."""
    dynamic = record["dynamic"]
    pool = some.choice(list(dynamic["pools"].values()))
    rule = some.choice(dynamic["rules"])
    value = some.choice(pool["values"])
    change = some.randrange(14)
    if change == 0:
        value["weight"] = some.choice([0, 101, -1, "x", 7])
    elif change == 1:
        value["status"] = some.choice(["UP", "on"])
    elif change == 2:
        pool["fallback"] = some.choice(["nowhere", *dynamic["pools"]])
    elif change == 3:
        del pool["values"]
    elif change == 4:
        rule["pool"] = some.choice(["nowhere", *dynamic["pools"]])
    elif change == 5:
        rule["geos"] = some.choice([["XX"], ["EU-US"], ["NA-US-ZZ"], ["EU", "EU-DE"], "EU", ["eu"]])
    elif change == 6:
        rule["subnets"] = some.choice([["10.0.0.1/8"], ["x"], ["10.0.0.0/8", "10.0.0.0/9"], "::/0"])
    elif change == 7:
        dynamic["rules"].reverse()
    elif change == 8:
        some.shuffle(dynamic["rules"])
    elif change == 9:
        dynamic["rules"].pop()
    elif change == 10:
        dynamic["pools"]["unused"] = {"values": pool["values"]}
    elif change == 11:
        dynamic[some.choice(["pools", "rules"])] = some.choice([[], {}, None])
    elif change == 12:
        del rule["pool"]
    else:
        record["octodns"] = {"healthcheck": {"protocol": some.choice(["TCP", "SMTP", "UDP"])}}
    return record


def _refused(record: dict[str, Any]) -> bool:
    """Whether octoDNS refuses it; what it stumbles over counts, too."""
    try:
        Record.new(Zone("example.test.", []), "x", record)
    except (ValidationError, AttributeError, KeyError, TypeError, IndexError, ValueError):
        return True
    return False


def _cases() -> list[dict[str, Any]]:
    some = random.Random(11)
    found = []
    for _ in range(CASES):
        record = _record(some)
        found.append(_broken(record, some) if some.random() < 0.6 else record)
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_octodns_loads_is_loaded_and_what_it_refuses_is_told(tmp_path: Path) -> None:
    cases = _cases()
    refused = [_refused(record) for record in cases]
    assert 500 < sum(refused) < CASES - 500
    for start in range(0, CASES, CASES_A_ZONE):
        part = cases[start : start + CASES_A_ZONE]
        lines = ['"": {type: NS, value: ns.other.test.}\n']
        for number, record in enumerate(part):
            text = json.dumps(record)
            lines.append(f"r{number}: {text}\n")
        (tmp_path / "example.test.yaml").write_text("".join(lines))
        _, problems, _ = load_zones(tmp_path, None)
        told = {(item.line - 2, item.severity) for item in problems}
        for number, record in enumerate(part):
            if refused[start + number]:
                assert (number, "error") in told, record
            else:
                assert (number, "error") not in told, record
