"""``geodns map``: a picture of who is sent where."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click
from rich.console import Console

from geodns.atlas.as_json import as_json as to_json
from geodns.atlas.png import write_png
from geodns.atlas.scene import Scene
from geodns.atlas.sheet import Format, draw
from geodns.atlas.svg import write_svg
from geodns.atlas.view import By, Located, Question, View, view
from geodns.atlas.words import policy_of, words_of
from geodns.cli.options import config_option, json_option
from geodns.config.find import find
from geodns.config.load import load
from geodns.config.settings import Configuration
from geodns.errors import GeodnsError
from geodns.explain.live import ask_server
from geodns.explain.whatif import Availabilities, UnknownIdError, withdraw
from geodns.wording import did_you_mean

_DEFAULT_OUTPUT = "world.svg"
_LARGEST = 10_000  # pixels a side: a PNG is drawn nine times as large in memory


class MapError(GeodnsError):
    """A picture that can't be made."""


class _Size(click.ParamType[tuple[int, int | None]]):
    """``1600x900``, or ``1600`` for a width with the height that fits."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int | None]:
        found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", str(value))
        if found is None:
            self.fail(f"{value!r} is not a size; write 1600x900, or 1600 for the width", param, ctx)
        width, height = int(found[1]), int(found[2]) if found[2] else None
        if max(width, height or 0) > _LARGEST:
            self.fail(f"{value} is too large; at most {_LARGEST} pixels a side", param, ctx)
        return width, height


@click.command("map")
@click.argument("service", required=False)
@click.option(
    "--down",
    multiple=True,
    metavar="ID",
    help="What if this were withdrawn: a region, an AZ or service@az. Can be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help=f"A file that ends in .svg or .png; - is SVG on standard output. "
    f"Default: {_DEFAULT_OUTPUT}, with --json none.",
)
@click.option(
    "--size",
    type=_Size(),
    default="1600",
    metavar="WxH",
    help="Pixels; without a height, what fits. Default: 1600.",
)
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option("--by", type=click.Choice(["region", "az"]), default="region", show_default=True)
@click.option("--latency", is_flag=True, help="Colour by the latency that clients can expect.")
@click.option(
    "--located",
    type=click.Choice(["coordinates", "country"]),
    default="coordinates",
    show_default=True,
    help="What is known of clients: where they are, as from a city database, or their country.",
)
@click.option("--live", is_flag=True, help="Start from the availability that the server has now.")
@click.option("--date", metavar="TEXT", help="The date in the picture. Default: today.")
@click.option(
    "--font",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="A TrueType or OpenType font for PNG.",
)
@json_option
@config_option
def map_(
    service: str | None,
    down: tuple[str, ...],
    output: Path | None,
    size: tuple[int, int | None],
    theme: str,
    by: str,
    latency: bool,
    located: str,
    live: bool,
    date: str | None,
    font: Path | None,
    as_json: bool,
    config: Path | None,
) -> None:
    """Draw the world in the colours of the datacenters that serve it.

    SERVICE is one of services.yaml; without it, the first. Every half-degree square of land is a
    client, and gets the colour of the region that takes most of it.
    """
    file = output or (None if as_json else Path(_DEFAULT_OUTPUT))
    _check_format(file)
    date = date if date is not None else datetime.now(UTC).date().isoformat()
    form = Format(size[0], size[1], "dark" if theme == "dark" else "light", latency)
    with _progress("reading the configuration"):
        configuration, _ = load(find(config, os.environ))
    question = Question(
        _service(configuration, service), down, cast(By, by), cast(Located, located)
    )
    available, before = _availabilities(configuration, down, live)
    with _progress("ranking the world"):
        seen = view(configuration, question, available, before)
    policy = policy_of(configuration, question.service)
    if file is not None:
        with _progress("drawing"):
            scene = draw(seen, words_of(seen, policy, date, form.latency), form)
            _write(scene, file, font)
    if as_json:
        click.echo(to_json(seen, policy, date))
    elif file is not None and str(file) != "-":
        click.echo(_said(seen, file))


def _check_format(file: Path | None) -> None:
    if file is not None and str(file) != "-" and file.suffix.lower() not in (".svg", ".png"):
        raise click.BadParameter(f"{str(file)!r} must end in .svg or .png", param_hint="--output")


def _service(configuration: Configuration, name: str | None) -> str:
    if name in configuration.pools:
        raise MapError(f"{name} is a dynamic record, whose pools are in no place on a map")
    services = [each for each in configuration.services.services if each not in configuration.pools]
    if name is None:
        first = next(iter(services), None)
        if first is None:
            raise MapError("there is no service to draw; services.yaml names none")
        return first
    if name not in services:
        hint = did_you_mean(name, services) or f"there are: {', '.join(services) or 'none'}"
        raise click.BadParameter(f"{name!r} is not a service; {hint}", param_hint="SERVICE")
    return name


def _availabilities(
    configuration: Configuration, down: Sequence[str], live: bool
) -> tuple[Availabilities, Availabilities]:
    """With what is withdrawn, and without."""
    try:
        withdrawn = withdraw(configuration.topology, down)
    except UnknownIdError as error:
        raise click.BadParameter(str(error), param_hint="--down") from error
    known = {}
    if live:
        found, health = ask_server(configuration.server.admin)
        if found is None:
            raise MapError(f"--live: {health.sentence}")
        known = found
    before = Availabilities(known, live=live)
    return Availabilities(known, withdrawn, tuple(down), live=live), before


def _write(scene: Scene, file: Path, font: Path | None) -> None:
    if str(file) == "-":
        click.echo(write_svg(scene), nl=False)
        return
    is_png = file.suffix.lower() == ".png"
    content = write_png(scene, font) if is_png else write_svg(scene).encode("utf-8")
    try:
        file.write_bytes(content)
    except OSError as error:
        raise MapError(f"{file}: can't be written: {error.strerror}") from error


def _said(seen: View, file: Path) -> str:
    if not seen.question.down:
        return f"wrote {file}"
    return f"wrote {file}; {100 * seen.moved.people:.1f}% of people moved"


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """Shows on a terminal what is being done."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield
        return
    with console.status(f"{what} ..."):
        yield
