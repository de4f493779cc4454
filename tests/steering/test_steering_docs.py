"""The examples and tables of docs/steering.md are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ranked import names

from geodns import yamlfile
from geodns.config.settings import (
    AvailabilityZone,
    LatencyTable,
    Region,
    Service,
    Services,
    Settings,
    Topology,
)
from geodns.geo.place import NOWHERE, Place
from geodns.latency.estimate import milliseconds
from geodns.latency.table import read_table
from geodns.steering.clients import Clients
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate

PAGE = Path(__file__).parents[2] / "docs" / "steering.md"
TEXT = PAGE.read_text(encoding="utf-8")
MODELS: dict[str, type[Settings]] = {
    "services.yaml": Services,
    "latency.yaml": LatencyTable,
    "topology.yaml": Topology,
}
REGIONS = ("eu-central-1", "us-east-1", "us-west-1", "cn-hangzhou", "ap-southeast-1")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def example(name: str) -> str:
    return next(block for block in blocks("yaml") if block.startswith(f"# {name}\n"))


def table(heading: str) -> list[tuple[str, str]]:
    body = TEXT.split(f"| {heading} |\n", 1)[1].split("\n\n", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in body.splitlines()[1:]]
    return [(left, right) for left, right in rows]


def test_every_example_is_of_a_known_file() -> None:
    names = [block.splitlines()[0].removeprefix("# ") for block in blocks("yaml")]
    assert sorted(names) == sorted(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_example_is_a_valid_file(name: str) -> None:
    document, problems = yamlfile.parse(example(name), yamlfile.Document(PAGE))
    assert problems == []
    MODELS[name].model_validate(document.data)


@pytest.mark.parametrize("kind", ["yaml", "csv"])
def test_the_latency_tables_are_read_without_a_problem(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"latency.{kind}"
    file.write_text(example("latency.yaml") if kind == "yaml" else blocks("csv")[0])
    rows, problems = read_table(file, REGIONS)
    assert problems == []
    assert rows


def test_the_failover_example_gives_the_tiers_that_the_page_names() -> None:
    document, _ = yamlfile.parse(example("services.yaml"), yamlfile.Document(PAGE))
    service = Services.model_validate(document.data).services["mail"]
    regions = ("eu-central-1", "us-east-1", "ap-southeast-1")
    zones = {name: {f"{name}{az}": AvailabilityZone() for az in "ab"} for name in regions}
    topology = Topology(
        regions={name: Region(location=(0, 0), availability_zones=zones[name]) for name in regions}
    )
    candidates = [
        Candidate(f"mail@{name}{az}", name, f"{name}{az}", 1) for name in regions for az in "ab"
    ]
    policy = Steering(service, topology, candidates, [])
    assert names(policy, NOWHERE) == ["eu-central-1", "us-east-1b", "us-east-1", "ap-southeast-1"]
    assert {unit.name: len(unit.endpoints) for unit in policy.units} == {
        "eu-central-1": 2,
        "us-east-1b": 1,
        "us-east-1": 1,
        "ap-southeast-1": 2,
    }


def test_the_table_of_estimates_is_computed() -> None:
    for distance, estimate in table("distance | estimate"):
        computed = float(milliseconds(float(distance.removesuffix(" km"))))
        assert f"{computed:.0f} ms" == estimate


def test_the_table_of_biases_is_computed() -> None:
    for bias, counted in table("bias | 1000 km count as"):
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
