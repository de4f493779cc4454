"""Events are readable for people, exact for programs, and can't flood."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from geodns import log
from geodns.config.settings import Log


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("geodns")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.captureWarnings(capture=False)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _event(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "geodns.x", "levelname": "WARNING", "levelno": 30, "msg": message, **extra}
    )


def test_an_event_is_one_json_object_where_nobody_reads_along() -> None:
    stream = io.StringIO()
    log.configure(Log(), stream)
    logging.getLogger("geodns.health").warning("endpoint is down", extra={"endpoint": "web@a1"})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "geodns.health",
        "event": "endpoint is down",
        "endpoint": "web@a1",
    }


def test_an_event_is_a_coloured_sentence_on_a_terminal() -> None:
    stream = _Terminal()
    log.configure(Log(), stream)
    logging.getLogger("geodns").error("it broke", extra={"reason": "no route"})
    assert "\x1b[31mERROR" in stream.getvalue()
    assert "it broke" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_text_without_a_terminal_has_no_colours() -> None:
    stream = io.StringIO()
    log.configure(Log(format="text"), stream)
    logging.getLogger("geodns").info("listening", extra={"addresses": ["127.0.0.1:53", "::1"]})
    assert stream.getvalue().endswith("INFO    listening  addresses=127.0.0.1:53,::1\n")


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[2Jb", "a\r"])
def test_text_from_outside_can_not_forge_a_line_or_command_a_terminal(text: str) -> None:
    shown = log.TextFormatter(colour=False).format(_event(text, reason=text, more=[text]))
    assert shown.isprintable()


def test_an_exception_is_part_of_its_event() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = _event("broken", exc_info=sys.exc_info())
    assert "ValueError: why" in json.loads(log.JsonFormatter().format(record))["traceback"]
    assert "\n    ValueError: why" in log.TextFormatter(colour=False).format(record)


def test_a_field_never_hides_what_every_line_has() -> None:
    assert json.loads(log.JsonFormatter().format(_event("sentence", event="x")))["event"] == (
        "sentence"
    )


def test_levels_below_the_chosen_one_are_not_written() -> None:
    stream = io.StringIO()
    log.configure(Log(level="warning"), stream)
    logging.getLogger("geodns.x").info("quiet")
    logging.getLogger("someone.else").info("quiet")
    assert stream.getvalue() == ""


def test_a_repeating_event_is_held_back_and_counted() -> None:
    now = 0.0
    limit = log.RateLimit(clock=lambda: now)
    passed = sum(limit.filter(_event("again")) for _ in range(log.BURST + 25))
    assert passed == log.BURST
    assert limit.filter(_event("another")), "one kind does not silence another"
    now = log.WINDOW
    record = _event("again")
    assert limit.filter(record)
    assert log.fields(record) == {"suppressed": 25}
    assert limit.filter(following := _event("again"))
    assert log.fields(following) == {}
