"""Asking a primary for its serial, and receiving zones from it, over real sockets."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import certificates
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest
from keeping import Content, changed, content_of
from primaries import CLOSE, FakePrimary, Mishap
from random_zones import APEX, RDATAS, Version, whole, written
from test_received_zones import content

from geodns.replication.inbound import Limits, Primary, Steps, Tls, Whole
from geodns.replication.secondary.asking import Serial, ask
from geodns.replication.secondary.errors import FutileError, PrimaryError
from geodns.replication.secondary.fetching import Fetching
from geodns.replication.secondary.pins import pin_of
from geodns.replication.secondary.requests import steps_question
from geodns.replication.secondary.spool import Spool

T = TypeVar("T")
KEYS = [
    dns.tsig.Key("k.test.", b"0123456789abcdef0123456789abcdef", algorithm)
    for algorithm in ("hmac-sha256.", "hmac-sha512.")
]
OTHER = dns.tsig.Key("k.test.", b"another secret that is as long....", "hmac-sha256.")
CHANCE = random.Random(4)
FIRST = Version(10, {key: 60 for _ in range(9) for key in Version(1).edited(CHANCE).records})
SECOND = Version(11, FIRST.edited(CHANCE).records)
THIRD = Version(12, SECOND.edited(CHANCE).records)
VERSIONS = (FIRST, SECOND, THIRD)
# Nobody waits so long where all goes well; what waits for silence has less.
LIMITS = Limits(connect=60, idle=60, total=120)


def run(primary: FakePrimary, what: Callable[[FakePrimary], Awaitable[T]]) -> T:
    async def go() -> T:
        async with primary:
            return await what(primary)

    return asyncio.run(go())


def received(
    folder: Path,
    primary: FakePrimary,
    held: int | None,
    limits: Limits = LIMITS,
    of: Callable[[FakePrimary], Primary] = lambda primary: primary.primary(),
) -> Content | None:
    """What is fetched, made into the zone that there is then; None: nothing newer."""

    async def fetch(server: FakePrimary) -> Content | None:
        with Spool(folder) as spool:
            found = await Fetching(APEX, of(server), held, limits, spool).either()
            if isinstance(found, Steps):
                return changed(content(FIRST), found)
            return None if found is None else content_of(found.soa, found.records)

    return run(primary, fetch)


def context(pair: certificates.Pair, folder: Path) -> ssl.SSLContext:
    pair.write(folder)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    made.set_alpn_protocols(["dot"])
    return made


@pytest.mark.parametrize("key", [None, *KEYS], ids=["unsigned", "sha256", "sha512"])
@pytest.mark.parametrize("over_tls", [False, True], ids=["TCP", "TLS"])
def test_a_zone_is_received_whole_and_by_what_has_changed(
    tmp_path: Path, key: dns.tsig.Key | None, over_tls: bool
) -> None:
    tls = context(certificates.make(), tmp_path) if over_tls else None
    how = Tls(certificates.NAME, tmp_path / "certificate.pem") if over_tls else None
    transport = "tls" if over_tls else "tcp"

    def of(server: FakePrimary) -> Primary:
        return server.primary(tls=how)

    for held, kind in ((None, "AXFR"), (10, "IXFR"), (5, "IXFR")):
        primary = FakePrimary(VERSIONS, key, tls)
        assert received(tmp_path, primary, held, of=of) == content(THIRD)
        assert primary.asked == [f"{kind} {transport}"]
    assert received(tmp_path, FakePrimary(VERSIONS, key, tls), 12, of=of) is None


def _gap(packets: list[bytes]) -> list[bytes]:
    """Without the first difference's beginning: another serial stands there."""
    return [packet.replace((10).to_bytes(4, "big"), (9).to_bytes(4, "big")) for packet in packets]


@pytest.mark.parametrize(
    "mishap",
    [
        lambda packets: CLOSE,
        lambda packets: [b"x"],
        lambda packets: [packets[0][:100]],
        lambda packets: [b"\0\0" + packet[2:] for packet in packets],
        lambda packets: packets[:-1],
        _gap,
    ],
    ids=["closed", "one byte", "cut off", "another id", "ends early", "a gap"],
)
def test_where_ixfr_brings_nothing_good_the_whole_zone_is_received(
    tmp_path: Path, mishap: Mishap
) -> None:
    primary = FakePrimary(VERSIONS)
    primary.mishaps["IXFR tcp"] = mishap
    assert received(tmp_path, primary, 10, replace(LIMITS, idle=2)) == content(THIRD)
    assert primary.asked == ["IXFR tcp", "AXFR tcp"]


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP", "REFUSED", "SERVFAIL", "NOTAUTH"])
def test_where_ixfr_is_refused_the_whole_zone_is_received(tmp_path: Path, rcode: str) -> None:
    primary = FakePrimary(VERSIONS, KEYS[0])
    primary.refuses["IXFR tcp"] = dns.rcode.from_text(rcode)
    assert received(tmp_path, primary, 10) == content(THIRD)


def test_an_ixfr_that_is_never_answered_is_given_up_for_the_whole_zone(tmp_path: Path) -> None:
    primary = FakePrimary(VERSIONS)
    primary.mishaps["IXFR tcp"] = lambda packets: None
    assert received(tmp_path, primary, 10, replace(LIMITS, idle=2)) == content(THIRD)


def test_of_a_zone_that_broke_off_nothing_is_left_in_the_next_one(tmp_path: Path) -> None:
    large = {(dns.name.from_text("old.example.test."), each): 60 for each in RDATAS}
    primary = FakePrimary([FIRST, Version(12, large)])

    def broken_off(_: list[bytes]) -> list[bytes]:
        primary.versions = list(VERSIONS)
        query = steps_question(APEX, 5, None)
        query.id = primary.ids[-1]
        return written(query, list(whole(Version(12, large))), random.Random(2))[:-1]

    primary.mishaps["IXFR tcp"] = broken_off
    assert received(tmp_path, primary, 5, replace(LIMITS, idle=2)) == content(THIRD)
    assert primary.asked == ["IXFR tcp", "AXFR tcp"]


def test_a_primary_that_is_older_is_not_copied_from(tmp_path: Path) -> None:
    for kind in ("IXFR", "AXFR"):
        primary = FakePrimary(VERSIONS)
        if kind == "AXFR":
            primary.refuses["IXFR tcp"] = dns.rcode.NOTIMP
        with pytest.raises(FutileError, match="its serial 12 is older than 20"):
            received(tmp_path, primary, 20)
        assert primary.asked[-1] == f"{kind} tcp"


@pytest.mark.parametrize(
    ("mishap", "reason"),
    [
        (lambda packets: packets[:-1], "sends nothing more for 0.2 s"),
        (lambda packets: None, "sends nothing more for 0.2 s"),
        (lambda packets: CLOSE, "closes the connection before the end"),
        (lambda packets: [packets[0][:60]], "ends too early"),
        (
            lambda packets: [*packets[:-1], packets[-1][:2] + b"\x84\2" + packets[-1][4:]],
            "SERVFAIL",
        ),
        (lambda packets: packets[1:], "does not begin with the SOA"),
    ],
)
def test_a_transfer_that_does_not_come_to_its_end_brings_nothing(
    tmp_path: Path, mishap: Mishap, reason: str
) -> None:
    primary = FakePrimary(VERSIONS)
    primary.mishaps["AXFR tcp"] = mishap
    with pytest.raises(PrimaryError, match=reason):
        received(tmp_path, primary, None, replace(LIMITS, idle=0.2))


def test_a_zone_that_is_too_large_or_takes_too_long_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(FutileError, match="more than 500 bytes"):
        received(tmp_path, FakePrimary(VERSIONS), 5, replace(LIMITS, size=500))
    primary = FakePrimary(VERSIONS)
    primary.mishaps["AXFR tcp"] = lambda packets: None
    with pytest.raises(FutileError, match="it is not done in"):
        received(tmp_path, primary, None, replace(LIMITS, total=0.2))


def test_a_zone_that_cannot_be_written_down_is_not_taken(tmp_path: Path) -> None:
    class Full(Spool):
        def finish(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    async def fetch(server: FakePrimary) -> None:
        with Full(tmp_path) as spool:
            await Fetching(APEX, server.primary(), None, LIMITS, spool).either()

    with pytest.raises(FutileError, match="can't be written down: No space left"):
        run(FakePrimary(VERSIONS), fetch)


def test_a_wrong_key_is_told_and_not_tried_twice(tmp_path: Path) -> None:
    primary = FakePrimary(VERSIONS, KEYS[0])
    with pytest.raises(PrimaryError, match="NOTAUTH"):
        received(tmp_path, primary, None, of=lambda server: server.primary(OTHER))
    # One that does not sign when it is asked to.
    with pytest.raises(FutileError, match="not signed"):
        received(tmp_path, FakePrimary(VERSIONS), 10, of=lambda server: server.primary(KEYS[0]))


def test_over_tls_who_is_not_the_primary_is_found_out(tmp_path: Path) -> None:
    pair, other = certificates.make(), certificates.make()
    tls = context(pair, tmp_path)
    authority = tmp_path / "certificate.pem"
    (tmp_path / "other").mkdir()
    other.write(tmp_path / "other")
    stranger = tmp_path / "other" / "certificate.pem"
    pins = [pin_of(ssl.PEM_cert_to_DER_cert(each.certificate.decode())) for each in (pair, other)]

    def attempt(how: Tls) -> Content | None:
        return received(
            tmp_path, FakePrimary(VERSIONS, None, tls), None, of=lambda it: it.primary(tls=how)
        )

    # By its name, by its address, by its key.
    for how in (Tls("ns1.test", authority), Tls(None, authority), Tls(pins=frozenset(pins[:1]))):
        assert attempt(how) == content(THIRD)
    for how, reason in (
        (Tls("ns2.test", authority), "TLS fails: Hostname mismatch"),
        (Tls("ns1.test", stranger), "TLS fails: self-signed certificate"),
        (Tls("ns1.test"), "TLS fails: self-signed certificate"),
        (Tls(pins=frozenset(pins[1:])), "none of those that are pinned"),
        (Tls("ns1.test", tmp_path / "absent"), "No such file"),
    ):
        with pytest.raises(FutileError, match=reason):
            attempt(how)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(FutileError, match=r"TLS fails|can't be reached: it closes"):
        attempt(Tls("ns1.test", authority))


def test_authorities_that_are_renewed_count_from_the_next_connection_on(tmp_path: Path) -> None:
    how = Tls("ns1.test", tmp_path / "certificate.pem")
    for _ in range(2):
        primary = FakePrimary(VERSIONS, None, context(certificates.make(), tmp_path))
        assert received(tmp_path, primary, None, of=_over_tls(how)) == content(THIRD)


def _over_tls(how: Tls) -> Callable[[FakePrimary], Primary]:
    return lambda server: server.primary(tls=how)


def test_a_primary_that_is_not_there_or_says_nothing_is_given_up(tmp_path: Path) -> None:
    async def go(primary: Primary) -> None:
        with Spool(tmp_path) as spool:
            limits = replace(LIMITS, connect=0.2)
            await Fetching(APEX, primary, None, limits, spool).either()

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(FutileError, match="can't be reached: "):
            asyncio.run(go(Primary("127.0.0.1", port)))
        silent.listen()
        with pytest.raises(FutileError, match="can't be reached within"):
            asyncio.run(go(Primary("127.0.0.1", port, None, Tls("ns1.test"))))


def asked(primary: FakePrimary, of: Callable[[FakePrimary], Primary] | None = None) -> Serial:
    async def question(server: FakePrimary) -> Serial:
        to = server.primary() if of is None else of(server)
        return await ask(APEX, to, replace(LIMITS, idle=1))

    return run(primary, question)


@pytest.mark.parametrize("key", [None, *KEYS], ids=["unsigned", "sha256", "sha512"])
def test_a_serial_is_asked_for_over_udp_with_how_long_it_holds(key: dns.tsig.Key | None) -> None:
    primary = FakePrimary(VERSIONS, key)
    assert asked(primary) == Serial(12, None)
    primary.expire = 777
    assert asked(primary) == Serial(12, 777)
    assert primary.asked == ["SOA udp"] * 2


def test_what_is_cut_off_is_asked_over_tcp_and_who_does_not_know_edns_without_it() -> None:
    primary = FakePrimary(VERSIONS, KEYS[0])
    primary.mishaps["SOA udp"] = lambda packets: [_cut(packets[0])]
    unsigned = FakePrimary(VERSIONS)
    unsigned.mishaps["SOA udp"] = primary.mishaps["SOA udp"]
    assert asked(unsigned) == Serial(12, None)
    assert unsigned.asked == ["SOA udp", "SOA tcp"]
    old = FakePrimary(VERSIONS)
    old.knows_edns = False
    assert asked(old) == Serial(12, None)
    assert old.asked == ["SOA udp"] * 2


def _cut(packet: bytes) -> bytes:
    message = dns.message.from_wire(packet)
    message.answer = []
    message.flags |= dns.flags.TC
    return message.to_wire()


def test_where_nothing_comes_over_udp_it_is_asked_again_and_then_over_tcp() -> None:
    primary = FakePrimary(VERSIONS, KEYS[0])
    primary.mishaps["SOA udp"] = lambda packets: None

    async def question(server: FakePrimary) -> Serial:
        return await ask(APEX, server.primary(), LIMITS, waits=(0.01, 0.01, 0.01))

    assert run(primary, question) == Serial(12, None)
    assert primary.asked[-1] == "SOA tcp"


def test_over_tls_the_serial_is_asked_for_over_tls_alone(tmp_path: Path) -> None:
    primary = FakePrimary(VERSIONS, None, context(certificates.make(), tmp_path))
    how = Tls("ns1.test", tmp_path / "certificate.pem")
    assert asked(primary, lambda server: server.primary(tls=how)) == Serial(12, None)
    assert primary.asked == ["SOA tls"]


def test_datagrams_that_are_no_answer_are_passed_over() -> None:
    primary = FakePrimary(VERSIONS, KEYS[0])

    def among_others(packets: list[bytes]) -> list[bytes]:
        (packet,) = packets
        forged = packet[:-20] + bytes(20)
        return [b"", b"x", b"\0\0" + packet[2:], packet[:40], forged, packet]

    primary.mishaps["SOA udp"] = among_others
    assert asked(primary) == Serial(12, None)
    assert primary.asked == ["SOA udp"]


def _without(flag: int) -> Mishap:
    def change(packets: Sequence[bytes]) -> list[bytes]:
        return [packet[:2] + bytes((packet[2] & ~flag,)) + packet[3:] for packet in packets]

    return change


def test_answers_that_say_no_serial_are_told() -> None:
    for rcode in ("REFUSED", "SERVFAIL", "NOTAUTH"):
        for key in (None, KEYS[0]):
            primary = FakePrimary(VERSIONS, key)
            refusal = dns.rcode.from_text(rcode)
            primary.refuses = {"SOA udp": refusal, "SOA tcp": refusal}
            with pytest.raises(PrimaryError, match=f"it answers {rcode}"):
                asked(primary)
    primary = FakePrimary(VERSIONS)
    primary.mishaps["SOA udp"] = _without(4)
    with pytest.raises(PrimaryError, match="without authority"):
        asked(primary)
    primary.mishaps["SOA udp"] = lambda packets: [_empty(packets[0])]
    with pytest.raises(PrimaryError, match="without the SOA"):
        asked(primary)


def test_a_wrong_key_is_told_by_what_the_refusal_says() -> None:
    primary = FakePrimary(VERSIONS)
    fault = b"\0\0\xfa\0\xff\0\0\0\0\0\x1d\x0bhmac-sha256\0" + bytes(6) + b"\1\x2c\0\0"
    head = b"\x80\x09\0\0\0\0\0\0\0\1"
    for kind in ("SOA udp", "SOA tcp"):  # as NSD does: not even the question
        primary.mishaps[kind] = lambda packets: [
            packets[0][:2] + head + fault + packets[0][:2] + b"\0\x10\0\0"
        ]
    with pytest.raises(PrimaryError, match="it refuses our signature: BADSIG"):
        asked(primary, lambda server: server.primary(KEYS[0]))
    assert primary.asked == ["SOA udp", "SOA tcp"]


def test_what_is_refused_over_udp_without_a_signature_is_asked_for_over_tcp() -> None:
    primary = FakePrimary(VERSIONS, KEYS[0])

    def unsigned(packets: list[bytes]) -> list[bytes]:  # as Knot DNS does for catalogs
        head = packets[0][:2] + b"\x80\5" + packets[0][4:6] + bytes(6)
        return [head + packets[0][12 : 12 + len(APEX) + 4]]

    primary.mishaps["SOA udp"] = unsigned
    assert asked(primary) == Serial(12, None)
    assert primary.asked == ["SOA udp", "SOA tcp"]


def _empty(packet: bytes) -> bytes:
    message = dns.message.from_wire(packet)
    message.answer = []
    return message.to_wire()


def test_whole_and_steps_are_told_apart(tmp_path: Path) -> None:
    async def kinds(server: FakePrimary) -> list[type]:
        found = []
        for held in (None, 10, 11):
            with Spool(tmp_path) as spool:
                content = await Fetching(APEX, server.primary(), held, LIMITS, spool).either()
                found.append(type(content))
        return found

    assert run(FakePrimary(VERSIONS), kinds) == [Whole, Steps, Steps]
