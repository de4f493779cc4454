"""Brings changes of the configuration into use, one compile at a time, and keeps the last good."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from geodns.control.compiling import Compilation, CompileError
from geodns.errors import GeodnsError
from geodns.problem import Problem

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reload:
    """What became of one reload. ``at`` is when it was done, in seconds since 1970.

    ``error`` is one sentence, None where the new configuration is in use; ``problems`` are all
    findings, warnings included. ``reason`` is what asked for it.
    """

    reason: str
    at: float
    seconds: float
    error: str | None
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether the new configuration is in use."""
        return self.error is None


class Reloader:
    """Compiles on request and applies what came out of it.

    ``apply`` takes the compilation over, its image included, or raises GeodnsError and leaves
    everything as it was; ``refused`` is told the files of a configuration that was refused.
    Requests that come during a compile lead to exactly one more. ``busy`` is told when a reload
    begins and when it has ended.
    """

    def __init__(
        self,
        compile_now: Callable[[], Awaitable[Compilation]],
        apply: Callable[[Compilation], Awaitable[None]],
        refused: Callable[[tuple[Path, ...]], None],
        clock: Callable[[], float] = time.time,
        busy: Callable[[bool], None] = lambda _busy: None,
    ) -> None:
        self.last: Reload | None = None
        self.counts: Counter[str] = Counter({"ok": 0, "failed": 0})
        self._compile = compile_now
        self._apply = apply
        self._refused = refused
        self._clock = clock
        self._busy = busy
        self._wishes: list[tuple[str, asyncio.Future[Reload]]] = []
        self._wanted = asyncio.Event()

    def request(self, reason: str) -> asyncio.Future[Reload]:
        """Ask for a reload; the result comes when one that began after this call is done."""
        done: asyncio.Future[Reload] = asyncio.get_running_loop().create_future()
        self._wishes.append((reason, done))
        self._wanted.set()
        return done

    async def run(self) -> None:
        """Serve requests until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            wishes, self._wishes = self._wishes, []
            reasons = dict.fromkeys(reason for reason, _ in wishes)
            self._busy(True)
            try:
                result = await self._reload(", ".join(reasons))
            finally:
                self._busy(False)
            for _, done in wishes:
                if not done.done():
                    done.set_result(result)

    async def _reload(self, reason: str) -> Reload:
        begun = time.monotonic()
        logger.info("reloading", extra={"reason": reason})
        error: str | None = None
        problems: tuple[Problem, ...] = ()
        output = ""
        try:
            compilation = await self._compile()
            problems = compilation.warnings
            await self._apply(compilation)
        except CompileError as failure:
            error, problems, output = str(failure), failure.problems, failure.output
            self._refused(failure.files)
        except (GeodnsError, OSError) as failure:
            error = str(failure)
        result = Reload(reason, self._clock(), time.monotonic() - begun, error, problems)
        self.last = result
        self.counts["ok" if result.ok else "failed"] += 1
        self._tell(result, output)
        return result

    def _tell(self, result: Reload, output: str) -> None:
        report(result.problems)
        seconds = round(result.seconds, 3)
        if result.ok:
            logger.info("reloaded", extra={"reason": result.reason, "seconds": seconds})
            return
        extra: dict[str, object] = {"reason": result.error, "cause": result.reason}
        if output:
            extra["output"] = output
        logger.error("reload refused, the last good configuration stays in use", extra=extra)


def report(problems: tuple[Problem, ...]) -> None:
    """One event for each finding."""
    for problem in problems:
        logger.log(
            logging.ERROR if problem.severity == "error" else logging.WARNING,
            "configuration problem",
            extra={
                "file": str(problem.file),
                "line": problem.line,
                "column": problem.column,
                "id": problem.id,
                "problem": problem.message,
            }
            | ({"hint": problem.hint} if problem.hint else {}),
        )
