"""Control's side of what workers hand over: one task a query, only as fast as its taker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from geodns.answer.cold import error_reply
from geodns.answer.resolve import SERVFAIL
from geodns.server.channel import Transport

logger = logging.getLogger(__name__)


class HandedQuery(NamedTuple):
    """A packet that a worker could not answer, who sent it, and how.

    ``reply`` is that to a signed query, which is to be signed.
    """

    transport: Transport
    packet: bytes
    host: str
    reply: bytes | None = None


Answer = Callable[[HandedQuery], AsyncIterator[tuple[bytes, ...]]]
"""Answers with batches of messages; none at all is silence, and ends a connection.

The next batch is only asked for when there is room for it, so what is made is made as it is sent.
"""


class Answering:
    """``reply`` gets each batch, and whether there may be more behind it."""

    def __init__(
        self,
        query: HandedQuery,
        answer: Answer,
        reply: Callable[[tuple[bytes, ...], bool], None],
    ) -> None:
        self._query = query
        self._answer = answer
        self._reply = reply
        self._room = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def go_on(self) -> None:
        """There is room for another batch."""
        self._room.set()

    def stop(self) -> None:
        """Nobody takes the rest."""
        self._task.cancel()

    async def _run(self) -> None:
        batch: tuple[bytes, ...] | None = None
        begun = False
        try:
            async for following in self._answer(self._query):
                if batch is not None:
                    begun = True
                    self._reply(batch, True)
                    await self._room.wait()
                    self._room.clear()
                batch = following
        except Exception:  # nothing that others send may end control, whatever is wrong with us
            logger.exception("a query that was handed over could not be answered; please report it")
            # RFC 1035 4.1.1: "the name server was unable to process this query". But a reply that
            # has begun can only be cut off.
            batch = () if begun else (error_reply(self._query.packet, SERVFAIL),)
        self._reply(batch or (), False)
