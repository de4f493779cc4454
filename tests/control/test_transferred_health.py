"""GEO names are transferred as what is answered now, a while after health has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import dns.query
import dns.xfr
import dns.zone
from running import SERVER, RunningServer

from geodns.answer.service import EndpointState
from geodns.config.settings import Admin
from geodns.control.client import tell
from geodns.control.transferred_health import TransferredHealth

UP, DOWN = EndpointState(1.0), EndpointState(0.0)


def _play(scene: Callable[[TransferredHealth], None], seconds: float) -> int:
    """How often it is renewed by a scene, and within seconds after it."""

    async def whole() -> int:
        renewed: list[None] = []
        health = TransferredHealth(lambda: renewed.append(None))
        scene(health)
        await asyncio.sleep(seconds)
        health.close()
        return len(renewed)

    return asyncio.run(whole())


def test_changes_are_taken_together() -> None:
    def scene(health: TransferredHealth) -> None:
        for state in (DOWN, UP, DOWN):
            health.look({"a": state}, 0.01)
        health.look({"a": DOWN, "b": DOWN}, 0.01)

    assert _play(scene, 0.2) == 1


def test_what_is_over_before_is_no_change() -> None:
    def scene(health: TransferredHealth) -> None:
        health.look({"a": DOWN}, 0.05)
        health.look({"a": UP}, 0.05)

    assert _play(scene, 0.2) == 0


def test_a_share_a_ttl_or_a_name_that_is_well_is_no_change() -> None:
    def scene(health: TransferredHealth) -> None:
        health.used({"a": EndpointState(0.5, steady=3.0)})
        health.look({"a": UP, "b": UP}, 0.01)

    assert _play(scene, 0.1) == 0


def test_nothing_is_renewed_where_nothing_is_transferred() -> None:
    assert _play(lambda health: health.look({"a": DOWN}, None), 0.1) == 0


def test_a_secondary_gets_the_present_answer_under_a_new_serial(tmp_path: Path) -> None:
    settings = "transfer: {allow: [127.0.0.0/8], refresh: 1s}\n"
    with RunningServer(tmp_path, {"geodns.yaml": SERVER + settings}) as server:

        def copied() -> tuple[int, str]:
            zone = dns.zone.Zone("example.test")
            query, _ = dns.xfr.make_query(zone)
            dns.query.inbound_xfr(server.tcp[0], zone, query, port=server.tcp[1], timeout=60)
            address = zone.find_rdataset("www", "A")[0].address
            return zone.find_rdataset("@", "SOA")[0].serial, address

        serial, address = copied()
        (drained,) = (
            id
            for id, one in (("web@eu-a", "192.0.2.1"), ("web@asia-a", "192.0.2.2"))
            if one == address
        )
        tell(Admin(socket=server.socket), "/v1/drain", {"id": drained})
        deadline = time.monotonic() + 60
        while copied()[0] == serial:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        later, other = copied()
        assert later > serial
        assert {address, other} == {"192.0.2.1", "192.0.2.2"}
