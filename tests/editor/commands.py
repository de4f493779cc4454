"""Runs ``geodns`` commands on a configuration folder, as a person does."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from geodns.cli.main import main


def geodns(config: Path, *arguments: str) -> Result:
    """The command with ``-c``; whatever its exit status."""
    runner = CliRunner(env={"GEODNS_CONFIG": "", "NO_COLOR": "1"})
    return runner.invoke(main, [*arguments, "-c", str(config)])


def done(config: Path, *arguments: str) -> str:
    """What a command that succeeds prints."""
    found = geodns(config, *arguments)
    assert found.exit_code == 0, found.output
    return found.stdout


def refused(config: Path, *arguments: str) -> str:
    """What a command that is refused says."""
    found = geodns(config, *arguments)
    assert found.exit_code == 1, found.output
    assert isinstance(found.exception, SystemExit)
    return found.stderr
