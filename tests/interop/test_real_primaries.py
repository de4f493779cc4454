"""Zones are copied from NSD, Knot DNS and BIND: whole, by what has changed, signed, over TLS."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import certificates
import dns.name
import dns.tsig
import dns.zone
import pytest
from keys import SECRET
from real_primaries import KEYS, NAMES, RealPrimary, Wanted, real_primary, write
from running import free_port

from geodns.answer.digest import serial_of
from geodns.replication.inbound import Limits, Primary, Steps, Tls, Whole
from geodns.replication.messages import Record
from geodns.replication.secondary.asking import ask
from geodns.replication.secondary.catalogs import members_of
from geodns.replication.secondary.errors import PrimaryError
from geodns.replication.secondary.fetching import Content, Fetching
from geodns.replication.secondary.spool import Spool

pytestmark = pytest.mark.interop

ZONE = "example.test."
APEX = b"\7example\4test\0"
CATALOG = "cat.invalid."
LIMITS = Limits(connect=60, idle=60, total=120)
_PATIENCE = 60.0
_EDITS = 5
_HEAD = """\
$ORIGIN example.test.
@ 3600 IN SOA ns1 hostmaster {} 3600 600 86400 60
@ 3600 IN NS ns1
ns1 3600 IN A 127.0.0.1
"""
_RECORDS = (
    "A 192.0.2.1",
    "A 192.0.2.2",
    "AAAA 2001:db8::1",
    "MX 10 mail.example.test.",
    "MX 20 elsewhere.test.",
    'TXT text "two strings"',
    "SRV 1 2 3 host.example.test.",
    'CAA 0 issue "ca.test"',
    'NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.test!" .',
    "SSHFP 4 2 " + "ab" * 32,
    "TLSA 3 1 1 " + "cd" * 32,
    "RP mbox.example.test. txt.example.test.",
    "LOC 31 58 52.100 S 115 49 11.700 E 20.00m 10.00m 10.00m 2.00m",
    'HINFO "PC" "Linux"',
    "AFSDB 1 afs.example.test.",
    "TYPE65280 \\# 3 abcdef",
)


def text(serial: int, chance: random.Random) -> str:
    """A zone with random records; each name has some of them."""
    lines = [_HEAD.format(serial)]
    for n in range(30):
        owner = chance.choice((f"n{n}", f"n{n}.sub", f"*.n{n}", f"N{n}.UPPER"))
        ttl = chance.choice((30, 3600))
        rows = chance.sample(_RECORDS, chance.randrange(1, 6))
        lines += [f"{owner} {ttl} IN {row}\n" for row in rows]
    lines.append(f"alias 60 IN CNAME n{chance.randrange(30)}\n")
    return "".join(lines)


def content(zone: str) -> set[Record]:
    """What a file says, the SOA too."""
    read = dns.zone.from_text(zone, ZONE, relativize=False)
    return {
        Record(name.to_digestable(), rdata.rdtype, ttl, rdata.to_wire() or b"")
        for name, ttl, rdata in read.iterate_rdatas()
    }


def applied(before: set[Record], steps: Steps) -> set[Record]:
    """What is removed was there. What is added may have been: NSD 4.6 does so at times."""
    now = set(before)
    for difference in steps.differences:
        for record in (difference.before, *difference.removed):
            now.remove(record)
        now |= {difference.after, *difference.added}
    return now


@pytest.fixture(scope="module", params=NAMES)
def primary(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealPrimary]:
    folder = tmp_path_factory.mktemp("primary")
    certificates.make().write(folder)
    write(folder, ZONE, text(1, random.Random(1)))
    wanted = Wanted((ZONE,), catalog=CATALOG)
    with real_primary(request.param, folder, free_port(), free_port(), wanted) as server:
        yield server


def of(server: RealPrimary, algorithm: str = "hmac-sha256", tls: Tls | None = None) -> Primary:
    key = dns.tsig.Key(KEYS[algorithm], SECRET, f"{algorithm}.")
    port = server.port if tls is None else server.tls
    assert port is not None
    return Primary("127.0.0.1", port, key, tls)


def fetched(folder: Path, primary: Primary, held: int | None, apex: bytes = APEX) -> Content:
    """Steps, or the whole zone in memory."""

    async def go() -> Content:
        with Spool(folder) as spool:
            found = await Fetching(apex, primary, held, LIMITS, spool).either()
            return Whole(found.soa, list(found.records)) if isinstance(found, Whole) else found

    return asyncio.run(go())


def wait_for(primary: Primary, serial: int, apex: bytes = APEX) -> None:
    """Until the primary answers with this serial, or a newer one."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if asyncio.run(ask(apex, primary, LIMITS)).serial >= serial:
                return
        except PrimaryError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_copied_and_followed_by_what_has_changed(
    tmp_path: Path, primary: RealPrimary
) -> None:
    chance, serial, steps = random.Random(2), 1, 0
    now = content((primary.folder / f"{ZONE}zone").read_text())
    wait_for(of(primary), serial)
    for algorithm in KEYS:
        whole = fetched(tmp_path, of(primary, algorithm), None)
        assert isinstance(whole, Whole)
        assert {whole.soa, *whole.records} == now
    for _ in range(_EDITS):
        serial += chance.choice((1, 1000, 2**28))
        edited = text(serial, chance)
        primary.write(ZONE, edited)
        wait_for(of(primary), serial)
        held = next(serial_of(record.rdata) for record in now if record.type == 6)
        found = None
        while found is None:  # NSD has processes with the old zone for a moment
            found = fetched(tmp_path, of(primary, chance.choice(list(KEYS))), held)
        if isinstance(found, Steps):
            steps += 1
            now = applied(now, found)
        else:
            assert isinstance(found, Whole)
            now = {found.soa, *found.records}
        assert now == content(edited)
    assert steps == _EDITS
    # From the first version to the last, in one go.
    first = content(text(1, random.Random(1)))
    found = fetched(tmp_path, of(primary), 1)
    assert isinstance(found, Steps)
    assert applied(first, found) == now
    assert fetched(tmp_path, of(primary), serial) is None
    # One that was never there.
    assert isinstance(fetched(tmp_path, of(primary), serial - 5), Whole)


def test_over_tls_it_is_copied_too(tmp_path: Path, primary: RealPrimary) -> None:
    if primary.tls is None:
        pytest.skip("this version does not serve over TLS")
    how = Tls(certificates.NAME, primary.folder / "certificate.pem")
    wait_for(of(primary, tls=how), 1)
    expected = content((primary.folder / f"{ZONE}zone").read_text())
    found: set[Record] = set()
    deadline = time.monotonic() + _PATIENCE
    while found != expected:  # NSD has processes with the old zone for a moment
        assert time.monotonic() < deadline
        whole = fetched(tmp_path, of(primary, "hmac-sha512", how), None)
        assert isinstance(whole, Whole)
        found = {whole.soa, *whole.records}
    with pytest.raises(PrimaryError, match="TLS fails"):
        fetched(tmp_path, of(primary, tls=Tls("other.test", how.authority)), None)


def test_with_a_wrong_secret_or_none_nothing_is_copied(
    tmp_path: Path, primary: RealPrimary
) -> None:
    wait_for(of(primary), 1)
    name = KEYS["hmac-sha256"]
    wrong = dns.tsig.Key(name, b"another secret, as long as those", "hmac-sha256.")
    for key, reason in ((wrong, "NOTAUTH"), (None, "REFUSED|NOTAUTH|closes")):
        with pytest.raises(PrimaryError, match=reason):
            fetched(tmp_path, Primary("127.0.0.1", primary.port, key), None)
    with pytest.raises(PrimaryError, match="refuses our signature"):
        asyncio.run(ask(APEX, Primary("127.0.0.1", primary.port, wrong), LIMITS))


def test_the_catalog_that_knot_generates_is_understood(
    tmp_path: Path, primary: RealPrimary
) -> None:
    if primary.name != "Knot DNS":
        pytest.skip("it generates no catalogs")
    apex = dns.name.from_text(CATALOG).to_digestable()
    wait_for(of(primary), 1, apex)
    whole = fetched(tmp_path, of(primary), None, apex)
    assert isinstance(whole, Whole)
    assert members_of(apex, whole.records).keys() == {APEX}
