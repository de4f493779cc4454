"""``geodns check``: every error and warning of the configuration, and what was loaded."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from geodns.cli.options import config_option, json_option
from geodns.config.extent import Extent, extent
from geodns.config.find import find
from geodns.config.load import load
from geodns.problem import ConfigurationError, Problem

_COLOURS = {"error": "red", "warning": "yellow"}


@click.command()
@config_option
@json_option
def check(config: Path | None, as_json: bool) -> None:
    """Check the configuration and the zones: every error at once.

    Each finding is one line: FILE:LINE:COLUMN: error: what is wrong (a hint) [its id].
    """
    problems: tuple[Problem, ...]
    loaded: Extent | None = None
    try:
        configuration, problems = load(find(config, os.environ))
        loaded = extent(configuration)
    except ConfigurationError as error:
        problems = error.problems
    if as_json:
        _print_json(problems, loaded)
    else:
        for problem in problems:
            click.echo(_line(problem))
        click.echo(_closing(problems, loaded))
    sys.exit(0 if loaded else 1)


def _print_json(problems: tuple[Problem, ...], loaded: Extent | None) -> None:
    report = {
        "ok": loaded is not None,
        "problems": [
            {
                "severity": problem.severity,
                "id": problem.id,
                "message": problem.message,
                "hint": problem.hint,
                "file": str(problem.file),
                "line": problem.line or None,
                "column": problem.column or None,
            }
            for problem in problems
        ],
        "loaded": loaded._asdict() if loaded else None,
    }
    click.echo(json.dumps(report, indent=2))


def _line(problem: Problem) -> str:
    """As ``str(problem)``, in colour: click takes it out where there is no terminal."""
    line = str(replace(problem, file=_shorter(problem.file)))
    word = f"{problem.severity}:"
    return line.replace(word, click.style(word, fg=_COLOURS[problem.severity], bold=True), 1)


def _shorter(file: Path) -> Path:
    """A path relative to the current folder, where that is shorter."""
    relative = Path(os.path.relpath(file))
    return relative if len(str(relative)) < len(str(file)) else file


def _closing(problems: tuple[Problem, ...], loaded: Extent | None) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    if loaded is None:
        return f"{click.style(counts, fg='red')}: the configuration can't be used"
    return f"{click.style(counts, fg='yellow' if warnings else 'green')}: {loaded}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
