"""Large files are read in bulk: what stands in them is as if each line had been read alone."""

from __future__ import annotations

import random
from pathlib import Path

import dns.name

from geodns.zone.bulk import read_bulk
from geodns.zone.check import check_zone
from geodns.zone.draft import Draft
from geodns.zone.master import read_master
from geodns.zone.wire import WireNodes

_FILE = Path("/zones/example.test.zone")
_ORIGIN = dns.name.from_text("example.test.")
_APEX = "@ SOA ns1 h 10 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n"
_OWNERS = ["a", "B", "c.a", "a.example.test.", "example.test", "_x._tcp", "-", "*", "*.w", "@", "9"]
_ODD_OWNERS = [
    "a.example.",
    "x..y",
    "a" * 64,
    "b\\046c",
    "ü",
    ".",
    "A.b.C",
    "d.",
    "$x",
    '"q"',
    "in",
]
_DATA = {
    "A": ["192.0.2.1", "192.0.2.2", "0.0.0.0", "1.2.3", "01.2.3.4", "256.1.1.1", "1.2.3.4.5"],
    "AAAA": ["::", "2001:DB8::1", "1:2:3:4:5:6:7::", "::1.2.3.4", "1::2::3", "12345::", ":1"],
    "CNAME": ["a", "C", "b.example.test.", "elsewhere.", "@", "a..b", "x\\.y", "*", "c.a"],
    "PTR": ["h", "H", "host.example.org.", "@"],
    "TXT": ['"text"', "word", '""', '"a" "b"', '"semi;colon"', '"q\\"q"', "a;b", '"é"', '"(x"'],
    "MX": ["10 mail", "10 a", "10 c.a", "0 .", "x mail"],
    "NS": ["ns1", "ns2", "ns.other."],
    "SRV": ["0 0 80 a", "0 0 80 b.example.test."],
    "DNAME": ["other."],
    "GEO": ["web", "nobody"],
    "CAA": ['0 issue "ca.test"'],
    "TYPE65280": ["\\# 2 0102"],
}
_DIRECTIVES = [
    "$TTL 60",
    "$TTL 1h",
    "$ORIGIN sub",
    "$ORIGIN example.test.",
    "$ORIGIN .",
    "$GENERATE 1-3 g$ A 192.0.2.$",
    "$INCLUDE other.zone",
    "$TLL 5",
    "",
    "  ",
    "; remark",
    "(",
    'a TXT "open',
]


def _line(choices: random.Random, oddness: float) -> str:
    if choices.random() < oddness:
        return choices.choice(_DIRECTIVES)
    odd = choices.random() < oddness
    kind = choices.choice(list(_DATA) if odd else ["A", "A", "A", "AAAA", "CNAME", "TXT", "PTR"])
    owner = choices.choice(
        ["", *_OWNERS, *_ODD_OWNERS] if odd else ["", *(f"h{n}" for n in range(30)), *_OWNERS[:3]]
    )
    data = choices.choice(_DATA[kind] if choices.random() < oddness * 2 else _DATA[kind][:2])
    fields = [choices.choice(["", "", "", "300", "60", "1h"]), choices.choice(["", "", "IN", "in"])]
    choices.shuffle(fields)
    if choices.random() < 0.02:
        fields.append(choices.choice(["5", "CH", "4294967296"]))
    kind = choices.choice([kind, kind.lower()])
    gap = choices.choice([" ", "\t", "  "])
    words = [owner, *(field for field in fields if field), kind, data]
    return gap.join(words) + choices.choice(["", "", "", " ", " ; remark"])


def _text(choices: random.Random) -> str:
    oddness = choices.choice([0.0, 0.0, 0.02, 0.05, 0.2])
    lines = [_line(choices, oddness) for _ in range(choices.randrange(40))]
    start = _APEX if choices.random() < 0.95 else ""
    ttl = choices.choice(["$TTL 3600\n", ""])
    return ttl + start + "\n".join(lines) + choices.choice(["", "\n"])


def _apart(text: str) -> Draft:
    draft = Draft(_ORIGIN, _FILE)
    read_master(_FILE, draft, _FILE.parent, lambda _: text.encode())
    check_zone(draft, ["web"], needs_soa=True)
    return draft


def test_what_is_read_in_bulk_is_what_is_read_line_by_line() -> None:
    in_bulk = with_findings = 0
    for seed in range(700):
        text = _text(random.Random(seed))
        draft = Draft(_ORIGIN, _FILE)
        nodes = read_bulk(_FILE, text, draft)
        if nodes is None:
            continue
        check_zone(draft, ["web"], needs_soa=True)
        expected = _apart(text)
        assert draft.problems == expected.problems, text
        assert dict(nodes) == expected.nodes, text
        in_bulk += 1
        with_findings += bool(draft.problems)
    # Else nothing was tested.
    assert in_bulk > 250
    assert with_findings > 80


def test_an_orderly_file_has_few_names_that_are_special() -> None:
    lines = "".join(f"h{n} A 192.0.2.{n % 250}\nh{n} TXT word\n" for n in range(1000))
    nodes = read_bulk(_FILE, f"$TTL 60\n{_APEX}{lines}www GEO web\n", Draft(_ORIGIN, _FILE))
    assert isinstance(nodes, WireNodes)
    assert len(nodes) == 1003
    assert len(nodes.special) == 3
