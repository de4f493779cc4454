"""``geodns schema``: the JSON Schema of a kind of file, for editors and other programs."""

from __future__ import annotations

import json

import click

from geodns.config.json_schema import KINDS
from geodns.config.json_schema import schema as schema_of


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
def schema(kind: str) -> None:
    """Print the JSON Schema of a kind of file.

    In an editor that speaks YAML, a first line such as
    "# yaml-language-server: $schema=topology.schema.json" completes keys and marks errors.
    """
    click.echo(json.dumps(schema_of(kind), indent=2, ensure_ascii=False))
