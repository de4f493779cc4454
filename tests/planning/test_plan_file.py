"""The plan file: it comes back as it was written, and what is damaged is named with its place."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodns.latency.client import parse_client
from geodns.planning.file import PlanWriteError, plan_text, read_plan, write_plan
from geodns.planning.plan import PARTS, Origin, Plan, RegionLoad, rounded

_REGIONS = ("eu-central-1", "eu-west-1", "no", "1e3")
_PLAN = Plan(
    service="web",
    rows={
        "EU-DE": {"eu-central-1": 0.8, "eu-west-1": 0.2},
        "EU-NO": {"no": 1.0},
        "AS4134": {"1e3": 0.333334, "no": 0.333333, "eu-west-1": 0.333333},
        "2001:db8::/32": {"eu-west-1": 1.0},
        "192.0.2.0/24": {"eu-west-1": 1.0},
        "default": {"eu-central-1": 1.0},
    },
    origin=Origin(
        made="2026-11-24T14:00:00Z",
        demand="demand.csv",
        total=1234567.25,
        mean=17.5,
        objective=21604927.0,
        move_cost=5.0,
        cost_weight=0.5,
        headroom=0.1,
        down=("eu-west-1", "web@a"),
    ),
    regions={"eu-central-1": RegionLoad(1e12, 2e12), "no": RegionLoad(12.5)},
)


def _read(folder: Path, text: str) -> tuple[Plan, list[str]]:
    file = folder / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    plan, problems = read_plan(file, _REGIONS)
    return plan, [str(problem).removeprefix(f"{file}:") for problem in problems]


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    unmoved = replace(_PLAN, origin=replace(_PLAN.origin, move_cost=math.inf))
    for plan in (_PLAN, unmoved, Plan("web", {"EU": {"no": 1.0}})):
        write_plan(plan, file)
        assert read_plan(file, _REGIONS) == (plan, [])


_NAMES = st.text(st.sampled_from("abcxyz019-_.é:# ,{}'\"&*!%"), min_size=1, max_size=12)


@given(
    st.lists(_NAMES, min_size=1, max_size=5, unique=True),
    st.lists(st.floats(0, 1e9), min_size=5, max_size=5).filter(lambda each: each[0] > 1e-3),
)
@settings(max_examples=100, deadline=None)
def test_whatever_the_regions_are_called_and_share(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], weights: list[float]
) -> None:
    row = rounded(np.array(weights[: len(names)]), names)
    assert sum(round(share * PARTS) for share in row.values()) == PARTS
    file = tmp_path_factory.mktemp("plan") / "plan.yaml"
    write_plan(Plan("web", {"EU": row}), file)
    plan, problems = read_plan(file, names)
    assert problems == []
    assert plan.rows == {"EU": row}


def test_rounding_gives_what_is_left_to_those_that_lost_most() -> None:
    assert rounded(np.array([1.0, 1.0, 1.0]), "abc") == {
        "a": 0.333334,
        "b": 0.333333,
        "c": 0.333333,
    }
    assert rounded(np.array([2.0, 1.0, 1e-9]), "abc") == {"a": 0.666667, "b": 0.333333}


def test_writing_replaces_the_file_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("old")
    file.chmod(0o640)
    write_plan(_PLAN, file)
    assert file.read_text() == plan_text(_PLAN)
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanWriteError, match=r"plan\.yaml can't be written: No such file"):
        write_plan(_PLAN, tmp_path / "missing" / "plan.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("clients: {EU: {no: 1}}", "1:1: error: does not say which service it is for [no-service]"),
        (
            "service: web\n",
            "1:1: error: has no clients with shares (as in clients: {EU-DE: {eu-central-1: 0.8, "
            "eu-west-1: 0.2}}) [no-clients]",
        ),
        (
            "service: web\nclients:\n  EU: {no: 0.5, eu-west-1: 0.4}\n",
            "3:7: error: the shares of EU add up to 0.9 (they must add up to 1) [wrong-sum]",
        ),
        (
            "service: web\nclients:\n  EU: {no: 0.5, eu-wset-1: 0.5}\n",
            "3:17: warning: region 'eu-wset-1' is not in the topology: its share goes to the "
            "others (did you mean eu-west-1?) [undefined-region]",
        ),
        (
            "service: web\nclients:\n  EU: {no: 50%}\n",
            "3:12: error: '50%' is not a share (write a number from 0 to 1) [bad-share]",
        ),
        (
            "service: web\nclients:\n  EU: {no: 1.5, eu-west-1: -0.5}\n",
            "3:12: error: 1.5 is not a share (write a number from 0 to 1) [bad-share]",
        ),
        (
            "service: web\nclients:\n  EU: [no]\n",
            "3:7: error: the row of EU must map regions to shares (as in {eu-central-1: 0.8, "
            "eu-west-1: 0.2}) [wrong-type]",
        ),
        (
            "service: web\nclients:\n  EU-de: {no: 1}\n  EU-DE: {no: 1}\n",
            "4:3: error: 'EU-DE' is EU-DE, which has a row in line 3 [duplicate-client]",
        ),
        (
            "service: web\nclients:\n  AS-DE: {no: 1}\n",
            "3:3: error: 'AS-DE': DE is in EU (write EU-DE) [bad-client]",
        ),
        (
            "service: web\nclinets: {}\nclients: {EU: {no: 1}}\n",
            "2:1: error: unknown key 'clinets' (did you mean clients?) [unknown-key]",
        ),
        (
            "service: web\ntotal: much\nclients: {EU: {no: 1}}\n",
            "2:8: error: total: 'much' is no number [bad-number]",
        ),
        (
            "[1, 2]",
            "1:1: error: is no plan (write service: web and clients: {EU-DE: {eu-central-1: 1}}) "
            "[wrong-type]",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    assert _read(tmp_path, text)[1][0] == problem


def test_the_share_of_a_region_that_is_gone_goes_to_the_others(tmp_path: Path) -> None:
    text = "service: web\nclients:\n  EU: {no: 0.2, gone: 0.5, eu-west-1: 0.3}\n  NA: {gone: 1}\n"
    plan, problems = _read(tmp_path, text)
    assert plan.rows == {"EU": {"no": pytest.approx(0.4), "eu-west-1": pytest.approx(0.6)}}
    assert [problem.split()[1] for problem in problems] == ["warning:", "warning:"]


def test_rows_that_are_sound_are_kept_beside_one_that_is_not(tmp_path: Path) -> None:
    plan, problems = _read(
        tmp_path, "service: web\nclients:\n  EU: {no: 1}\n  NA: {no: 2}\n  AS: {no: 1.0}\n"
    )
    assert len(problems) == 1
    assert plan.rows == {"EU": {"no": 1.0}, "AS": {"no": 1.0}}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_a_problem_and_never_an_exception(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = plan_text(_PLAN).encode()
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 20))
    put = data.draw(st.binary(max_size=4))
    file = tmp_path_factory.mktemp("plan") / "plan.yaml"
    file.write_bytes(text[:at] + put + text[at + cut :])
    plan, _ = read_plan(file, _REGIONS)
    for row in plan.rows.values():
        assert sum(row.values()) == pytest.approx(1)
        assert set(row) <= set(_REGIONS)


def test_the_row_for_a_client_is_the_closest_one_around_it() -> None:
    plan = Plan("web", {"NA-US": {"a": 1}, "NA": {"b": 1}, "EU": {"c": 1}, "default": {"d": 1}})
    found = {
        text: plan.row_of(parse_client(text))
        for text in ("NA-US-CA", "NA-US", "NA-CA", "EU-DE", "AS", "AS64500", "192.0.2.0/24")
    }
    assert found == {
        **{"NA-US-CA": {"a": 1}, "NA-US": {"a": 1}, "NA-CA": {"b": 1}, "EU-DE": {"c": 1}},
        **{"AS": {"d": 1}, "AS64500": {"d": 1}, "192.0.2.0/24": {"d": 1}},
    }
    assert plan.row_of(parse_client("AS64500"), ["EU-DE", "EU"]) == {"c": 1}
    assert Plan("web", {"EU": {"c": 1}}).row_of(parse_client("NA")) is None
