"""A compile happens elsewhere, and whatever becomes of it, the control process gets an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from workers import until

from geodns.config.settings import Configuration, Server, Services, Topology
from geodns.control.compiling import Compilation, CompileError, Compiler, frame
from geodns.control.outcome import Compiled, Loaded, Refused
from geodns.control.processes import find
from geodns.problem import Problem

_LOADED = Loaded(Configuration(Server(), Topology(), Services(), (), (), ()), (), {}, (), (), 0.1)
_COMPILED = Compiled((), (), {"image": 0.2})


def _command(*messages: bytes, then: str = "", first: str = "") -> tuple[str, ...]:
    """A compiler whose jobs send messages; ``first`` is done before there are jobs."""
    script = f"""
import os, signal, socket, sys, time
from geodns.control.forking import serve

def job(path, files):
    words, result, image, states = files
    os.dup2(words, 2)
    os.write(image, b"image of " + path)
    for message in {messages!r}:
        os.write(result, message)
    {then or "pass"}

{first}
serve(socket.socket(fileno=int(sys.argv[1])), job)
"""
    return (sys.executable, "-c", script)


async def _compile(
    command: tuple[str, ...], loaded: Callable[[Loaded], None] | None = None
) -> Compilation:
    compiler = Compiler(command)
    try:
        return await compiler.compile(Path("a.yaml"), loaded=loaded)
    finally:
        await compiler.close()


def test_the_image_and_what_is_known_of_it_arrive() -> None:
    seen: list[Loaded] = []

    async def scenario() -> None:
        command = _command(frame(_LOADED), frame(_COMPILED))
        compilation = await _compile(command, seen.append)
        assert compilation.loaded == _LOADED
        assert compilation.compiled == _COMPILED
        assert os.pread(compilation.image, 100, 0) == b"image of a.yaml"
        with pytest.raises(PermissionError):
            os.pwrite(compilation.image, b"x", 0)
        os.close(compilation.image)

    asyncio.run(scenario())
    assert seen == [_LOADED]


def _failure(command: tuple[str, ...]) -> CompileError:
    with pytest.raises(CompileError) as caught:
        asyncio.run(_compile(command))
    return caught.value


def test_every_problem_of_a_refused_configuration_arrives() -> None:
    problems = tuple(Problem("x", f"is wrong {n}", Path("a.yaml"), n, 1) for n in (1, 2))
    error = _failure(_command(frame(_LOADED), frame(Refused(problems))))
    assert error.problems == problems
    assert str(error) == "the configuration has 2 errors"


@pytest.mark.parametrize(
    ("then", "sentence"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "by SIGKILL"),
        ("raise RuntimeError('out of luck')", "with exit status 1"),
        ("os.close(result); os._exit(3)", "with exit status 3"),
        ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)", "by SIGKILL"),
    ],
)
def test_a_compiler_that_breaks_is_an_error_with_its_last_words(then: str, sentence: str) -> None:
    error = _failure(_command(frame(_LOADED), then=then))
    assert sentence in str(error)
    assert error.problems == ()
    assert ("out of luck" in error.output) == ("luck" in then)


def test_a_compiler_that_can_not_even_start_says_why() -> None:
    error = _failure(_command(first="sys.exit('no such module')"))
    assert "with exit status 1" in str(error)
    assert "no such module" in error.output


@pytest.mark.parametrize("bytes_", [b"", b"abc", frame(_LOADED)[:-1], frame(_COMPILED)])
def test_a_result_that_is_cut_short_is_no_result(bytes_: bytes) -> None:
    assert "before it was done" in str(_failure(_command(bytes_)))


def test_what_the_loaded_hook_raises_ends_the_compile() -> None:
    def refuse(loaded: Loaded) -> None:
        raise RuntimeError("not this one")

    command = _command(frame(_LOADED), then="time.sleep(600)")
    with pytest.raises(RuntimeError, match="not this one"):
        asyncio.run(_compile(command, refuse))


def test_one_process_does_all_compiles_and_another_goes_on_where_it_has_died() -> None:
    # The image holds the ids of the fork and of the process that it is a fork of.
    then = "os.write(image, b' by %d of %d' % (os.getpid(), os.getppid()))"
    command = _command(frame(_LOADED), frame(_COMPILED), then=then)

    async def scenario() -> None:
        compiler = Compiler(command)

        async def ids() -> tuple[int, int]:
            compilation = await compiler.compile(Path("a.yaml"))
            said = os.pread(compilation.image, 100, 0).decode().split(" by ")[1]
            os.close(compilation.image)
            job, _, prepared = said.partition(" of ")
            return int(job), int(prepared)

        first, second = await ids(), await ids()
        assert first[0] != second[0]
        assert first[1] == second[1]
        os.kill(first[1], signal.SIGKILL)
        while find(first[1]) is not None:
            await asyncio.sleep(0.01)
        third = await ids()
        assert third[1] != first[1]
        await compiler.close()
        assert not Path(f"/proc/{third[1]}").exists()

    asyncio.run(scenario())


def test_a_cancelled_compile_leaves_no_process_and_no_file_behind(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    command = _command(
        then=f"open({str(told)!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}} ');"
        " time.sleep(600)"
    )

    async def scenario() -> None:
        before = len(list(Path("/proc/self/fd").iterdir()))
        task = asyncio.create_task(Compiler(command).compile(Path("a.yaml")))
        while not told.exists() or not told.read_text().endswith(" "):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    asyncio.run(scenario())
    assert not [pid for pid in told.read_text().split() if Path(f"/proc/{pid}").exists()]


def test_a_compiler_ends_with_the_process_that_it_compiles_for(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    command = _command(
        then=f"open({str(told)!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}} ');"
        " time.sleep(600)"
    )
    script = (
        "import asyncio, pathlib\n"
        "from geodns.control.compiling import Compiler\n"
        f"asyncio.run(Compiler({command!r}).compile(pathlib.Path('a.yaml')))"
    )
    control = subprocess.Popen([sys.executable, "-c", script])
    until(lambda: told.exists() and told.read_text().endswith(" "))
    control.kill()
    control.wait()
    for pid in map(int, told.read_text().split()):
        until(partial(_has_ended, pid))


def _has_ended(pid: int) -> bool:
    return find(pid) is None
