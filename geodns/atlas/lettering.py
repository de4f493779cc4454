"""How wide a text is, without a font at hand: who looks at an SVG has one of their own."""

from __future__ import annotations

import unicodedata

# Widths in parts of the size, of classes of letters in wide typefaces (Verdana, DejaVu Sans), so
# that there is room whichever is used.
_NARROW, _SLIM, _NORMAL, _CAPITAL, _WIDE, _FULL = 0.3, 0.39, 0.61, 0.72, 0.95, 1.0
_WIDTHS = {
    **dict.fromkeys("fijlt.,:;'|!I", _NARROW),
    **dict.fromkeys(" ()[]/-r", _SLIM),
    **dict.fromkeys("mwMW@%", _WIDE),
}


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a line of text is, in the unit of its size: rather too wide."""
    return sum(map(_width, text)) * size * (1.13 if bold else 1.0)


def shortened(text: str, size: float, room: float) -> str:
    """The text, or as much of it as has room, with an ellipsis."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _width(letter: str) -> float:
    base = unicodedata.normalize("NFD", letter)[0]
    if base in _WIDTHS:
        return _WIDTHS[base]
    if unicodedata.east_asian_width(letter) in "WF":
        return _FULL
    return _CAPITAL if base.isupper() else _NORMAL
