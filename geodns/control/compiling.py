"""Runs a compiler process and receives the image from it, while the event loop stays free."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pickle
import signal
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import dns.name

from geodns.answer.service import States
from geodns.control.outcome import Compiled, Loaded, Message, Refused, ZoneSummary
from geodns.errors import GeodnsError
from geodns.problem import Problem
from geodns.zone.serial import Known

# -P: the folder that the server is started in is not a place to import code from.
COMMAND = (sys.executable, "-P", "-m", "geodns.control.compiler")
_LENGTH = struct.Struct("!Q")
_MOST_OUTPUT = 4000  # characters of what a compiler that broke had to say
_FAREWELL = 10.0  # seconds that a compiler has to end once it has closed its pipe
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class CompileError(GeodnsError):
    """There is no new image.

    ``problems`` are the reasons that lie in the configuration, if any, and ``files`` what was
    looked at; ``output`` is what a compiler that broke had to say.
    """

    def __init__(
        self,
        sentence: str,
        problems: tuple[Problem, ...] = (),
        files: tuple[Path, ...] = (),
        output: str = "",
    ) -> None:
        super().__init__(sentence)
        self.problems = problems
        self.files = files
        self.output = output


@dataclass(frozen=True)
class Compilation:
    """A finished compile. ``image`` is an open file descriptor of a sealed image: close it."""

    loaded: Loaded
    compiled: Compiled
    image: int

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Everything that is odd but no reason to refuse."""
        return self.loaded.warnings + self.compiled.warnings

    @property
    def without_changes(self) -> Compilation:
        """Once they are in the journal, nobody needs them in memory."""
        return replace(self, compiled=replace(self.compiled, changes={}))


def frame(message: Message) -> bytes:
    """A message as it goes through the pipe: its length, then itself."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


async def compile_configuration(
    path: Path,
    *,
    loaded: Callable[[Loaded], None] | None = None,
    command: Sequence[str] = COMMAND,
    states: States = {},  # noqa: B006  never written to
    former: int | None = None,
) -> Compilation:
    """Read and compile the configuration in ``path`` in a process of its own.

    ``states`` is how available endpoints are now, for what GEO names are transferred as, ``former``
    the file descriptor of the image in use, for what has changed since.
    ``loaded`` is called once the configuration is known, while the image is being made; what it
    raises ends the compile. Raises CompileError. The compiler process has ended when this returns,
    also when it is cancelled.
    """
    image = os.memfd_create("geodns-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with _as_file(states) as given:
            messages, status, output = await _run(path, image, loaded, command, given, former)
        compilation = _judge(messages, status, output, image)
        # From here on nobody can change what several workers read.
        fcntl.fcntl(image, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(image)
        raise
    return compilation


async def _run(
    path: Path,
    image: int,
    loaded: Callable[[Loaded], None] | None,
    command: Sequence[str],
    states: IO[bytes],
    former: int | None,
) -> tuple[list[Message], int, str]:
    also = () if former is None else (former,)
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            *(str(image), str(writing), str(path), *map(str, also)),
            stdin=states,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(image, writing, *also),
            start_new_session=True,  # Ctrl-C is for the control process alone
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    told = asyncio.create_task(_tail(process.stderr))
    messages: list[Message] = []
    try:
        async with aclosing(_messages(reading)) as arriving:
            async for message in arriving:
                messages.append(message)
                if loaded is not None and isinstance(message, Loaded):
                    loaded(message)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _FAREWELL)
    finally:
        # It has ended, unless nobody waits for its result any more.
        with suppress(ProcessLookupError):
            process.kill()
        status = await process.wait()
        output = await told
    return messages, status, output


def _as_file(states: States) -> IO[bytes]:
    """A file in memory for the compiler to read; a pipe would have to be fed."""
    file = os.fdopen(os.memfd_create("geodns-states", os.MFD_CLOEXEC), "w+b")
    pickle.dump(dict(states), file)
    file.seek(0)
    return file


async def _messages(reading: int) -> AsyncGenerator[Message, None]:
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
    )
    try:
        while True:
            (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
            # Only our own child holds the other end of this pipe.
            yield pickle.loads(await stream.readexactly(length))
    except asyncio.IncompleteReadError:
        return
    finally:
        transport.close()


async def _tail(stream: asyncio.StreamReader | None) -> str:
    text = b""
    while stream is not None and (chunk := await stream.read(65536)):
        text = (text + chunk)[-_MOST_OUTPUT:]
    return text.decode(errors="replace").strip()


def _judge(messages: list[Message], status: int, output: str, image: int) -> Compilation:
    match messages:
        case [*_, Refused() as refused]:
            errors = sum(problem.severity == "error" for problem in refused.problems)
            raise CompileError(
                f"the configuration has {errors} error{'s' * (errors != 1)}",
                refused.problems,
                refused.files,
            )
        case [Loaded() as loaded, Compiled() as compiled] if status == 0:
            zones = tuple(_as_served(zone, compiled.serials) for zone in loaded.zones)
            return Compilation(replace(loaded, zones=zones), compiled, image)
    how = f"with exit status {status}"
    if status < 0:
        how = f"by {signal.Signals(-status).name}"
    raise CompileError(f"the compiler was ended {how} before it was done", output=output)


def _as_served(zone: ZoneSummary, serials: Mapping[bytes, Known]) -> ZoneSummary:
    known = serials.get(dns.name.from_text(zone.origin).to_digestable())
    return zone if known is None else replace(zone, serial=known.serial)
