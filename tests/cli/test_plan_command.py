"""``geodns plan``: what it shows, what it writes, what it refuses; and that a server follows it."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from configfolder import write
from running import COMMAND, SERVICES, ZONE, RunningServer

from geodns.cli.main import main

_TOPOLOGY = """\
regions:
  eu:
    location: [50.11, 8.68]
    cost: 3
    availability_zones:
      eu-a: {endpoints: {web: {addresses: [192.0.2.1], capacity: 100}}}
  us:
    location: [38.9, -77.4]
    cost: 1
    availability_zones:
      us-a: {endpoints: {web: {addresses: [192.0.2.2], capacity: 100}}}
"""
_LATENCY = """\
latency:
  EU-DE: {eu: 10, us: 90}
  EU-FR: {eu: 20, us: 80}
  NA-US: {eu: 90, us: 10}
"""
_DEMAND = "client,demand\nEU-DE,80\nEU-FR,40\nNA-US,50\n"


def _plan(config: Path, *options: str, service: str = "web") -> Result:
    return CliRunner().invoke(main, ["plan", service, "-c", str(config), *options])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A sound configuration, with demand.csv next to it."""
    services = "services:\n  web: {steering: latency}\n"
    server = write(tmp_path, topology=_TOPOLOGY, services=services, latency=_LATENCY)
    (tmp_path / "demand.csv").write_text(_DEMAND)
    return server


def _demand(config: Path) -> tuple[str, str]:
    return "--demand", str(config.parent / "demand.csv")


def test_a_plan_is_shown_written_and_taken_as_the_present_one(config: Path) -> None:
    file = config.parent / "plan.yaml"
    first = _plan(config, *_demand(config), "-o", str(file))
    assert first.exit_code == 0, first.stderr
    for text in ("against the steering without a plan", "EU-FR", "eu", "us", "20.0 ms", "80.0 ms"):
        assert text in first.stdout
    assert f"written to {file}" in first.stdout
    assert "\x1b" not in first.stdout, "no colours where there is no terminal"
    assert "EU-FR: {eu: 0.5, us: 0.5}" in file.read_text()

    again = _plan(config, *_demand(config), "-o", str(file))
    assert "against the present plan" in again.stdout
    assert "nobody moves" in again.stdout

    # A present plan that is far off; at a price above any gain, it stays.
    text = file.read_text()
    file.write_text(text.replace("{eu: 0.5, us: 0.5}", "{us: 1}"))
    still = json.loads(_plan(config, *_demand(config), "-o", str(file), "--json").stdout)
    assert still["clients"]["EU-FR"] == {"us": 0.5, "eu": 0.5}
    file.write_text(text.replace("{eu: 0.5, us: 0.5}", "{us: 1}"))
    options = ("-o", str(file), "--json", "--move-cost", "inf")
    assert json.loads(_plan(config, *_demand(config), *options).stdout)["moves"] == []
    fresh = json.loads(_plan(config, *_demand(config), *options, "--fresh").stdout)
    assert fresh["moved"] == pytest.approx(20)


def test_programs_get_everything_as_json(config: Path) -> None:
    shown = _plan(config, *_demand(config), "--json", "--headroom", "10%", "--cost-weight", "1")
    data: dict[str, Any] = json.loads(shown.stdout)
    assert (data["service"], data["total"]) == ("web", 170)
    assert data["terms"]["headroom"] == pytest.approx(0.1)
    assert data["latency"]["before"]["mean"] == pytest.approx(12.3529, abs=1e-3)
    loads = {row["region"]: row["after"]["load"] for row in data["regions"]}
    assert loads == {"eu": pytest.approx(90, abs=1e-3), "us": pytest.approx(80, abs=1e-3)}
    assert data["cost"]["before"] == pytest.approx(120 * 3 + 50)
    assert [(move["client"], move["from"], move["to"]) for move in data["moves"]] == [
        ("EU-FR", "eu", "us")
    ]


def test_a_dry_run_writes_nothing(config: Path) -> None:
    file = config.parent / "plan.yaml"
    shown = _plan(config, *_demand(config), "-o", str(file), "--dry-run")
    assert (shown.exit_code, "dry run" in shown.stdout) == (0, True)
    assert not file.exists()
    assert "-o FILE does so" in _plan(config, *_demand(config)).stdout


def test_more_demand_than_capacity_is_refused(config: Path) -> None:
    file = config.parent / "plan.yaml"
    refused = _plan(config, *_demand(config), "-o", str(file), "--scale", "2")
    assert refused.exit_code == 1
    assert refused.stderr == (
        "error: the demand is 340, and the regions that may serve it have 200: 140 too little "
        "(eu 100, us 100)\n"
    )
    assert not file.exists()
    assert _plan(config, *_demand(config), "--scale", "2", "--capacity", "eu=240").exit_code == 0
    down = _plan(config, *_demand(config), "--down", "us")
    assert (down.exit_code, "70 too little" in down.stderr) == (1, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--capacity", "ue=5"), "there is no region 'ue'; there are eu, us"),
        (("--capacity", "eu=much"), "'eu=much' is not as in eu-central-1=5000"),
        (("--down", "mars"), "'mars' is not in the topology"),
        (("--headroom", "110%"), "is not a share"),
        (("--headroom", "100%"), "there is none to plan with"),
        (("--move-cost", "soon"), "is not a duration"),
        (("--window", "5s"), "--window is for the running server's counts"),
        (("--fresh", "--present", "x"), "contradict each other"),
    ],
)
def test_wrong_usage_is_told(config: Path, options: tuple[str, ...], message: str) -> None:
    told = _plan(config, *_demand(config), *options)
    assert told.exit_code == 2
    assert message in " ".join(told.stderr.split())


def test_an_unknown_service_is_told(config: Path) -> None:
    told = _plan(config, service="wed")
    assert told.exit_code == 2
    assert "there is no service 'wed'; did you mean web?" in told.stderr


def test_what_is_wrong_with_files_is_told_with_its_place(config: Path) -> None:
    demand, plan = config.parent / "demand.csv", config.parent / "plan.yaml"
    plan.write_text("service: web\nclients:\n  EU: {eu: 0.5}\n")
    told = _plan(config, *_demand(config), "-o", str(plan))
    assert (told.exit_code, f"{plan}:3:7: error: the shares of EU" in told.stderr) == (1, True)
    plan.write_text("service: api\nclients:\n  EU: {eu: 1}\n")
    told = _plan(config, *_demand(config), "-o", str(plan))
    assert "is a plan for the service api, not for web" in told.stderr
    demand.write_text("client,demand\nDE,5\n")
    told = _plan(config, *_demand(config))
    assert told.exit_code == 1
    assert f"{demand}:2:1: error: 'DE' does not begin with a continent" in told.stderr


def test_without_a_demand_file_a_server_must_be_running(config: Path) -> None:
    told = _plan(config)
    assert told.exit_code == 1
    assert "no admin socket or address to ask" in told.stderr


def test_a_plan_that_the_chain_asks_too_late_is_noted(config: Path) -> None:
    late = "services:\n  web: {steering: [latency, {plan: {file: plan.yaml}}]}\n"
    (config.parent / "services.yaml").write_text(late)
    assert "latency stands before plan in the chain" in _plan(config, *_demand(config)).stdout
    first = "services:\n  web: {steering: [{plan: {file: plan.yaml}}, latency]}\n"
    (config.parent / "services.yaml").write_text(first)
    assert "in the chain" not in _plan(config, *_demand(config)).stdout


@pytest.mark.slow
def test_a_server_s_counts_become_a_plan_that_it_follows(tmp_path: Path) -> None:
    files = {
        "topology.yaml": _TOPOLOGY,
        "services.yaml": SERVICES.replace(
            "steering: nearest", "steering: [{plan: {file: plan.yaml}}, latency]"
        ),
        "zones/example.test.yaml": ZONE,
    }
    with RunningServer(tmp_path, files) as server:
        subnets = [f"141.20.{number}.0/24" for number in range(60)]  # Germany
        before = Counter(tuple(server.answer("www.example.test", subnet=each)) for each in subnets)
        assert before == {("192.0.2.1",): 60}

        # Without Europe, all that was counted goes overseas.
        file = tmp_path / "plan.yaml"
        made = _plan(server.config, "--down", "eu", "-o", str(file))
        assert made.exit_code == 0, made.stderr
        assert "from the running server, since its start" in made.stdout
        server.wait_for("reloaded")
        after = Counter(tuple(server.answer("www.example.test", subnet=each)) for each in subnets)
        assert after == {("192.0.2.2",): 60}

        # With twice as much demand as there is room in Europe, half of it goes home.
        (tmp_path / "demand.csv").write_text("client,demand\nEU-DE,200\n")
        assert _plan(server.config, *_demand(server.config), "-o", str(file)).exit_code == 0
        server.wait_for("reloaded")
        after = Counter(tuple(server.answer("www.example.test", subnet=each)) for each in subnets)
        assert 15 <= after[("192.0.2.2",)] <= 45, "about half of them, by the hash of the subnet"

        window = _window(server, subnets)
        assert window["total"] > 0
        assert list(window["clients"]) == ["EU-DE"], "what came before does not count"


def _window(server: RunningServer, subnets: list[str]) -> dict[str, Any]:
    """A plan from what is asked while the command looks on."""
    server.answer("www.example.test", subnet="128.112.0.0/16")  # before: the United States
    options = ("--json", "--window", "8s", "--unit-per-query", "0.001")
    command = [*COMMAND, "plan", "web", "-c", str(server.config), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            for subnet in subnets:
                server.answer("www.example.test", subnet=subnet)
            time.sleep(0.2)
        assert running.stdout is not None
        found: dict[str, Any] = json.loads(running.stdout.read())
    return found
