"""The command ``geodns``: finds the subcommand, and says in one line what went wrong."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from geodns import __version__
from geodns.errors import GeodnsError
from geodns.problem import ConfigurationError


class Entry(NamedTuple):
    """A command that is imported only when it is used, so that each starts fast."""

    target: str
    help: str


COMMANDS = {
    "serve": Entry("geodns.cli.serve:serve", "Answer queries until stopped."),
    "check": Entry("geodns.cli.check:check", "Check the configuration and the zones."),
    "zone": Entry("geodns.cli.zone:zone", "List, show, check, create and compare zones."),
    "record": Entry("geodns.cli.record:record", "List and edit the records of a zone."),
    "explain": Entry("geodns.cli.explain:explain", "Say what a client is answered, and why."),
    "simulate": Entry(
        "geodns.cli.simulate:simulate_", "Say who moves where when something fails or changes."
    ),
    "map": Entry("geodns.cli.map:map_", "Draw the world in the colours of its datacenters."),
    "plan": Entry("geodns.cli.plan:plan", "Share demand among regions within their capacities."),
    "latency": Entry("geodns.cli.latency:latency", "Show, build and import latency tables."),
    "status": Entry("geodns.cli.status:status", "Show regions, AZs and endpoints of a server."),
    "drain": Entry("geodns.cli.drain:drain", "Take a region, an AZ or an endpoint out."),
    "undrain": Entry("geodns.cli.drain:undrain", "Take it back into service."),
    "force": Entry("geodns.cli.drain:force", "Hold something up, whatever its checks say."),
    "promote": Entry("geodns.cli.promote:promote", "Make the standby of a pair the primary."),
    "events": Entry("geodns.cli.events:events", "Show what happened, who did it and what moved."),
    "load": Entry("geodns.cli.load:load", "Tell a server the load of an endpoint."),
    "health": Entry(
        "geodns.cli.health:health", "Tell health to a server; show and overrule its guard."
    ),
    "schema": Entry("geodns.cli.schema:schema", "Print the JSON Schema of a kind of file."),
    "completion": Entry("geodns.cli.completion:completion", "Print a shell's completion script."),
}


class LazyGroup(click.Group):
    """Knows its commands' names and help without importing them."""

    # The arguments are click's.
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order of the table: as a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imports the command; None when there is no such."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Lists the commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes commands from the table, so that none is imported for its name alone."""
        found = [
            CompletionItem(name, help=entry.help)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command; an error of ours becomes one line on stderr and exit status 1."""
        try:
            return super().main(*args, **extra)
        except ConfigurationError as error:  # one line for each problem, and each says what it is
            click.echo(str(error), err=True)
        except GeodnsError as error:
            label = click.style("error:", fg="red", bold=True)
            click.echo(f"{label} {error}", err=True, color=_colours())
        sys.exit(1)


def _colours() -> bool | None:
    """None leaves it to click, which colours on a terminal only. See no-color.org."""
    return False if os.environ.get("NO_COLOR") else None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 1 a finding or a refusal, 2 wrong usage.",
)
@click.version_option(__version__, "-V", "--version", prog_name="geodns")
@click.pass_context
def main(context: click.Context) -> None:
    """A DNS server that answers with the nearest healthy datacenter."""
    context.color = _colours()
