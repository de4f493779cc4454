"""Receives a zone from a primary: what has changed where it can, else all of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import dns.message

from geodns.answer.digest import serial_of
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.replication.inbound import Limits, Primary, Steps, Whole
from geodns.replication.secondary.assembling import Assembly
from geodns.replication.secondary.errors import FutileError, PrimaryError
from geodns.replication.secondary.reading import read
from geodns.replication.secondary.requests import steps_question, whole_question
from geodns.replication.secondary.spool import Spool
from geodns.replication.secondary.streams import Stream
from geodns.replication.secondary.verifying import Verifier

Content = Whole | Steps | None
"""None: what is held is what the primary has."""


class Fetching:
    """One zone from one primary, which is newer than the serial ``held``; None: whatever it is.

    The records of a whole zone are in the spool.
    """

    def __init__(
        self,
        apex: bytes,
        primary: Primary,
        held: int | None,
        limits: Limits,
        spool: Spool,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._apex = apex
        self._primary = primary
        self._held = held
        self._limits = limits
        self._spool = spool
        self._wall = wall

    async def steps(self) -> Content:
        """IXFR, which may bring all. Raises PrimaryError."""
        assert self._held is not None
        query = steps_question(self._apex, self._held, self._primary.key)
        return await self._fetch(query, steps=True)

    async def whole(self) -> Content:
        """AXFR. Raises PrimaryError."""
        self._spool.clear()
        return await self._fetch(whole_question(self._apex, self._primary.key), steps=False)

    async def either(self) -> Content:
        """IXFR where something is held, AXFR where that brings nothing. Raises PrimaryError."""
        if self._held is None:
            return await self.whole()
        try:
            return await self.steps()
        except FutileError:
            raise
        except PrimaryError as error:
            # RFC 1995 4 leaves it to us: servers without IXFR say FORMERR, NOTIMP or REFUSED, or
            # close the connection, and those with a damaged journal may send anything.
            try:
                return await self.whole()
            except FutileError as worse:
                raise FutileError(f"{worse} (and to IXFR: {error})") from worse

    async def _fetch(self, query: dns.message.Message, *, steps: bool) -> Content:
        assembly = Assembly(self._apex, self._spool, self._limits.size, self._held, steps=steps)
        try:
            async with asyncio.timeout(self._limits.total):
                await self._receive(query, assembly)
            self._spool.finish()
        except TimeoutError as error:
            raise FutileError(f"it is not done in {self._limits.total:g} s") from error
        except OSError as error:
            raise FutileError(f"it can't be written down: {error.strerror}") from error
        if assembly.is_current:
            return None
        if assembly.differences:
            assert self._held is not None
            return Steps(self._held, assembly.soa, tuple(assembly.differences))
        return Whole(assembly.soa, self._spool)

    async def _receive(self, query: dns.message.Message, assembly: Assembly) -> None:
        packet = query.to_wire()
        question = packet[HEADER_BYTES : name_end(packet, HEADER_BYTES) + 4]
        key = self._primary.key
        verifier = None if key is None else Verifier(key, query.mac or b"", self._wall)
        async with await Stream.open(self._primary, self._limits) as stream:
            await stream.send(packet)
            while not assembly.ended:
                received = await stream.receive()
                part = read(received, query.id, question)
                if verifier is not None:
                    verifier.take(received, part.behind)
                for record in part.records:
                    assembly.take(record)
                # A large zone holds up the event loop for no more than one message.
                await asyncio.sleep(0)
        if verifier is not None:
            verifier.finish()


def serial(content: Whole | Steps) -> int:
    """That of what was received."""
    return serial_of(content.soa.rdata)
