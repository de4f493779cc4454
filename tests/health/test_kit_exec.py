"""Programs as checks, with real ones."""

import asyncio
from ipaddress import ip_address

from geodns.health.kits.exec import ExecCheck, ExecProber
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


def test_a_flood_of_output_neither_blocks_the_program_nor_is_kept() -> None:
    result = run("/bin/sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x")
    assert result.ok
    assert len(result.detail) <= 4096
