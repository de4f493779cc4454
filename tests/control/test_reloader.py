"""Changes come into use one compile at a time; what is wrong is reported and changes nothing."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from geodns.config.settings import Configuration, Server, Services, Topology
from geodns.control.compiling import Compilation, CompileError
from geodns.control.outcome import Compiled, Loaded
from geodns.control.reloader import Reloader
from geodns.errors import GeodnsError
from geodns.problem import Problem

_ERROR = Problem("undefined-service", "there is no service wbe", Path("a.yaml"), 3, 5, "web?")
_WARNING = Problem("unused", "nobody uses it", Path("a.yaml"), 4, 1, severity="warning")


def _compilation() -> Compilation:
    configuration = Configuration(Server(), Topology(), Services(), (), (), ())
    loaded = Loaded(configuration, (_WARNING,), {}, (), (), 0.1)
    return Compilation(loaded, Compiled((), (), {}), -1)


class Machine:
    """A compiler that takes as long as the test wants, and what it compiles into."""

    def __init__(self) -> None:
        self.compiles = 0
        self.applied: list[Compilation] = []
        self.refused: list[tuple[Path, ...]] = []
        self.fault: GeodnsError | None = None
        self.apply_fault: GeodnsError | None = None
        self.go = asyncio.Event()
        self.go.set()
        self.reloader = Reloader(self.compile, self.apply, self.refused.append, lambda: 1000.0)
        self.running = asyncio.create_task(self.reloader.run())

    async def compile(self) -> Compilation:
        self.compiles += 1
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return _compilation()

    async def apply(self, compilation: Compilation) -> None:
        if self.apply_fault is not None:
            raise self.apply_fault
        self.applied.append(compilation)


def test_a_good_configuration_comes_into_use_with_its_warnings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        machine = Machine()
        result = await machine.reloader.request("SIGHUP")
        assert result.ok
        assert (result.at, result.reason, result.problems) == (1000.0, "SIGHUP", (_WARNING,))
        assert len(machine.applied) == 1
        assert machine.reloader.last == result
        assert machine.reloader.counts == {"ok": 1, "failed": 0}

    asyncio.run(scenario())
    (event,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(event)["problem"] == "nobody uses it"


def test_changes_during_a_compile_lead_to_exactly_one_more() -> None:
    async def scenario() -> None:
        machine = Machine()
        machine.go.clear()
        first = machine.reloader.request("file change")
        await asyncio.sleep(0.01)
        more = [machine.reloader.request(reason) for reason in ("SIGHUP", "file change", "SIGHUP")]
        await asyncio.sleep(0.01)
        assert machine.compiles == 1
        machine.go.set()
        await first
        results = await asyncio.gather(*more)
        assert machine.compiles == 2
        assert {result.reason for result in results} == {"SIGHUP, file change"}

    asyncio.run(scenario())


def test_a_bad_configuration_changes_nothing_and_each_reason_is_an_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        machine = Machine()
        machine.fault = CompileError("1 error", (_ERROR, _WARNING), (Path("a.yaml"),))
        result = await machine.reloader.request("file change")
        assert not result.ok
        assert machine.applied == []
        assert machine.refused == [(Path("a.yaml"),)]
        machine.fault = None
        assert (await machine.reloader.request("file change")).ok
        assert machine.reloader.counts == {"ok": 1, "failed": 1}

    asyncio.run(scenario())
    problems = [vars(record) for record in caplog.records if "problem" in vars(record)]
    assert [(p["id"], p["file"], p["line"], p["levelname"]) for p in problems[:2]] == [
        ("undefined-service", "a.yaml", 3, "ERROR"),
        ("unused", "a.yaml", 4, "WARNING"),
    ]


def test_a_configuration_that_can_not_be_applied_is_reported_and_the_next_one_is_tried() -> None:
    async def scenario() -> None:
        machine = Machine()
        machine.apply_fault = GeodnsError("the authorities in ca.pem can't be read")
        result = await machine.reloader.request("SIGHUP")
        assert result.error == "the authorities in ca.pem can't be read"
        machine.apply_fault = None
        assert (await machine.reloader.request("SIGHUP")).ok

    asyncio.run(scenario())


def test_a_compiler_that_broke_is_reported_with_its_last_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        machine = Machine()
        machine.fault = CompileError("the compiler was ended by SIGKILL", output="oh no")
        assert not (await machine.reloader.request("SIGHUP")).ok

    asyncio.run(scenario())
    assert vars(caplog.records[-1])["output"] == "oh no"
