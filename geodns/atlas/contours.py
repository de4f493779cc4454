"""Cells of one kind merged into areas, with smooth borders instead of steps.

A border between two areas is the same line for both: it is smoothed piece by piece between the
corners where three or more areas meet, which stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Kinds = NDArray[np.int32]
"""Shape (rows, columns), rows from south to north; NOTHING where there is no cell."""

NOTHING = -1
_TOLERANCE = 0.4  # of a side: steps of one cell are straightened, bends are not

Corner = tuple[int, int]  # column, row
Line = NDArray[np.float64]  # shape (n, 2): columns and rows
_RIGHT, _UP, _LEFT, _DOWN = (1, 0), (0, 1), (-1, 0), (0, -1)


def contours(kinds: Kinds) -> dict[int, list[Line]]:
    """The closed lines around the cells of each kind, in units of cells from the first's corner.

    Counter-clockwise around an area, clockwise around a hole in it; the last point of a line is not
    its first again.
    """
    padded = np.pad(kinds, 1, constant_values=NOTHING)
    corners = _meeting_points(padded)
    found: dict[int, list[Line]] = {}
    for kind in np.unique(kinds[kinds != NOTHING]).tolist():
        lines = [_smoothed(ring, corners) for ring in _rings(padded == kind)]
        found[kind] = [line for line in lines if len(line) >= 3]
    return found


def spread(kinds: Kinds, times: int) -> Kinds:
    """The same with every kind grown into NOTHING by some cells, so that it covers a shore."""
    for _ in range(times):
        padded = np.pad(kinds, 1, constant_values=NOTHING)
        for beside in (padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]):
            kinds = np.where(kinds == NOTHING, beside, kinds)
    return kinds


def _meeting_points(padded: Kinds) -> NDArray[np.bool_]:
    """Corners, shape (rows + 1, columns + 1), where more than two borders meet."""
    across = padded[:, 1:] != padded[:, :-1]
    along = padded[1:, :] != padded[:-1, :]
    borders = (
        across[1:, :].astype(np.int8)
        + across[:-1, :]
        + along[:, 1:].astype(np.int8)
        + along[:, :-1]
    )
    return np.asarray(borders > 2)


def _rings(padded: NDArray[np.bool_]) -> Iterator[list[Corner]]:
    """The borders of the cells that are set, which lie to the left of each."""
    out = _directions(padded)
    while out:
        start, ways = next(iter(out.items()))
        heading = ways[0]
        here, ring = start, []
        while True:
            ring.append(here)
            out[here].remove(heading)
            if not out[here]:
                del out[here]
            here = here[0] + heading[0], here[1] + heading[1]
            if here == start:
                break
            heading = _next(heading, out[here])
        yield ring


def _directions(padded: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """From each corner the ways that have a cell that is set to their left, one that is not right.

    A cell (row, column) of the padded array is between the corners (column - 1, row - 1) and
    (column, row).
    """
    out: dict[Corner, list[Corner]] = {}
    for heading, (rows, columns), shift in (
        (_RIGHT, (-1, 0), (-1, -1)),
        (_UP, (0, 1), (-1, 0)),
        (_LEFT, (1, 0), (0, 0)),
        (_DOWN, (0, -1), (0, -1)),
    ):
        beside = np.roll(padded, (-rows, -columns), axis=(0, 1))
        for row, column in np.argwhere(padded & ~beside).tolist():
            out.setdefault((column + shift[1], row + shift[0]), []).append(heading)
    return out


def _next(heading: Corner, ways: list[Corner]) -> Corner:
    """Where cells touch at a corner only, the line turns left and keeps them apart."""
    if len(ways) == 1:
        return ways[0]
    left = -heading[1], heading[0]
    return left if left in ways else ways[0]


def _smoothed(ring: list[Corner], corners: NDArray[np.bool_]) -> Line:
    """Through the middle of each side, and through the corners that stay."""
    here = np.array(ring, np.float64)
    there = np.roll(here, -1, axis=0)
    stays = corners[here[:, 1].astype(int), here[:, 0].astype(int)]
    points = np.empty((2 * len(ring), 2))
    points[0::2], points[1::2] = here, (here + there) / 2
    fixed = np.zeros(len(points), bool)
    fixed[0::2] = stays
    kept = fixed.copy()
    kept[1::2] = True
    points, fixed = points[kept], fixed[kept]
    return _simplified(points, fixed)


def _simplified(points: Line, fixed: NDArray[np.bool_]) -> Line:
    """Each piece between fixed points for itself; the same points whichever side asks."""
    if not fixed.any():
        lowest = np.lexsort((points[:, 1], points[:, 0]))[0]
        fixed = np.zeros(len(points), bool)
        fixed[lowest] = True
    start = int(np.flatnonzero(fixed)[0])
    points, fixed = np.roll(points, -start, axis=0), np.roll(fixed, -start)
    closed = np.concatenate([points, points[:1]])
    cuts = [*np.flatnonzero(fixed).tolist(), len(points)]
    pieces = [_piece(closed[first : last + 1])[:-1] for first, last in pairwise(cuts)]
    return np.concatenate(pieces)


def _piece(points: Line) -> Line:
    backwards = tuple(points[0]) > tuple(points[-1]) or (
        np.array_equal(points[0], points[-1]) and tuple(points[1]) > tuple(points[-2])
    )
    return _reduced(points[::-1])[::-1] if backwards else _reduced(points)


def _reduced(points: Line) -> Line:
    """Without the points that are within _TOLERANCE of the line (Douglas and Peucker 1973)."""
    keep = np.zeros(len(points), bool)
    keep[[0, -1]] = True
    parts = [(0, len(points) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        away = _distances(points[first + 1 : last], points[first], points[last])
        farthest = int(away.argmax())
        if away[farthest] > _TOLERANCE:
            middle = first + 1 + farthest
            keep[middle] = True
            parts += [(first, middle), (middle, last)]
    return points[keep]


def _distances(points: Line, start: Line, end: Line) -> Line:
    along = end - start
    length = float(along @ along)
    part = np.clip((points - start) @ along / length, 0, 1) if length else np.zeros(len(points))
    return np.asarray(np.hypot(*(points - start - part[:, None] * along).T))
