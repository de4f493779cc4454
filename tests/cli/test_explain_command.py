"""``geodns explain`` from the command line: the page's runs, JSON, wrong usage, a live server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from configfolder import write
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped] # it ships no types
from running import RunningServer

from geodns.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "config" / "geodns.yaml"
CHAIN = "chain/geodns.yaml"
RUNS = re.findall(r"^```console\n\$ geodns (.*)\n((?:.*\n)*?)```", PAGE, re.MULTILINE)


def run(*arguments: str, config: Path = EXAMPLE, **environment: str) -> Result:
    env = {"GEODNS_CONFIG": None, "NO_COLOR": None, **environment}
    return CliRunner(env=env).invoke(main, ["explain", *arguments, "-c", str(config)])


def with_the_pages_chain(folder: Path) -> Path:
    """The example, with the steering of its service ``web`` as the page has it."""
    block = PAGE.split("```yaml\nweb:\n")[1].split("```")[0]
    for part in ("config", "zones"):
        shutil.copytree(ROOT / part, folder / part)
    services = folder / "config" / "services.yaml"
    text = services.read_text(encoding="utf-8")
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    changed = text.replace("    steering: latency\n", indented, 1)
    assert changed != text
    services.write_text(changed, encoding="utf-8")
    return folder / "config" / "geodns.yaml"


def run_json(*arguments: str, config: Path = EXAMPLE) -> dict[str, Any]:
    result = run(*arguments, "--json", config=config)
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all leaves, as docs/explain.md writes them."""
    if isinstance(value, dict) and value:
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
    result = run(*arguments)
    if CHAIN in arguments:
        result = run(*arguments[: arguments.index("-c")], config=with_the_pages_chain(tmp_path))
    assert result.exit_code == 0
    assert result.stdout == output


def test_the_page_documents_every_key_of_the_json(tmp_path: Path) -> None:
    table = PAGE.split("| key | holds |\n")[1].split("\n\n")[0]
    documented = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    alias = run_json("blog.example.test", "--client", "91.1.2.0/24", "--assume-up")
    other = run_json("lab.example.test", "--client", "91.1.2.0/24", "--assume-up")
    client = ("www.example.test", "--client", "91.1.2.0/24", "--assume-up")
    chain = run_json(*client, config=with_the_pages_chain(tmp_path))
    found = {path for data in (alias, other, chain) for path in key_paths(data)}
    alike = ("answer.authority[]", "answer.additional[]", "ranking.removed[]")
    within = ("ranking.tiers[].branches[].tiers[]",)
    for parent in ("client.databases[].record", "client.place", *alike, *within):
        inside = {path for path in found if path.startswith(f"{parent}.")}
        found = (found - inside) | {parent}
    lists = {path for path in found if any(other.startswith(f"{path}.") for other in found)}
    parts = {"health", "client", "ranking", "choice"}  # null where the client does not matter
    assert found - lists - parts == documented


def test_lines_are_whole_and_plain_where_there_is_no_terminal() -> None:
    result = run("www.example.test", "--client", "91.1.2.0/24", "--assume-up")
    assert "\x1b" not in result.output
    assert all(line == line.rstrip() for line in result.output.splitlines())
    why = next(line for line in result.output.splitlines() if line.startswith("  why "))
    assert why.endswith("by weight")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["www.example.test"], "Missing option '--client'"),
        (["www.example.test", "--client", "300.1.2.3"], "'300.1.2.3' is not an address"),
        (["www.example.test", "AAAAA", "--client", "192.0.2.1"], "did you mean AAAA?"),
        (["a..b", "--client", "192.0.2.1"], "two dots in a row"),
        (
            ["www.example.test", "--client", "192.0.2.1", "--down", "eu-centrl-1"],
            "did you mean eu-central-1?",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_configuration_error_is_status_1(tmp_path: Path) -> None:
    config = write(tmp_path, services="services: {web: {steering: nearst}}\n")
    result = run("www.example.test", "--client", "192.0.2.1", config=config)
    assert result.exit_code == 1
    assert "services.yaml:1:" in result.stderr


def test_a_broken_database_is_status_1(tmp_path: Path) -> None:
    (tmp_path / "broken.mmdb").write_bytes(b"no database")
    server = "topology: topology.yaml\nservices: services.yaml\nzones: zones\n"
    config = write(tmp_path, server=f"{server}geoip: {{databases: [broken.mmdb]}}\n")
    result = run("www.example.test", "--client", "192.0.2.1", config=config)
    assert result.exit_code == 1
    assert "broken.mmdb" in result.stderr


def test_every_database_has_its_row_and_the_place_is_all_of_them(tmp_path: Path) -> None:
    files = []
    for name, network, record in (
        (
            "city",
            "192.0.2.0/25",
            {"country": {"iso_code": "DE"}, "city": {"names": {"en": "Bonn"}}},
        ),
        ("asn", "192.0.2.0/24", {"autonomous_system_number": 64500}),
    ):
        writer = MMDBWriter(ip_version=4, database_type=f"Test-{name.upper()}")
        writer.insert_network(IPSet([network]), record)
        writer.to_db_file(str(tmp_path / f"{name}.mmdb"))
        files.append(str(tmp_path / f"{name}.mmdb"))
    server = "topology: topology.yaml\nservices: services.yaml\nzones: zones\n"
    config = write(tmp_path, server=f"{server}geoip: {{databases: {json.dumps(files)}}}\n")
    found = run_json("www.example.test", "--client", "64:ff9b::192.0.2.7", config=config)["client"]
    rows = [(row["file"], row["prefix"]) for row in found["databases"]]
    assert rows == list(zip(files, ["192.0.2.0/25", "192.0.2.0/24"], strict=True))
    assert found["databases"][1]["record"] == {"autonomous_system_number": 64500}
    place = found["place"]
    assert (place["country"], place["city"], place["asn"]) == ("DE", "Bonn", 64500)
    assert (found["address"], found["carried_by"]) == ("192.0.2.7", "NAT64")
    assert found["prefix"] == "192.0.2.0/25"


def test_without_a_running_server_everything_is_taken_as_available(tmp_path: Path) -> None:
    server = "topology: topology.yaml\nservices: services.yaml\nzones: zones\n"
    config = write(tmp_path, server=f"{server}admin: {{socket: var/admin.sock}}\n")
    found = run_json("www.example.test", "--client", "91.1.2.3", config=config)
    assert found["health"] == {
        "source": "assumed",
        "sentence": "no server is running: everything is taken as available",
    }


def test_a_running_servers_availability_is_used_and_its_answer_told(tmp_path: Path) -> None:
    services = """\
checks:
  closed: {type: tcp, port: 9, interval: 1s, timeout: 500ms, rise: 1, fall: 1}
services:
  web: {steering: nearest, check: closed, ttl: 30s}
"""
    topology = """\
regions:
  eu:
    location: [50.11, 8.68]
    availability_zones:
      eu-a: {endpoints: {web: [127.0.0.1]}}
  asia:
    location: [35.68, 139.69]
    availability_zones:
      asia-a: {endpoints: {web: {cname: asia.elsewhere.test.}}}
"""
    files = {"services.yaml": services, "topology.yaml": topology}
    with RunningServer(tmp_path, files) as server:  # it has probed before it listens
        found = run_json("www.example.test", "--client", "91.1.2.0/24", config=server.config)
        assert found["health"]["source"] == "live"
        first, second = found["ranking"]["tiers"]
        assert first["passed_over"].startswith("withdrawn: ")
        assert second["reason"] == found["choice"]["reason"] == "failover"
        answered = [record["data"] for record in found["answer"]["answer"]]
        assert answered == server.answer("www.example.test", subnet="91.1.2.0/24")
