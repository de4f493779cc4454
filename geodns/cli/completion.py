"""``geodns completion``: prints the script that teaches a shell to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    In bash: eval "$(geodns completion bash)"
    """
    made = get_completion_class(shell)
    assert made is not None  # one of the shells that click knows
    root = context.find_root()
    click.echo(made(root.command, {}, "geodns", "_GEODNS_COMPLETE").source())
