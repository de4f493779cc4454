"""The whole picture: title, map, names, legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from geodns.atlas import legend
from geodns.atlas.cells import land_cells
from geodns.atlas.labels import Box as Bounds
from geodns.atlas.labels import Mark, place_labels
from geodns.atlas.land import Frame, draw_land, style_of
from geodns.atlas.legend import Entry
from geodns.atlas.lettering import shortened
from geodns.atlas.outlines import countries
from geodns.atlas.palette import Theme, colours, ramp, shades
from geodns.atlas.projection import HEIGHT, WIDTH, edge, on_the_map
from geodns.atlas.scene import Area, Box, Disc, Font, Paint, Scene, Stroke, Style, Text
from geodns.atlas.survey import NONE, Look, Looks
from geodns.atlas.theme import THEMES
from geodns.atlas.view import BANDS, UNKNOWN_BAND, Part, Site, View
from geodns.errors import GeodnsError

_USUAL_WIDTH = 1600.0
_MOST_ROWS = 14
_MINUS = "\N{MINUS SIGN}"
_SMALLEST = 480, 360


class SizeError(GeodnsError):
    """A picture too small to hold what it shows."""


@dataclass(frozen=True, slots=True)
class Format:
    """``height`` None is as high as the contents need; ``latency`` colours by it."""

    width: int = 1600
    height: int | None = None
    theme: Theme = "light"
    latency: bool = False


class Words(NamedTuple):
    """What stands above the map, and below the legend."""

    title: str
    subtitle: str
    notes: str


class _Colouring(NamedTuple):
    """What the map shows: looks, the colour of each number in them, the rows of the legend."""

    looks: Looks
    colours: list[str]
    entries: list[Entry]
    headings: tuple[str, ...]


def draw(view: View, words: Words, form: Format) -> Scene:
    """The picture of a view. Raises SizeError."""
    if form.width < _SMALLEST[0] or (form.height or _SMALLEST[1]) < _SMALLEST[1]:
        raise SizeError(f"the picture must be {_SMALLEST[0]}x{_SMALLEST[1]} pixels or larger")
    scale = max(0.5, (form.width / _USUAL_WIDTH) ** 0.6)
    by_region = dict(
        zip(
            (site.region for site in view.sites),
            colours([(site.latitude, site.longitude) for site in view.sites], form.theme),
            strict=True,
        )
    )
    colouring = _by_latency(view, form) if form.latency else _by_group(view, by_region, form)
    layout = _Layout.of(form, scale, colouring.entries)
    scene = Scene(form.width, layout.height, words.title, words.subtitle)
    _define(scene, colouring, form, scale)
    scene.add("paper", Box(0, 0, form.width, layout.height, "paper"))
    _draw_words(scene, words, layout, scale)
    _draw_earth(scene, layout.frame)
    land = draw_land(countries(), land_cells(), colouring.looks, layout.frame, _titles(colouring))
    scene.add("land", *land.fills)
    scene.add("borders", *land.borders)
    scene.add("frame", Area([_outline(layout.frame)], "frame"))
    _draw_sites(scene, view.sites, {} if form.latency else by_region, layout, scale)
    legend.draw_legend(
        scene,
        colouring.entries,
        colouring.headings,
        (layout.margin, layout.legend_top),
        form.width - 2 * layout.margin,
        layout.grid,
        scale,
    )
    return scene


class _Layout(NamedTuple):
    """Pixels."""

    margin: float
    map_top: float
    map_bottom: float
    legend_top: float
    notes: float
    height: int
    frame: Frame
    grid: legend.Grid

    @classmethod
    def of(cls, form: Format, scale: float, entries: Sequence[Entry]) -> _Layout:
        margin, top = 36 * scale, 104 * scale
        room = form.width - 2 * margin
        grid = legend.grid_of(entries, room, _MOST_ROWS, scale)
        below = legend.height_of(grid, scale) + 70 * scale
        map_height = room * HEIGHT / WIDTH
        if form.height is not None:
            while grid.rows > 1 and form.height - top - below < 0.6 * map_height:
                grid = legend.grid_of(entries, room, grid.rows - 1, scale)
                below = legend.height_of(grid, scale) + 70 * scale
            map_height = min(map_height, form.height - top - below)
            if map_height < 100:
                raise SizeError(
                    f"{form.width}x{form.height} leaves no room for the map; "
                    f"give a height of {int(top + below + room * HEIGHT / WIDTH)}, or none"
                )
        height = form.height or round(top + map_height + below)
        frame = Frame(form.width / 2, top + map_height / 2, map_height / HEIGHT)
        legend_top = top + map_height + 22 * scale
        return cls(
            margin, top, top + map_height, legend_top, height - 18 * scale, height, frame, grid
        )


def _by_group(view: View, by_region: dict[str, str], form: Format) -> _Colouring:
    groups = view.groups
    found = [by_region[group.region] for group in groups]
    if view.question.by == "az":
        found = []
        for region in by_region:
            members = [group for group in groups if group.region == region]
            found += shades(by_region[region], len(members))
    asked = bool(view.question.down)
    entries = [
        Entry(
            f"group{n}", g.name, g.title or "", _figures(g.now, g.before, asked), g.state == "down"
        )
        for n, g in enumerate(groups)
    ]
    if view.nobody.now.people + view.nobody.now.land > 0:
        figures = _figures(view.nobody.now, view.nobody.before, asked)
        entries.append(Entry(f"group{len(groups)}", "when_down", "no endpoint available", figures))
    headings = ("people", "change", "land") if asked else ("people", "land")
    return _Colouring(
        view.looks,
        [*found, THEMES[form.theme].nobody],
        [*entries, *_keys(view.looks, "the colour of the dots")],
        headings,
    )


def _by_latency(view: View, form: Format) -> _Colouring:
    found = [*ramp(UNKNOWN_BAND, form.theme), THEMES[form.theme].nobody]
    names = [f"up to {BANDS[0]} ms"]
    names += [f"{low} to {high} ms" for low, high in pairwise(BANDS)]
    names += [f"over {BANDS[-1]} ms", "unknown"]
    entries = [
        Entry(f"group{number}", name, "", (_percent(part.people), _percent(part.land)))
        for number, (name, part) in enumerate(zip(names, view.bands, strict=True))
        if number != UNKNOWN_BAND or part.people + part.land > 0
    ]
    keys = _keys(view.latency_looks, "the band of the dots")
    return _Colouring(view.latency_looks, found, [*entries, *keys], ("people", "land"))


def _keys(looks: Looks, dotted: str) -> list[Entry]:
    """What stripes and dots mean, where there are any."""
    striped = any(look.stripes != NONE for look in looks.distinct)
    moved = any(look.dots != NONE for look in looks.distinct)
    keys = [Entry("key-stripes", "", "striped: both share it")] if striped else []
    return keys + ([Entry("key-dots", "", f"dotted: moved from {dotted}")] if moved else [])


def _figures(now: Part, before: Part, asked: bool) -> tuple[str, ...]:
    if not asked:
        return _percent(now.people), _percent(now.land)
    change = now.people - before.people
    shown = "" if abs(change) < 5e-4 else f"{100 * change:+.1f}"
    return _percent(now.people), shown.replace("-", _MINUS), _percent(now.land)


def _percent(part: float) -> str:
    return f"{100 * part:.1f}%"


def _define(scene: Scene, colouring: _Colouring, form: Format, scale: float) -> None:
    theme = THEMES[form.theme]
    scene.styles.update(
        paper=Style(Paint(theme.paper)),
        sea=Style(Paint(theme.sea)),
        graticule=Style(stroke=theme.graticule, width=0.8),
        border=Style(stroke=theme.border, width=0.6),
        frame=Style(stroke=theme.frame, width=1.0),
        leader=Style(stroke=theme.ink, width=0.8),
        cross=Style(stroke=theme.alarm, width=2.6 * scale),
        neutral=Style(Paint(theme.ink), theme.rim, 1.6 * scale),
        down=Style(Paint(theme.paper), theme.alarm, 1.6 * scale),
    )
    for number, look in enumerate(colouring.looks.distinct):
        scene.styles[style_of(number)] = Style(_paint(look, colouring.colours))
    for number, colour in enumerate(colouring.colours):
        scene.styles[f"group{number}"] = Style(Paint(colour))
    one, other = colouring.colours[0], colouring.colours[min(1, len(colouring.colours) - 1)]
    scene.styles["key-stripes"] = Style(Paint(one, stripes=other))
    scene.styles["key-dots"] = Style(Paint(one, dots=other))
    scene.fonts.update(
        title=Font(30 * scale, theme.ink, bold=True),
        subtitle=Font(17 * scale, theme.faint),
        label=Font(14.5 * scale, theme.ink, bold=True, halo=theme.halo),
        **{"label-down": Font(14.5 * scale, theme.alarm, bold=True, halo=theme.halo)},
        heading=Font(12 * scale, theme.faint),
        entry=Font(14.5 * scale, theme.ink, bold=True),
        **{"entry-down": Font(14.5 * scale, theme.alarm, bold=True)},
        detail=Font(14.5 * scale, theme.faint),
        figure=Font(14.5 * scale, theme.ink),
        notes=Font(12 * scale, theme.faint),
    )


def _paint(look: Look, colours: Sequence[str]) -> Paint:
    return Paint(
        colours[look.fill],
        None if look.stripes == NONE else colours[look.stripes],
        None if look.dots == NONE else colours[look.dots],
    )


def _draw_words(scene: Scene, words: Words, layout: _Layout, scale: float) -> None:
    room = scene.width - 2 * layout.margin
    for line, baseline, font in (
        (words.title, 50 * scale, "title"),
        (words.subtitle, 80 * scale, "subtitle"),
        (words.notes, layout.notes, "notes"),
    ):
        shown = shortened(line, scene.fonts[font].size, room)
        scene.add("words", Text(layout.margin, baseline, shown, font))


def _draw_earth(scene: Scene, frame: Frame) -> None:
    scene.add("sea", Area([_outline(frame)], "sea"))
    along = np.arange(-90.0, 90.1, 2.5)
    for meridian in range(-180, 180, 30):
        line = frame.at(np.full(len(along), on_the_map(meridian)), along)
        scene.add("graticule", Stroke(line, "graticule"))
    left, right = on_the_map(-169), on_the_map(-169) + 360
    for parallel in range(-60, 90, 30):
        line = frame.at(np.array([left, right]), np.full(2, float(parallel)))
        scene.add("graticule", Stroke(line, "graticule"))


def _outline(frame: Frame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    x, y = edge()
    return np.column_stack([frame.x + frame.scale * x, frame.y - frame.scale * y])


def _draw_sites(
    scene: Scene,
    sites: Sequence[Site],
    by_region: dict[str, str],
    layout: _Layout,
    scale: float,
) -> None:
    theme_rim = scene.styles["neutral"]
    radius = 5.2 * scale
    points = layout.frame.at(
        on_the_map([site.longitude for site in sites]), [site.latitude for site in sites]
    )
    marks = [
        Mark(float(x), float(y), _label(site)) for (x, y), site in zip(points, sites, strict=True)
    ]
    bounds = Bounds(4, layout.map_top - 8, scene.width - 4, layout.map_bottom + 8)
    labels = place_labels(marks, radius, scene.fonts["label"].size, bounds)
    for mark, label in zip(marks, labels, strict=True):
        if label is not None and label.leader is not None:
            scene.add("leaders", Stroke(np.array([mark[:2], label.leader]), "leader"))
    for number, (site, mark) in enumerate(zip(sites, marks, strict=True)):
        style = f"site{number}"
        fill = Paint(by_region[site.region]) if site.region in by_region else theme_rim.fill
        scene.styles[style] = Style(fill, scene.fonts["label"].colour, 1.6 * scale)
        title = f"{site.region}, {site.up} of {site.all} endpoints available"
        scene.add("regions", Disc(mark.x, mark.y, radius, style, title))
        if not site.up:
            _cross_out(scene, mark, 1.5 * radius)
    for site, mark, label in zip(sites, marks, labels, strict=True):
        if label is not None:
            font = "label" if site.up else "label-down"
            scene.add("labels", Text(label.x, label.y, mark.text, font, label.anchor))


def _cross_out(scene: Scene, mark: Mark, reach: float) -> None:
    for turn in (-1, 1):
        ends = [(mark.x - reach, mark.y - turn * reach), (mark.x + reach, mark.y + turn * reach)]
        scene.add("regions", Stroke(np.array(ends), "cross"))


def _label(site: Site) -> str:
    name = site.title or site.region
    return name if site.up in (0, site.all) else f"{name} ({site.up} of {site.all})"


def _titles(colouring: _Colouring) -> list[str]:
    """For each country who serves most of it, for those who point at it in a browser."""
    cells = land_cells()
    fills = np.array([look.fill for look in colouring.looks.distinct])[colouring.looks.number]
    names = [entry.name for entry in colouring.entries]
    found = []
    for number, country in enumerate(countries()):
        of_country = cells.country == number
        totals = np.bincount(fills[of_country], cells.area[of_country] + 1e-12, len(names) + 1)
        parts = [
            f"{names[fill] if fill < len(names) else 'nobody'} {100 * total / totals.sum():.0f}%"
            for fill, total in sorted(enumerate(totals.tolist()), key=lambda pair: -pair[1])
            if total / totals.sum() >= 0.005
        ]
        found.append(f"{country.code or 'no country'}: {', '.join(parts)}")
    return found
