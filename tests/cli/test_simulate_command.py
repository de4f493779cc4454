"""``geodns simulate`` from the command line: the page's runs, JSON, wrong usage, a live server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from configfolder import write
from running import RunningServer

from geodns.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "simulate.md").read_text(encoding="utf-8")
RUNS = re.findall(r"^```console\n\$ geodns (.*)\n((?:.*\n)*?)```", PAGE, re.MULTILINE)


def run(*arguments: str) -> Result:
    env = {"GEODNS_CONFIG": None, "NO_COLOR": None}
    return CliRunner(env=env).invoke(main, ["simulate", *arguments])


def run_shown(arguments: list[str], folder: Path) -> Result:
    """Runs what the page shows, in a folder that has all that it speaks of."""
    for part in ("config", "zones"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copytree(ROOT / "config", folder / "new")
    (folder / "demand.csv").write_text(_block("csv"), encoding="utf-8")
    services = folder / "new" / "services.yaml"
    text = services.read_text(encoding="utf-8")
    steering = _block("yaml").removeprefix("web:\n")
    changed = text.replace("    steering: latency\n", f"  {steering}", 1)
    assert changed != text
    services.write_text(changed, encoding="utf-8")
    with chdir(folder):
        return run(*arguments)


def _block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def run_json(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all leaves, as the page writes them."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from key_paths(entry, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield f"{path}[]"
        for entry in value:
            yield from key_paths(entry, f"{path}[]")
    else:
        yield path


@pytest.mark.parametrize(("command", "output"), RUNS, ids=[command for command, _ in RUNS])
def test_the_pages_runs_print_what_it_shows(command: str, output: str, tmp_path: Path) -> None:
    _, *arguments = shlex.split(command)
    result = run_shown(arguments, tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout == output


def test_the_page_documents_every_key_of_the_json() -> None:
    table = PAGE.split("| key | holds |\n")[1].split("\n\n")[0]
    keys = (line.split(" | ")[0] for line in table.splitlines()[1:])
    documented = {key for cell in keys for key in re.findall(r"`([^`]+)`", cell)}
    data = run_json("-c", str(ROOT / "config" / "geodns.yaml"), "--down", "eu-central-1")
    found = set(key_paths(data))
    for parent in ("total.after", "total.zones[]", "zones[]", "services[].found"):
        found = {path for path in found if not path.startswith(f"{parent}.")} | {parent}
    lists = {path for path in found if any(other.startswith(f"{path}.") for other in found)}
    assert found - lists == documented


def test_without_a_change_it_shows_who_is_sent_where_now(tmp_path: Path) -> None:
    result = run("-c", str(write(tmp_path)))
    assert result.exit_code == 0
    assert "as it is  ->  as it is\nmoved    0%\n" in result.stdout
    assert "Load on regions" in result.stdout


def test_a_share_of_availability_is_a_number_or_a_percentage(tmp_path: Path) -> None:
    config = str(write(tmp_path))
    one = run_json("-c", config, "--availability", "eu-central-1=0.3")
    other = run_json("-c", config, "--availability", "eu-central-1=30%")
    assert one == other
    assert one["after"] == "eu-central-1 at 30%"
    assert (
        0
        < one["total"]["moved"]
        < run_json("-c", config, "--down", "eu-central-1")["total"]["moved"]
    )


def test_what_is_down_is_so_on_the_second_side_only(tmp_path: Path) -> None:
    found = run_json("-c", str(write(tmp_path)), "--down", "eu-central-1", "--all")
    shares = {area["name"]: (area["before"], area["after"]) for area in found["regions"]}
    assert shares["eu-central-1"][0] > 0
    assert shares["eu-central-1"][1] == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--down", "eu-centrl-1"], "did you mean eu-central-1?"),
        (["--availability", "eu-central-1"], "is not as in eu-central-1=0.3"),
        (["--availability", "eu-central-1=130%"], "is not as in eu-central-1=0.3"),
        (["--availability", "nowhere=1"], "'nowhere' is not in the topology"),
        (["--service", "wbe"], "did you mean web?"),
        (["--by", "people", "--demand", "demand.csv"], "contradict each other"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    result = run("-c", str(write(tmp_path)), *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_what_can_not_be_used_is_status_1(tmp_path: Path) -> None:
    config = str(
        write(
            tmp_path,
            server=(
                "topology: topology.yaml\nservices: services.yaml\nzones: zones\n"
                "admin: {socket: var/admin.sock}\n"
            ),
        )
    )
    demand = tmp_path / "demand.csv"
    demand.write_text("client,demand\nEU-XX-,5\n")
    for arguments, sentence in (
        (["--demand", str(demand)], "demand.csv:2:1"),
        (["--with", str(tmp_path / "none.yaml")], "none.yaml"),
        (["--live"], "--live: no server is running"),
        (["--by", "demand"], "no server is running"),
    ):
        result = run("-c", config, *arguments)
        assert result.exit_code == 1, result.output
        assert sentence in result.stderr
        assert result.stdout == ""


def test_a_running_servers_demand_and_availability_are_used(tmp_path: Path) -> None:
    with RunningServer(tmp_path, {}) as server:
        for _ in range(20):
            server.answer("www.example.test", subnet="91.1.2.0/24")
        found = run_json("-c", str(server.config), "--by", "demand", "--live")
        assert found["unit"] == "demand"
        assert found["total"]["weight"] > 0
        (service,) = found["services"]
        assert service["loads"][0]["load_before"] is not None
