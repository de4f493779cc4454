"""The JSON Schema of each kind of file, for editors: the models', and the zone's."""

from __future__ import annotations

from typing import Any

from geodns.config.base import Settings
from geodns.config.settings import LatencyTable, Server, Services, Topology
from geodns.config.zone_schema import JsonSchema, zone_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[Settings]] = {
    "server": Server,
    "topology": Topology,
    "services": Services,
    "latency": LatencyTable,
}
KINDS = ("server", "topology", "services", "zone", "latency")


def schema(kind: str) -> JsonSchema:
    """The JSON Schema of one of KINDS, with a description and a default for each setting."""
    body = zone_schema() if kind == "zone" else _model_schema(MODELS[kind])
    return {"$schema": DIALECT, **body, "title": f"geodns {kind} file"}


def _model_schema(model: type[Settings]) -> JsonSchema:
    made: JsonSchema = _tidy(model.model_json_schema())
    return made


def _tidy(schema: Any) -> Any:
    """Without the titles that repeat a key, and with nothing allowed where it means the default."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items() if key not in {"title", "default"}}
    if isinstance(schema.get("title"), dict):  # a setting of that name, not JSON Schema's word
        tidy["title"] = _tidy(schema["title"])
    elif "default" in schema:
        tidy["default"] = schema["default"]
    if isinstance(tidy.get("properties"), dict):
        needed = tidy.get("required", [])
        tidy["properties"] = {
            name: value if name in needed else _or_nothing(value)
            for name, value in tidy["properties"].items()
        }
    return tidy


def _or_nothing(schema: JsonSchema) -> JsonSchema:
    """``endpoints:`` with nothing behind it means the default."""
    outside: JsonSchema = {key: schema[key] for key in ("description", "default") if key in schema}
    inside = {key: value for key, value in schema.items() if key not in outside}
    branches = inside["anyOf"] if set(inside) == {"anyOf"} else [inside]
    if {"type": "null"} not in branches:
        branches = [*branches, {"type": "null"}]
    return {**outside, "anyOf": branches}
