"""Places for names next to their dots, so that none covers another or a dot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from geodns.atlas.lettering import width_of
from geodns.atlas.scene import Anchor

# In parts of the letters' size: from the dot's rim to the name, tried from near to far.
_DISTANCES = (0.35, 0.9, 1.7, 2.6, 3.8, 5.2, 7.0)
_LEADER_FROM = 1.2  # farther away than this, a line leads to the dot
# East first, as names are read, then west, and what is above before what is below.
_ANGLES = (0, 180, 40, -40, 140, -140, 90, -90, 20, -20, 160, -160, 65, -65, 115, -115)
_CLEAR = 2.0  # pixels between names


class Mark(NamedTuple):
    """A dot with a name."""

    x: float
    y: float
    text: str


class Box(NamedTuple):
    """Pixels; y down."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they have a part in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class Label(NamedTuple):
    """Where a name is: the start, middle or end of its baseline, and its leader's end if any."""

    x: float
    y: float
    anchor: Anchor
    leader: tuple[float, float] | None
    box: Box


def place_labels(
    marks: Sequence[Mark], radius: float, size: float, bounds: Box
) -> list[Label | None]:
    """A label for each mark, in its order; None where there is no room.

    ``radius`` is that of the dots, ``size`` that of the letters. The most crowded choose first.
    """
    dots = [_around(mark.x, mark.y, radius + 1) for mark in marks]
    found: list[Label | None] = [None] * len(marks)
    taken: list[Box] = []
    for number in sorted(range(len(marks)), key=lambda n: (-_neighbours(marks, n, size), n)):
        others = [dot for other, dot in enumerate(dots) if other != number]
        label = _first_free(marks[number], radius, size, bounds, [*others, *taken])
        if label is not None:
            taken.append(label.box)
            found[number] = label
    return found


def _neighbours(marks: Sequence[Mark], number: int, size: float) -> int:
    here = marks[number]
    return sum(math.hypot(m.x - here.x, m.y - here.y) < 8 * size for m in marks)


def _first_free(
    mark: Mark, radius: float, size: float, bounds: Box, obstacles: Sequence[Box]
) -> Label | None:
    for distance in _DISTANCES:
        for angle in _ANGLES:
            label = _label(mark, radius, distance, angle, size)
            inside = (
                label.box.left >= bounds.left
                and label.box.right <= bounds.right
                and label.box.top >= bounds.top
                and label.box.bottom <= bounds.bottom
            )
            if inside and not any(label.box.meets(obstacle) for obstacle in obstacles):
                return label
    return None


def _label(mark: Mark, radius: float, distance: float, angle: float, size: float) -> Label:
    east, north = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    reach = radius + distance * size
    x, middle = mark.x + east * reach, mark.y - north * (reach + 0.3 * size * abs(north))
    width = width_of(mark.text, size, bold=True)
    anchor: Anchor = "start" if east > 0.3 else "end" if east < -0.3 else "middle"
    left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width
    box = Box(
        left - _CLEAR, middle - 0.55 * size - _CLEAR, left + width + _CLEAR, middle + 0.5 * size
    )
    leader = (x, middle) if distance > _LEADER_FROM else None
    return Label(x, middle + 0.36 * size, anchor, leader, box)


def _around(x: float, y: float, radius: float) -> Box:
    return Box(x - radius, y - radius, x + radius, y + radius)
