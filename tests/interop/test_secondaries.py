"""NSD, Knot DNS and BIND copy zones from a running server, and follow its changes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import certificates
import pytest
from clients import kdig
from keys import SECRET
from programs import program
from running import SERVER, ZONE, RunningServer, free_port
from secondaries import NAMES, Copies, Primary, secondary
from workers import until

pytestmark = pytest.mark.interop

Address = tuple[str, int]
OTHER = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
ALL_TYPES = """\
many: {type: A, values: [192.0.2.10, 192.0.2.11, 192.0.2.12, 192.0.2.13]}
"*.wild": {type: TXT, value: wild}
v6: {type: AAAA, value: 2001:db8::1}
alias: {type: CNAME, value: www.example.test.}
mail: {type: MX, value: {preference: 10, exchange: many.example.test.}}
srv: {type: SRV, value: {priority: 1, weight: 2, port: 3, target: many.example.test.}}
caa: {type: CAA, value: {flags: 0, tag: issue, value: ca.test}}
deleg: {type: NS, value: ns.deleg.example.test.}
ns.deleg: {type: A, value: 192.0.2.20}
a.b.c: {type: TXT, value: deep}
UPPER: {type: TXT, value: "quoted\\\\; text"}
"""


def settings(port: int, algorithm: str, told: int, more: str = "") -> str:
    """geodns.yaml for one secondary with the key k.test."""
    return f"""\
{SERVER.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)}
keys: {{k.test.: {{algorithm: {algorithm}, secret: "{SECRET}"}}}}
transfer:
  allow: [{{key: k.test.}}]
  notify: [{{address: 127.0.0.1, port: {told}, key: k.test.}}]
{more}
"""


def soa_serial(at: Address, zone: str = "example.test") -> int | None:
    """The serial that a server answers with; None where it doesn't have the zone."""
    arguments = ("+short", "+norec", "+tries=1", "+time=2", zone, "SOA")
    done = _dig(at, *arguments)
    fields = done.split()
    return int(fields[2]) if len(fields) == 7 else None


def copied(at: Address, *arguments: str, zone: str = "example.test") -> list[str]:
    """The records that dig copies, in order; none where it is refused."""
    lines = _dig(at, "+noall", "+answer", *arguments, zone, "AXFR").splitlines()
    return sorted({" ".join(line.split()) for line in lines if line and line[0] != ";"})


def _dig(at: Address, *arguments: str) -> str:
    command = [str(program("dig")), f"@{at[0]}", "-p", str(at[1]), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout


@pytest.mark.parametrize(
    ("name", "algorithm"), [*((name, "hmac-sha256") for name in NAMES), ("BIND", "hmac-sha512")]
)
def test_it_copies_a_zone_follows_edits_and_a_restart_copies_nothing(
    tmp_path: Path, name: str, algorithm: str
) -> None:
    port, told = free_port(), free_port()
    key = f"{algorithm}:k.test.:{SECRET}"
    files = {
        "geodns.yaml": settings(port, algorithm, told),
        "zones/example.test.yaml": ZONE + ALL_TYPES,
    }
    primary = Primary(port, "k.test.", algorithm, SECRET)
    with (
        RunningServer(tmp_path, files) as server,
        secondary(name, tmp_path / "secondary", told, primary, Copies(("example.test.",))) as at,
    ):
        until(lambda: soa_serial(at) is not None)
        ours = copied(server.tcp, "-y", key)
        assert len(ours) == 19
        assert "www.example.test. 30 IN A 192.0.2.1" in ours
        assert copied(at) == ours
        assert copied(server.tcp) == []
        assert copied(server.tcp, "-y", f"{algorithm}:k.test.:{OTHER}") == []

        def edit(text: str) -> int:
            before = soa_serial(server.udp)
            server.write("zones/example.test.yaml", ZONE + ALL_TYPES + text)
            until(lambda: soa_serial(server.udp) != before)
            serial = soa_serial(server.udp)
            until(lambda: soa_serial(at) == serial)
            assert serial is not None
            return serial

        edit("new: {type: A, value: 192.0.2.99}\n")
        assert "new.example.test. 3600 IN A 192.0.2.99" in copied(at)
        assert copied(at) == copied(server.tcp, "-y", key)
        server.stop()
        server.start()
        server.wait_for("a secondary was told")
        begun = len(server.events("zone transfer"))
        serial = edit("")
        assert copied(at) == ours_but_for_serial(ours, copied(at))
        own = [event["outcome"] for event in server.events("zone transfer")[begun:]]
        assert own
        assert all(str(serial) in outcome for outcome in own if outcome != "refused")


def ours_but_for_serial(before: list[str], now: list[str]) -> list[str]:
    """What was copied before, with the SOA of now."""
    soa = [line for line in now if " SOA " in line]
    return sorted([line for line in before if " SOA " not in line] + soa)


@pytest.mark.parametrize("name", NAMES)
def test_with_a_wrong_secret_it_copies_nothing(tmp_path: Path, name: str) -> None:
    port, told = free_port(), free_port()
    primary = Primary(port, "k.test.", "hmac-sha256", OTHER)
    with (
        RunningServer(tmp_path, {"geodns.yaml": settings(port, "hmac-sha256", told)}) as server,
        secondary(name, tmp_path / "secondary", told, primary, Copies(("example.test.",))) as at,
    ):
        log = tmp_path / "secondary" / "log"
        until(lambda: re.search("(?i)bad.?sig|bad key|tsig|NOTAUTH", log.read_text()))
        assert soa_serial(at) is None
        assert all(event["outcome"] == "refused" for event in server.events("zone transfer"))


@pytest.mark.parametrize("name", ["NSD", "BIND"])  # Knot DNS can from 3.4 on
def test_over_tls_it_copies_too(tmp_path: Path, name: str) -> None:
    port, tls, told = free_port(), free_port(), free_port()
    certificates.make().write(tmp_path)
    more = f"tls: {{listen: ['127.0.0.1:{tls}'], certificate: certificate.pem, key: key.pem}}\n"
    many = "".join(f"n{n}: {{type: TXT, value: {'x' * 200}}}\n" for n in range(3000))
    files = {
        "geodns.yaml": settings(port, "hmac-sha256", told, more),
        "zones/example.test.yaml": ZONE + many,
    }
    authority = tmp_path / "certificate.pem"
    primary = Primary(tls, "k.test.", "hmac-sha256", SECRET, authority, certificates.NAME)
    with (
        RunningServer(tmp_path, files) as server,
        secondary(name, tmp_path / "secondary", told, primary, Copies(("example.test.",))) as at,
    ):
        until(lambda: soa_serial(at) == soa_serial(server.udp))
        assert len(copied(at)) == 3005


@pytest.mark.parametrize("arguments", [("+tls",), ("+tcp",)], ids=["TLS", "TCP"])
def test_kdig_copies_a_zone_whole_and_as_a_change(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    port, tls = free_port(), free_port()
    certificates.make().write(tmp_path)
    more = f"tls: {{listen: ['127.0.0.1:{tls}'], certificate: certificate.pem, key: key.pem}}\n"
    files = {
        "geodns.yaml": settings(port, "hmac-sha256", free_port(), more),
        "zones/example.test.yaml": ZONE + ALL_TYPES,
    }
    with RunningServer(tmp_path, files) as server:
        to = ("127.0.0.1", tls if "+tls" in arguments else port)
        serial = soa_serial(server.udp)
        key = ("-y", f"hmac-sha256:k.test.:{SECRET}")
        output = kdig(to, *arguments, *key, "example.test", "AXFR")
        assert "www.example.test." in output
        # kdig verifies each message's signature, and complains where it is wrong.
        assert "Received" in output
        current = kdig(to, *arguments, *key, "example.test", f"IXFR={serial}")
        assert current.count("SOA") == 1
