"""The ``tcp`` check: a connection that opens, and what is said over it if asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from geodns.config.values import Address
from geodns.health.kits.kit import ConnectingCheck, Kit, Port
from geodns.health.kits.octets import Octets
from geodns.health.probe import ProbeError, Result, Seen, conclude
from geodns.health.wire import Wire

_LOOKED_AT = 64 * 1024  # bytes of the answer


class TcpCheck(ConnectingCheck):
    """A connection that opens is a success, unless more is asked for."""

    type: Literal["tcp"] = Field(description="the protocol")
    port: Port = Field(description="where to connect")
    send: Octets | None = Field(None, description="what is sent once the connection is open")
    expect: Octets | None = Field(
        None, description="what must stand in the first 64 KiB that come back"
    )


class TcpProber:
    """Opens a connection, sends and reads what the check asks for, and closes it."""

    def __init__(self, check: TcpCheck) -> None:
        self._check = check

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        check = self._check
        with Wire(address) as wire:
            await wire.connect(check.port, check.connect_timeout)
            if check.send is not None:
                await wire.send(check.send)
            if check.expect is None:
                return Seen("connected")
            await _look_for(check.expect, wire)
        return Seen("answered as expected")


async def _look_for(expected: bytes, wire: Wire) -> None:
    taken, chunk = bytearray(), b""
    # Only where it can be new: whoever sends byte by byte must not make us search all again.
    while taken.find(expected, max(0, len(taken) - len(chunk) - len(expected) + 1)) < 0:
        if len(taken) == _LOOKED_AT:
            raise ProbeError("the first 64 KiB of the answer lack what is expected")
        chunk = await wire.receive(_LOOKED_AT - len(taken))
        if not chunk:
            what = "the answer lacks what is expected" if taken else "closed without an answer"
            raise ProbeError(what)
        taken += chunk


KIT = Kit(
    TcpCheck,
    TcpProber,
    "a connection that opens and, if asked for, the bytes of `expect` in what comes back",
    "one connection",
)
