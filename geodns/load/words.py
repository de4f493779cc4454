"""Load in words, for people. Pure."""

from __future__ import annotations

from geodns.load.watermarks import Watermarks


def in_words(
    availability: float, load: float | None, capacity: float | None, marks: Watermarks
) -> str:
    """Why an endpoint sheds: ``sheds 37%: load 930 of 1000 (93%), between 70% and 100%``."""
    sheds = f"sheds {1 - availability:.0%}"
    if load is None or capacity is None:
        return f"{sheds}: its load is not known any more, it takes its share back slowly"
    used = load / capacity
    said = f"{sheds}: load {load:g} of {capacity:g} ({used:.0%})"
    if used > marks.high:
        return f"{said}, above {marks.high:.0%}"
    if used < marks.low:
        return f"{said}, now below {marks.low:.0%}"
    return f"{said}, between {marks.low:.0%} and {marks.high:.0%}"
