"""A process that has loaded a program and does jobs in forks of itself, as its parent sees it.

``geodns.control.forking`` is the other side.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress

from geodns.control import forking

_MOST_OUTPUT = 4000  # characters of what a process that broke had to say
_FAREWELL = 10.0  # seconds that a process has to end
# OpenBLAS would start threads, and a fork has none but the one that forked.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Prepared:
    """One such process. It ends when this one ends, and the job under way with it."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        self._process = process
        self._channel = channel
        self._told = asyncio.create_task(tail(process.stderr))

    @classmethod
    async def start(cls, command: Sequence[str]) -> Prepared:
        """Starts a command, which gets the descriptor of its channel as one more argument."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    str(theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                    env={**os.environ, **_ENVIRONMENT},
                    start_new_session=True,  # Ctrl-C is for the control process alone
                )
        except BaseException:
            ours.close()
            raise
        return cls(process, ours)

    def ask(self, request: bytes, files: Sequence[int]) -> None:
        """Have one job done. Raises OSError where the process has ended."""
        forking.ask(self._channel, request, files)

    async def status(self) -> int | None:
        """How the job ended; None where it does not say so: ``end`` tells what became of it."""
        try:
            async with asyncio.timeout(_FAREWELL):
                told = await asyncio.get_running_loop().sock_recv(
                    self._channel, forking.STATUS.size
                )
        except (TimeoutError, ConnectionError):
            return None
        return int(forking.STATUS.unpack(told)[0]) if told else None

    async def end(self) -> tuple[int, str]:
        """Ends it, and the job under way; returns its exit status and its last words."""
        self._channel.close()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _FAREWELL)
        finally:
            with suppress(ProcessLookupError):
                self._process.kill()
        return await self._process.wait(), await self._told


async def tail(stream: asyncio.StreamReader | None) -> str:
    """The end of what comes, as text, once no more comes."""
    text = b""
    while stream is not None and (chunk := await stream.read(65536)):
        text = (text + chunk)[-_MOST_OUTPUT:]
    return text.decode(errors="replace").strip()
