"""Validates a document against a model: every problem as a sentence, at its line and column."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from geodns.config.trace import Trace, follow
from geodns.config.wording import Kind, StandIn, choices, describe, field_kinds
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Document, Keys

Model = TypeVar("Model", bound=BaseModel)

# Each round removes at least one wrong thing, and what lacks it the next, up to the whole file.
_MOST_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before it has a position. ``key``: it is about the key, not the value."""

    id: str
    path: Keys
    message: str
    hint: str | None = None
    key: bool = False
    missing: Trace | None = None


@dataclass(frozen=True, slots=True)
class Validated(Generic[Model]):
    """What could be validated. With problems, ``settings`` is the sound rest of the file."""

    settings: Model
    problems: list[Problem]
    broken: frozenset[Keys]


def validated(model: type[Model], document: Document) -> Validated[Model]:
    """Validates a document's data as a model; a document without data is the empty mapping."""
    data = document.data
    findings: list[Finding] = []
    for _ in range(_MOST_ROUNDS):
        try:
            settings = model.model_validate(data)
        except ValidationError as error:
            found = _findings(error, model, data)
            if not findings:
                findings = found
            data = _without(copy.deepcopy(data), found)
        else:
            break
    else:
        settings = model()
    return Validated(
        settings,
        [
            document.problem(item.id, item.message, item.path, key=item.key, hint=item.hint)
            for item in findings
        ],
        frozenset(item.path for item in findings),
    )


def _findings(error: ValidationError, model: type[BaseModel], data: Any) -> list[Finding]:
    details = error.errors(include_url=False, include_input=False)
    traces = [follow(model, data, detail["loc"]) for detail in details]
    unions: dict[Keys, list[Trace]] = {}
    for trace in traces:
        if trace.union is not None:
            unions.setdefault(trace.union, []).append(trace)
    verdicts = {path: _judge_union(members) for path, members in unions.items()}
    found: dict[Finding, None] = {}
    for detail, trace in zip(details, traces, strict=True):
        verdict = verdicts.get(trace.union) if trace.union is not None else None
        if isinstance(verdict, Finding):
            found[verdict] = None
        elif verdict is None or verdict == trace.branch:
            found[_finding(cast("dict[str, Any]", detail), trace)] = None
    # A list that is too short only because its items are wrong needs no second finding.
    paths = {item.path for item in found if item.id != "missing-key"}
    return [
        item
        for item in found
        if item.id != "empty-list" or not any(_inside(path, item.path) for path in paths)
    ]


def _judge_union(members: list[Trace]) -> Finding | str | None:
    """For a value that none of several types allows: the type that was meant, or a finding.

    None: only one type came into question, so its own findings are the ones.
    """
    branches = {member.branch for member in members}
    if len(branches) < 2:
        return None
    first = members[0]
    # Of a list and single values, a list was meant where something inside of a list is wrong.
    lists = {member.branch for member in members if len(member.path) > len(member.union or ())}
    if isinstance(first.union_value, list) and len(lists) == 1:
        return lists.pop()
    if isinstance(first.union_value, dict):
        models: list[type[BaseModel]] = [
            kind.model for kind in first.union_kinds if kind.model is not None
        ]
        keys = set(first.union_value)
        for model in sorted(models, key=lambda model: -len(keys & set(model.model_fields))):
            if keys & set(model.model_fields):
                return model.__name__
        known = [name for model in models for name in model.model_fields]
        hints = [did_you_mean(key, known) for key in keys]
        hint = next((hint for hint in hints if hint), None)
    else:
        hint = did_you_mean(first.union_value, choices(first.union_kinds))
    path = cast("Keys", first.union)
    id = "bad-value" if isinstance(first.union_value, str | int | float) else "wrong-type"
    return Finding(id, path, _must_be(path, first.union_kinds, first.union_value), hint)


def _finding(detail: dict[str, Any], trace: Trace) -> Finding:
    type_, path = detail["type"], trace.path
    if type_ == "extra_forbidden":
        return _unknown_key(trace)
    if type_ == "missing" and isinstance(trace.absent, str):
        message = f"{trace.absent} is missing; it must be {describe(trace.kinds)}"
        return Finding("missing-key", path, message, key=True, missing=trace)
    if type_ == "union_tag_not_found":
        message = f"type is missing; it must be {describe(_types(trace.kinds))}"
        return Finding("missing-key", path, message, key=True)
    if type_ == "union_tag_invalid":
        path, kinds, value = (*path, "type"), _types(trace.kinds), trace.value["type"]
        hint = did_you_mean(value, choices(kinds))
        return Finding("bad-value", path, _must_be(path, kinds, value), hint)
    if type_ == "value_error":
        return Finding("bad-value", path, str(detail["ctx"]["error"]))
    if type_ == "too_short":
        return Finding("empty-list", path, f"{_name(path)} must not be empty")
    if type_ == "missing":  # an item of a list of fixed length
        return Finding("bad-value", path, _must_be(path, trace.around, trace.value))
    id = "wrong-type" if type_.endswith("_type") else "bad-value"
    hint = did_you_mean(trace.value, choices(trace.kinds))
    return Finding(id, path, _must_be(path, trace.kinds, trace.value), hint)


def _unknown_key(trace: Trace) -> Finding:
    key = trace.path[-1]
    known = list(
        dict.fromkeys(
            name
            for kind in trace.around
            if kind.model is not None
            for name in kind.model.model_fields
        )
    )
    hint = did_you_mean(key, known) or f"the keys are {', '.join(known)}"
    return Finding("unknown-key", trace.path, f"unknown key {shown(key)}", hint, key=True)


def _types(kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """What ``type`` may be in any of the models that are told apart by it."""
    return tuple(
        kind
        for model in (kind.model for kind in kinds)
        if model is not None and "type" in model.model_fields
        for kind in field_kinds(model.model_fields["type"])
    )


def _must_be(path: Keys, kinds: tuple[Kind, ...], value: Any) -> str:
    if isinstance(value, dict):
        what = "a mapping"
    elif isinstance(value, list):
        what = "this list" if "list" in describe(kinds) or "[" in describe(kinds) else "a list"
    else:
        what = "nothing" if value is None else shown(value)
    return f"{_name(path)} must be {describe(kinds) or 'something else'}, not {what}"


def _name(path: Keys) -> str:
    if not path:
        return "the file"
    if isinstance(path[-1], str):
        return path[-1]
    return f"item {path[-1] + 1} of {_name(path[:-1])}"


def _inside(path: Keys, outer: Keys) -> bool:
    return len(path) > len(outer) and path[: len(outer)] == outer


def _without(data: Any, findings: Iterable[Finding]) -> Any:
    """The data with every wrong thing taken out, so that the rest can still be checked."""
    for item in findings:
        path = item.path
        if item.missing is not None and (stand_in := _stand_in(item.missing)) is not None:
            path, value = (*path, str(item.missing.absent)), stand_in.value
        else:
            value = None
        while path and not isinstance(path[-1], str):
            path = path[:-1]
        if not path:
            return {}
        around = _at(data, path[:-1])
        if isinstance(around, dict):
            around.pop(path[-1], None)
            if value is not None:
                around[path[-1]] = value
    return data


def _stand_in(trace: Trace) -> StandIn | None:
    return next(
        (item for kind in trace.kinds for item in kind.metadata if isinstance(item, StandIn)), None
    )


def _at(data: Any, path: Keys) -> Any:
    for key in path:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data
