"""Follows the location of a validation error through both the data and its types."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from geodns.config.wording import Kind, choices, field_kinds, inside
from geodns.yamlfile import Keys


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Where a location leads.

    ``path`` leads to what is there in the data, ``value``; ``kinds`` is what it may be and
    ``around`` what the thing around it may be. ``absent`` is the last key, where it is missing.
    At the first union on the way, ``union`` is its path, ``union_kinds`` all it allows, and
    ``branch`` names the type of the union that the error is about.
    """

    path: Keys
    value: Any
    kinds: tuple[Kind, ...]
    around: tuple[Kind, ...] = ()
    absent: str | int | None = None
    union: Keys | None = None
    union_kinds: tuple[Kind, ...] = ()
    union_value: Any = None
    branch: str | None = None


def follow(model: type[BaseModel], data: Any, location: tuple[str | int, ...]) -> Trace:
    """Follows a location: keys, indexes and, between them, names of the types in unions."""
    trace = Trace((), data, (Kind(model),))
    for step in location:
        trace = _step(trace, step)
    return trace


def _step(trace: Trace, step: str | int) -> Trace:
    kinds = tuple(found for kind in trace.kinds for found in inside(kind, step))
    there = _has(trace.value, step)
    if not kinds and not there:
        return _branch(trace, str(step))
    # A bare list stands for {addresses: [...]}: there, the types have a level that data has not.
    moved = replace(trace, kinds=kinds, around=trace.kinds, absent=None if there else step)
    if not there:
        return moved
    return replace(moved, path=(*trace.path, step), value=trace.value[step])


def _branch(trace: Trace, name: str) -> Trace:
    narrow = tuple(kind for kind in trace.kinds if _is_called(kind, name))
    if trace.union is not None:
        return replace(trace, kinds=narrow or trace.kinds)
    return replace(
        trace,
        kinds=narrow or trace.kinds,
        union=trace.path,
        union_kinds=trace.kinds,
        union_value=trace.value,
        branch=name,
    )


def _is_called(kind: Kind, name: str) -> bool:
    """Whether a type in a union goes by a name: its class's, or what its ``type`` may be."""
    if kind.model is None:
        return False
    field = kind.model.model_fields.get("type")
    return kind.model.__name__ == name or (
        field is not None and name in choices(field_kinds(field))
    )


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)
