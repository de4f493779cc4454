"""dnsperf at full speed: nothing is lost, nothing is unexpected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.load import read_report
from clients import run
from served import Address, serving

pytestmark = [pytest.mark.interop, pytest.mark.slow]
_QUESTIONS = """\
www.example.test A
www.example.test AAAA
example.test MX
ns1.example.test A
a.b.apps.example.test A
alias.example.test A
www.child.example.test A
both.example.test TXT
"""


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with serving(tmp_path_factory.mktemp("dnsperf")) as running:
        yield running.udp


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("options", [[], ["-e"], ["-e", "-D"]], ids=["plain", "edns", "do"])
def test_two_seconds_of_load(
    at: Address, tmp_path: Path, transport: str, options: list[str]
) -> None:
    questions = tmp_path / "questions"
    questions.write_text(_QUESTIONS)
    report = run(
        "dnsperf",
        *("-s", at[0], "-p", str(at[1]), "-d", str(questions)),
        *("-l", "2", "-q", "50", "-m", transport, *options),
    )
    load = read_report(report)
    assert load.answered > 100
    assert load.lost == 0
    assert load.noerror == load.answered
