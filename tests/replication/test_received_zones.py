"""Transfers of random zones, message by message in memory: what is received is what was sent."""

from __future__ import annotations

import itertools
import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dns.message
import dns.name
import dns.tsig
import pytest
from keeping import Content, changed, content_of
from random_zones import APEX, RDATAS, Set, Version, steps, whole, written

from geodns.replication.inbound import Steps
from geodns.replication.messages import Record
from geodns.replication.secondary.assembling import Assembly, lies_in
from geodns.replication.secondary.errors import FutileError, PrimaryError
from geodns.replication.secondary.reading import read
from geodns.replication.secondary.requests import steps_question, whole_question
from geodns.replication.secondary.spool import Spool
from geodns.replication.secondary.verifying import Verifier

_CASES = int(os.environ.get("GEODNS_TRANSFERS", "200"))
_MOST = 10**6
_KEYS = [
    dns.tsig.Key("k.test.", b"0123456789abcdef0123456789abcdef", algorithm)
    for algorithm in ("hmac-sha256.", "hmac-sha512.")
]


def record_of(record: Set) -> Record:
    owner, ttl, rdata = record
    return Record(owner.to_digestable(), rdata.rdtype, ttl, rdata.to_wire() or b"")


def content(version: Version) -> Content:
    return content_of(record_of(version.soa), map(record_of, version.others))


def receive(
    packets: Sequence[bytes],
    query: dns.message.Message,
    assembly: Assembly,
    key: dns.tsig.Key | None = None,
) -> None:
    """Raises PrimaryError."""
    question = query.question[0]
    wire = question.name.to_digestable() + question.rdtype.to_bytes(2, "big") + b"\0\1"
    verifier = None if key is None else Verifier(key, query.mac or b"", time.time)
    for packet in packets:
        if assembly.ended:
            break
        part = read(packet, query.id, wire)
        if verifier is not None:
            verifier.take(packet, part.behind)
        for record in part.records:
            assembly.take(record)
    if not assembly.ended:
        raise PrimaryError("too short")
    if verifier is not None:
        verifier.finish()


def asked(held: int | None, key: dns.tsig.Key | None) -> dns.message.Message:
    """A query as it is sent."""
    query = whole_question(APEX, key) if held is None else steps_question(APEX, held, key)
    query.to_wire()
    return query


def history(chance: random.Random) -> list[Version]:
    """Versions that follow one another."""
    first = Version(chance.choice((1, 2**31, 2**32 - 2))).edited(chance)
    versions = [first]
    for _ in range(chance.randrange(1, 4)):
        versions.append(versions[-1].edited(chance))
    return versions


def test_random_zones_and_edits_arrive_as_they_are_in_any_messages(tmp_path: Path) -> None:
    for seed in range(_CASES):
        chance = random.Random(seed)
        versions = history(chance)
        first, last = versions[0], versions[-1]
        key = chance.choice((None, *_KEYS))
        style = chance.choice(("AXFR", "whole", "all steps", "one step"))
        held = None if style == "AXFR" else first.serial
        if held is not None and not 0 < (last.serial - held) % 2**32 < 2**31:
            continue  # so many large steps that it counts as older
        query = asked(held, key)
        packets = written(query, list(_sent(style, versions)), chance, key)
        with Spool(tmp_path) as spool:
            assembly = Assembly(APEX, spool, _MOST, held, steps=held is not None)
            receive(packets, query, assembly, key)
            assert bool(assembly.differences) == (style in ("all steps", "one step"))
            if assembly.differences:
                assert held is not None
                received = Steps(held, assembly.soa, tuple(assembly.differences))
                assert changed(content(first), received) == content(last)
            else:
                assert content_of(assembly.soa, spool) == content(last)
                assert list(spool) == list(spool)


def _sent(style: str, versions: Sequence[Version]) -> Iterator[Set]:
    if style == "all steps":
        return steps(versions)
    if style == "one step":
        return steps((versions[0], versions[-1]))
    return whole(versions[-1])


@pytest.mark.parametrize("key", [None, _KEYS[0]], ids=["unsigned", "signed"])
def test_a_transfer_that_is_damaged_anywhere_is_found_out_or_at_least_does_no_harm(
    tmp_path: Path, key: dns.tsig.Key | None
) -> None:
    for seed in range(_CASES // 2):
        chance = random.Random(seed)
        versions = history(chance)
        query = asked(None, key)
        packets = written(query, list(whole(versions[-1])), chance, key)
        which = chance.randrange(len(packets))
        match chance.randrange(4):
            case 0:
                packets = packets[:which]
            case 1:
                packets[which] = packets[which][: chance.randrange(len(packets[which]))]
            case 2:
                damaged = bytearray(packets[which])
                # The ID in the TSIG is what is signed, not that in front.
                damaged[chance.randrange(2, len(damaged))] ^= 1 << chance.randrange(8)
                packets[which] = bytes(damaged)
            case _:
                packets[which] = chance.randbytes(chance.randrange(200))
        with Spool(tmp_path) as spool:
            assembly = Assembly(APEX, spool, _MOST, None, steps=False)
            try:
                receive(packets, query, assembly, key)
            except PrimaryError:
                continue
            # What is not signed, of a TSIG record itself, changes nothing either.
            assert key is None or content_of(assembly.soa, spool) == content(versions[-1])


def test_names_in_data_are_written_out_for_all_types_that_may_have_them_compressed() -> None:
    version = Version(1, {(dns.name.from_text("a.example.test."), each): 60 for each in RDATAS})
    query = asked(None, None)
    message = dns.message.make_response(query)
    message.answer = [dns.rrset.from_rdata(*each) for each in whole(version)]
    wire = message.to_wire(max_size=65535)
    part = read(wire, query.id, APEX + b"\0\xfc\0\1")
    assert part.behind == len(wire)
    assert part.records == [record_of(each) for each in whole(version)]
    assert len(wire) < sum(len(record.owner) + 10 + len(record.rdata) for record in part.records)


SOAS = {n: record_of(Version(n).soa) for n in range(1, 10)}
NS = Record(APEX, 2, 60, b"\2ns" + APEX)
A = Record(b"\1a" + APEX, 1, 60, b"\1\2\3\4")


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ((A,), "does not begin with the SOA"),
        ((SOAS[2],), "is older than 3"),
        ((SOAS[5], SOAS[4]), "do not begin with the serial 3"),
        ((SOAS[5], SOAS[3], SOAS[2]), "lead to an older serial"),
        ((SOAS[5], SOAS[3], SOAS[4], SOAS[5]), "a gap between"),
        ((SOAS[5], SOAS[3], A, SOAS[4], A, SOAS[4], SOAS[5], SOAS[5], A), "behind the last SOA"),
        ((SOAS[5], A, SOAS[4]), "changes within a transfer"),
        ((SOAS[5], NS, A, SOAS[5], A), "behind the last SOA"),
        ((SOAS[5], SOAS[5]), "no NS records at the apex"),
        ((SOAS[5], A, SOAS[5]), "no NS records at the apex"),
        ((SOAS[5], NS._replace(owner=A.owner), SOAS[5]), "no NS records at the apex"),
        ((SOAS[5], A._replace(owner=b"\1a\4test\0")), r"a.test., which is not in the zone"),
        ((SOAS[5], A._replace(owner=b"\1b" + b"\4test\0")), "not in the zone"),
        ((SOAS[5], SOAS[5]._replace(owner=A.owner)), "an SOA of a.example.test."),
        ((SOAS[5], *(A,) * 100), "more than 1000 bytes"),
    ],
)
def test_what_is_no_transfer_is_not_taken(records: tuple[Record, ...], reason: str) -> None:
    assembly = Assembly(APEX, _List([]), 1000, 3, steps=True)
    with pytest.raises(PrimaryError, match=reason):
        _take(assembly, records)


def _take(assembly: Assembly, records: Sequence[Record]) -> None:
    for record in records:
        assembly.take(record)


def _transfers(steps: bool) -> set[str]:
    """All that there may be of at most 9 records, to a holder of serial 3.

    A digit is an SOA, n an NS at the apex, a some other record.
    """
    rows = [["".join(row) for row in itertools.product("an", repeat=size)] for size in range(8)]
    found = {"3"}
    for last in "45":
        found |= {last + row + last for size in rows for row in size if "n" in row}
        chains = [(last,)] if last == "4" else [("5",), ("4", "5")]
        for chain in chains if steps else ():
            parts = 2 * len(chain)
            for sizes in itertools.product(range(8), repeat=parts):
                if 2 + parts + sum(sizes) > 9:
                    continue
                for way in itertools.product(*(rows[size] for size in sizes)):
                    text, held = last, "3"
                    for after, removed, added in zip(chain, way[::2], way[1::2], strict=True):
                        text += held + removed + after + added
                        held = after
                    found.add(text + last)
    return found


def test_differences_may_lead_once_round_all_serials_as_who_sets_one_back_does() -> None:
    held, half = 1000, 2**31 - 1
    versions = [
        Version(n % 2**32) for n in (held, held + half, held + 2 * half, held + 2 * half + 9)
    ]
    assembly = Assembly(APEX, _List([]), 10**6, held, steps=True)
    _take(assembly, [record_of(each) for each in steps(versions)])
    assert assembly.ended
    assert len(assembly.differences) == 3


@pytest.mark.parametrize("is_ixfr", [True, False])
def test_of_all_short_sequences_those_are_taken_that_the_rfcs_describe(is_ixfr: bool) -> None:
    good = _transfers(is_ixfr)
    begun = {text[:size] for text in good for size in range(len(text))}
    records = {"a": A, "n": NS, **{str(n): SOAS[n] for n in (2, 3, 4, 5)}}
    for size in range(6):
        for row in itertools.product(records, repeat=size):
            text, found = "".join(row), list[Record]()
            if text.startswith("43") and "5" in text:
                continue  # from 3 by 5 to 4 it goes once round all serials, which takes longer
            assembly = Assembly(APEX, _List(found), 10**6, 3, steps=is_ixfr)
            try:
                _take(assembly, [records[each] for each in row])
            except PrimaryError:
                assert text not in good | begun
                continue
            assert assembly.ended is (text in good)
            assert assembly.ended or text in begun
            removed = [record for each in assembly.differences for record in each.removed]
            added = [record for each in assembly.differences for record in each.added]
            if assembly.ended:
                assert len(found) + len(removed) + len(added) == len(re.findall("[an]", text))
                assert assembly.is_current is (text == "3")


def test_the_serial_that_is_held_ends_a_transfer_at_once() -> None:
    for is_ixfr in (True, False):
        assembly = Assembly(APEX, _List([]), 1000, 3, steps=is_ixfr)
        assembly.take(SOAS[3])
        assert assembly.ended
        assert assembly.is_current


class _List:
    def __init__(self, records: list[Record]) -> None:
        self.write = records.append


def test_a_name_lies_in_a_zone_by_whole_labels() -> None:
    assert lies_in(b"\1a\4test\0", b"\4test\0")
    assert lies_in(b"\4test\0", b"\4test\0")
    assert lies_in(b"\4test\0", b"\0")
    assert not lies_in(b"\0", b"\4test\0")
    assert not lies_in(b"\6a\4test\0", b"\4test\0")


def _with_answer(name: bytes, rdata: bytes = b"\1\2\3\4", type: int = 1, rdclass: int = 1) -> bytes:
    head = b"\0\7\x84\0" + b"\0\1\0\1\0\0\0\0" + APEX + b"\0\xfc\0\1"
    fixed = type.to_bytes(2, "big") + rdclass.to_bytes(2, "big") + b"\0\0\0\1"
    return head + name + fixed + len(rdata).to_bytes(2, "big") + rdata


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (_with_answer(b"\xc0\xff"), "pointer to nowhere"),
        (_with_answer(b"\xc0\x1f"), "pointer to nowhere"),
        (_with_answer(b"\x40\0"), "label of an unknown kind"),
        (_with_answer((b"\x3f" + b"x" * 63) * 4 + b"\0"), "too long"),
        (_with_answer((b"\x3f" + b"x" * 63) * 3 + b"\x31" + b"x" * 49 + b"\xc0\x0c"), "too long"),
        (_with_answer(b"\xc0\x0c", rdata=b"\1\2\3"), "type A that can't be read, of example.test."),
        (_with_answer(b"\xc0\x0c", rdata=b"\1\2\3\4\5"), "type A that can't be read"),
        (_with_answer(b"\xc0\x0c", rdata=b"\x05ab", type=16), "type TXT that can't be read"),
        (_with_answer(b"\xc0\x0c", rdata=b"\xc0\x0c\0", type=2), "type NS that can't be read"),
        (_with_answer(b"\xc0\x0c", rdata=b"\1\2", type=33), "(SRV that can't be read|too early)"),
        (_with_answer(b"\xc0\x0c", type=250), "type 250 in the zone"),
        (_with_answer(b"\xc0\x0c", type=255), "type 255 in the zone"),
        (_with_answer(b"\xc0\x0c", rdclass=3), "class 3"),
        (_with_answer(b"\xc0\x0c")[:-1], "ends too early"),
        (_with_answer(b"\xc0\x0c")[:5], "ends too early"),
        (b"", "ends too early"),
        (b"\0\x08" + _with_answer(b"\xc0\x0c")[2:], "no reply to the query"),
        (b"\0\7\x84\5" + _with_answer(b"\xc0\x0c")[4:], "answers REFUSED"),
        (b"\0\7\x86\0" + _with_answer(b"\xc0\x0c")[4:], "cut off"),
    ],
)
def test_messages_that_are_wrong_are_told(packet: bytes, reason: str) -> None:
    with pytest.raises(PrimaryError, match=reason):
        read(packet, 7, APEX + b"\0\xfc\0\1")


def test_a_ttl_that_is_out_of_bounds_counts_as_none() -> None:
    packet = _with_answer(b"\xc0\x0c")
    for ttl, counted in ((b"\x7f\xff\xff\xff", 2**31 - 1), (b"\x80\0\0\0", 0)):
        (record,) = read(packet[:-10] + ttl + packet[-6:], 7, APEX + b"\0\xfc\0\1").records
        assert record.ttl == counted


def test_a_chain_of_pointers_costs_no_more_than_a_name_has_labels() -> None:
    start = len(_with_answer(b"\0", b""))
    chain = b"\0" + b"".join(_pointer(start + max(0, 2 * n - 1)) for n in range(200))
    first = _with_answer(b"\0", chain, type=65280)
    packet = first[:6] + b"\0\2" + first[8:] + _pointer(len(first) - 2) + b"\0\1\0\1" + bytes(6)
    with pytest.raises(PrimaryError, match="pointer to nowhere"):
        read(packet, 7, APEX + b"\0\xfc\0\1")


def _pointer(target: int) -> bytes:
    return (0xC000 | target).to_bytes(2, "big")


def _signed(count: int, sign: Sequence[int]) -> tuple[dns.message.Message, list[bytes]]:
    """A reply of so many messages, of which some are signed."""
    key = _KEYS[0]
    query = asked(None, key)
    packets, context = [], None
    for n in range(count):
        message = dns.message.make_response(query)
        message.tsig = None
        message.answer = [dns.rrset.from_rdata(*Version(1).soa)]
        if n in sign:
            message.use_tsig(key)
            message.request_mac = query.mac or b""
            packets.append(message.to_wire(multi=True, tsig_ctx=context))
            context = message.tsig_ctx
        else:
            packets.append(message.to_wire())
            if context is not None:
                context.update(packets[-1])
    return query, packets


@pytest.mark.parametrize(
    ("count", "sign", "reason"),
    [
        (3, (0, 1, 2), None),
        (3, (0, 2), None),
        (101, (0, 100), None),
        (102, (0, 101), "more than 99"),
        (3, (1, 2), "is not signed"),
        (3, (0, 1), "the last message is not signed"),
    ],
)
def test_of_a_reply_the_first_and_the_last_message_and_each_hundredth_are_signed(
    count: int, sign: tuple[int, ...], reason: str | None
) -> None:
    query, packets = _signed(count, sign)
    verifier = Verifier(_KEYS[0], query.mac or b"", time.time)

    if reason is None:
        _verify(verifier, query.id, packets)
    else:
        with pytest.raises(FutileError, match=reason):
            _verify(verifier, query.id, packets)


def _verify(verifier: Verifier, id: int, packets: Sequence[bytes]) -> None:
    for packet in packets:
        verifier.take(packet, read(packet, id, APEX + b"\0\xfc\0\1").behind)
    verifier.finish()


def test_a_signature_of_another_time_is_told_as_that() -> None:
    query, (packet,) = _signed(1, (0,))
    verifier = Verifier(_KEYS[0], query.mac or b"", lambda: time.time() + 400)
    with pytest.raises(FutileError, match="compare the clocks"):
        _verify(verifier, query.id, [packet])
