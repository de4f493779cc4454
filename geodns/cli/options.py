"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """``-c FILE`` as the argument ``config``: a path, or None for ``geodns.config.find.find``."""
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The server file. Default: $GEODNS_CONFIG, else config/geodns.yaml, "
        "else /etc/geodns/geodns.yaml.",
    )(command)


def json_option(command: Command) -> Command:
    """``--json`` as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
