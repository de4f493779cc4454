"""The JSON Schemas and the reference say what the models say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from geodns.config.json_schema import KINDS, MODELS, schema
from geodns.config.reference import reference
from geodns.zone.shapes import RECORD_TYPES

ROOT = Path(__file__).parents[2]


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping with fixed keys inside a schema."""
    if isinstance(node, list):
        for item in node:
            yield from mappings(item)
    elif isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield node
        for value in node.values():
            yield from mappings(value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_json_and_every_reference_in_it_leads_somewhere(kind: str) -> None:
    text = json.dumps(schema(kind))
    made = json.loads(text)
    assert made["$schema"].startswith("https://json-schema.org/")
    for part in text.split('"$ref": "')[1:]:
        target = made
        for step in part.split('"', 1)[0].removeprefix("#/").split("/"):
            target = target[step]


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_setting_has_a_description_and_its_default(kind: str) -> None:
    for mapping in mappings(schema(kind)):
        for name, setting in mapping["properties"].items():
            assert setting.get("description"), name
            assert name in mapping.get("required", []) or "default" in setting, name


def test_a_mapping_of_settings_refuses_other_keys() -> None:
    assert all(item["additionalProperties"] is False for item in mappings(schema("services")))


def test_an_endpoint_may_be_a_bare_list() -> None:
    branches = schema("topology")["$defs"]["Endpoint"]["anyOf"]
    assert [branch["type"] for branch in branches] == ["array", "object"]


def test_the_zone_schema_knows_every_record_type_that_is_served() -> None:
    record = schema("zone")["$defs"]["record"]
    served = {name for name, kind in RECORD_TYPES.items() if kind.value != "refused"}
    assert set(record["properties"]["type"]["anyOf"][0]["enum"]) == served
    assert {rule["if"]["properties"]["type"]["const"] for rule in record["allOf"]} == served
    assert "GEO" in served


def test_the_written_reference_is_up_to_date() -> None:
    """If not: python -m geodns.config.reference > docs/configuration.md"""
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8") == reference()
