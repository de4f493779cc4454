"""Demand files: CSV and YAML, and every way in which they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from geodns.planning.demand import read_demand


def _read(folder: Path, name: str, text: str) -> tuple[dict[str, float], list[str]]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    rows, problems = read_demand(file)
    found = {row.client.text: row.demand for row in rows}
    return found, [str(problem).removeprefix(f"{file}:") for problem in problems]


def test_csv_and_yaml_say_the_same(tmp_path: Path) -> None:
    expected = {
        **{"EU-DE": 1200.0, "NA-US-CA": 300.5, "AS4134": 20.0, "203.0.113.0/24": 1e3},
        **{"2001:db8::/32": 0.0, "default": 7.0},
    }
    rows = [
        *("eu-de,1200", "NA-US-CA, 300.5", "as04134,2e1", "203.0.113.0/24,1000"),
        *('"2001:db8::/32","0"', "default,7"),
    ]
    csv = "\ufeffclient,demand\r\n" + "\r\n\r\n".join(rows) + "\r\n"
    assert _read(tmp_path, "demand.csv", csv) == (expected, [])
    swapped = "demand,client\n5,EU\n"
    assert _read(tmp_path, "demand.csv", swapped) == ({"EU": 5.0}, [])
    lines = "".join(f"  {client}: {figure}\n" for client, figure in expected.items())
    yaml = f"measured: 2026-11-01\ndemand:\n{lines}"
    assert _read(tmp_path, "demand.yaml", yaml) == (expected, [])


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "d.csv",
            "client,demand\nEU-DE,1\nAS-DE,5\n",
            "3:1: error: 'AS-DE': DE is in EU (write EU-DE) [bad-client]",
        ),
        (
            "d.csv",
            "client,demand\nEU-DE,-1\n",
            "2:7: error: '-1' is not a demand (write a number of 0 or more) [bad-demand]",
        ),
        (
            "d.csv",
            "client,demand\nEU-DE,1\neu-de,2\n",
            "3:1: error: EU-DE stands here a second time; first in line 2 (add the two up) "
            "[duplicate-client]",
        ),
        (
            "d.csv",
            "client,demand\nEU-DE,1,2\n",
            "2:1: error: has 3 cells where the header has 2 [wrong-cells]",
        ),
        (
            "d.csv",
            "client,ms\nEU-DE,1\n",
            "1:1: error: the first line names the columns 'client', 'ms' (it must be "
            "client,demand) [wrong-columns]",
        ),
        (
            "d.csv",
            'client,demand\n"EU-DE,1\n',
            "2:1: error: is no CSV: unexpected end of data [bad-quotes]",
        ),
        (
            "d.yaml",
            "demand: {EU: much}\n",
            "1:14: error: 'much' is not a demand (write a number of 0 or more) [bad-demand]",
        ),
        (
            "d.yaml",
            "demands: {EU: 1}\n",
            "1:1: error: unknown key 'demands' (did you mean demand?) [unknown-key]",
        ),
        (
            "d.yaml",
            "demand: [1]\n",
            "1:1: error: is no demand file (write demand: {EU-DE: 1200}) [wrong-type]",
        ),
        ("d.yaml", "demand: {EU: .inf}\n", "1:14: error: inf is not a demand"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    assert _read(tmp_path, name, text)[1][0].startswith(problem)


@pytest.mark.parametrize("text", ["", "client,demand\n", "client,demand\nEU,0\n"])
def test_a_file_without_demand_is_a_problem(tmp_path: Path, text: str) -> None:
    assert _read(tmp_path, "d.csv", text)[1]


def test_a_file_of_another_kind_or_none_is_a_problem(tmp_path: Path) -> None:
    assert "name it .csv or .yaml" in _read(tmp_path, "d.txt", "EU 5")[1][0]
    assert "can't be read" in str(read_demand(tmp_path / "missing.csv")[1][0])
    (tmp_path / "latin.csv").write_bytes(b"client,demand\n\xe9,5\n")
    assert "can't be read" in str(read_demand(tmp_path / "latin.csv")[1][0])
