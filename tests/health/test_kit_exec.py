"""Programs as checks, with real ones."""

import asyncio
import time
from ipaddress import ip_address
from pathlib import Path

import pytest

from geodns.health.kits.exec import ExecCheck, ExecProber, Turns
from geodns.health.probe import Result


def run(*command: str, timeout: float = 10.0) -> Result:
    check = ExecCheck(type="exec", command=command, timeout=timeout)
    return asyncio.run(ExecProber(check)(ip_address("127.0.0.7")))


def test_exit_status_0_is_a_success() -> None:
    assert run("/bin/sh", "-c", "exit 0").ok


def test_another_exit_status_is_a_failure_with_what_was_said() -> None:
    result = run("/bin/sh", "-c", "echo disk full; exit 3")
    assert (result.ok, result.detail) == (False, "exit status 3: disk full")


def test_the_address_is_put_in_for_its_placeholder() -> None:
    assert run("/bin/echo", "at {address}").detail == "at 127.0.0.7"


def test_no_shell_reads_the_arguments() -> None:
    assert run("/bin/echo", "$HOME; exit 3").detail == "$HOME; exit 3"


def test_a_missing_program_judges_nobody() -> None:
    result = run("/nonexistent/program")
    assert not result.conclusive


def test_a_program_that_hangs_is_a_failure() -> None:
    result = run("/bin/sleep", "60", timeout=0.2)
    assert (result.ok, result.conclusive) == (False, True)


def test_only_the_address_and_a_plain_environment_are_given() -> None:
    said = run("/bin/sh", "-c", 'echo "$GEODNS_ADDRESS ${HOME-none} $(pwd)"').detail
    assert said == "127.0.0.7 none /"


@pytest.mark.parametrize("after", ["exit 0", "exec sleep 60"])
def test_nothing_that_a_program_started_outlives_the_probe(tmp_path: Path, after: str) -> None:
    left = tmp_path / "pid"
    result = run("/bin/sh", "-c", f"sleep 600 & echo $! > {left}; {after}", timeout=1.0)
    assert result.ok is (after == "exit 0")
    child = int(left.read_text())
    deadline = time.monotonic() + 60
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_more_programs_run_at_once_than_there_are_turns(tmp_path: Path) -> None:
    """Each notes how many there are beside it; waiting for a turn is no failure."""
    script = f"mkdir {tmp_path}/$$; ls {tmp_path} | wc -l; sleep 0.05; rmdir {tmp_path}/$$"

    async def whole() -> list[Result]:
        check = ExecCheck(type="exec", command=("/bin/sh", "-c", script), timeout=30)
        prober = ExecProber(check, Turns(3))
        return await asyncio.gather(*(prober(ip_address("127.0.0.7")) for _ in range(20)))

    results = asyncio.run(whole())
    assert all(result.ok for result in results)
    assert {int(result.detail) for result in results} <= {1, 2, 3}


def test_a_flood_of_output_neither_blocks_the_program_nor_is_kept() -> None:
    result = run("/bin/sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x")
    assert result.ok
    assert len(result.detail) <= 4096
