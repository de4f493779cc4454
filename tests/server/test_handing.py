"""What is handed over to control: bounded, and forgotten with whoever asked."""

from __future__ import annotations

import dns.message

from geodns.answer.engine import Handed as Packet
from geodns.server.channel import Gone, Handed, Message, Replies
from geodns.server.handing import MOST_WAITING, Handing, Query

_PACKET = Packet(dns.message.make_query("example.test", "AXFR").to_wire(), "192.0.2.1", None)


class Asker:
    """Whoever takes a reply, one of its own for each query."""

    def __call__(self, messages: tuple[bytes, ...], more: bool) -> None:
        """Takes all."""


def test_who_leaves_before_the_query_is_sent_ontakes_no_place() -> None:
    sent: list[Message] = []
    handing = Handing(sent.append, lambda: None)
    for _ in range(3 * MOST_WAITING):
        take = Asker()
        assert handing.hand(Query("tcp", _PACKET, take))
        handing.leave(take)
        handing.send_on()
    assert sent == []


def test_who_leaves_later_is_told_to_control_and_what_is_too_much_is_refused() -> None:
    sent: list[Message] = []
    handing, take = Handing(sent.append, lambda: None), Asker()
    for number in range(MOST_WAITING):
        assert handing.hand(Query("tcp", _PACKET, take)) is True, number
        handing.send_on()
    assert not handing.hand(Query("tcp", _PACKET, take))
    assert all(isinstance(message, Handed) for message in sent)
    handing.replied(Replies(2, (b"",), more=False))
    assert handing.hand(Query("tcp", _PACKET, take))
    sent.clear()
    handing.leave(take)
    assert sent == [Gone(1)]
