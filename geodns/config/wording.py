"""What a setting may be, in words: one wording for error messages and for the reference."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Words:
    """Put into ``Annotated[...]``: what a value may be, where its type alone doesn't say it."""

    text: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """Put into ``Annotated[...]`` of a needed setting: what to go on with where it is wrong.

    So that the rest of a mapping can still be checked; it never reaches the program.
    """

    value: Any


_PLAIN = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    date: "a date, as in 2026-11-01",
    IPv4Address: "an IPv4 address",
    IPv6Address: "an IPv6 address",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One type that a value may have, with what narrows it (bounds, wording)."""

    type: Any
    metadata: tuple[Any, ...] = ()

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of a mapping with fixed keys, else None."""
        return self.type if _is_model(self.type) else None


def _is_model(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, BaseModel)


def kinds(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[Kind]:
    """All that an annotation allows: unions and ``Annotated`` taken apart, None left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        flat = [
            part
            for item in more
            for part in (item.metadata if isinstance(item, FieldInfo) else [item])
        ]
        yield from kinds(inner, (*flat, *metadata))
    elif origin in {Union, types.UnionType} and not _words(metadata):
        for branch in get_args(annotation):
            yield from kinds(branch, metadata)
    elif annotation is not type(None):
        yield Kind(annotation, metadata)


def field_kinds(field: FieldInfo) -> tuple[Kind, ...]:
    """All that a model's field allows."""
    return tuple(kinds(field.annotation, tuple(field.metadata)))


def inside(kind: Kind, key: str | int) -> tuple[Kind, ...]:
    """What the value at a key, or an index, of such a value may be; empty: there is no such."""
    origin, parts = get_origin(kind.type), get_args(kind.type)
    if kind.model is not None:
        field = kind.model.model_fields.get(str(key))
        return field_kinds(field) if field is not None else ()
    if origin is dict and isinstance(key, str):
        return tuple(kinds(parts[1]))
    if origin is tuple and isinstance(key, int):
        if parts[-1] is Ellipsis:
            return tuple(kinds(parts[0]))
        return tuple(kinds(parts[key])) if key < len(parts) else ()
    return ()


def describe(allowed: tuple[Kind, ...]) -> str:
    """``"auto" or a whole number from 1 to 256``, for a value that may be any of these."""
    parts = list(dict.fromkeys(part for kind in allowed for part in _describe(kind)))
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} or {parts[-1]}"


def choices(allowed: tuple[Kind, ...]) -> list[str]:
    """The fixed words among what is allowed."""
    return [
        str(word)
        for kind in allowed
        if get_origin(kind.type) is Literal
        for word in get_args(kind.type)
    ]


def _describe(kind: Kind) -> list[str]:
    words = _words(kind.metadata)
    origin, parts = get_origin(kind.type), get_args(kind.type)
    if words is not None:
        return [words + _bounds(kind.metadata, words)]
    if origin is Literal:
        return [str(word) for word in parts]
    if kind.model is not None:
        return [_mapping(kind.model)]
    if origin is dict:
        return [f"a mapping of names, each to {describe(tuple(kinds(parts[1])))}"]
    if origin is tuple:
        return [f"a list, each {describe(tuple(kinds(parts[0])))}"]
    plain = _PLAIN.get(kind.type, "a value")
    return [plain + _bounds(kind.metadata, plain)]


def _mapping(model: type[BaseModel]) -> str:
    words: str | None = getattr(model, "words", None)
    if words is not None:
        return words
    needed = {
        name: " or ".join(choices(field_kinds(field))) or "…"
        for name, field in model.model_fields.items()
        if field.is_required()
    }
    if not needed:
        return "a mapping"
    return "{" + ", ".join(f"{name}: {what}" for name, what in needed.items()) + "}"


def _words(metadata: tuple[Any, ...]) -> str | None:
    return next((item.text for item in reversed(metadata) if isinstance(item, Words)), None)


def _bounds(metadata: tuple[Any, ...], words: str) -> str:
    unit = " s" if "duration" in words else ""
    join = ", " if " as in " in words else " "
    low = high = above = None
    for item in metadata:
        if isinstance(item, annotated_types.Ge):
            low = item.ge
        elif isinstance(item, annotated_types.Gt):
            above = item.gt
        elif isinstance(item, annotated_types.Le):
            high = item.le
    if low is not None and high is not None:
        return f"{join}from {low} to {high}{unit}"
    if above is not None:
        return f"{join}above {above}{unit}"
    if low is not None:
        return f"{join}at least {low}{unit}"
    return f"{join}at most {high}{unit}" if high is not None else ""
