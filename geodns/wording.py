"""Words that error messages share: how a wrong value is shown, what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

_MOST_SHOWN = 60
_MOST_COMPARED = 100  # comparing takes time that grows with the square of the length


def shown(value: Any) -> str:
    """A wrong value as a message repeats it: quoted if it is text, and never long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_MOST_SHOWN:
        return "a number this large"  # Python refuses to write one of over 4300 digits
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """``did you mean web?`` for the known word that is most like it; None: none is alike."""
    if not isinstance(word, str) or len(word) > _MOST_COMPARED:
        return None
    closest = _closest(word, tuple(known))
    return f"did you mean {closest}?" if closest is not None else None


@lru_cache(maxsize=256)  # the same wrong word often stands in many places
def _closest(word: str, known: tuple[str, ...]) -> str | None:
    by_spelling = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(word.casefold(), by_spelling, n=1)
    return by_spelling[close[0]] if close else None
