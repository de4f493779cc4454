"""The pages on steering are true: their examples, their tables, the options of each filter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import DOCS, Example, check, examples, sections, serve, table, world

from geodns import yamlfile
from geodns.config.filter_pages import with_options
from geodns.config.settings import (
    LatencyTable,
    Region,
    Server,
    Service,
    Services,
    Settings,
    Topology,
)
from geodns.config.steering import Preset, Stage
from geodns.geo.place import Place
from geodns.latency.client import Level, parse_client
from geodns.latency.estimate import milliseconds
from geodns.steering.clients import Clients
from geodns.steering.policy import Steering
from geodns.steering.presets import chain_of
from geodns.steering.units import Candidate

PAGE = DOCS / "steering.md"
FOLDER = DOCS / "steering"
FILTERS = tuple(Stage.model_fields)
PAGES = [PAGE, *(FOLDER / f"{name}.md" for name in FILTERS)]
MODELS: dict[str, type[Settings] | None] = {
    "geodns.yaml": Server,
    "services.yaml": Services,
    "latency.yaml": LatencyTable,
    "topology.yaml": Topology,
    "resolvers.yaml": None,
    "plan.yaml": None,
}
"""None: checked where the file is read, not by a model."""
EXAMPLES = [(page, example) for page in PAGES for example in examples(page)]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "example"), EXAMPLES, ids=[f"{page.stem}-{each.anchor}" for page, each in EXAMPLES]
)
def test_an_example_answers_as_its_page_states(
    page: Path, example: Example, tmp_path: Path
) -> None:
    served = serve(example, tmp_path)
    for row in example.rows:
        try:
            check(served, row)
        except AssertionError as error:
            raise AssertionError(f"{page.name}, {row}: {error}") from error


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_all_yaml_is_of_a_known_file_and_valid(page: Path) -> None:
    text = text_of(page)
    blocks = [(name, text) for each in sections(page) for name, text in each.files.items()]
    assert len(blocks) == text.count("```yaml")
    for name, block in blocks:
        document, problems = yamlfile.parse(block, yamlfile.Document(page))
        assert problems == []
        model = MODELS[name]
        if model is not None:
            model.model_validate(document.data)


# --- one page per filter --------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_a_page_with_its_options_as_the_settings_have_them(name: str) -> None:
    """If not: python -m geodns.config.filter_pages docs/steering"""
    page = text_of(FOLDER / f"{name}.md")
    assert "\n## Options\n\n| key |" in page
    assert page == with_options(page, name)


@pytest.mark.parametrize("name", FILTERS)
def test_a_page_shows_examples_with_answers_and_what_to_mind(name: str) -> None:
    page = FOLDER / f"{name}.md"
    assert sum(len(example.rows) for example in examples(page)) >= 3
    assert {"With other filters", "Pitfalls"} <= {each.title for each in sections(page)}


def test_the_table_of_filters_names_each_in_its_place() -> None:
    rows = table(text_of(PAGE), "| filter | does | the rest |")
    named = [re.match(r"\[(\w+)\]\(steering/(\w+)\.md\)", row[0]) for row in rows]
    assert [match and match[1] == match[2] and match[1] for match in named] == list(FILTERS)


# --- presets --------------------------------------------------------------------------------------


def _preset_rows() -> list[list[str]]:
    return table(text_of(PAGE), "| preset | as a chain |")


@pytest.mark.parametrize("row", _preset_rows(), ids=lambda row: row[0])
def test_a_preset_stands_for_the_chain_beside_it(row: list[str]) -> None:
    preset, chain = (Service.model_validate({"steering": _value(cell)}).steering for cell in row)
    assert isinstance(preset, Preset)
    assert chain_of(preset) == chain


def _value(cell: str) -> object:
    """A name, ``name: {options}`` or ``[a chain]`` as the value of steering."""
    flow = f"{{{cell}}}" if ":" in cell and not cell.startswith("[") else cell
    document, problems = yamlfile.parse(f"steering: {flow}\n", yamlfile.Document(PAGE))
    assert problems == []
    return document.data["steering"]


def test_every_preset_is_in_the_table() -> None:
    assert sorted(row[0].partition(":")[0] for row in _preset_rows()) == sorted(Preset.model_fields)


# --- tables of figures ----------------------------------------------------------------------------


def test_the_keys_of_clients_are_listed_from_the_most_specific_to_the_least() -> None:
    rows = table(text_of(PAGE), "| key | covers |")
    levels = [parse_client(row[0].split(", ")[0]).level for row in rows]
    assert levels == sorted(Level, reverse=True)


def test_the_table_of_estimates_is_computed() -> None:
    rows = table(text_of(FOLDER / "latency.md"), "| distance | estimate |")
    assert len(rows) >= 5
    for distance, estimate in rows:
        computed = float(milliseconds(float(distance.removesuffix(" km"))))
        assert f"{computed:.0f} ms" == estimate


def test_the_table_of_biases_is_computed() -> None:
    rows = table(text_of(FOLDER / "nearest.md"), "| bias | 1000 km count as |")
    assert len(rows) >= 5
    for bias, counted in rows:
        # A degree of latitude is 111.195 km on the sphere.
        region = Region(location=(1000 / 111.19508, 0), bias=int(bias))
        policy = Steering(
            Service.model_validate({"steering": "nearest"}),
            Topology(regions={"r": region}),
            [Candidate("web@a", "r", "a", 1)],
            [],
        )
        cost = float(policy.costs(Clients.of_one(Place(0.0, 0.0)))[0, 0])
        assert cost == pytest.approx(float(counted.removesuffix(" km")), rel=1e-5)


# --- links and the world --------------------------------------------------------------------------


def _anchors(page: Path) -> set[str]:
    return {each.anchor for each in sections(page)}


@pytest.mark.parametrize(
    "page",
    [*PAGES, FOLDER / "managed-services.md", FOLDER / "world.md"],
    ids=lambda page: page.stem,
)
def test_links_between_the_pages_on_steering_lead_somewhere(page: Path) -> None:
    steering = {path.resolve() for path in [PAGE, *FOLDER.glob("*.md")]}
    for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", text_of(page)):
        file = (page.parent / target).resolve() if target else page.resolve()
        if file in steering or file.parent == FOLDER:
            assert file.exists(), target
            assert not anchor or anchor in _anchors(file), f"{target}#{anchor}"


def test_the_world_of_the_examples_is_a_whole_configuration() -> None:
    assert {"geodns.yaml", "topology.yaml", "pools.yaml", "zones/example.test.yaml"} == set(world())
