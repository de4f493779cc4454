"""Colours of everything that is not a datacenter's, in the light and the dark theme."""

from __future__ import annotations

from typing import NamedTuple

from geodns.atlas.palette import Theme


class Colours(NamedTuple):
    """``#rrggbb`` each."""

    paper: str
    sea: str
    graticule: str
    border: str
    frame: str
    ink: str
    faint: str
    halo: str
    nobody: str
    alarm: str
    rim: str


THEMES: dict[Theme, Colours] = {
    "light": Colours(
        paper="#ffffff",
        sea="#eef3f7",
        graticule="#d3dee7",
        border="#ffffff",
        frame="#c3ced7",
        ink="#1d2733",
        faint="#66727f",
        halo="#ffffff",
        nobody="#c9ccd1",
        alarm="#c81e33",
        rim="#ffffff",
    ),
    "dark": Colours(
        paper="#0f141a",
        sea="#161d26",
        graticule="#273342",
        border="#0f141a",
        frame="#34414f",
        ink="#e8edf3",
        faint="#93a1b0",
        halo="#0f141a",
        nobody="#4a5058",
        alarm="#ff6b7a",
        rim="#0f141a",
    ),
}
