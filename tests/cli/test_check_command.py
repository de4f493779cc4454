"""``geodns check`` and the group around it, as a person or a program sees them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from configfolder import SERVER, SERVICES, write

from geodns import __version__
from geodns.cli.main import COMMANDS, main


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner(env={"GEODNS_CONFIG": "", "NO_COLOR": ""})


def test_a_sound_configuration_is_summed_up(tmp_path: Path, runner: CliRunner) -> None:
    result = runner.invoke(main, ["check", "-c", str(write(tmp_path))])
    assert result.output == (
        "0 errors, 0 warnings: 2 regions, 3 availability zones, 2 endpoints, 1 service, 1 check,"
        " 1 latency row, 1 zone, 4 records\n"
    )
    assert result.exit_code == 0


def test_every_error_and_warning_is_one_line(
    tmp_path: Path, runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path,
        server=SERVER.replace("zones:", "zone:"),
        services=SERVICES + "  api: {chek: tcp-ok}\n",
    )
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(main, ["check", "-c", "geodns.yaml"])
    assert result.output == (
        "geodns.yaml:5:1: error: unknown key 'zone' (did you mean zones?) [unknown-key]\n"
        "services.yaml:5:9: error: unknown key 'chek' (did you mean check?) [unknown-key]\n"
        "2 errors, 0 warnings: the configuration can't be used\n"
    )
    assert result.exit_code == 1


def test_warnings_alone_are_no_failure(tmp_path: Path, runner: CliRunner) -> None:
    server = write(tmp_path, services=SERVICES.replace("8080}", "8080, timeout: 20s}"))
    result = runner.invoke(main, ["check", "-c", str(server)])
    assert "warning: the timeout of 20 s" in result.output
    assert "0 errors, 1 warning: 2 regions" in result.output
    assert result.exit_code == 0


def test_json_holds_the_same(tmp_path: Path, runner: CliRunner) -> None:
    server = write(tmp_path, services=SERVICES.replace("check: tcp-ok", "check: tcp-k"))
    result = runner.invoke(main, ["check", "--json", "-c", str(server)])
    assert json.loads(result.output) == {
        "ok": False,
        "problems": [
            {
                "severity": "error",
                "id": "undefined-check",
                "message": "the check 'tcp-k' is not defined",
                "hint": "did you mean tcp-ok?",
                "file": str(tmp_path / "services.yaml"),
                "line": 4,
                "column": 16,
            }
        ],
        "loaded": None,
    }
    assert result.exit_code == 1
    loaded = json.loads(runner.invoke(main, ["check", "--json", "-c", str(write(tmp_path))]).output)
    assert loaded["ok"] is True
    assert loaded["loaded"]["records"] == 4


def test_colours_are_for_terminals_and_no_color_turns_them_off(tmp_path: Path) -> None:
    arguments = ["check", "-c", str(write(tmp_path, server="x: 1\n"))]
    runner = CliRunner(env={"NO_COLOR": ""})
    assert "\x1b[" in runner.invoke(main, arguments, color=True).output
    assert "\x1b[" not in runner.invoke(main, arguments).output
    off = CliRunner(env={"NO_COLOR": "1"})
    assert "\x1b[" not in off.invoke(main, arguments, color=True).output


def test_an_error_of_ours_is_one_line_and_status_1(runner: CliRunner) -> None:
    result = runner.invoke(main, ["check", "-c", "nowhere.yaml"])
    assert (result.stdout, result.stderr, result.exit_code) == (
        "",
        "error: nowhere.yaml, named by -c, does not exist\n",
        1,
    )


def test_wrong_usage_is_status_2(runner: CliRunner) -> None:
    assert runner.invoke(main, ["chekc"]).exit_code == 2
    assert runner.invoke(main, ["check", "--jsno"]).exit_code == 2


def test_help_lists_every_command_without_importing_it() -> None:
    program = (
        "import sys\nfrom geodns.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'aiohttp', 'pydantic', 'dns', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, entry in COMMANDS.items():
        assert f"  {name}" in done.stdout
        assert entry.help in done.stdout


def test_the_version_is_said(runner: CliRunner) -> None:
    assert runner.invoke(main, ["--version"]).output == f"geodns, version {__version__}\n"
