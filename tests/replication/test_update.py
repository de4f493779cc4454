"""RFC 2136 section 3: what becomes of an UPDATE, and of the zone."""

from __future__ import annotations

import pytest
from dns.rcode import Rcode
from updates import Line, MemoryZone, message

from geodns.replication.update import UpdateError, changes_of
from geodns.replication.update_message import MalformedUpdateError, read_update

_SOA = "ns1 admin 10 3600 600 86400 300"
_ZONE = [
    Line("@", "IN", "SOA", _SOA, 300),
    Line("@", "IN", "NS", "ns1", 300),
    Line("@", "IN", "TXT", "apex", 300),
    Line("ns1", "IN", "A", "192.0.2.1", 300),
    Line("two", "IN", "A", "192.0.2.1", 300),
    Line("two", "IN", "A", "192.0.2.2", 300),
    Line("two", "IN", "TXT", "both", 60),
    Line("alias", "IN", "CNAME", "two", 300),
    Line("a.empty", "IN", "A", "192.0.2.3", 300),
]


def _zone() -> MemoryZone:
    return MemoryZone(_ZONE, ("geo",))


def _outcome(prerequisites: list[Line], changes: list[Line]) -> tuple[Rcode, set[str], set[str]]:
    """The rcode, and which records went and came."""
    zone = _zone()
    before = zone.lines()
    try:
        update = read_update(message(prerequisites, changes))
        zone.take(changes_of(update, zone, lambda owner, rdtype: rdtype.name != "HINFO"))
    except UpdateError as error:
        return error.rcode, set(), set()
    after = zone.lines()
    return Rcode.NOERROR, before - after, after - before


@pytest.mark.parametrize(
    ("line", "rcode"),
    [
        (Line("two", "ANY", "ANY"), "NOERROR"),
        (Line("geo", "ANY", "ANY"), "NOERROR"),
        (Line("TWO", "ANY", "A"), "NOERROR"),
        (Line("two", "ANY", "AAAA"), "NXRRSET"),
        (Line("none", "ANY", "ANY"), "NXDOMAIN"),
        (Line("empty", "ANY", "ANY"), "NXDOMAIN"),
        (Line("none", "NONE", "ANY"), "NOERROR"),
        (Line("empty", "NONE", "ANY"), "NOERROR"),
        (Line("two", "NONE", "ANY"), "YXDOMAIN"),
        (Line("geo", "NONE", "ANY"), "YXDOMAIN"),
        (Line("two", "NONE", "A"), "YXRRSET"),
        (Line("two", "NONE", "AAAA"), "NOERROR"),
        (Line("two", "IN", "TXT", "both"), "NOERROR"),
        (Line("two", "IN", "TXT", "other"), "NXRRSET"),
        (Line("two", "IN", "A", "192.0.2.1"), "NXRRSET"),  # it is a set of two
        (Line("alias", "IN", "CNAME", "TWO"), "NOERROR"),
        (Line("two", "ANY", "A", ttl=1), "FORMERR"),
        (Line("two", "IN", "TXT", "both", 60), "FORMERR"),
        (Line("two", "CH", "TXT", "both"), "FORMERR"),
        (Line("two", "ANY", "TXT", "both"), "FORMERR"),
        (Line("two", "NONE", "TXT", "both"), "FORMERR"),
        (Line("other.example.", "ANY", "ANY"), "NOTZONE"),
    ],
)
def test_prerequisites(line: Line, rcode: str) -> None:
    assert _outcome([line], [])[0].name == rcode


def test_a_set_of_several_is_compared_whole_and_in_any_order() -> None:
    first, second = (Line("two", "IN", "A", f"192.0.2.{n}") for n in (1, 2))
    third = Line("two", "IN", "A", "192.0.2.3")
    for lines, rcode in (
        ([second, first], "NOERROR"),
        ([first, first, second], "NOERROR"),
        ([first], "NXRRSET"),
        ([first, second, third], "NXRRSET"),
    ):
        assert _outcome(lines, [])[0].name == rcode


@pytest.mark.parametrize(
    ("lines", "gone", "come"),
    [
        ([Line("new", "IN", "TXT", "x", 5)], "", 'new 5 TXT "x"'),
        ([Line("two", "IN", "TXT", "both", 60)], "", ""),
        ([Line("two", "IN", "TXT", "both", 61)], 'two 60 TXT "both"', 'two 61 TXT "both"'),
        (
            [Line("two", "IN", "TXT", "more", 61)],
            'two 60 TXT "both"',
            'two 61 TXT "both"|two 61 TXT "more"',
        ),
        ([Line("two", "IN", "CNAME", "x", 5)], "", ""),
        ([Line("alias", "IN", "TXT", "x", 5)], "", ""),
        ([Line("alias", "IN", "CNAME", "x", 5)], "alias 300 CNAME two", "alias 5 CNAME x"),
        ([Line("two", "ANY", "TXT")], 'two 60 TXT "both"', ""),
        ([Line("alias", "ANY", "ANY")], "alias 300 CNAME two", ""),
        ([Line("@", "ANY", "ANY")], '@ 300 TXT "apex"', ""),
        ([Line("@", "ANY", "NS")], "", ""),
        ([Line("@", "ANY", "SOA")], "", ""),
        ([Line("@", "NONE", "NS", "ns1")], "", ""),
        ([Line("@", "NONE", "SOA", _SOA)], "", ""),
        (
            [Line("@", "IN", "NS", "ns2", 300), Line("@", "NONE", "NS", "NS1")],
            "@ 300 NS ns1",
            "@ 300 NS ns2",
        ),
        ([Line("two", "NONE", "A", "192.0.2.1")], "two 300 A 192.0.2.1", ""),
        ([Line("two", "NONE", "A", "192.0.2.9")], "", ""),
        (
            [Line("alias", "ANY", "ANY"), Line("alias", "IN", "A", "192.0.2.9", 5)],
            "alias 300 CNAME two",
            "alias 5 A 192.0.2.9",
        ),
        (  # in their order: what is added after the deletion stays
            [
                Line("new", "IN", "A", "192.0.2.8", 5),
                Line("new", "ANY", "A"),
                Line("new", "IN", "A", "192.0.2.9", 5),
            ],
            "",
            "new 5 A 192.0.2.9",
        ),
        ([Line("new", "IN", "SOA", _SOA, 5)], "", ""),
    ],
)
def test_what_records_change(lines: list[Line], gone: str, come: str) -> None:
    def whole(lines: str) -> set[str]:
        found = set()
        for line in filter(None, lines.split("|")):
            owner, ttl, rdtype, text = line.split(" ", 3)
            name = "example.test." if owner == "@" else f"{owner}.example.test."
            host = rdtype in ("CNAME", "NS")
            found.add(f"{name} {ttl} {rdtype} {text}" + ".example.test." * host)
        return found

    assert _outcome([], lines) == (Rcode.NOERROR, whole(gone), whole(come))


@pytest.mark.parametrize(
    ("line", "rcode"),
    [
        (Line("other.example.", "IN", "A", "192.0.2.1", 5), "NOTZONE"),
        (Line("new", "IN", "ANY"), "FORMERR"),
        (Line("new", "IN", "AXFR"), "FORMERR"),
        (Line("new", "ANY", "AXFR"), "FORMERR"),
        (Line("new", "ANY", "MAILB"), "FORMERR"),
        (Line("new", "ANY", "A", ttl=5), "FORMERR"),
        (Line("new", "ANY", "A", "192.0.2.1"), "FORMERR"),
        (Line("new", "NONE", "A", "192.0.2.1", 5), "FORMERR"),
        (Line("new", "NONE", "ANY"), "FORMERR"),
        (Line("new", "CH", "TXT", "x", 5), "FORMERR"),
        (Line("new", "IN", "HINFO", "a b", 5), "REFUSED"),
        (Line("geo", "IN", "A", "192.0.2.1", 5), "REFUSED"),
        (Line("geo", "ANY", "ANY"), "REFUSED"),
    ],
)
def test_one_record_that_is_wrong_undoes_all_of_a_message(line: Line, rcode: str) -> None:
    good = Line("new", "IN", "TXT", "x", 5)
    assert _outcome([], [good, line, good]) == (Rcode[rcode], set(), set())


@pytest.mark.parametrize(("serial", "taken"), [(9, False), (10, False), (11, True)])
def test_an_soa_is_taken_where_its_serial_is_newer(serial: int, taken: bool) -> None:
    zone = _zone()
    soa = Line("@", "IN", "SOA", _SOA.replace("10", str(serial), 1), 300)
    changes = changes_of(read_update(message([], [soa])), zone, lambda *_: True)
    assert bool(changes) is taken


def test_a_set_that_would_fit_into_no_message_is_refused() -> None:
    many = [Line("new", "IN", "TXT", "x" * 250 + str(n), 5) for n in range(150)]
    zone = _zone()
    zone.take(changes_of(read_update(message([], many)), zone, lambda *_: True))
    more = [line._replace(text=f"y{line.text}") for line in many]
    with pytest.raises(UpdateError) as refused:
        changes_of(read_update(message([], more)), zone, lambda *_: True)
    assert refused.value.rcode == Rcode.REFUSED


@pytest.mark.parametrize(
    "packet",
    [
        message([], [])[:12],
        message([], [])[:5] + b"\0" + message([], [])[6:],
        message([], []).replace(b"\0\6\0\1", b"\0\1\0\1"),
        message([], [Line("new", "IN", "A", "192.0.2.1", 5)])[:-1],
        message([], [Line("new", "IN", "A", None, 5)]),
    ],
)
def test_what_can_not_be_read_is_said_to_be_malformed(packet: bytes) -> None:
    with pytest.raises(MalformedUpdateError):
        read_update(packet)
