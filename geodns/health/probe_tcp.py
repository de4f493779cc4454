"""The ``tcp`` check: a connection that opens is a success."""

from __future__ import annotations

import asyncio
import socket

from geodns.config.settings import Address, TcpCheck
from geodns.health.probe import Result, Seen, conclude


class TcpProber:
    """Opens a connection and closes it at once; nothing is sent or read."""

    def __init__(self, check: TcpCheck) -> None:
        self._check = check

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            target = (str(address), self._check.port)
            await asyncio.get_running_loop().sock_connect(connection, target)
        return Seen("connected")
