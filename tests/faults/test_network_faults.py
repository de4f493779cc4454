"""Cut cables between a real server and AZs in network namespaces: real probes, real answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest
from fault_servers import until
from network_lab import Lab, namespaces_left
from running import SERVER, RunningServer

from geodns.config.settings import Admin
from geodns.control.client import ask, tell

pytestmark = pytest.mark.slow

AZS = [f"az{number}" for number in range(6)]
ADDRESSES = {"dns": "10.77.0.1", **{name: f"10.77.0.{10 + n}" for n, name in enumerate(AZS)}}
PORT = 8080
TOPOLOGY = "regions:\n  eu:\n    location: [50, 8]\n    availability_zones:\n" + "".join(
    f"      {name}: {{endpoints: {{web: [{ADDRESSES[name]}]}}}}\n" for name in AZS
)
SERVICES = f"""\
checks:
  c: {{type: tcp, port: {PORT}, interval: 500ms, timeout: 400ms, rise: 1, fall: 2}}
services:
  web: {{steering: nearest, ttl: 1s, check: c, answers: 8, when_down: nodata}}
health:
  availability_zone: {{hold: 0}}
  guard: {{mass_failure: {{share: 50%, within: 10s, least: 3}}}}
  recovery: {{suppress: 2, reuse: 1, half_life: 5s, longest: 10s}}
"""


class Cabled:
    """A server in a namespace of its own, at one end of the cables."""

    def __init__(self, lab: Lab, server: RunningServer) -> None:
        self.lab = lab
        self._admin = Admin(socket=server.socket)
        self._asker = lab.socket_in("dns", lambda: socket.socket(type=socket.SOCK_DGRAM))
        self._asker.setblocking(False)

    def answers(self) -> set[str]:
        """The AZs that a client is answered, by a query inside the namespace."""
        query = dns.message.make_query("www.example.test", "A")
        to, port = ADDRESSES["dns"], 5300
        reply = dns.query.udp(query, to, port=port, timeout=60, sock=self._asker)
        named = {rdata.to_text() for rrset in reply.answer for rdata in rrset}
        return {name for name in AZS if ADDRESSES[name] in named}

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = ask(self._admin, "/v1/status")["health"]
        return found

    def guard(self) -> dict[str, Any]:
        found: dict[str, Any] = self.health()["guard"]
        return found

    def trust(self) -> None:
        tell(self._admin, "/v1/trust", {"id": "guard"})

    def reason(self, az: str) -> str:
        zones = self.health()["regions"][0]["availability_zones"]
        found: str = next(zone for zone in zones if zone["name"] == az)["endpoints"][0]["reason"]
        return found

    def close(self) -> None:
        self._asker.close()


@pytest.fixture
def cabled(tmp_path: Path) -> Iterator[Cabled]:
    files = {
        "geodns.yaml": SERVER.replace("127.0.0.1:0", f"{ADDRESSES['dns']}:5300", 1),
        "topology.yaml": TOPOLOGY,
        "services.yaml": SERVICES,
    }
    with Lab(ADDRESSES) as lab:
        for name in AZS:
            lab.listen(name, PORT)
        with RunningServer(tmp_path, files, prefix=lab.within("dns")) as server:
            found = Cabled(lab, server)
            try:
                until(lambda: found.answers() == set(AZS), "all AZs are in service")
                yield found
            finally:
                found.close()
    assert namespaces_left() == []


def test_an_az_that_is_cut_off_is_withdrawn_and_the_others_stay(cabled: Cabled) -> None:
    cabled.lab.cut("az2")
    until(lambda: cabled.answers() == set(AZS) - {"az2"}, "az2 is withdrawn")
    assert not cabled.guard()["frozen"]
    cabled.lab.join("az2")
    until(lambda: cabled.answers() == set(AZS), "az2 is back")


def test_a_prober_that_is_cut_off_withdraws_nothing(cabled: Cabled) -> None:
    cabled.lab.cut("dns")
    until(lambda: cabled.guard()["kept"] == len(AZS), "every target is down by its probes")
    assert cabled.guard()["frozen"]
    assert cabled.answers() == set(AZS)
    cabled.lab.join("dns")
    until(lambda: not cabled.guard()["frozen"], "verdicts are free again")
    until(lambda: cabled.guard()["kept"] == 0, "every target is up by its probes")
    assert cabled.answers() == set(AZS)


def test_an_az_behind_a_flapping_link_is_held_out_until_it_is_calm(cabled: Cabled) -> None:
    def held_out() -> bool:
        return "flapped: held out for a while" in cabled.reason("az4")

    for _ in range(20):
        cabled.lab.cut("az4")
        until(lambda: "az4" not in cabled.answers(), "az4 is withdrawn")
        cabled.lab.join("az4")
        until(lambda: held_out() or "az4" in cabled.answers(), "az4 answers again")
        if held_out():
            break
    else:
        raise AssertionError("az4 comes back at once however often it fails")
    assert cabled.answers() == set(AZS) - {"az4"}
    until(lambda: cabled.answers() == set(AZS), "az4 is back")


def test_half_of_all_azs_that_fail_at_once_are_kept_until_a_person_trusts_the_probes(
    cabled: Cabled,
) -> None:
    gone = set(AZS[:3])
    cabled.lab.cut(*gone)
    until(lambda: cabled.guard()["kept"] == 3, "three targets are down by their probes")
    assert cabled.guard()["frozen"]
    assert cabled.answers() == set(AZS)
    cabled.trust()
    until(lambda: cabled.answers() == set(AZS) - gone, "what is gone is withdrawn")
    cabled.lab.join(*gone)
    until(lambda: cabled.answers() == set(AZS), "all AZs are back")
