"""What stands above and below a picture."""

from __future__ import annotations

import math

from geodns.atlas.sheet import Words
from geodns.atlas.view import Latency, View
from geodns.config.settings import Configuration
from geodns.config.steering import Preset

_SOURCES = (
    "Outlines: Natural Earth. People: cities of GeoNames, CC BY 4.0. Projection: Equal Earth."
)


def words_of(view: View, policy: str, date: str, latency: bool) -> Words:
    """Title, subtitle and notes. ``policy`` is the service's, as people name it."""
    question = view.question
    by = "region" if question.by == "region" else "AZ"
    title = f"Where {question.service} is answered from, by {by}"
    if latency:
        title = f"How far {question.service} is: expected round-trip time"
    parts = [f"steering {policy}"]
    parts += [f"without {', '.join(question.down)}"] if question.down else []
    if question.down:
        parts.append(f"{100 * view.moved.people:.1f}% of people moved")
    parts.append(_latency(view.latency, view.latency_before if question.down else None))
    parts += [date] if date else []
    known = "the coordinates are" if question.located == "coordinates" else "only the country is"
    notes = f"Each half-degree square is a client of which {known} known."
    return Words(title, "  ·  ".join(part for part in parts if part), f"{notes} {_SOURCES}")


def policy_of(configuration: Configuration, service: str) -> str:
    """A service's steering in a word."""
    steering = configuration.services.services[service].steering
    if isinstance(steering, Preset):
        return steering.name
    return " > ".join(stage.name for stage in steering)


def _latency(now: Latency, before: Latency | None) -> str:
    if math.isnan(now.median):
        return ""
    if before is None or round(before.mean) == round(now.mean):
        return f"mean {now.mean:.0f} ms, 95th percentile {now.most:.0f} ms"
    return f"mean {before.mean:.0f} → {now.mean:.0f} ms"
