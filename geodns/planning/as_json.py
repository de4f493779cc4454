"""A plan and what it changes as JSON has it: figures that are unknown are null."""

from __future__ import annotations

import math
from typing import Any

from geodns.planning.assign import Spread
from geodns.planning.make import Made


def as_json(made: Made) -> dict[str, Any]:
    """Mappings, lists and scalars. Demand is in the unit of capacity, latency in milliseconds."""
    found, plan = made.assignment, made.plan
    origin = plan.origin
    return {
        "service": plan.service,
        "made": origin.made,
        "demand": origin.demand,
        "total": origin.total,
        "against": made.present,
        "moved": found.moved,
        "objective": origin.objective,
        "terms": {
            "move_cost": _figure(origin.move_cost),
            "cost_weight": origin.cost_weight,
            "headroom": origin.headroom,
            "down": list(origin.down),
        },
        "latency": {"before": _spread(found.before), "after": _spread(found.after)},
        "cost": {"before": found.cost_before, "after": found.cost_after},
        "regions": [
            {
                "region": region.name,
                "capacity": region.total,
                "before": _load(before, region.total),
                "after": _load(after, region.total),
                "worth": worth,
            }
            for region, before, after, worth in zip(
                made.regions,
                found.load_before.tolist(),
                found.load_after.tolist(),
                found.worth.tolist(),
                strict=True,
            )
        ],
        "moves": [
            {
                "client": move.client,
                "from": move.source,
                "to": move.target,
                "demand": move.demand,
                "ms_before": _figure(move.before),
                "ms_after": _figure(move.after),
            }
            for move in found.moves
        ],
        "clients": {client: dict(row) for client, row in plan.rows.items()},
        "notes": list(made.notes),
    }


def _load(load: float, capacity: float | None) -> dict[str, float | None]:
    return {"load": load, "utilisation": load / capacity if capacity else None}


def _spread(spread: Spread) -> dict[str, float | None]:
    return {"mean": spread.mean, "p50": spread.p50, "p95": spread.p95}


def _figure(value: float) -> float | None:
    return value if math.isfinite(value) else None
