"""Two servers, one standing by: what follows, what is refused, promotion, and the way back."""

from __future__ import annotations

import json
import signal
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

import dns.exception
from pairs import Pair, copy_of, follows, serial, status, until, update
from running import ZONE, RunningServer


def test_a_standby_follows_refuses_and_is_promoted(tmp_path: Path) -> None:
    tls = 'tls: {listen: ["127.0.0.1:0"], certificate: certificate.pem, key: key.pem}\n'
    with Pair(tmp_path, primary=tls) as pair:
        ns1, ns2 = pair.ns1, pair.ns2
        first = until("the first copy", lambda: ns2.answer("txt.example.test", "TXT") != [])
        _follows_everything(pair, first)
        _uses_nothing_that_is_wrong_here(pair)
        _refuses_writes(pair)
        _shows_it(pair)
        _is_handed_over(pair)
        # And back again.
        until("ns1 follows", lambda: follows(ns1))
        told = ns1.command("promote", "--force", "--json")
        assert json.loads(told.stdout)["handed_over"] is True, told.output
        until("ns2 follows", lambda: follows(ns2))
        assert status(ns1)["epoch"] == status(ns2)["epoch"] == 3
        assert update(ns1, "home", "192.0.2.30") == "NOERROR"
        until("the update", lambda: ns2.answer("home.example.test") == ["192.0.2.30"])
        assert ns1.answer("away.example.test") == ["192.0.2.20"]
        assert status(ns1)["unreplicated"] == status(ns2)["unreplicated"] == []
        _goes_back_to_its_files(pair)


def _goes_back_to_its_files(pair: Pair) -> None:
    """The primary was promoted, so that it has its files in its state folder."""
    ns1, ns2 = pair.ns1, pair.ns2
    assert ns1.answer("edited.example.test") == ["192.0.2.21"]
    ns1.write("zones/example.test.yaml", "a: {type: A, value: nothing}\n")
    told = ns1.command("promote", "--own-files")
    assert told.exit_code == 1
    assert "bad-rdata" in told.output or "nothing" in told.output
    assert status(ns1)["files"] != str(ns1.config)
    ns1.write("zones/example.test.yaml", ZONE.replace("first", "third"))
    assert ns1.command("promote", "--own-files").exit_code == 0
    assert status(ns1)["files"] == str(ns1.config)
    assert ns1.answer("txt.example.test", "TXT") == ['"third"']
    until("ns2 follows", lambda: ns2.answer("txt.example.test", "TXT") == ['"third"'])
    assert ns2.answer("home.example.test") == ["192.0.2.30"]


def _follows_everything(pair: Pair, first: float) -> None:
    ns1, ns2 = pair.ns1, pair.ns2
    assert update(ns1, "dynamic", "192.0.2.10") == "NOERROR"
    updated = until("the update", lambda: ns2.answer("dynamic.example.test") == ["192.0.2.10"])
    until("all of it", lambda: follows(ns2) and follows(ns1))
    assert serial(ns1) == serial(ns2)
    ns1.write("zones/example.test.yaml", ZONE.replace("first", "second"))
    until("the edit", lambda: ns1.answer("txt.example.test", "TXT") == ['"second"'])
    edited = until("the edit", lambda: ns2.answer("txt.example.test", "TXT") == ['"second"'])
    until("all of it", lambda: follows(ns2))
    assert serial(ns1) == serial(ns2)
    assert ns2.answer("www.example.test", subnet="2.0.0.0/24") == ["192.0.2.1"]
    assert ns1.command("drain", "eu-a", "--reason", "new disks").exit_code == 0
    drained = until(
        "the drain",
        lambda: ns2.answer("www.example.test", subnet="2.0.0.0/24") == ["192.0.2.2"],
    )
    assert "eu-a is drained by" in ns2.command("events").output
    assert " on ns1" in ns2.command("events").output
    print(
        f"\nfirst copy {first:.2f} s; answered at the standby after the primary's answer: "
        f"update {updated:.2f} s, edit {edited:.2f} s, drain {drained:.2f} s"
    )


def _shown(server: RunningServer) -> str:
    """What ``geodns status`` says, in one line."""
    return " ".join(server.command("status").output.split())


def _uses_nothing_that_is_wrong_here(pair: Pair) -> None:
    """What is right on the primary, which serves TLS, and wrong on the standby, which does not."""
    ns1, ns2 = pair.ns1, pair.ns2
    over_tls = "transfer: {allow: [{network: 127.0.0.0/8, tls: true}]}\n"
    ns1.write("zones/example.test.yaml", ZONE.replace("first", "refused"))
    ns1.write("geodns.yaml", pair.primary_file + over_tls)
    until("the edit", lambda: ns1.answer("txt.example.test", "TXT") == ['"refused"'])
    ns2.wait_for("what came from the primary is refused, the generation before stays in use")
    until("it is told", lambda: "no-tls" in (status(ns1)["error"] or ""))
    assert "no-tls" in status(ns2)["error"]
    assert "the standby has refused what came last" in _shown(ns2)
    # The zone may have come into use in a generation before.
    assert ns2.answer("txt.example.test", "TXT") in (['"second"'], ['"refused"'])
    ns1.write("zones/example.test.yaml", ZONE.replace("first", "second"))
    ns1.write("geodns.yaml", pair.primary_file)
    until("it follows again", lambda: follows(ns2) and follows(ns1))
    until("the edit", lambda: ns2.answer("txt.example.test", "TXT") == ['"second"'])
    assert status(ns2)["error"] is None
    for name in ("zones/example.test.yaml", "topology.yaml"):
        copy, original = copy_of(ns2, ns1, name), ns1.folder / name
        assert copy.read_bytes() == original.read_bytes()
        assert copy.stat().st_mtime_ns == original.stat().st_mtime_ns


def _refuses_writes(pair: Pair) -> None:
    ns2 = pair.ns2
    told = ns2.command("drain", "asia-a")
    assert told.exit_code == 1
    assert "ns2 is the standby of ns1 (127.0.0.1:" in told.output
    assert ns2.command("drain", "asia-a", "--dry-run").exit_code == 0
    told = ns2.command("record", "set", "example.test", "new", "A", "192.0.2.9")
    assert told.exit_code == 1
    assert "ns2 is the standby of ns1 (127.0.0.1:" in told.output
    ns2.skip_events()
    assert update(ns2, "refused", "192.0.2.11") == "REFUSED"
    refused = ns2.wait_for("an update was refused")
    assert "standby of ns1" in refused["reason"]
    assert ns2.command("record", "reset", "example.test", "dynamic").exit_code == 1
    assert "connected and the primary" in ns2.command("promote").output
    assert "is the primary already" in pair.ns1.command("promote").output


def _shows_it(pair: Pair) -> None:
    ns1, ns2 = pair.ns1, pair.ns2
    assert "primary with ns2 as its standby, epoch 1; nothing behind" in _shown(ns1)
    assert "standby of ns1, epoch 1; nothing behind" in _shown(ns2)
    for server, leads in ((ns1, 1), (ns2, 0)):
        with urllib.request.urlopen(f"{server.admin}/metrics", timeout=60) as reply:
            metrics = reply.read().decode()
        assert f"geodns_pair_primary {leads}.0" in metrics
        assert "geodns_pair_connected 1.0" in metrics
        assert "geodns_pair_standby_changes 1.0" in metrics
        with urllib.request.urlopen(f"{server.admin}/", timeout=60) as reply:
            assert b"Pair: " in reply.read()


def _is_handed_over(pair: Pair) -> None:
    ns1, ns2 = pair.ns1, pair.ns2
    before = serial(ns1)
    dry = json.loads(ns2.command("promote", "--force", "--dry-run", "--json").stdout)
    assert (dry["epoch"], dry["handed_over"]) == (2, False)
    assert status(ns2)["role"] == "standby"
    told = json.loads(ns2.command("promote", "--force", "--json").stdout)
    assert (told["epoch"], told["handed_over"], told["serials_move_by"]) == (2, True, 0)
    assert update(ns1, "refused", "192.0.2.12") == "REFUSED"
    assert ns1.command("undrain", "eu-a").exit_code == 1
    assert update(ns2, "away", "192.0.2.20") == "NOERROR"
    # Its files are its own now, for commands as for people.
    told_by = ns2.command("record", "set", "example.test", "edited", "A", "192.0.2.21")
    assert told_by.exit_code == 0, told_by.output
    assert ns2.command("undrain", "eu-a").exit_code == 0
    until("the update", lambda: ns1.answer("away.example.test") == ["192.0.2.20"])
    until("the edit", lambda: ns1.answer("edited.example.test") == ["192.0.2.21"])
    until(
        "the end of the drain",
        lambda: ns1.answer("www.example.test", subnet="2.0.0.0/24") == ["192.0.2.1"],
    )
    until("all of it", lambda: follows(ns1))
    assert serial(ns1) == serial(ns2) > before
    # Nobody has touched the files that ns1 began with.
    assert "edited" not in (ns1.folder / "zones/example.test.yaml").read_text()


def test_nothing_that_the_standby_had_is_lost_when_the_primary_is_killed(tmp_path: Path) -> None:
    with Pair(tmp_path, primary="  acknowledge: both\n") as pair:
        ns1, ns2 = pair.ns1, pair.ns2
        until("the first copy", lambda: ns2.answer("txt.example.test", "TXT") != [])
        acknowledged: list[int] = []
        killed = threading.Event()
        stream = threading.Thread(target=_updates, args=(ns1, acknowledged, killed))
        stream.start()
        try:
            until("some are done", lambda: len(acknowledged) >= 4)
            before = serial(ns1)
            ns1.signal(signal.SIGKILL)
            ns1.wait()
        finally:
            killed.set()
            stream.join()
        until("it is noticed", lambda: not status(ns2)["connected"])
        assert "the primary ns1 is not connected" in _shown(ns2)
        ns2.signal(signal.SIGKILL)  # a standby that was killed, too, has the same
        ns2.wait()
        ns2.start()
        told = json.loads(ns2.command("promote", "--json").stdout)
        assert told["handed_over"] is False
        assert told["serials_move_by"] >= 100
        for number in acknowledged:
            assert ns2.answer(f"a{number}.example.test") == [f"192.0.2.{number}"]
        assert serial(ns2) > before
        _comes_back(pair)


def _updates(server: RunningServer, acknowledged: list[int], killed: threading.Event) -> None:
    """One update after the other, until the server is killed."""
    number = 0
    while not killed.is_set():
        number += 1
        with suppress(OSError, dns.exception.Timeout):
            if update(server, f"a{number}", f"192.0.2.{number}", patience=5.0) == "NOERROR":
                acknowledged.append(number)


def _comes_back(pair: Pair) -> None:
    """The former primary has something that the other never had, and sees that it was replaced."""
    ns1, ns2 = pair.ns1, pair.ns2
    ns2.signal(signal.SIGSTOP)
    try:
        ns1.start()
        # Nobody answers: it is the primary as far as it knows, and alone.
        until("ns1 takes writes", lambda: update(ns1, "only-here", "192.0.2.99") == "SERVFAIL")
        assert ns1.answer("only-here.example.test") == ["192.0.2.99"]
    finally:
        ns2.signal(signal.SIGCONT)
    stepped_down = ns1.wait_for("stepped down: the other server of the pair was promoted")
    assert stepped_down["epoch"] == 2
    until("ns1 follows", lambda: follows(ns1))
    assert ns1.answer("only-here.example.test") == ns2.answer("only-here.example.test") == []
    assert serial(ns1) == serial(ns2)
    (file,) = status(ns1)["unreplicated"]
    found = json.loads(Path(file).read_text())
    assert found["epoch"] == [1, "ns1"]
    rows = {row["name"]: row["records"] for row in found["record_sets"]}
    assert rows["only-here.example.test."] == ["192.0.2.99"]
    assert update(ns1, "refused", "192.0.2.12") == "REFUSED"
    assert "not replicated: " in _shown(ns1)
