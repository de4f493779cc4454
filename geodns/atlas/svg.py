"""A scene as SVG: small, readable, and with names that a style sheet or a script can use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import numpy as np

from geodns.atlas.scene import Area, Box, Disc, Font, Line, Paint, Scene, Shape, Stroke, Style, Text

_FAMILY = '"Inter","Segoe UI",Roboto,Helvetica,Arial,"DejaVu Sans","Noto Sans",sans-serif'
_STRIPE, _DOT = 6, 5  # pixels from one to the next


def write_svg(scene: Scene) -> str:
    """The scene as the text of an SVG file."""
    return "\n".join(_lines(scene)) + "\n"


def _lines(scene: Scene) -> Iterator[str]:
    size = f'width="{scene.width}" height="{scene.height}"'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'viewBox="0 0 {scene.width} {scene.height}" aria-labelledby="title description">'
    )
    yield f'<title id="title">{escape(scene.title)}</title>'
    yield f'<desc id="description">{escape(scene.description)}</desc>'
    yield f"<style>\n{_style_sheet(scene)}\n</style>"
    writer = _Writer(scene)
    yield from writer.definitions()
    for name, shapes in scene.layers.items():
        yield f'<g id="{name}">'
        yield from map(writer.shape, shapes)
        yield "</g>"
    yield "</svg>"


def _style_sheet(scene: Scene) -> str:
    rules = [f"text{{font-family:{_FAMILY}}}"]
    rules += [f".{name}{{{_declarations(name, style)}}}" for name, style in scene.styles.items()]
    rules += [f".{name}{{{_font(font)}}}" for name, font in scene.fonts.items()]
    return "\n".join(rules)


def _declarations(name: str, style: Style) -> str:
    fill = "none" if style.fill is None else style.fill.colour
    if style.fill is not None and _is_pattern(style.fill):
        fill = f"url(#pattern-{name})"
    found = f"fill:{fill}"
    if style.stroke is not None:
        found += f";stroke:{style.stroke};stroke-width:{_number(style.width)};stroke-linejoin:round"
        found += ";stroke-linecap:round"
    return found


def _font(font: Font) -> str:
    found = f"font-size:{_number(font.size)}px;fill:{font.colour}"
    if font.bold:
        found += ";font-weight:600"
    if font.halo is not None:
        width = _number(font.size / 4)
        found += (
            f";stroke:{font.halo};stroke-width:{width};stroke-linejoin:round;paint-order:stroke"
        )
    return found


def _is_pattern(paint: Paint) -> bool:
    return paint.stripes is not None or paint.dots is not None


class _Writer:
    """Knows which lines are used several times and by what name."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        areas = [shape for shapes in scene.layers.values() for shape in shapes]
        drawn = [shape for shape in areas if isinstance(shape, Area)]
        self._cut = {id(a.within.rings): a.within.rings for a in drawn if a.within is not None}
        uses = Counter(id(area.rings) for area in drawn)
        rings = {id(area.rings): area.rings for area in drawn}
        often = {key: lines for key, lines in rings.items() if uses[key] > 1} | self._cut
        self._names = {key: f"a{number}" for number, key in enumerate(often)}
        self._often = often

    def definitions(self) -> Iterator[str]:
        yield "<defs>"
        for name, style in self._scene.styles.items():
            if style.fill is not None and _is_pattern(style.fill):
                yield _pattern(f"pattern-{name}", style.fill)
        for key, rings in self._often.items():
            yield f'<path id="{self._names[key]}" d="{_path(rings)}"/>'
        for key in self._cut:
            name = self._names[key]
            yield f'<clipPath id="in-{name}"><use href="#{name}"/></clipPath>'
        yield "</defs>"

    def shape(self, shape: Shape) -> str:
        match shape:
            case Area():
                return self._area(shape)
            case Stroke():
                d = _steps(shape.points)
                return f'<path class="{shape.style}" d="{d}"/>'
            case Disc():
                at = f'cx="{_number(shape.x)}" cy="{_number(shape.y)}" r="{_number(shape.radius)}"'
                return _element("circle", f'class="{shape.style}" {at}', shape.title)
            case Box():
                at = f'x="{_number(shape.x)}" y="{_number(shape.y)}"'
                size = f'width="{_number(shape.width)}" height="{_number(shape.height)}"'
                corners = f' rx="{_number(shape.radius)}"' if shape.radius else ""
                return f'<rect class="{shape.style}" {at} {size}{corners}/>'
            case Text():
                at = f'x="{_number(shape.x)}" y="{_number(shape.y)}"'
                anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
                return f'<text class="{shape.font}" {at}{anchor}>{escape(shape.text)}</text>'

    def _area(self, area: Area) -> str:
        name = self._names.get(id(area.rings))
        attributes = f'class="{area.style}"'
        if area.within is not None:
            attributes += f' clip-path="url(#in-{self._names[id(area.within.rings)]})"'
        if name is not None:
            return _element("use", f'{attributes} href="#{name}"', area.title)
        return _element("path", f'{attributes} d="{_path(area.rings)}"', area.title)


def _element(name: str, attributes: str, title: str | None) -> str:
    if title is None:
        return f"<{name} {attributes}/>"
    return f"<{name} {attributes}><title>{escape(title)}</title></{name}>"


def _pattern(name: str, paint: Paint) -> str:
    """Stripes and dots that fit together, turned by 45 degrees."""
    side = _STRIPE * _DOT if paint.stripes and paint.dots else _STRIPE if paint.stripes else _DOT
    parts = [f'<rect width="{side}" height="{side}" fill="{paint.colour}"/>']
    if paint.stripes is not None:
        parts += [
            f'<rect x="{x}" width="{_STRIPE / 2:g}" height="{side}" fill="{paint.stripes}"/>'
            for x in range(0, side, _STRIPE)
        ]
    if paint.dots is not None:
        parts += [
            f'<circle cx="{x + _DOT / 2:g}" cy="{y + _DOT / 2:g}" r="1.15" fill="{paint.dots}"/>'
            for x in range(0, side, _DOT)
            for y in range(0, side, _DOT)
        ]
    return (
        f'<pattern id="{name}" width="{side}" height="{side}" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)">{"".join(parts)}</pattern>'
    )


def _path(rings: Iterable[Line]) -> str:
    return "".join(f"{_steps(ring)}z" for ring in rings)


def _steps(points: Line) -> str:
    """Absolute to the first point, then relative, in tenths of a pixel."""
    tenths = np.round(np.asarray(points) * 10).astype(int)
    steps = np.diff(tenths, axis=0)
    steps = steps[np.any(steps != 0, axis=1)]
    found = f"M{_pair(tenths[0].tolist())}"
    return found + ("l" + _joined(steps.tolist()) if len(steps) else "")


def _joined(steps: Sequence[Sequence[int]]) -> str:
    """Pairs with a space between only where no minus sign parts them."""
    found = ""
    for step in steps:
        pair = _pair(step)
        found += pair if not found or pair.startswith("-") else f" {pair}"
    return found


def _pair(tenths: Sequence[int]) -> str:
    x, y = (_tenth(number) for number in tenths)
    return f"{x}{y}" if y.startswith("-") else f"{x} {y}"


def _tenth(number: int) -> str:
    whole, part = divmod(abs(number), 10)
    sign = "-" if number < 0 else ""
    return f"{sign}{whole if whole or not part else ''}{f'.{part}' if part else ''}"


def _number(value: float) -> str:
    return f"{round(value, 1):g}"
