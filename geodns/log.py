"""Writes events: one line each, for a person on a terminal, as JSON for everything else."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from geodns.log_writer import BackgroundHandler

# 100 events of one kind in 10 s: a whole region of endpoints that go down together still fits, a
# loop that reports the same thing again and again is held to 10 lines per second.
BURST = 100
WINDOW = 10.0
_MOST_KINDS = 1000  # kinds are literals in the source, so that this is never reached in practice

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLOURS = {
    logging.DEBUG: "\x1b[2m",
    logging.INFO: "\x1b[36m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[1;31m",
}
_DIM, _BOLD, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class LogSettings(Protocol):
    """What :func:`configure` reads of ``geodns.config.settings.Log``."""

    @property
    def format(self) -> str: ...
    @property
    def level(self) -> str: ...


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Sends every event of this process to a stream (standard error), in place of what was before.

    Other people's libraries are heard from ``warning`` on. A stream that is a file of the system is
    written to in a thread: whoever reads it, or has stopped reading, holds no answer up.
    """
    stream = sys.stderr if stream is None else stream
    terminal = stream is not None and stream.isatty()
    text = settings.format == "text" or (settings.format == "auto" and terminal)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, BackgroundHandler):
            old.close()
    handler = _handler(stream)
    handler.setFormatter(TextFormatter(colour=terminal) if text else JsonFormatter())
    handler.addFilter(RateLimit())
    root.addHandler(handler)
    level = getattr(logging, settings.level.upper())
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("geodns").setLevel(level)
    logging.captureWarnings(capture=True)


def _handler(stream: TextIO | None) -> logging.Handler:
    if stream is None:  # the process was started with standard error closed
        return logging.NullHandler()
    try:
        fd = stream.fileno()
    except (OSError, ValueError):  # kept in memory, as in tests
        return logging.StreamHandler(stream)
    return BackgroundHandler(fd)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """The structured fields of an event: what stood in ``extra``."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class JsonFormatter(logging.Formatter):
    """One JSON object per event: time (UTC), level, logger, event, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        # A field never hides what every line has.
        line |= {key: value for key, value in fields(record).items() if key not in line}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """``03:28:01.123 WARNING endpoint is down  endpoint=web@az1 reason="connection refused"``"""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        stamp = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"
        sentence = _plain(record.getMessage())
        shown = "".join(
            f" {self._paint(key + '=', _DIM)}{_value(value)}"
            for key, value in fields(record).items()
        )
        level = self._paint(f"{record.levelname:<7}", _COLOURS.get(record.levelno, _BOLD))
        line = f"{self._paint(stamp, _DIM)} {level} {self._paint(sentence, _BOLD)}"
        line += f" {shown}" if shown else ""
        if record.exc_info:
            traceback = self.formatException(record.exc_info)
            line += "\n" + "\n".join(f"    {part}" for part in traceback.splitlines())
        return line

    def _paint(self, text: str, code: str) -> str:
        return f"{code}{text}{_RESET}" if self._colour else text


class RateLimit(logging.Filter):
    """Lets :data:`BURST` events of one kind pass per :data:`WINDOW` seconds, and counts the rest.

    A kind is a logger, a level and the sentence before its arguments are filled in. The first
    event of a kind that passes after some were held back says how many (``suppressed``).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        key = (record.name, record.levelno, str(record.msg))
        window = self._kinds.get(key)
        if window is None:
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            window = self._kinds[key] = _Window(now)
        elif now - window.start >= WINDOW:
            if window.held:
                record.suppressed = window.held
            window = self._kinds[key] = _Window(now)
        if window.passed >= BURST:
            window.held += 1
            return False
        window.passed += 1
        return True


class _Window:
    __slots__ = ("held", "passed", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        self.passed = 0
        self.held = 0


def _utc(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")


def _plain(text: str) -> str:
    """Text in one line, and nothing in it that a terminal takes for a command."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _value(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        text = (
            ",".join(f"{key}:{_value(item)}" for key, item in value.items())
            if isinstance(value, Mapping)
            else ",".join(_value(item) for item in items)
        )
        return _plain(text)
    text = _plain(str(value))
    needs_quotes = not text or any(c in ' "=' for c in text)
    return json.dumps(text, ensure_ascii=False) if needs_quotes else text
