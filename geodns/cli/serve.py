"""``geodns serve``: the server itself, in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import click

from geodns.cli.options import config_option
from geodns.config.find import find
from geodns.control.compiling import CompileError
from geodns.control.running import run
from geodns.problem import ConfigurationError


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Answer queries until stopped.

    SIGHUP or a changed file reads the configuration anew; one that is wrong is reported, and the
    last good one stays in use. SIGTERM and Ctrl-C answer what is in flight and stop.
    """
    _occupy_standard_descriptors()
    path = find(config, os.environ).absolute()
    try:
        asyncio.run(run(path))
    except CompileError as error:
        if error.problems:
            raise ConfigurationError(error.problems) from error
        if error.output:
            click.echo(error.output, err=True)
        raise
    finally:
        logging.shutdown()  # what was logged comes before what is said of the end


def _occupy_standard_descriptors() -> None:
    """Open what was closed of 0, 1 and 2: else a socket takes the number, and is written to."""
    while (lowest := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(lowest, True)
    os.close(lowest)
