"""A server that copies zones from another one of its kind: answers, restarts, expiry, overlays."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import dns.xfr
import pytest
from copying import Copy
from keys import SECRET
from running import SERVER, RunningServer, free_port

KEY = f'keys: {{k.test.: {{secret: "{SECRET}"}}}}\n'
ZONE = """\
"":
  - {{type: SOA, ttl: 60, value: {{mname: ns1.copied.test., rname: admin.copied.test.,
     serial: {serial}, refresh: 3600, retry: 1, expire: {expire}, minimum: 1}}}}
  - {{type: NS, ttl: 60, values: [ns1.copied.test.]}}
ns1: {{type: A, ttl: 60, value: 127.0.0.1}}
www: {{type: A, ttl: 60, value: {address}}}
www2: {{type: CNAME, ttl: 60, value: www.copied.test.}}
cut: {{type: NS, ttl: 60, values: [ns.elsewhere.test.]}}
odd: {{type: TYPE65400, ttl: 60, value: "\\\\# 3 010203"}}
"""
OVERLAY = """\
www: {type: GEO, service: web}
www2: {type: GEO, service: web}
more: {type: GEO, service: web, ttl: 7}
below.cut: {type: GEO, service: web}
"""
_PATIENCE = 60.0
_SERVER = SERVER.replace("workers: 2", "workers: 1")


def _zone(serial: int, address: str = "192.0.2.80", expire: int = 600_000) -> str:
    return ZONE.format(serial=serial, address=address, expire=expire)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Chain:
    """A primary, and a secondary of it."""

    def __init__(self, folder: Path) -> None:
        ports = free_port(), free_port()
        notify = f"[{{address: 127.0.0.1, port: {ports[1]}, key: k.test.}}]"
        transfer = f"transfer: {{allow: [{{key: k.test.}}], notify: {notify}, catalog: catalog.}}\n"
        self.primary = RunningServer(
            folder / "primary",
            {
                "geodns.yaml": _SERVER.replace("127.0.0.1:0", f"127.0.0.1:{ports[0]}", 1)
                + KEY
                + transfer,
                "zones/copied.test.yaml": _zone(5),
                "zones/laid.test.yaml": _zone(5).replace("copied.test", "laid.test"),
            },
        )
        primaries = f"[{{address: 127.0.0.1, port: {ports[0]}, key: k.test.}}]"
        self.server = (
            _SERVER.replace("127.0.0.1:0", f"127.0.0.1:{ports[1]}", 1)
            + KEY
            + f"""\
transfer: {{allow: [127.0.0.0/8]}}
secondary:
  primaries: {primaries}
  zones: {{copied.test.: {{}}, laid.test.: {{overlay: overlay.yaml}}}}
"""
        )
        files = {"geodns.yaml": self.server, "overlay.yaml": OVERLAY}
        self.secondary = RunningServer(folder / "secondary", files)

    def serial(self, zone: str = "copied.test") -> int | None:
        """The serial that the secondary answers."""
        found = self.secondary.answer(zone, "SOA")
        return int(found[0].split()[2]) if found else None

    def rcode(self, name: str, type: str = "A") -> str:
        """What the secondary answers."""
        return dns.rcode.to_text(self.secondary.ask(name, type).rcode())


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    made = Chain(tmp_path_factory.mktemp("chain"))
    with made.primary, made.secondary:
        _until(lambda: made.serial() == 5 and made.serial("laid.test") is not None)
        yield made


def test_what_was_copied_is_answered_as_it_came(chain: Chain) -> None:
    assert chain.secondary.answer("www.copied.test") == ["192.0.2.80"]
    assert chain.secondary.answer("odd.copied.test", "TYPE65400") == ["\\# 3 010203"]
    assert chain.rcode("nowhere.copied.test") == "NXDOMAIN"
    mine, theirs = Copy("copied.test"), Copy("copied.test", _keyring())
    mine.update(chain.secondary)
    theirs.update(chain.primary)
    assert mine.records == theirs.records


def _keyring() -> object:
    return dns.tsigkeyring.from_text({"k.test.": SECRET})


def test_a_change_at_the_primary_is_told_copied_and_passed_on(chain: Chain) -> None:
    copy = Copy("copied.test")
    copy.update(chain.secondary)
    chain.primary.write("zones/copied.test.yaml", _zone(6, "192.0.2.81"))
    _until(lambda: chain.serial() == 6)
    assert chain.secondary.answer("www.copied.test") == ["192.0.2.81"]
    copy.update(chain.secondary)
    assert copy.serial == 6


def test_an_overlay_answers_its_names_and_leaves_the_rest(chain: Chain) -> None:
    assert chain.secondary.answer("www.laid.test") in (["192.0.2.1"], ["192.0.2.2"])
    assert chain.secondary.answer("www2.laid.test") in (["192.0.2.1"], ["192.0.2.2"])
    assert chain.secondary.answer("more.laid.test") in (["192.0.2.1"], ["192.0.2.2"])
    assert chain.secondary.answer("ns1.laid.test") == ["127.0.0.1"]
    assert (
        chain.secondary.ask("below.cut.laid.test").authority[0].name.to_text() == "cut.laid.test."
    )
    # They are told once it is in use.
    wanted = {"overlay-hidden", "overlay-over-cname"}
    _until(lambda: {e["id"] for e in chain.secondary.events("configuration problem")} >= wanted)
    assert (chain.serial("laid.test") or 0) >= 5


def test_a_copy_is_not_changed_here(chain: Chain) -> None:
    update = dns.update.UpdateMessage("copied.test")
    update.add("new", 60, "A", "192.0.2.9")
    reply = dns.query.tcp(update, "127.0.0.1", port=chain.secondary.tcp[1], timeout=_PATIENCE)
    assert reply.rcode() == dns.rcode.REFUSED
    refused = chain.secondary.wait_for("an update was refused")
    assert "it is copied from 127.0.0.1:" in refused["reason"]


def test_the_status_tells_of_each_copy(chain: Chain) -> None:
    status = json.loads(chain.secondary.command("status", "--json").stdout)
    by_zone = {row["zone"]: row for row in status["secondaries"]}
    row = by_zone["copied.test."]
    assert row["standing"] == "current"
    assert row["serial"] == chain.serial()
    assert row["checked"] <= status["at"] + 1 < row["expires"]


def test_primaries_are_asked_and_a_zone_is_copied_anew_by_command(chain: Chain) -> None:
    server = chain.secondary
    received = len(server.events("a zone was received"))
    told = server.command("zone", "refresh", "Copied.test")
    assert told.exit_code == 0
    assert "copied.test. is being checked: 127.0.0.1:" in told.stdout
    anew = server.command("zone", "refresh", "copied.test", "--whole", "--json")
    assert json.loads(anew.stdout)["whole"]
    _until(lambda: len(server.events("a zone was received")) > received)
    assert server.events("a zone was received")[-1]["outcome"].endswith(", whole")
    events = server.command("events").stdout
    assert "to be copied whole" in events
    refused = server.command("zone", "refresh", "example.test")
    assert refused.exit_code == 1
    assert "example.test. is not copied from anywhere" in refused.output


def test_commands_show_copies_and_leave_edits_to_the_primary(chain: Chain) -> None:
    server = chain.secondary
    listed = server.command("zone", "list")
    assert "laid.test." in listed.stdout
    assert "127.0.0.1:" in listed.stdout
    rows = {row["zone"]: row for row in json.loads(server.command("zone", "list", "--json").stdout)}
    assert rows["copied.test."]["serial"] == chain.serial()
    shown = server.command("zone", "show", "copied.test")
    assert "ns.elsewhere.test." in shown.stdout
    exported = server.command("zone", "export", "copied.test", "--format", "master").stdout
    assert "www" in exported
    assert "www" in server.command("record", "list", "copied.test", "www").stdout
    for command in (
        ("record", "set", "copied.test", "www", "A", "192.0.2.1"),
        ("zone", "delete", "copied.test", "--force"),
        ("zone", "create", "copied.test", "--ns", "ns1.copied.test."),
    ):
        refused = server.command(*command)
        assert refused.exit_code == 1
        assert "is copied from 127.0.0.1:" in refused.output


def test_explain_and_events_know_of_copies(chain: Chain) -> None:
    copied = chain.secondary.command("explain", "txt.copied.test", "--client", "192.0.2.9")
    assert "no txt.copied.test. in the zone" in copied.stdout
    laid = chain.secondary.command("explain", "www.laid.test", "--client", "192.0.2.9")
    assert "answered from the service web" in laid.stdout
    assert "copied.test. new content, serial" in chain.secondary.command("events").stdout


def test_a_copy_that_is_damaged_on_disk_is_fetched_anew(chain: Chain) -> None:
    chain.secondary.skip_events()
    owner = dns.name.from_text("ns1.laid.test.").to_digestable()
    with closing(sqlite3.connect(chain.secondary.folder / "var" / "secondary.db")) as database:
        changed = database.execute("UPDATE records SET ttl = ttl + 1 WHERE owner = ?", (owner,))
        assert changed.rowcount == 1
        database.commit()
    chain.secondary.signal(signal.SIGHUP)
    chain.secondary.wait_for("a copied zone is damaged, and fetched anew", zone="laid.test.")
    chain.secondary.wait_for("a zone was received", zone="laid.test.")
    _until(lambda: chain.secondary.answer("ns1.laid.test") == ["127.0.0.1"])


def test_metrics_tell_when_a_copy_was_confirmed_and_expires(chain: Chain) -> None:
    with urllib.request.urlopen(f"{chain.secondary.admin}/metrics", timeout=_PATIENCE) as reply:
        text = reply.read().decode()
    assert f'geodns_secondary_serial{{zone="copied.test."}} {float(chain.serial() or 0)}' in text
    assert 'geodns_secondary_served{zone="copied.test."} 1.0' in text
    assert 'geodns_secondary_transfers_total{zone="copied.test."}' in text
    with urllib.request.urlopen(f"{chain.secondary.admin}/", timeout=_PATIENCE) as reply:
        assert "Zones copied from primaries" in reply.read().decode()


def test_a_restart_needs_no_primary_and_what_expired_is_not_answered_until_it_is_back(
    chain: Chain,
) -> None:
    laid = chain.serial("laid.test")
    chain.primary.write("zones/copied.test.yaml", _zone(7, expire=3))
    _until(lambda: chain.serial() == 7)
    chain.primary.signal(signal.SIGSTOP)  # workers answer on, but nothing that is signed
    chain.secondary.write("geodns.yaml", "nonsense: 1\n")
    try:
        _until(lambda: chain.rcode("www.copied.test") == "SERVFAIL")
        assert chain.rcode("nowhere.copied.test") == "SERVFAIL"
        query = dns.message.make_query("copied.test", "SOA", use_edns=0)
        reply = dns.query.udp(query, "127.0.0.1", port=chain.secondary.udp[1], timeout=_PATIENCE)
        assert [int(option.code) for option in reply.extended_errors()] == [24]
        with pytest.raises(dns.xfr.TransferError):
            Copy("copied.test").update(chain.secondary)
        assert chain.serial("laid.test") == laid, "what else the last good configuration has stays"
        chain.secondary.write("geodns.yaml", chain.server)
        chain.secondary.stop()
        chain.secondary.start()
        assert chain.serial("laid.test") == laid, "at once, for it is kept"
        assert chain.rcode("www.copied.test") == "SERVFAIL", "a restart makes it no newer"
        why = chain.secondary.command("explain", "copied.test", "SOA", "--client", "192.0.2.9")
        assert "was never copied, or has expired" in " ".join(why.stdout.split())
    finally:
        chain.primary.signal(signal.SIGCONT)
    chain.primary.write("zones/copied.test.yaml", _zone(10))
    _until(lambda: chain.serial() == 10)


def test_zones_of_a_catalog_come_and_go(chain: Chain) -> None:
    catalog = "  catalogs: {catalog.: {}}\n"
    chain.secondary.write("geodns.yaml", chain.server + catalog)
    chain.primary.write("zones/member.test.yaml", _zone(3).replace("copied.test", "member.test"))
    _until(lambda: chain.secondary.answer("www.member.test") == ["192.0.2.80"])
    (chain.primary.folder / "zones" / "member.test.yaml").unlink()
    _until(lambda: chain.rcode("www.member.test") == "REFUSED")
    assert chain.secondary.answer("www.copied.test"), "it is named, whatever the catalog lists"
    clashes = chain.secondary.events("a catalog lists a zone that is not its own")
    assert {clash["zone"] for clash in clashes} == {"example.test.", "copied.test.", "laid.test."}
