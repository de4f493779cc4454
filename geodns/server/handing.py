"""Hands what no table holds to control, and brings back what it replies.

UDP threads hand over, the main thread speaks with control: so there is one queue between them, and
what waits in it and for replies is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import NamedTuple, Protocol

from geodns.answer import engine
from geodns.answer.cold import error_reply
from geodns.answer.resolve import SERVFAIL
from geodns.server.channel import Gone, Handed, Message, More, Replies, Transport

MOST_WAITING = 256
"""Queries of one worker that control has not answered yet. Anybody can send such queries."""


class Taker(Protocol):
    """Takes replies to one query."""

    def __call__(self, messages: tuple[bytes, ...], more: bool) -> None:
        """These are next; ``more`` can be had by asking for it."""


class Query(NamedTuple):
    """What is handed over, and who takes the replies."""

    transport: Transport
    handed: engine.Handed
    take: Taker


class Handing:
    """``send`` writes to control, ``wake`` has the main thread call ``send_on``.

    ``hand`` may be called by any thread, all else by the main one.
    """

    def __init__(self, send: Callable[[Message], None], wake: Callable[[], None]) -> None:
        self._send = send
        self._wake = wake
        self._queued: deque[Query] = deque()
        self._waiting: dict[int, Taker] = {}
        self._left: list[Taker] = []
        self._numbers = count(1)
        self.orphaned = False

    def hand(self, query: Query) -> bool:
        """Leaves a query for control; False where too many wait already."""
        if len(self._queued) + len(self._waiting) >= MOST_WAITING:
            return False
        self._queued.append(query)
        self._wake()
        return True

    def send_on(self) -> None:
        """Sends what was left. Without control there is nobody who could answer."""
        while self._queued:
            query = self._queued.popleft()
            if any(each is query.take for each in self._left):
                continue
            if self.orphaned:
                query.take((error_reply(query.handed.packet, SERVFAIL),), False)
                continue
            number = next(self._numbers)
            self._waiting[number] = query.take
            self._send(Handed(number, query.transport, *query.handed))
        self._left.clear()

    def ask_more(self, take: Taker) -> None:
        """Whoever takes has room for more."""
        number = self._number(take)
        if number is not None:
            self._send(More(number))

    def leave(self, take: Taker) -> None:
        """Nobody takes what else there is."""
        number = self._number(take)
        if number is None:
            # Not sent on yet: nobody would ever take the rest of what control replies.
            self._left.append(take)
            return
        del self._waiting[number]
        self._send(Gone(number))

    def replied(self, replies: Replies) -> None:
        """Control has answered."""
        take = self._waiting.get(replies.number)
        if take is None:
            return
        if not replies.more:
            del self._waiting[replies.number]
        # A socket that can't send has lost this reply, as any other.
        with suppress(OSError):
            take(replies.messages, replies.more)

    def orphan(self) -> None:
        """Control is gone: nobody will answer what waits."""
        self.orphaned = True
        waiting, self._waiting = list(self._waiting.values()), {}
        for take in waiting:
            with suppress(OSError):
                take((), False)

    def _number(self, take: Taker) -> int | None:
        return next((number for number, each in self._waiting.items() if each is take), None)
