"""Dynamic updates to a running server, by nsupdate and as other programs send them."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import pytest
from keys import SECRET, Signing, signing
from programs import program
from running import SERVER, ZONE, RunningServer

_POLICY = f"""\
keys:
  admin.test.: {{secret: "{SECRET}"}}
  acme.test.: {{secret: "{SECRET}"}}
transfer: {{allow: [{{key: admin.test.}}]}}
update:
  wait: 60s
  zones:
    example.test.:
      - {{key: admin.test.}}
      - {{key: acme.test., names: [_acme-challenge, _acme-challenge.*], types: [TXT]}}
      - {{network: 127.0.0.0/8, names: [local]}}
"""
_FILES = {"geodns.yaml": SERVER + _POLICY}


_ADMIN, _ACME = signing("admin.test."), signing("acme.test.")


def _update(key: Signing | None = _ADMIN) -> dns.update.UpdateMessage:
    if key is None:
        return dns.update.UpdateMessage("example.test.")
    return dns.update.UpdateMessage("example.test.", **key)


def _send(server: RunningServer, update: dns.update.UpdateMessage, *, tcp: bool = False) -> str:
    ask = dns.query.tcp if tcp else dns.query.udp
    host, port = server.udp
    reply = ask(update, host, port=port, timeout=120)
    return dns.rcode.to_text(reply.rcode())


def _serial(server: RunningServer) -> int:
    (soa,) = server.answer("example.test", "SOA")
    return int(soa.split()[2])


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.interop
def test_nsupdate_adds_and_deletes_and_its_prerequisites_are_checked(
    tmp_path: Path, tcp: bool
) -> None:
    nsupdate = str(program("nsupdate"))

    def run(server: RunningServer, lines: str, *arguments: str) -> str:
        host, port = server.udp
        script = f"server {host} {port}\nzone example.test\n{lines}\nsend\n"
        command = [nsupdate, "-t", "120", "-u", "30", *(["-v"] if tcp else []), *arguments]
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        return done.stderr.strip()

    signed = ("-y", f"hmac-sha256:admin.test.:{SECRET}")
    with RunningServer(tmp_path, _FILES) as server:
        before = _serial(server)
        assert not run(server, "update add new.example.test 60 A 192.0.2.9", *signed)
        # Who was told that it is done can ask for it.
        assert server.answer("new.example.test") == ["192.0.2.9"]
        assert _serial(server) > before
        taken = "prereq nxdomain new.example.test\nupdate add new.example.test 60 TXT x"
        assert "YXDOMAIN" in run(server, taken, *signed)
        assert server.answer("new.example.test", "TXT") == []
        assert not run(
            server, "prereq yxrrset new.example.test A\nupdate delete new.example.test", *signed
        )
        assert dns.rcode.to_text(server.ask("new.example.test").rcode()) == "NXDOMAIN"
        assert "REFUSED" in run(server, "update add new.example.test 60 A 192.0.2.9")
        event = server.wait_for("an update was refused")
        assert (event["zone"], event["who"]) == ("example.test.", "127.0.0.1")
        assert (tmp_path / "zones/example.test.yaml").read_text() == ZONE


def test_a_key_may_change_what_its_rules_say_and_nothing_else(tmp_path: Path) -> None:
    with RunningServer(tmp_path, _FILES) as server:
        for name, type, data, rcode in (
            ("_acme-challenge", "TXT", "x", "NOERROR"),
            ("_acme-challenge.a.b", "TXT", "x", "NOERROR"),
            ("_acme-challenge", "A", "192.0.2.9", "REFUSED"),
            ("x._acme-challenge", "TXT", "x", "REFUSED"),
            ("txt", "TXT", "x", "REFUSED"),
        ):
            update = _update(_ACME)
            update.add(name, 60, type, data)
            assert _send(server, update) == rcode, name
        update = _update(None)
        update.add("local", 60, "A", "192.0.2.9")
        assert _send(server, update, tcp=True) == "NOERROR"
        for name, type, data in (("www", "A", "192.0.2.9"), ("@", "NS", "x")):
            update = _update()  # a geo name; a type that no rule names
            update.add(name, 60, type, data)
            assert _send(server, update) == "REFUSED"
        elsewhere = dns.update.UpdateMessage("other.test.", **_ADMIN)
        assert _send(server, elsewhere) == "NOTAUTH"


def test_records_and_their_owners_are_listed_and_changed_as_external_dns_does(
    tmp_path: Path,
) -> None:
    with RunningServer(tmp_path, _FILES) as server:
        update = _update()
        update.replace("app", 300, "A", "192.0.2.7")
        update.add("a-app", 300, "TXT", '"heritage=external-dns,external-dns/owner=me"')
        assert _send(server, update, tcp=True) == "NOERROR"
        copied = dns.zone.Zone("example.test")
        query, _ = dns.xfr.make_query(copied, keyring=_ADMIN["keyring"])
        dns.query.inbound_xfr(server.tcp[0], copied, query, port=server.tcp[1], timeout=60)
        assert copied.find_rdataset("app", "A")[0].to_text() == "192.0.2.7"
        assert "heritage" in copied.find_rdataset("a-app", "TXT")[0].to_text()
        update = _update()
        update.delete("app", "A", "192.0.2.7")
        update.add("app", 300, "A", "192.0.2.8")
        assert _send(server, update, tcp=True) == "NOERROR"
        assert server.answer("app.example.test") == ["192.0.2.8"]


def test_record_sets_are_made_read_changed_and_deleted_as_terraform_does(tmp_path: Path) -> None:
    with RunningServer(tmp_path, _FILES) as server:

        def read(name: str, type: str) -> dns.message.Message:
            query = dns.message.make_query(name, type, flags=0)  # no recursion, no EDNS
            query.use_tsig(_ADMIN["keyring"])
            host, port = server.udp
            reply = dns.query.udp(query, host, port=port, timeout=120)
            assert reply.had_tsig
            return reply

        def addresses() -> tuple[int, set[str]]:
            (found,) = read("set.example.test", "A").answer
            return found.ttl, {rdata.address for rdata in found}

        made = _update()
        for address in ("192.0.2.7", "192.0.2.8"):
            made.add("set", 3600, "A", address)
        for _ in range(2):  # it says the same again where it has heard nothing
            assert _send(server, made) == "NOERROR"
        assert addresses() == (3600, {"192.0.2.7", "192.0.2.8"})
        changed = _update()
        changed.delete("set", "A", "192.0.2.7")
        changed.add("set", 3600, "A", "192.0.2.9")
        assert _send(server, changed) == "NOERROR"
        assert addresses() == (3600, {"192.0.2.8", "192.0.2.9"})
        # What is imported is looked for from its name upwards, until there is an SOA.
        assert [
            bool(read(name, "SOA").answer) for name in ("set.example.test", "example.test")
        ] == [
            False,
            True,
        ]
        deleted = _update()
        deleted.delete("set", "A")
        assert _send(server, deleted) == "NOERROR"
        assert read("set.example.test", "A").rcode() == dns.rcode.NXDOMAIN


def test_updates_outlive_a_kill_and_wait_for_a_sound_configuration(tmp_path: Path) -> None:
    with RunningServer(tmp_path, _FILES) as server:
        update = _update()
        update.add("new", 60, "TXT", "x")
        update.replace("txt", 60, "TXT", "changed")
        assert _send(server, update) == "NOERROR"
        serial = _serial(server)
        server.write("services.yaml", "services: {web: {steering: nonsense}}\n")
        update = _update()
        update.present("new", "TXT", "x")
        update.add("late", 60, "TXT", "x")
        assert _send(server, update) == "NOERROR"
        update = _update()  # what waits counts for those that come after it
        update.absent("late")
        update.add("late", 60, "TXT", "y")
        assert _send(server, update) == "YXDOMAIN"
        server.write("services.yaml", "services: {web: {steering: nearest, ttl: 30s}}\n")
        server.signal(signal.SIGKILL)
        server.wait()
        server.start()
        for name, value in (("new", "x"), ("txt", "changed"), ("late", "x")):
            assert server.answer(f"{name}.example.test", "TXT") == [f'"{value}"']
        assert _serial(server) > serial


def test_what_the_file_has_come_to_hold_hides_what_can_not_stand_beside_it(
    tmp_path: Path,
) -> None:
    with RunningServer(tmp_path, _FILES) as server:
        update = _update()
        update.add("new", 60, "A", "192.0.2.9")
        assert _send(server, update) == "NOERROR"
        alias = ZONE + "new: {type: CNAME, value: txt.example.test.}\n"
        server.write("zones/example.test.yaml", alias)
        problem = server.wait_for("configuration problem", id="update-hidden")
        assert problem["file"].endswith("example.test.yaml")
        server.wait_for("reloaded")
        assert server.answer("new.example.test", "CNAME") == ["txt.example.test."]
