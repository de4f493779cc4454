"""The body of ``POST /v1/health``: whether one endpoint serves, told from outside."""

from __future__ import annotations

import json
from typing import NamedTuple

from geodns.control.load_push import RefusedError
from geodns.health.told import HealthReport
from geodns.load.report import LoadError, from_value
from geodns.wording import shown

_KEYS = {"endpoint", "up", "reason", "load"}
_LONGEST_REASON = 120  # characters: with "reported down: " it fits the line that a status shows


class HealthPush(NamedTuple):
    """A report, and the endpoint that it is about."""

    endpoint: str
    report: HealthReport


def read_health(body: bytes) -> HealthPush:
    """``{"endpoint": "web@eu-a", "up": false, "reason": "…", "load": 930}``. Raises RefusedError.

    ``reason`` and ``load`` may be left out.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError("the body is not JSON") from error
    if not isinstance(data, dict) or not {"endpoint", "up"} <= data.keys() <= _KEYS:
        raise RefusedError(
            'write {"endpoint": "service@az", "up": true or false} and, as needed, "reason", "load"'
        )
    if not isinstance(data["up"], bool):
        raise RefusedError(f"up is true or false, not {shown(data['up'])}")
    reason = data.get("reason", "")
    if not isinstance(reason, str):
        raise RefusedError(f"the reason is a text, not {shown(reason)}")
    if len(reason) > _LONGEST_REASON:
        raise RefusedError(
            f"the reason has {len(reason)} characters; {_LONGEST_REASON} is the most"
        )
    try:
        load = from_value(data["load"]) if "load" in data else None
    except LoadError as error:
        raise RefusedError(str(error)) from error
    return HealthPush(str(data["endpoint"]), HealthReport(data["up"], reason, load=load))
