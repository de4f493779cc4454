"""The figures of a picture as JSON: shares, and what moved."""

from __future__ import annotations

import json
import math
from typing import Any

from geodns.atlas.view import BANDS, Flow, Group, Latency, Part, View


def as_json(view: View, policy: str, date: str) -> str:
    """What docs/map.md describes. Shares are from 0 to 1, latencies in ms, null is unknown."""
    question = view.question
    return json.dumps(
        {
            "service": question.service,
            "steering": policy,
            "by": question.by,
            "located": question.located,
            "down": list(question.down),
            "date": date,
            "shares": [_group(group) for group in view.groups],
            "nobody": {"now": _part(view.nobody.now), "before": _part(view.nobody.before)},
            "moved": {**_part(view.moved), "flows": [_flow(flow) for flow in view.flows]},
            "latency": {
                "now": _latency(view.latency),
                "before": _latency(view.latency_before),
                "bands": [
                    {"up_to": up_to, **_part(part)}
                    for up_to, part in zip((*BANDS, None), view.bands, strict=False)
                ],
            },
        },
        indent=2,
        ensure_ascii=False,
    )


def _group(group: Group) -> dict[str, Any]:
    return {
        "id": group.name,
        "title": group.title,
        "region": group.region,
        "state": group.state,
        "now": _part(group.now),
        "before": _part(group.before),
    }


def _flow(flow: Flow) -> dict[str, Any]:
    return {"from": flow.source, "to": flow.target, **_part(flow.part)}


def _part(part: Part) -> dict[str, float]:
    return {"people": round(part.people, 6), "land": round(part.land, 6)}


def _latency(latency: Latency) -> dict[str, float | None]:
    return {
        "mean": _known(latency.mean),
        "median": _known(latency.median),
        "95th_percentile": _known(latency.most),
    }


def _known(milliseconds: float) -> float | None:
    return None if math.isnan(milliseconds) else round(milliseconds, 1)
