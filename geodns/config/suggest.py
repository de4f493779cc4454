"""Suggests what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_CHARACTERS = 100  # comparing takes time that grows with the square of the length


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """``did you mean 'web'?`` for the known word that is most like it; None: none is alike."""
    if not isinstance(word, str) or len(word) > _MOST_CHARACTERS:
        return None
    by_spelling = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(word.casefold(), by_spelling, n=1)
    return f"did you mean {by_spelling[close[0]]!r}?" if close else None
