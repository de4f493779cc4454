"""What commands that edit zones share: their options, and how the outcome is shown."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.editor.edit import Outcome
from geodns.editor.site import Site, open_site
from geodns.zone.editing.difference import as_json as differences_as_json
from geodns.zone.editing.difference import lines
from geodns.zone.editing.records import kind_text

Command = TypeVar("Command", bound=Callable[..., Any])
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def editing_options(command: Command) -> Command:
    """``-c``, ``--dry-run``, ``--force`` and ``--json``."""
    force = click.option("--force", is_flag=True, help="Also where much would be removed.")
    dry_run = click.option("--dry-run", is_flag=True, help="Only show what would change.")
    return config_option(json_option(force(dry_run(command))))


def site_of(config: Path | None) -> Site:
    """The zones of the configuration that a command means. Raises GeodnsError."""
    return open_site(find(config, os.environ))


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Prints what became of an edit, and ends with status 1 where it is not in use."""
    if as_json:
        click.echo(json.dumps(_report(outcome), indent=2, ensure_ascii=False))
    else:
        for line in _lines(outcome):
            click.echo(line)
    if outcome.use == "not in use":
        sys.exit(1)


def diff_lines(outcome: Outcome) -> Iterator[str]:
    """A unified diff of the files."""
    for file, fresh in outcome.fresh.items():
        former = outcome.former[file]
        old, new = (
            (data or b"").decode("utf-8", "replace").splitlines(keepends=True)
            for data in (former, fresh)
        )
        before, after = ("/dev/null" if data is None else shorter(file) for data in (former, fresh))
        for line in difflib.unified_diff(old, new, before, after):
            yield line.rstrip("\r\n")


def shorter(file: Path) -> str:
    """A path relative to the current folder, where that is shorter."""
    relative = os.path.relpath(file)
    return relative if len(relative) < len(str(file)) else str(file)


def coloured(line: str) -> str:
    """A line of a diff in its colour: click takes it out where there is no terminal."""
    colour = _COLOURS.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def _lines(outcome: Outcome) -> Iterator[str]:
    if outcome.use == "nothing to do":
        yield "nothing to do: the zone is like that already"
        return
    if outcome.use == "dry run":
        yield from map(coloured, diff_lines(outcome))
    yield from map(coloured, lines(list(outcome.differences)))
    for problem in outcome.warnings:
        yield str(problem).replace("warning:", click.style("warning:", fg="yellow"), 1)
    for owner, kind in outcome.overruled:
        yield (
            f"{click.style('warning:', fg='yellow')} a dynamic update wrote {owner}"
            f" {kind_text(kind)}, which counts in place of the file until `geodns record reset`"
        )
    if outcome.backup is not None:
        yield f"a copy is in {shorter(outcome.backup)}"
    yield _closing(outcome)


def _closing(outcome: Outcome) -> str:
    files = ", ".join(map(shorter, outcome.fresh))
    if outcome.use == "dry run":
        return "nothing was written: this was a dry run"
    if outcome.use == "in use":
        return f"{files}: written, and in use ({outcome.note})"
    if outcome.use == "no server":
        return f"{files}: written; {outcome.note or 'no server is running'}"
    return f"{files}: written, but {click.style('not in use', fg='red')}: {outcome.note}"


def _report(outcome: Outcome) -> dict[str, Any]:
    return {
        "outcome": outcome.use,
        "files": [str(file) for file in outcome.fresh],
        "changes": differences_as_json(list(outcome.differences)),
        "warnings": [str(problem) for problem in outcome.warnings],
        "overruled": [
            {"name": owner.to_text(), "type": kind_text(kind)} for owner, kind in outcome.overruled
        ],
        "diff": "\n".join(diff_lines(outcome)) if outcome.use == "dry run" else None,
        "backup": str(outcome.backup) if outcome.backup else None,
        "note": outcome.note,
    }
