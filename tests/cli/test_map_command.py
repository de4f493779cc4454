"""``geodns map`` from the command line: files, JSON, what is wrong said in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from configfolder import write

from geodns.cli.main import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "geodns.yaml"
PAGE = ROOT / "docs" / "map.md"


def run(*arguments: str, config: Path = EXAMPLE) -> Result:
    env = {"GEODNS_CONFIG": None, "NO_COLOR": None}
    return CliRunner(env=env).invoke(main, ["map", *arguments, "-c", str(config)])


def texts(svg: str) -> set[str]:
    return {text.text or "" for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all leaves, as docs/map.md writes them."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from key_paths(entry, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for entry in value:
            yield from key_paths(entry, f"{path}[]")
    else:
        yield path


def test_a_map_is_written_to_world_svg_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("web", "--date", "2026-11-24")
    assert (result.exit_code, result.output) == (0, "wrote world.svg\n")
    shown = texts((tmp_path / "world.svg").read_text(encoding="utf-8"))
    assert "Where web is answered from, by region" in shown
    assert any("steering latency" in text and "2026-11-24" in text for text in shown)


def test_without_a_service_the_first_is_drawn(tmp_path: Path) -> None:
    result = run("-o", "-")
    assert result.exit_code == 0
    assert "Where web is answered from, by region" in texts(result.output)


def test_a_failure_is_named_and_what_moved_is_said(tmp_path: Path) -> None:
    file = tmp_path / "failed.svg"
    result = run("web", "--down", "eu-central-1", "--down", "web@us-east-1a", "-o", str(file))
    assert re.search(r"; \d+\.\d% of people moved\n$", result.output)
    shown = " ".join(texts(file.read_text(encoding="utf-8")))
    assert "without eu-central-1, web@us-east-1a" in shown
    assert "Virginia (2 of 3)" in shown


@pytest.mark.parametrize("options", [[], ["--by", "az"], ["--latency"], ["--theme", "dark"]])
def test_a_png_is_drawn_without_a_browser(tmp_path: Path, options: list[str]) -> None:
    image_module = pytest.importorskip("PIL.Image", reason="of the extra map")
    file = tmp_path / "world.png"
    result = run("api", "-o", str(file), "--size", "640x520", *options)
    assert result.exit_code == 0, result.output
    assert image_module.open(file).size == (640, 520)


def test_latency_has_bands_in_its_legend() -> None:
    shown = texts(run("web", "-o", "-", "--latency").output)
    assert {"up to 10 ms", "10 to 20 ms", "over 200 ms"} <= shown


def test_json_is_printed_and_no_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("web", "--down", "eu-central-1", "--json")
    data = json.loads(result.stdout)
    assert list(tmp_path.iterdir()) == []
    assert (data["service"], data["steering"], data["down"]) == ("web", "latency", ["eu-central-1"])
    assert sum(entry["now"]["people"] for entry in data["shares"]) == pytest.approx(1, abs=1e-4)
    failed = next(entry for entry in data["shares"] if entry["id"] == "eu-central-1")
    assert data["moved"]["people"] == pytest.approx(failed["before"]["people"], abs=1e-5)
    assert {flow["from"] for flow in data["moved"]["flows"]} == {"eu-central-1"}


def test_the_page_documents_every_key_of_the_json() -> None:
    table = PAGE.read_text(encoding="utf-8").split("| key | holds |\n")[1].split("\n\n")[0]
    documented = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    data = json.loads(run("web", "--down", "eu-central-1", "--json").stdout)
    found = set(key_paths(data))
    assert {
        path for path in found if not path.startswith(("nobody", "latency.before"))
    } == documented


def test_the_help_and_the_page_name_the_same_options() -> None:
    helped = set(re.findall(r"(--[a-z]+)", run("--help").output)) - {"--config", "--help"}
    page = PAGE.read_text(encoding="utf-8")
    assert helped <= set(re.findall(r"(--[a-z]+)", page))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["wep"], "'wep' is not a service; did you mean web?"),
        (["xyz"], "there are: web, api, login, static"),
        (["web", "--down", "eu-centrl-1"], "did you mean eu-central-1?"),
        (["web", "-o", "world.gif"], "'world.gif' must end in .svg or .png"),
        (["web", "--size", "big"], "'big' is not a size; write 1600x900"),
        (["web", "--size", "99999"], "at most 10000 pixels a side"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-o", "no/such/folder/world.svg"], "world.svg: can't be written: No such file"),
        (["-o", "world.svg", "--size", "200"], "must be 480x360 pixels or larger"),
        (["-o", "world.svg", "--live"], "--live: no server is running"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    server = "topology: topology.yaml\nservices: services.yaml\nzones: zones\n"
    config = write(tmp_path / "c", server=f"{server}admin: {{socket: admin.sock}}\n")
    result = run("web", *arguments, config=config)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_services_there_is_nothing_to_draw(tmp_path: Path) -> None:
    zone = '"":\n  - {type: NS, values: [ns1.example.test.]}\nns1: {type: A, value: 192.0.2.1}\n'
    config = write(tmp_path, server="zones: zones\n", zone=zone)
    result = run(config=config)
    assert result.exit_code == 1
    assert "there is no service to draw" in result.stderr
