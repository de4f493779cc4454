"""The ``exec`` check: a program of the operator's, whose exit status decides."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from geodns.config.values import Address
from geodns.health.kits.kit import Kit, ProbingCheck
from geodns.health.probe import NotProbedError, ProbeError, Result, Seen, conclude, printable
from geodns.wording import shown

_AT_ONCE = 16  # programs, over all checks: each is a process of its own
_KEPT = 4096  # bytes of what the program writes; the rest is read and thrown away
_PIPE = 65536  # bytes: what a pipe holds
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _absolute(command: tuple[str, ...]) -> tuple[str, ...]:
    if command and not Path(command[0]).is_absolute():
        raise ValueError(f"{shown(command[0])} is not an absolute path; write it as in /bin/true")
    return command


class ExecCheck(ProbingCheck):
    """A program that exits with 0 for a healthy address."""

    type: Literal["exec"] = Field(description="a program")
    command: Annotated[
        tuple[Annotated[str, Field(pattern="^[^\\x00]*$")], ...], AfterValidator(_absolute)
    ] = Field(
        min_length=1,
        description="absolute path and arguments; {address} stands for the address",
    )


class Turns:
    """At most so many programs at once; the others wait, without their time running."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: dict[asyncio.Future[None], None] = {}

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = next(iter(self._waiting))
            del self._waiting[turn]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


_TURNS = Turns(_AT_ONCE)


class ExecProber:
    """Runs the program without a shell, in a process group that ends with the probe."""

    def __init__(self, check: ExecCheck, turns: Turns = _TURNS) -> None:
        self._check = check
        self._turns = turns

    async def __call__(self, address: Address) -> Result:
        async with self._turns:
            return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        command = [part.replace("{address}", str(address)) for part in self._check.command]
        try:
            status, said = await _run(command, str(address))
        except (FileNotFoundError, PermissionError) as error:
            raise NotProbedError(f"{command[0]} can't be run: {error.strerror}") from error
        line = printable(said.decode(errors="replace").lstrip())
        if status < 0:
            raise ProbeError(f"killed by {_signal(-status)}")
        if status > 0:
            raise ProbeError(f"exit status {status}{f': {line}' if line else ''}")
        return Seen(line or "exit status 0")


async def _run(command: list[str], address: str) -> tuple[int, bytes]:
    """The exit status and the start of what was written.

    Whatever of the program's process group is left is killed, also on cancellation.
    """
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    try:
        os.set_blocking(reading, False)
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            env={"PATH": _PATH, "LANG": "C.UTF-8", "GEODNS_ADDRESS": address},
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        # A pidfd is readable once the program has ended: no thread has to wait for it.
        pidfd = os.pidfd_open(program.pid)
    except OSError:
        os.close(reading)
        _kill(program.pid)
        program.wait()
        raise
    ended: asyncio.Future[None] = loop.create_future()
    said = bytearray()
    loop.add_reader(pidfd, lambda: None if ended.done() else ended.set_result(None))
    loop.add_reader(reading, _drain(loop, reading, said))
    try:
        await ended
        _drain(loop, reading, said)()
        # Before the program is reaped, its group's number can't be another's.
        _kill(program.pid)
        return program.wait(), bytes(said)
    finally:
        loop.remove_reader(reading)
        os.close(reading)
        loop.remove_reader(pidfd)
        _bury(loop, program, pidfd)


def _drain(loop: asyncio.AbstractEventLoop, pipe: int, said: bytearray) -> Callable[[], None]:
    def read() -> None:
        try:
            chunk = os.read(pipe, _PIPE)
        except BlockingIOError:
            return
        if not chunk:
            loop.remove_reader(pipe)
        said.extend(chunk[: _KEPT - len(said)])

    return read


def _bury(loop: asyncio.AbstractEventLoop, program: subprocess.Popen[bytes], pidfd: int) -> None:
    """Kill what still runs, and reap it when it has ended: nobody waits for a kernel that hangs."""
    if program.returncode is None:
        _kill(program.pid)
        if program.poll() is None:
            loop.add_reader(pidfd, _reap, loop, program, pidfd)
            return
    os.close(pidfd)


def _reap(loop: asyncio.AbstractEventLoop, program: subprocess.Popen[bytes], pidfd: int) -> None:
    loop.remove_reader(pidfd)
    os.close(pidfd)
    program.poll()


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def runnable(command: tuple[str, ...]) -> str | None:
    """Why a command can't be run; None: it can, as far as can be seen."""
    program = Path(command[0])
    try:
        if not program.is_file():
            return f"there is no program {command[0]}"
        return None if os.access(program, os.X_OK) else f"{command[0]} is not executable"
    except PermissionError:  # the server's user may be allowed more
        return None
    except OSError as error:  # a name that no file can have
        return f"{shown(command[0])} can't be run: {error.strerror}"


KIT = Kit(
    ExecCheck, ExecProber, "a program that exits with 0", "one process, of 16 at once over all"
)
