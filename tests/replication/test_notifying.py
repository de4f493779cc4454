"""NOTIFY to secondaries: sent, signed, sent again until it is acknowledged, given up in the end."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.tsig
import pytest
from keys import SECRET
from running import SERVER, ZONE, RunningServer

from geodns.replication.messages import Record
from geodns.replication.notify import News, Notifying
from geodns.socket_address import SocketAddress

APEX = dns.name.from_text("example.test.")
KEY = dns.tsig.Key("k.test.", SECRET, "hmac-sha256")
_SOA = (
    b"\3ns1\7example\4test\0\4host\7example\4test\0"
    + (7).to_bytes(4, "big")
    + b"".join(n.to_bytes(4, "big") for n in (1, 2, 3, 4))
)
SOA = Record(b"\7example\4test\0", 6, 300, _SOA)


class Secondary:
    """Answers NOTIFY on loopback as told, and keeps what came."""

    def __init__(self, answer: Callable[[dns.message.Message, int], list[bytes]]) -> None:
        self.came: list[dns.message.Message] = []
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = SocketAddress(*self._socket.getsockname())
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while True:
            packet, peer = self._socket.recvfrom(4096)
            if not packet:
                return
            message = dns.message.from_wire(packet, keyring={KEY.name: KEY})
            self.came.append(message)
            for reply in self._answer(message, len(self.came)):
                self._socket.sendto(reply, peer)

    def __enter__(self) -> Secondary:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)
        self._thread.join()
        self._socket.close()


def _acknowledged(message: dns.message.Message, _number: int) -> list[bytes]:
    return [dns.message.make_response(message).to_wire()]


def _deliver(secondary: Secondary, key: Any = None, waits: tuple[float, ...] = (60.0,)) -> str:
    told: list[str] = []

    async def whole() -> None:
        done = asyncio.Event()

        def tell(_zone: str, _secondary: str, how: str) -> None:
            told.append(how)
            done.set()

        notifying = Notifying(tell, waits)
        notifying.send(News(APEX, SOA, 7, secondary.address, key))
        async with asyncio.timeout(60):
            await done.wait()
        await notifying.close()

    asyncio.run(whole())
    (how,) = told
    return how


@pytest.mark.parametrize("key", [None, KEY], ids=["unsigned", "signed"])
def test_a_secondary_is_told_the_new_soa_and_acknowledges(key: Any) -> None:
    with Secondary(_acknowledged) as secondary:
        assert _deliver(secondary, key) == ""
    (message,) = secondary.came
    assert message.opcode() == dns.opcode.NOTIFY
    # RFC 1996 3.7: AA is set; RFC 1035 4.1.1: nobody is asked to recurse.
    assert message.flags & (dns.flags.AA | dns.flags.RD) == dns.flags.AA
    assert message.question[0].to_text() == "example.test. IN SOA"
    assert message.answer[0][0].serial == 7
    assert message.had_tsig is (key is not None)


def test_it_is_sent_again_until_it_is_acknowledged() -> None:
    def third(message: dns.message.Message, number: int) -> list[bytes]:
        return _acknowledged(message, number) if number == 3 else []

    with Secondary(third) as secondary:
        assert _deliver(secondary, waits=(0.05, 0.05, 60.0)) == ""
    assert len(secondary.came) == 3


def test_it_is_given_up_in_the_end() -> None:
    with Secondary(lambda _message, _number: []) as secondary:
        assert _deliver(secondary, waits=(0.05, 0.05)) == "no answer"
    assert len(secondary.came) == 2


def test_what_is_no_acknowledgement_is_passed_over() -> None:
    def noise(message: dns.message.Message, number: int) -> list[bytes]:
        other = dns.message.make_response(message)
        other.id ^= 1
        unsigned = dns.message.make_query("example.test", "SOA", id=message.id)
        unsigned.flags |= dns.flags.QR
        return [b"", b"noise", other.to_wire(), unsigned.to_wire(), *_acknowledged(message, number)]

    with Secondary(noise) as secondary:
        assert _deliver(secondary, KEY) == ""


def test_a_refusal_is_told() -> None:
    def refusing(message: dns.message.Message, _number: int) -> list[bytes]:
        reply = dns.message.make_response(message)
        reply.set_rcode(dns.rcode.REFUSED)
        return [reply.to_wire()]

    with Secondary(refusing) as secondary:
        assert _deliver(secondary) == "it answers REFUSED"


def test_a_change_is_told_by_a_running_server_and_nothing_else_is(tmp_path: Path) -> None:
    with Secondary(_acknowledged) as secondary:
        notify = f"{{address: 127.0.0.1, port: {secondary.address.port}, key: k.test.}}"
        settings = (
            f'keys: {{k.test.: {{secret: "{SECRET}"}}}}\n'
            f"transfer: {{allow: [127.0.0.1], notify: [{notify}]}}\n"
        )
        with RunningServer(tmp_path, {"geodns.yaml": SERVER + settings}) as server:
            first = server.wait_for("a secondary was told")["serial"]
            server.write("services.yaml", "services: {web: {steering: nearest, ttl: 20s}}\n")
            server.wait_for("reloaded")
            server.write("zones/example.test.yaml", ZONE + "more: {type: A, value: 192.0.2.9}\n")
            second = server.wait_for("a secondary was told")["serial"]
    serials = [message.answer[0][0].serial for message in secondary.came]
    # The TTL of a geo name is one of its records' for who copies the zone.
    assert serials[0] == first
    assert serials[-1] == second > first
