"""A simulation as JSON; ``docs/simulate.md`` documents its shape."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from geodns.simulation.results import Load, Simulation


def as_json(simulation: Simulation) -> str:
    """The whole of it. Unknown figures (nan) are null, and so is what does not apply."""
    data = asdict(simulation)
    for service, found in zip(data["services"], simulation.services, strict=True):
        service["loads"] = [_load(load) for load in found.loads]
    return json.dumps(_plain(data), indent=2, ensure_ascii=False)


def _load(load: Load) -> dict[str, Any]:
    return {
        **asdict(load),
        "utilisation_before": load.utilisation_before,
        "utilisation_after": load.utilisation_after,
    }


def _plain(value: Any) -> Any:
    """Numbers that JSON does not know become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
