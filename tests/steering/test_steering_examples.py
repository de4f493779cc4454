"""The features of managed services: each example is loaded and queried as the page states it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import DOCS, Example, Served, check, examples, sections, serve

MANAGED = DOCS / "steering" / "managed-services.md"
EXAMPLES = examples(MANAGED)
PROVIDERS = ("Route 53", "NS1", "Azure", "Cloudflare", "Akamai", "Alibaba")


def _served(example: Example, folder: Path) -> Served:
    assert "services.yaml" in example.files, "an example is complete but for the shared world"
    return serve(example, folder)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.anchor)
def test_an_example_answers_as_the_page_states(example: Example, tmp_path: Path) -> None:
    served = _served(example, tmp_path)
    for row in example.rows:
        try:
            check(served, row)
        except AssertionError as error:
            raise AssertionError(f"{row}: {error}") from error


def test_every_provider_has_examples_and_every_example_a_provider_and_a_source() -> None:
    found = dict.fromkeys(PROVIDERS, 0)
    for example in EXAMPLES:
        found[example.title.partition(":")[0]] += 1
        assert re.match(r"\*[A-Z][^*]+\*", example.text.strip()), example.title
    assert min(found.values()) >= 5
    assert len(EXAMPLES) >= 35


def test_headings_are_not_repeated() -> None:
    anchors = [section.anchor for section in sections(MANAGED)]
    assert len(anchors) == len(set(anchors))


def test_the_index_names_every_example_once_and_nothing_else() -> None:
    index = (DOCS / "steering.md").read_text(encoding="utf-8")
    linked = re.findall(r"\(steering/managed-services\.md#([\w-]+)\)", index)
    assert sorted(linked) == sorted(example.anchor for example in EXAMPLES)
