"""What a plan looks like on a terminal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import pytest
from building import configuration, three_places
from rich.console import Console

from geodns.config.settings import LatencyRow
from geodns.latency.client import parse_client
from geodns.planning.assign import Terms, listed, number
from geodns.planning.demand import DemandRow
from geodns.planning.make import Made, Wish, make
from geodns.planning.render import MOST_MOVES, bar, render

_CLIENTS = [f"AS{64500 + number}" for number in range(26)]


def _made(folder: Path, capacity: float) -> Made:
    """26 networks, all of them in [a] at present; [b] has no limit."""
    regions = {
        name: {
            "location": (50.0, 8.0),
            "availability_zones": {
                f"az-{name}": {"endpoints": {"web": {"addresses": ["192.0.2.1"], "capacity": room}}}
            },
        }
        for name, room in (("[a]", capacity), ("[b]", None), ("idle", 5.0))
    }
    rows = tuple(LatencyRow(client, {"[a]": 5, "[b]": 50, "idle": 500}) for client in _CLIENTS)
    services = {"web": {"steering": "latency"}}
    world = configuration(folder, regions=regions, services=services, rows=rows)
    demand = [DemandRow(parse_client(client), 10.0) for client in _CLIENTS]
    return make(world, "web", demand, three_places, Wish(Terms(), source="a test"))


def _text(made: Made, *, terminal: bool = False, everything: bool = False) -> str:
    stream = io.StringIO()
    colours: Literal["standard"] | None = "standard" if terminal else None
    console = Console(file=stream, width=120, force_terminal=terminal, color_system=colours)
    console.print(render(made, everything=everything))
    return stream.getvalue()


def test_regions_have_bars_and_figures_and_names_are_no_markup(tmp_path: Path) -> None:
    text = _text(_made(tmp_path, 130))
    assert "[a]" in text
    (line,) = (line for line in text.splitlines() if line.lstrip().startswith("[a]"))
    assert line.split() == ["[a]", "130", "260", "200%", bar(2), "130", "100%", bar(1), "45", "ms"]
    assert "no limit" in text
    assert "idle" not in text, "it has no load, before or after"
    assert "idle" in _text(_made(tmp_path, 130), everything=True)


def test_a_terminal_has_colours(tmp_path: Path) -> None:
    assert "\x1b[31m" in _text(_made(tmp_path, 130), terminal=True), "red: over the capacity"


def test_only_the_largest_moves_are_shown_unless_all_are_asked_for(tmp_path: Path) -> None:
    made = _made(tmp_path, 20)
    moves = len(made.assignment.moves)
    assert moves > MOST_MOVES
    assert f"and {moves - MOST_MOVES} more moves, which --all shows" in _text(made)
    everything = _text(made, everything=True)
    assert "more moves" not in everything
    assert all(move.client in everything for move in made.assignment.moves)


def test_where_there_is_room_nobody_moves(tmp_path: Path) -> None:
    assert "nobody moves" in _text(_made(tmp_path, 1000))


@pytest.mark.parametrize(
    ("use", "filled"), [(0, 0), (1 / 96, 1), (0.5, 48), (1, 96), (7.5, 96), (-1, 0)]
)
def test_a_bar_is_in_eighths_of_a_character(use: float, filled: int) -> None:
    eighths = " ▏▎▍▌▋▊▉█"
    shown = bar(use)
    assert sum(eighths.index(character) for character in shown) == filled
    assert len(shown) == 12


def test_figures_and_lists_are_short() -> None:
    assert [number(value) for value in (0, 0.12345, 999.96, 1234567.8)] == [
        *("0", "0.1235", "1000", "1,234,568")
    ]
    assert listed(list("abc"), most=2) == "a, b and 1 more"
