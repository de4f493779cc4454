"""Colours that people with any colour vision can tell apart, the more so the nearer on the map.

Colours are compared in Oklab (Ottosson 2020, "A perceptual color space for image processing"), as
they are and as people with protanopia, deuteranopia and tritanopia see them (Machado, Oliveira and
Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency", severity
1.0). The least of these distances counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geodns.geo.distance import kilometres

Theme = Literal["light", "dark"]
Floats = NDArray[np.float64]

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_VISIONS = np.array(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ]
)

# Lightness and chroma of the candidates, by themes, and how much they are preferred: the calm ones
# of a middle lightness to those that are pale, dark or grey, which only many regions need.
_RINGS: dict[Theme, tuple[tuple[float, float, float], ...]] = {
    "light": (
        *((0.73, 0.12, 1.0), (0.60, 0.12, 1.0), (0.66, 0.12, 1.0), (0.79, 0.10, 1.0)),
        *((0.84, 0.09, 0.9), (0.54, 0.12, 0.85), (0.60, 0.05, 0.75), (0.75, 0.05, 0.75)),
        *((0.85, 0.04, 0.67), (0.90, 0.06, 0.67)),
    ),
    "dark": (
        *((0.61, 0.12, 1.0), (0.52, 0.12, 1.0), (0.68, 0.12, 1.0), (0.45, 0.12, 0.9)),
        *((0.75, 0.11, 0.9), (0.40, 0.12, 0.85), (0.58, 0.05, 0.8), (0.45, 0.05, 0.8)),
        *((0.70, 0.05, 0.8),),
    ),
}
_HUES = 24
_START = 250.0  # degrees: the first is a blue

_FAR = 9000.0  # km: from here on, two regions do not meet on the map
_CARE = 0.5  # how much of the distance between neighbours' colours those far apart need


def colours(locations: Sequence[tuple[float, float]], theme: Theme) -> list[str]:
    """A colour (``#rrggbb``) for each location, given as latitude and longitude in degrees.

    Each takes the candidate that is farthest from what its neighbours have; so a location that is
    added at the end changes nobody's colour. Candidates come again after some 200.
    """
    names, distances, liked = _candidates(theme)
    if not locations:
        return []
    place = np.array(locations, np.float64)
    apart = kilometres(place[:, :1], place[:, 1:], place[:, 0], place[:, 1])
    need = 1 - (1 - _CARE) * np.clip(apart / _FAR, 0, 1)
    chosen = [0]
    for number in range(1, len(locations)):
        worth = (distances[:, chosen] / need[number, :number]).min(axis=1) * liked
        if number % len(names):
            worth[chosen[number - number % len(names) :]] = -1
        chosen.append(int(worth.argmax()))
    return [names[candidate] for candidate in chosen]


def shades(colour: str, count: int) -> list[str]:
    """Lighter and darker ones of a colour, for the AZs of a region."""
    lightness, a, b = _oklab(_linear(_channels(colour)))
    steps = np.linspace(-0.09, 0.09, count) if count > 1 else np.zeros(1)
    return [_name(np.array([lightness + step, a, b])) for step in steps]


def ramp(count: int, theme: Theme) -> list[str]:
    """Colours in an order that the eye follows, good ones nearest to the paper.

    Lightness runs one way, so that the order is seen without colours, too.
    """
    found = []
    for part in np.linspace(0, 1, count):
        if theme == "light":  # from a pale yellow by green and blue to a dark violet
            lightness, hue = 0.93 - 0.60 * part, np.radians(105 + 200 * part)
        else:  # from a deep blue by violet and red to a bright yellow
            lightness, hue = 0.34 + 0.54 * part, np.radians(265 + 185 * part)
        chroma = 0.09 + 0.05 * np.sin(np.pi * part)
        found.append(_name(np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)])))
    return found


def difference(one: str, other: str) -> float:
    """How far apart two colours are in Oklab to whoever tells them apart worst."""
    labs = [_seen(_linear(_channels(colour))) for colour in (one, other)]
    return float(np.linalg.norm(labs[0] - labs[1], axis=-1).min())


@cache
def _candidates(theme: Theme) -> tuple[list[str], Floats, Floats]:
    """n candidates, the distance of each from each, shape (n, n), and how much each is liked."""
    found: dict[str, float] = {}
    for lightness, chroma, liked in _RINGS[theme]:
        for hue in np.radians(_START + 360 * np.arange(_HUES) / _HUES):
            lab = np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)])
            found.setdefault(_name(lab), liked)
    seen = np.stack([_seen(_linear(_channels(name))) for name in found])
    apart = np.linalg.norm(seen[:, None] - seen[None, :], axis=-1)
    return list(found), apart.min(axis=-1), np.array(list(found.values()))


def _seen(linear: Floats) -> Floats:
    """Oklab of a colour as each kind of vision has it, shape (visions, 3)."""
    return np.stack([_oklab(np.clip(vision @ linear, 0, 1)) for vision in _VISIONS])


def _oklab(linear: Floats) -> Floats:
    return np.asarray(_TO_LAB @ np.cbrt(_TO_LMS @ linear))


def _name(lab: Floats) -> str:
    """The sRGB colour; chroma is taken back until there is one."""
    for part in np.linspace(1, 0, 21):
        linear = np.linalg.solve(
            _TO_LMS, np.linalg.solve(_TO_LAB, lab * np.array([1, part, part])) ** 3
        )
        if linear.min() >= -1e-4 and linear.max() <= 1 + 1e-4:
            break
    linear = np.clip(linear, 0, 1)
    # IEC 61966-2-1: the transfer function of sRGB.
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(channel) * 255):02x}" for channel in encoded)


def _channels(colour: str) -> Floats:
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def _linear(channels: Floats) -> Floats:
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
