"""The table of tiers: a row for each region, a column for each filter, branches with their own."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from building import TOPOLOGY, configuration, three_places
from rich.console import Console
from worlds import ChainWorld

from geodns.explain.build import Given, explain
from geodns.explain.explanation import Explanation, HealthFinding
from geodns.explain.question import parse_question
from geodns.explain.render import render
from geodns.explain.whatif import Availabilities, withdraw

BERLIN = "10.9.8.0/24"
SERVICES = {
    "web": {"branches": {"pool": 3, "rest": 1}, "steering": [{"weight": {"by": "weight"}}]},
    "pool": {"steering": "nearest"},
    "rest": {"steering": [{"prefer": {"rules": {"EU": ["jp"]}, "only": True}}]},
}


def regions() -> dict[str, Any]:
    """The topology with the endpoints of ``web`` given to the branches."""
    found: dict[str, Any] = json.loads(json.dumps(TOPOLOGY))
    for region in found.values():
        for az in region["availability_zones"].values():
            own = az["endpoints"].pop("web")["addresses"][0]
            az["endpoints"] = {"pool": [own], "rest": [own.replace("192.0.2", "198.51.100")]}
    return found


def shown(found: Explanation) -> list[str]:
    """The lines, with one space between words."""
    text = io.StringIO()
    Console(file=text, width=400, color_system=None, highlight=False).print(render(found))
    return [" ".join(line.split()) for line in text.getvalue().splitlines()]


def explained(folder: Path, down: tuple[str, ...] = (), **settings: Any) -> Explanation:
    made = configuration(folder, **settings)
    given = Given(
        made,
        HealthFinding("assumed", "of no matter here"),
        Availabilities({}, withdraw(made.topology, down), down),
        three_places,
        lambda _: [],
    )
    return explain(given, parse_question("www.example.test", "A", BERLIN, resolver=False))


def test_branches_have_rows_of_their_own_and_their_tiers_below(tmp_path: Path) -> None:
    lines = shown(explained(tmp_path, services=SERVICES, regions=regions()))
    at = next(n for n, line in enumerate(lines) if line.startswith("1 branch pool"))
    assert re.fullmatch(r"1 branch pool, share 3 nearest, takes 7\d\.\d%", lines[at])
    assert re.fullmatch(r"\.1 eu of pool 0 km 0 km nearest, takes 7\d\.\d%", lines[at + 1])
    assert lines[at + 2] == ".2 us of pool 6557 km 6557 km stands by"
    assert re.fullmatch(r"branch rest, share 1 nearest, takes 2\d\.\d%", lines[at + 4])
    assert re.fullmatch(
        r"\.1 jp of rest choice 1 of the rule EU nearest, takes 2\d\.\d%", lines[at + 5]
    )
    assert lines[at + 6] == "- eu of rest not named by EU, removed never serves: prefer"


def test_the_choice_names_the_branches_that_lead_to_it(tmp_path: Path) -> None:
    found = explained(tmp_path, ("pool@eu-a", "pool@eu-b"), services=SERVICES, regions=regions())
    assert found.choice is not None
    assert found.choice.branches in (("pool",), ("rest",))
    assert found.choice.region == {"pool": "us", "rest": "jp"}[found.choice.branches[0]]
    assert f"{found.choice.branches[0]} has this client, by share" in found.choice.why
    if found.choice.branches == ("pool",):
        assert "us is the first that is in service, behind eu" in found.choice.why


def test_regions_of_one_tier_stand_below_its_number(tmp_path: Path) -> None:
    services = {"web": {"steering": [{"nearest": {"within": "7000km"}}, {"limit": {"tiers": 1}}]}}
    lines = shown(explained(tmp_path, services=services))
    at = next(n for n, line in enumerate(lines) if line.startswith("1 eu"))
    assert re.fullmatch(r"1 eu 0 km 0 km nearest, takes 6\d\.\d%", lines[at])
    assert re.fullmatch(r"us 6557 km 6557 km nearest, takes 3\d\.\d%", lines[at + 1])
    assert re.fullmatch(r"- jp \d+ km \d+ km never serves: limit", lines[at + 2])


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_explained_can_be_shown_and_names_every_region(
    seed: int, tmp_path: Path
) -> None:
    world = ChainWorld(6000 + seed, tmp_path, (0.0, 0.4, 1.0), branches=seed % 2 == 1)
    for _ in range(5):
        found = world.explain("www.example.test", "A", world.client())
        text = "\n".join(shown(found))
        if found.ranking is not None:
            for tier in found.ranking.tiers:
                assert all(unit.name in text for unit in tier.all_units())
            assert all(unit.name in text for unit in found.ranking.removed)
