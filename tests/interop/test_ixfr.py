"""NSD, Knot DNS and BIND as secondaries follow edits by IXFR, and end up with the same zone."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone
import pytest
from keys import SECRET, keyring
from running import SERVER, ZONE, RunningServer, free_port
from secondaries import NAMES, Copies, Primary, secondary
from workers import until

pytestmark = pytest.mark.interop

_SETTINGS = """\
keys:
  k.test.: {{secret: "{secret}"}}
transfer:
  allow: [{{key: k.test.}}]
  notify: [{{address: 127.0.0.1, port: {port}, key: k.test.}}]
"""
_ZONE_NAME = "example.test."
_EDITS = 6


@pytest.mark.parametrize("name", NAMES)
def test_secondaries_follow_edits_by_ixfr(tmp_path: Path, name: str) -> None:
    chance = random.Random(7)
    told = free_port()
    settings = SERVER + _SETTINGS.format(secret=SECRET, port=told)
    with RunningServer(tmp_path, {"geodns.yaml": settings}) as server:
        own = server.tcp[1]
        primary = Primary(own, "k.test.", "hmac-sha256", SECRET)
        with secondary(name, tmp_path / "secondary", told, primary, Copies((_ZONE_NAME,))):
            until(lambda: _serial(told) == _serial(own))
            for _ in range(_EDITS):
                server.write("zones/example.test.yaml", _edited(chance))
                server.skip_events()
                server.signal(signal.SIGHUP)
                while "SIGHUP" not in server.wait_for("reloaded")["reason"]:
                    pass  # that of the watcher, which saw the file too
                until(lambda: _serial(told) == _serial(own))
                assert _copied(told) == _copied(own, keyring("k.test."))
        outcomes = [event["outcome"] for event in server.events("zone transfer")]
        # The first one whole, and by differences each that came later.
        assert sum(" from " in outcome for outcome in outcomes) >= _EDITS


def _edited(chance: random.Random) -> str:
    """Never twice the same: names that come, go and change, and one tied to a service."""
    lines = [ZONE, f"edit: {{type: TXT, value: r{chance.getrandbits(60)}}}\n"]
    for label in chance.sample("abcdefgh", k=chance.randrange(1, 8)):
        if chance.random() < 0.2:
            lines.append(f"{label}: {{type: CNAME, ttl: 60, value: txt.example.test.}}\n")
            continue
        addresses = ", ".join(f"192.0.2.{n}" for n in chance.sample(range(1, 6), k=2))
        ttl = chance.choice((60, 300))
        lines.append(f"{label}: {{type: A, ttl: {ttl}, values: [{addresses}]}}\n")
    return "".join(lines)


def _serial(port: int) -> int | None:
    query = dns.message.make_query(_ZONE_NAME, "SOA")
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=1.0)
    except (OSError, dns.exception.Timeout):
        return None
    return int(reply.answer[0][0].serial) if reply.answer else None


def _copied(port: int, keys: Any = None) -> list[str]:
    zone = dns.zone.Zone(_ZONE_NAME)
    query, _ = dns.xfr.make_query(zone, keyring=keys)
    dns.query.inbound_xfr("127.0.0.1", zone, query, port=port, timeout=60)
    return sorted(
        f"{name} {ttl} {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}"
        for name, ttl, rdata in zone.iterate_rdatas()
    )
