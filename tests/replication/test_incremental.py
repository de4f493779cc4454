"""What has changed in a zone, and nothing else, to secondaries that hold an older version."""

from __future__ import annotations

import random
import signal
import sqlite3
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone
from copying import Copy
from keys import SECRET
from running import SERVER, ZONE, RunningServer

ALLOW = f"""\
keys:
  k.test.: {{secret: "{SECRET}"}}
transfer: {{allow: [{{key: k.test.}}]}}
"""
FILES = {"geodns.yaml": SERVER + ALLOW}
_NAME = "zones/example.test.yaml"
_ORIGIN = "example.test."
_EXTRA = "more{0}: {{type: A, value: 192.0.2.{0}}}\n"


def _keyring() -> Any:
    key = dns.name.from_text("k.test.")
    return {key: dns.tsig.Key(key, SECRET, "hmac-sha256")}


def _copy() -> Copy:
    return Copy(_ORIGIN, _keyring())


def _edit(server: RunningServer, text: str) -> None:
    server.write(_NAME, text)
    _reload(server)


def _reload(server: RunningServer) -> None:
    server.skip_events()
    server.signal(signal.SIGHUP)
    while "SIGHUP" not in server.wait_for("reloaded")["reason"]:
        pass  # that of the watcher, which saw the file too


def _outcome(server: RunningServer) -> str:
    return str(server.wait_for("zone transfer")["outcome"])


def _is_incremental(outcome: str) -> bool:
    return " from " in outcome


def _random_zone(chance: random.Random) -> str:
    """Records that come and go, TTLs that change, and names tied to a service and not."""
    lines = [ZONE]
    for label in chance.sample("abcdefgh", k=chance.randrange(1, 8)):
        match chance.randrange(4):
            case 0:
                lines.append(f"{label}: {{type: GEO, service: web}}\n")
            case 1:
                lines.append(f"{label}: {{type: CNAME, value: txt.{_ORIGIN}}}\n")
            case _:
                values = chance.sample(range(1, 6), k=chance.randrange(1, 5))
                ttl = chance.choice((60, 300))
                addresses = ", ".join(f"192.0.2.{n}" for n in values)
                lines.append(
                    f"{label}:\n- {{type: A, ttl: {ttl}, values: [{addresses}]}}\n"
                    f"- {{type: TXT, ttl: {ttl}, value: text{values[0]}}}\n"
                )
    return "".join(lines)


def test_from_any_older_version_to_the_present_one_through_random_edits(tmp_path: Path) -> None:
    chance = random.Random(5)
    held: list[Copy] = []
    with RunningServer(tmp_path, FILES) as server:
        for _ in range(12):
            whole = _copy()
            whole.update(server)
            assert not _is_incremental(_outcome(server))
            held.append(whole)
            for older in chance.sample(held, k=min(4, len(held))):
                copy = older.duplicate()
                copy.update(server)
                if older.serial != whole.serial:
                    assert _is_incremental(_outcome(server))
                assert copy.records == whole.records
            _edit(server, _random_zone(chance))


def test_only_the_difference_is_sent_in_the_order_of_the_rfc(tmp_path: Path) -> None:
    with RunningServer(tmp_path, FILES) as server:
        first = _copy()
        first.update(server)
        for step in (_EXTRA.format(1), _EXTRA.format(1) + _EXTRA.format(2), _EXTRA.format(2)):
            _edit(server, ZONE.replace("value: first", "value: other") + step)
        query, _ = dns.xfr.make_query(first.zone, keyring=_keyring())
        reply = dns.query.tcp(
            query, server.tcp[0], port=server.tcp[1], timeout=60, one_rr_per_rrset=True
        )
        assert reply.had_tsig
        last = _copy()
        last.update(server)
        # more1 came and went: condensed, it is not there.
        texts = [rrset.to_text() for rrset in reply.answer]
        removed, added = texts[2:3], sorted(texts[4:6])
        assert removed == ['txt.example.test. 60 IN TXT "first"']
        assert added == [
            "more2.example.test. 3600 IN A 192.0.2.2",
            'txt.example.test. 60 IN TXT "other"',
        ]
        serials = [reply.answer[n][0].serial for n in (0, 1, 3, 6)]
        assert serials == [last.serial, first.serial, last.serial, last.serial]
        assert len(texts) == 7


def test_over_udp_a_difference_that_fits_is_sent_and_else_the_soa_alone(tmp_path: Path) -> None:
    with RunningServer(tmp_path, FILES) as server:
        small = _copy()
        small.update(server)
        _edit(server, ZONE + _EXTRA.format(7))
        copy = small.duplicate()
        copy.update(server, dns.query.UDPMode.ONLY)
        assert _is_incremental(_outcome(server))
        assert "more7 3600 A 192.0.2.7" in copy.records
        many = "".join(map(_EXTRA.format, range(1, 30)))
        _edit(server, ZONE + many)
        query, _ = dns.xfr.make_query(small.zone, keyring=_keyring())
        reply = dns.query.udp(query, server.udp[0], port=server.udp[1], timeout=60)
        assert [rrset.rdtype for rrset in reply.answer] == [dns.rdatatype.SOA]
        assert reply.had_tsig
        # With more room it fits; and over TCP in any case.
        query, _ = dns.xfr.make_query(small.zone, keyring=_keyring(), use_edns=0, payload=1232)
        reply = dns.query.udp(query, server.udp[0], port=server.udp[1], timeout=60)
        assert len(reply.answer) > 20
        small.update(server, dns.query.UDPMode.TRY_FIRST)
        assert "more29 3600 A 192.0.2.29" in small.records


def test_restarts_keep_what_they_can_and_never_send_what_is_wrong(tmp_path: Path) -> None:
    with RunningServer(tmp_path, FILES) as server:
        first = _copy()
        first.update(server)
        _edit(server, ZONE + _EXTRA.format(1))
        server.signal(signal.SIGKILL)
        server.wait()
        server.start()
        second = first.duplicate()
        second.update(server)
        assert _is_incremental(_outcome(server))
        assert "more1 3600 A 192.0.2.1" in second.records

        server.stop()
        server.write(_NAME, ZONE + _EXTRA.format(2))  # nobody sees how this came about
        server.start()
        for older in (first, second):
            copy = older.duplicate()
            copy.update(server)
            assert not _is_incremental(_outcome(server))
            assert "more2 3600 A 192.0.2.2" in copy.records
            assert "more1 3600 A 192.0.2.1" not in copy.records


def test_a_damaged_journal_is_told_and_the_zone_sent_whole(tmp_path: Path) -> None:
    with RunningServer(tmp_path, FILES) as server:
        copy = _copy()
        copy.update(server)
        _edit(server, ZONE + _EXTRA.format(1))
        database = sqlite3.connect(tmp_path / "var" / "state.db")
        with database:
            database.execute("UPDATE journal SET content = zeroblob(200)")
        database.close()
        copy.update(server)
        assert "more1 3600 A 192.0.2.1" in copy.records
        assert server.wait_for("a zone is sent whole: its journal can't be read")["zone"] == _ORIGIN
        assert not _is_incremental(_outcome(server))


def test_a_zone_that_goes_and_comes_back_and_a_serial_set_by_hand(tmp_path: Path) -> None:
    with RunningServer(tmp_path, FILES | {"zones/other.test.yaml": ZONE}) as server:
        copy = _copy()
        copy.update(server)
        _edit(server, ZONE + _EXTRA.format(1))
        kept = copy.duplicate()
        copy.update(server)
        (tmp_path / _NAME).unlink()
        _reload(server)
        _edit(server, ZONE + _EXTRA.format(2))
        for older in (copy, kept):
            older.update(server)
            assert "more2 3600 A 192.0.2.2" in older.records
            assert not _is_incremental(_outcome(server))
        serial = copy.serial + 1000
        soa = f"  - {{type: SOA, value: {{serial: {serial}}}}}\n"
        _edit(server, ZONE.replace("ns1.example.test.]}\n", "ns1.example.test.]}\n" + soa))
        copy.update(server)
        assert _is_incremental(_outcome(server))
        assert copy.serial == serial


def test_without_a_journal_every_transfer_is_whole(tmp_path: Path) -> None:
    allow = ALLOW.replace("transfer: {", "transfer: {journal: 0, ")
    with RunningServer(tmp_path, {"geodns.yaml": SERVER + allow}) as server:
        copy = _copy()
        copy.update(server)
        _edit(server, ZONE + _EXTRA.format(1))
        copy.update(server)
        assert not _is_incremental(_outcome(server))
        assert "more1 3600 A 192.0.2.1" in copy.records
