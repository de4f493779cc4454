"""Has the configuration compiled in another process, while the event loop stays free."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pickle
import signal
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import dns.name

from geodns.answer.service import States
from geodns.control.outcome import Compiled, Loaded, Message, Refused, ZoneSummary
from geodns.control.prepared import Prepared, tail
from geodns.errors import GeodnsError
from geodns.problem import Problem
from geodns.zone.serial import Known

# -P: the folder that the server is started in is not a place to import code from.
COMMAND = (sys.executable, "-P", "-m", "geodns.control.compiler")
_LENGTH = struct.Struct("!Q")
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


def new_image() -> int:
    """An open file descriptor of an empty image."""
    return os.memfd_create("geodns-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def seal(image: int) -> None:
    """Nobody can change an image any more, which several workers read."""
    fcntl.fcntl(image, fcntl.F_ADD_SEALS, _SEALS)


def frame(message: Message) -> bytes:
    """A message as it goes through the pipe: its length, then itself."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


class Compiler:
    """Compiles configurations, each in a fork of a process that has loaded the program before.

    That process is started with the first compile, and anew where it has ended. In the event loop.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._turn = asyncio.Lock()
        self._prepared: Prepared | None = None

    async def compile(
        self,
        path: Path,
        *,
        loaded: Callable[[Loaded], None] | None = None,
        states: States = {},  # noqa: B006  never written to
        former: int | None = None,
    ) -> Compilation:
        """Read and compile the configuration in ``path``.

        ``states`` is how available endpoints are now, for what GEO names are transferred as,
        ``former`` the file descriptor of the image in use, for what has changed since.
        ``loaded`` is called once the configuration is known, while the image is being made; what it
        raises ends the compile. Raises CompileError. Nothing is under way any more when this
        returns, also when it is cancelled.
        """
        image = new_image()
        try:
            async with self._turn:
                with _as_file(states) as given:
                    files = (image, given.fileno(), *(() if former is None else (former,)))
                    messages, status, output = await self._run(path, files, loaded)
            compilation = _judge(messages, status, output, image)
            # From here on nobody can change what several workers read.
            seal(image)
        except BaseException:
            os.close(image)
            raise
        return compilation

    async def close(self) -> None:
        """End the process that is kept for the next compile."""
        await self._end()

    async def _run(
        self, path: Path, files: Sequence[int], loaded: Callable[[Loaded], None] | None
    ) -> tuple[list[Message], int, str]:
        try:
            with _pipe() as (results, in_results), _pipe() as (words, in_words):
                given = (in_words.fileno(), in_results.fileno(), *files)
                prepared = await self._ask(os.fsencode(path), given)
                in_results.close()
                in_words.close()
                async with _reader(results) as stream, _reader(words) as told:
                    output = asyncio.create_task(tail(told))
                    messages = await _receive(stream, loaded)
                    status = await prepared.status()
                    if status is None:
                        ended, last_words = await self._end()
                        return messages, ended, f"{await output}\n{last_words}".strip()
                    return messages, status, await output
        except BaseException:
            # Nobody waits for its result any more.
            await self._end()
            raise

    async def _ask(self, request: bytes, files: Sequence[int]) -> Prepared:
        if self._prepared is not None:
            try:
                self._prepared.ask(request, files)
            except OSError:
                await self._end()  # it has ended since it was last needed
            else:
                return self._prepared
        self._prepared = await Prepared.start(self._command)
        self._prepared.ask(request, files)
        return self._prepared

    async def _end(self) -> tuple[int, str]:
        prepared, self._prepared = self._prepared, None
        return (0, "") if prepared is None else await prepared.end()


def _as_file(states: States) -> IO[bytes]:
    """A file in memory for the compiler to read; a pipe would have to be fed."""
    file = os.fdopen(os.memfd_create("geodns-states", os.MFD_CLOEXEC), "w+b")
    pickle.dump(dict(states), file)
    file.seek(0)
    return file


@contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as first, os.fdopen(writing, "wb") as second:
        yield first, second


@asynccontextmanager
async def _reader(pipe: IO[bytes]) -> AsyncGenerator[asyncio.StreamReader, None]:
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), pipe
    )
    try:
        yield stream
    finally:
        transport.close()


async def _receive(
    stream: asyncio.StreamReader, loaded: Callable[[Loaded], None] | None
) -> list[Message]:
    """All messages until the other end is closed."""
    messages: list[Message] = []
    with suppress(asyncio.IncompleteReadError):
        while True:
            (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
            # Only our own child's fork holds the other end of this pipe.
            message: Message = pickle.loads(await stream.readexactly(length))
            messages.append(message)
            if loaded is not None and isinstance(message, Loaded):
                loaded(message)
    return messages


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
