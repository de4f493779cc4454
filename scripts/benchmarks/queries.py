"""The query benchmark: every installed server under the same load, in interleaved rounds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import wire, workload
from benchmarks.answers import verify, wait_until_ready
from benchmarks.errors import BenchError
from benchmarks.figures import Row, Sample
from benchmarks.load import dnsperf_version, send
from benchmarks.processes import Server, free_port, running, two_cpus
from benchmarks.programs.program import Program

_READY_SECONDS = 30.0
_WARM_UP_SECONDS = 1.0
_LEAST_CPU_SECONDS = 0.3e-6  # no server receives and sends a datagram in less

Progress = Callable[[str], None]


@dataclass
class _Contender:
    """A program that runs, or the reason why it does not."""

    program: Program
    server: Server | None = None
    port: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class _Course:
    """Everything that all measurements share.

    ``queries`` are dnsperf's files by scenario, two of each: dnsperf starts every run at the top,
    so the second begins at the middle of the first, lest each run meets what the last one left
    in a cache.
    """

    work: workload.Workload
    queries: dict[str, tuple[Path, Path]]
    load_cpu: int | None
    server_cpu: int | None


def measure(
    programs: Sequence[Program],
    database: Path,
    *,
    seconds: float,
    rounds: int,
    progress: Progress,
) -> list[Row]:
    """All rows, scenario by scenario. Raises BenchError when nothing can be measured at all."""
    if dnsperf_version() is None:
        raise BenchError("dnsperf is not installed; on Debian: apt-get install dnsperf")
    with tempfile.TemporaryDirectory(prefix="geodns-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        progress("preparing zones, country database and packets")
        course = _course(database, folder)
        contenders = [
            _start(program, number, folder, course, stack, progress)
            for number, program in enumerate(programs)
        ]
        rows: list[Row] = []
        for scenario in course.work.scenarios:
            rows += _run_scenario(scenario, contenders, course, seconds, rounds, progress)
        return rows


def _course(database: Path, folder: Path) -> _Course:
    work = workload.build(database, folder)
    queries = {}
    for scenario in work.scenarios:
        half = len(scenario.questions) // 2
        parts = [
            wire.stream(question.packet for question in part)
            for part in (scenario.questions[:half], scenario.questions[half:])
        ]
        files = (folder / f"{scenario.name}.0", folder / f"{scenario.name}.1")
        files[0].write_bytes(parts[0] + parts[1])
        files[1].write_bytes(parts[1] + parts[0])
        queries[scenario.name] = files
    load_cpu, server_cpu = two_cpus() or (None, None)
    return _Course(work, queries, load_cpu, server_cpu)


def _start(
    program: Program,
    number: int,
    parent: Path,
    course: _Course,
    stack: ExitStack,
    progress: Progress,
) -> _Contender:
    if program.version() is None:
        return _Contender(program, reason="not installed")
    progress(f"starting {program.name}")
    folder = parent / str(number)
    folder.mkdir()
    port = free_port()
    command = program.prepare(folder, port, course.work)
    first = next(one for one in course.work.scenarios if one.name in program.scenarios)
    server: Server | None = None
    try:
        server = stack.enter_context(running(command, folder, course.server_cpu))
        wait_until_ready(first.questions[0], port, server.alive, _READY_SECONDS)
        if course.server_cpu is not None:
            server.pin(course.server_cpu)
    except BenchError as error:
        words = f"; its log ends: {server.last_words()}" if server is not None else ""
        if server is not None:
            server.stop()
        return _Contender(program, reason=f"{error}{words}")
    return _Contender(program, server, port)


def _run_scenario(
    scenario: workload.Scenario,
    contenders: Sequence[_Contender],
    course: _Course,
    seconds: float,
    rounds: int,
    progress: Progress,
) -> list[Row]:
    """A B A B ..., so that a slow phase of the machine falls on all servers alike."""
    entrants = [one for one in contenders if scenario.name in one.program.scenarios]
    samples: dict[str, list[Sample]] = {one.program.name: [] for one in entrants}
    reasons = {one.program.name: one.reason for one in entrants}
    for turn in range(rounds + 1):  # the first is the warm-up
        for one in entrants:
            name = one.program.name
            if reasons[name] is not None or one.server is None:
                continue
            progress(f"{scenario.name}: {name}, " + (f"round {turn}" if turn else "warm-up"))
            try:
                if turn == 0:
                    verify(scenario, one.port)
                packets = course.queries[scenario.name][turn % 2]
                length = seconds if turn else _WARM_UP_SECONDS
                sample = _sample(one.server, one.port, packets, length, course.load_cpu)
            except BenchError as error:
                reasons[name] = str(error)
                continue
            if turn:
                samples[name].append(sample)
    return [_row(one.program, scenario, samples, reasons) for one in entrants]


def _row(
    program: Program,
    scenario: workload.Scenario,
    samples: dict[str, list[Sample]],
    reasons: dict[str, str | None],
) -> Row:
    reason = reasons[program.name]
    taken = () if reason is not None else tuple(samples[program.name])
    return Row(program.server, program.setup, scenario.name, taken, reason)


def _sample(
    server: Server, port: int, packets: Path, seconds: float, load_cpu: int | None
) -> Sample:
    before = server.cpu_seconds()
    load = send(packets, port, seconds, load_cpu)
    after = server.cpu_seconds()
    if before.keys() != after.keys():
        raise BenchError("a process of the server ended or was restarted under load")
    if load.noerror < load.answered or not load.answered:
        raise BenchError(
            f"{load.answered - load.noerror} of {load.answered} answers under load were errors"
        )
    used = sum(after.values()) - sum(before.values())
    if used < load.answered * _LEAST_CPU_SECONDS:
        raise BenchError("its CPU time is not in the processes that were started here")
    return Sample(load.answered, load.lost, load.seconds, used)
