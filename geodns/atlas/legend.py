"""The table under a map: each colour, what it stands for, and how much that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from geodns.atlas.lettering import shortened, width_of
from geodns.atlas.scene import Box, Scene, Text

_ROW = 25.0  # pixels, times the picture's scale; so are all lengths here
_NARROWEST = 290.0
_WIDEST = 470.0
_GAP = 36.0
_SWATCH = 15.0
_FIGURE = 58.0
_LETTERS = 14.5
_LAYER = "legend"


class Entry(NamedTuple):
    """A row: ``style`` is that of its swatch, ``figures`` are right-aligned in columns."""

    style: str
    name: str
    title: str
    figures: tuple[str, ...] = ()
    crossed: bool = False


class Grid(NamedTuple):
    """How rows are laid out: ``shown`` of them, in ``columns`` of ``rows``."""

    columns: int
    rows: int
    shown: int


def grid_of(entries: Sequence[Entry], width: float, most_rows: int, scale: float) -> Grid:
    """As many columns as have room, and as few rows as these need.

    Where there are more rows than ``most_rows``, columns get narrower and titles shorter.
    """
    gap, count = _GAP * scale, len(entries)
    for column in (max(_NARROWEST * scale, _natural(entries, scale)), _NARROWEST * scale):
        columns = max(1, int((width + gap) // (column + gap)))
        if count <= columns * most_rows:
            break
    rows = max(1, min(-(-count // columns), most_rows))
    shown = min(count, rows * columns)
    return Grid(max(1, min(columns, -(-shown // rows))), rows, shown)


def _natural(entries: Sequence[Entry], scale: float) -> float:
    """The width of a column in which no row of a group is shortened."""
    size = _LETTERS * scale
    rows = [entry for entry in entries if entry.figures]
    figures = max((len(entry.figures) for entry in rows), default=0) * _FIGURE
    titles = max((width_of(entry.title, size) for entry in rows), default=0.0)
    return (_SWATCH + 9 + figures) * scale + _indent(rows, size) + titles


def _indent(entries: Sequence[Entry], size: float) -> float:
    """From the start of the names to that of the titles."""
    return max((width_of(row.name, size, bold=True) for row in entries), default=0) + 0.5 * size


def height_of(grid: Grid, scale: float) -> float:
    """Pixels, with the line of headings."""
    return (grid.rows + 1) * _ROW * scale if grid.rows else 0.0


def draw_legend(
    scene: Scene,
    entries: Sequence[Entry],
    headings: Sequence[str],
    corner: tuple[float, float],
    width: float,
    grid: Grid,
    scale: float,
) -> None:
    """Puts the table with its left top corner there.

    What is not shown is counted in the last row.
    """
    rest = len(entries) - grid.shown
    rows = list(entries[: grid.shown])
    if rest > 0:
        rows[-1] = Entry("none", "", f"and {rest + 1} more: see --json")
    gap = _GAP * scale
    column = (width - gap * (grid.columns - 1)) / grid.columns
    column = min(column, _WIDEST * scale)
    indent = _indent(rows, scene.fonts["entry"].size)
    for number in range(grid.columns):
        left, top = corner[0] + number * (column + gap), corner[1]
        _headings(scene, headings, left + column, top, scale)
        for row, entry in enumerate(rows[number * grid.rows : (number + 1) * grid.rows]):
            at = left, top + (row + 1) * _ROW * scale
            _entry(scene, entry, at, column, indent, scale)


def _headings(
    scene: Scene, headings: Sequence[str], right: float, top: float, scale: float
) -> None:
    baseline = top + 0.62 * _ROW * scale
    for number, heading in enumerate(reversed(headings)):
        x = right - number * _FIGURE * scale
        scene.add(_LAYER, Text(x, baseline, heading, "heading", "end"))


def _entry(
    scene: Scene,
    entry: Entry,
    corner: tuple[float, float],
    width: float,
    indent: float,
    scale: float,
) -> None:
    left, top = corner
    size = scene.fonts["entry"].size
    baseline = top + 0.62 * _ROW * scale
    swatch = _SWATCH * scale
    if entry.style != "none":
        y = baseline - 0.36 * size - swatch / 2
        scene.add(_LAYER, Box(left, y, swatch, swatch, entry.style, 3 * scale))
    x = left + swatch + 9 * scale
    right = left + width - len(entry.figures) * _FIGURE * scale
    name = shortened(entry.name, size, right - x)
    scene.add(_LAYER, Text(x, baseline, name, "entry-down" if entry.crossed else "entry"))
    x += indent if entry.name else 0.0
    title = shortened(entry.title, size, right - x) if entry.title else ""
    if len(title) > 1:
        scene.add(_LAYER, Text(x, baseline, title, "detail"))
    for number, figure in enumerate(reversed(entry.figures)):
        x = left + width - number * _FIGURE * scale
        scene.add(_LAYER, Text(x, baseline, figure, "figure", "end"))
