"""Draws docs/pictures/load.svg: the simulated day, with the server's rules and the bare curve.

Run it from the root of the clone: ``.venv/bin/python docs/pictures/load.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geodns.load.controllers import Controller, Damped, Plain, example_rules
from geodns.load.simulation import simulate
from geodns.load.world import DAY, HOUR, example_day

WIDTH, HEIGHT, LEFT, TOP, GAP = 760, 110, 50, 30, 34
EVERY = 12  # steps: one point a minute
ZONES = ("eu-a", "asia-a")


def line(values: Sequence[float], step: float, top: float, colour: str) -> str:
    """A course from 0 to 1.6, as a polyline."""
    points = " ".join(
        f"{LEFT + n * step / DAY * WIDTH:.1f},{top + HEIGHT * (1 - min(v, 1.6) / 1.6):.1f}"
        for n, v in list(enumerate(values))[::EVERY]
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1"/>'


def panel(title: str, controller: Controller, zone: str, top: float) -> str:
    """One AZ's day: utilisation and availability."""
    world = example_day()
    course = simulate(world, controller)
    full = top + HEIGHT * (1 - 1 / 1.6)
    return "\n".join(
        (
            f'<text x="{LEFT}" y="{top - 6}">{title}: {zone}</text>',
            f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{full}" y2="{full}" stroke="#8c959f"/>',
            f'<text x="8" y="{full + 4}">100%</text>',
            line(course.utilisation[zone], world.step, top, "#0969da"),
            line(course.availability[zone], world.step, top, "#cf222e"),
        )
    )


def draw() -> str:
    """The whole picture."""
    world = example_day()
    rules = example_rules(world)
    panels = []
    for zone in ZONES:
        for title, controller in (
            ("server's rules", Damped(rules, world.zones)),
            ("bare curve", Plain(rules.marks)),
        ):
            panels.append(panel(title, controller, zone, TOP + len(panels) * (HEIGHT + GAP)))
    bottom = TOP + len(panels) * (HEIGHT + GAP)
    hours = "".join(
        f'<text x="{LEFT + hour * HOUR / DAY * WIDTH:.0f}" y="{bottom}">{hour} h</text>'
        for hour in range(0, 24, 4)
    )
    key = (
        f'<text x="{LEFT}" y="{bottom + 24}" fill="#0969da">utilisation</text>'
        f'<text x="{LEFT + 100}" y="{bottom + 24}" fill="#cf222e">availability</text>'
    )
    size = f'viewBox="0 0 {LEFT + WIDTH + 20} {bottom + 40}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(panels)}{hours}{key}</svg>\n'
    )


if __name__ == "__main__":
    Path(__file__).with_name("load.svg").write_text(draw(), encoding="utf-8")
