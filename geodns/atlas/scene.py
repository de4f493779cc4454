"""A picture as a list of shapes in pixels, so that SVG and PNG are drawings of the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.float64]
"""Points, shape (n, 2): x to the right and y down, in pixels."""

Anchor = Literal["start", "middle", "end"]


class Paint(NamedTuple):
    """A colour, with stripes and dots of others over it."""

    colour: str
    stripes: str | None = None
    dots: str | None = None


class Style(NamedTuple):
    """How a class of shapes is drawn. Lines are as wide as ``width`` says, in pixels."""

    fill: Paint | None = None
    stroke: str | None = None
    width: float = 0.0


class Font(NamedTuple):
    """How a class of texts is drawn; ``halo`` is the colour of a rim that sets it off the map."""

    size: float
    colour: str
    bold: bool = False
    halo: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """Closed lines: land is to one side of all of them, so that holes turn the other way.

    ``within`` is the area that it is cut to. ``title`` is what a browser says of it.
    """

    rings: Sequence[Line]
    style: str
    within: Area | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """An open line."""

    points: Line
    style: str


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle."""

    x: float
    y: float
    radius: float
    style: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with rounded corners."""

    x: float
    y: float
    width: float
    height: float
    style: str
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; y is that of its baseline."""

    x: float
    y: float
    text: str
    font: str
    anchor: Anchor = "start"


Shape = Area | Stroke | Disc | Box | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture: shapes from back to front in named layers, and how each class of them looks."""

    width: int
    height: int
    title: str
    description: str
    styles: dict[str, Style] = field(default_factory=dict)
    fonts: dict[str, Font] = field(default_factory=dict)
    layers: dict[str, list[Shape]] = field(default_factory=dict)

    def add(self, layer: str, *shapes: Shape) -> None:
        """Puts shapes in front of what is in a layer; layers are in the order of first use."""
        self.layers.setdefault(layer, []).extend(shapes)
