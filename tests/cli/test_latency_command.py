"""``geodns latency`` from the command line: build, show, import; JSON and dry runs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from configfolder import write

from geodns.cli.main import main

RAW = "client,region,ms,time\n"


def run(server: Path, *arguments: str) -> Result:
    env = {"GEODNS_CONFIG": str(server), "NO_COLOR": None}
    return CliRunner(env=env).invoke(main, ["latency", *arguments])


def run_json(server: Path, *arguments: str) -> Any:
    result = run(server, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def raw(folder: Path) -> Path:
    file = folder / "raw.csv"
    row = f"192.0.2.1,eu-central-1,12,{int(time.time())}\n"
    file.write_text(RAW + row * 20 + "broken\n", encoding="utf-8")
    return file


def test_build_writes_a_table_and_says_what_it_left_out(tmp_path: Path) -> None:
    server, file, out = write(tmp_path), raw(tmp_path), tmp_path / "new.csv"
    result = run(server, "build", str(file), "-o", str(out))
    assert result.exit_code == 0, result.output
    assert "21 rows read, 20 used" in result.stdout
    assert f"{file}:22: not a row with all columns" in result.stdout
    assert "192.0.2.0/24,eu-central-1,12,20," in out.read_text(encoding="utf-8")
    assert result.stderr == ""  # no progress bar, as this is no terminal


def test_build_shows_its_progress_on_a_terminal(tmp_path: Path) -> None:
    arguments = ["build", str(raw(tmp_path)), "-o", str(tmp_path / "new.csv")]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "GEODNS_CONFIG": str(write(tmp_path)), "TERM": "xterm"}
    command = [
        sys.executable,
        "-c",
        "from geodns.cli.main import main; main()",
        "latency",
        *arguments,
    ]
    done = subprocess.run(
        command, check=False, env=environment, stdout=subprocess.PIPE, stderr=theirs, timeout=60
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert "reading" in shown


def test_a_dry_build_writes_nothing(tmp_path: Path) -> None:
    server, out = write(tmp_path), tmp_path / "new.yaml"
    report = run_json(server, "build", str(raw(tmp_path)), "-o", str(out), "--dry-run")
    assert (report["rows"], report["used"], report["written"]) == (21, 20, False)
    assert not out.exists()


def test_a_file_that_is_no_parquet_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "raw.parquet"
    file.write_bytes(b"no parquet at all")
    result = run(write(tmp_path), "build", str(file), "-o", str(tmp_path / "new.csv"))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"{file} can't be read" in result.stderr


def test_show_says_which_row_applies(tmp_path: Path) -> None:
    found = run_json(write(tmp_path), "show", "--client", "EU-DE")
    assert found["row"] == "EU"
    ways = {way["region"]: (way["ms"], way["from"]) for way in found["regions"]}
    assert ways == {"eu-central-1": (14, "row"), "us-east-1": (92, "row")}


def test_show_leaves_out_what_is_too_old(tmp_path: Path) -> None:
    server = write(tmp_path, latency="measured: 2001-01-01\nlatency: {EU: {us-east-1: 92}}\n")
    found = run_json(server, "show")
    assert (found["tables"][0]["state"], found["rows"]) == ("dropped", [])


def test_import_shows_then_makes_the_change(tmp_path: Path) -> None:
    server, table = write(tmp_path), tmp_path / "latency.yaml"
    new = tmp_path / "other.csv"
    new.write_text("network,eu-central-1,us-east-1\nDE,7,\n", encoding="utf-8")
    before = table.read_text(encoding="utf-8")
    planned = run_json(server, "import", str(new), "--merge", "--dry-run")
    assert [(one["kind"], one["client"]) for one in planned["changes"]] == [("added", "EU-DE")]
    assert table.read_text(encoding="utf-8") == before
    result = run(server, "import", str(new), "--merge")
    assert result.exit_code == 0, result.output
    assert run_json(server, "show", "--client", "EU-DE")["row"] == "EU-DE"
    assert run_json(server, "show", "--client", "EU-FR")["row"] == "EU"
