"""Suggests what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

_MOST_CHARACTERS = 100  # comparing takes time that grows with the square of the length


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """``did you mean web?`` for the known word that is most like it; None: none is alike."""
    if not isinstance(word, str) or len(word) > _MOST_CHARACTERS:
        return None
    closest = _closest(word, tuple(known))
    return f"did you mean {closest}?" if closest is not None else None


@lru_cache(maxsize=256)  # the same wrong word often stands in many places
def _closest(word: str, known: tuple[str, ...]) -> str | None:
    by_spelling = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(word.casefold(), by_spelling, n=1)
    return by_spelling[close[0]] if close else None
