"""How completions of arguments fail: quietly, with nothing to offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps

import click

from geodns.errors import GeodnsError

Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def quiet(complete: Callable[[click.Context, str], Iterable[str]]) -> Completion:
    """Makes a click completion of a function that gives candidates, or raises GeodnsError."""

    @wraps(complete)
    def wrapped(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
        try:
            return [word for word in complete(context, begun) if word.startswith(begun)]
        except (GeodnsError, OSError, KeyError):  # KeyError: an argument before it is missing
            return []

    return wrapped
