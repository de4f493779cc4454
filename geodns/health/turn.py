"""A verdict that changed: what the event log gets."""

from __future__ import annotations

from typing import NamedTuple


class Turn(NamedTuple):
    """Of what (its id), to what, why, and the endpoints that it is on.

    ``kind`` is that of its event: "verdict", or "guard" where verdicts were held up or let go.
    """

    id: str
    became: str
    reason: str
    endpoints: tuple[str, ...]
    kind: str = "verdict"
