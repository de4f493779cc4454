"""The body of ``POST /v1/load``: a load that is pushed for one endpoint."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from geodns.config.values import parse_duration
from geodns.errors import GeodnsError
from geodns.load.report import LoadError, from_value
from geodns.wording import shown

HOLDS = 60.0  # seconds that a push holds where it doesn't say
_LONGEST = 86400.0  # seconds: what nobody renews for a day is forgotten


class RefusedError(GeodnsError):
    """The body is not a push."""


class Push(NamedTuple):
    """``load`` in the endpoint's unit; it holds for ``seconds``."""

    endpoint: str
    load: float
    seconds: float


def read_push(body: bytes) -> Push:
    """``{"endpoint": "web@eu-a", "load": 930, "for": "60s"}``. Raises RefusedError."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError("the body is not JSON") from error
    if not isinstance(data, dict) or not {"endpoint", "load"} <= data.keys() <= _KEYS:
        raise RefusedError('write {"endpoint": "service@az", "load": NUMBER, "for": "60s"}')
    try:
        load = from_value(data["load"])
    except LoadError as error:
        raise RefusedError(str(error)) from error
    return Push(str(data["endpoint"]), load, holding(data.get("for", HOLDS)))


def holding(value: Any) -> float:
    """For how long a push holds, in seconds. Raises RefusedError."""
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise RefusedError(str(error)) from error
    if not 0 < seconds <= _LONGEST:
        raise RefusedError(f"a load can't hold for {shown(value)}; it may be up to 24h")
    return seconds


_KEYS = {"endpoint", "load", "for"}
