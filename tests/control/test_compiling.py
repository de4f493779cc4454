"""A compile happens elsewhere, and whatever becomes of it, the control process gets an answer."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from geodns.config.settings import Configuration, Server, Services, Topology
from geodns.control.compiling import CompileError, compile_configuration, frame
from geodns.control.outcome import Compiled, Loaded, Refused
from geodns.problem import Problem

_LOADED = Loaded(Configuration(Server(), Topology(), Services(), (), (), ()), (), {}, (), (), 0.1)
_COMPILED = Compiled((), (), {"image": 0.2})


def _command(*messages: bytes, then: str = "") -> tuple[str, ...]:
    script = (
        "import os, signal, sys, time\n"
        "image, result = int(sys.argv[1]), int(sys.argv[2])\n"
        "os.write(image, b'image of ' + sys.argv[3].encode())\n"
        f"for message in {messages!r}: os.write(result, message)\n{then}"
    )
    return (sys.executable, "-c", script)


def test_the_image_and_what_is_known_of_it_arrive() -> None:
    seen: list[Loaded] = []

    async def scenario() -> None:
        compilation = await compile_configuration(
            Path("a.yaml"),
            loaded=seen.append,
            command=_command(frame(_LOADED), frame(_COMPILED)),
        )
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
        asyncio.run(compile_configuration(Path("a.yaml"), command=command))
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
        ("sys.exit('out of luck')", "with exit status 1"),
        ("os.close(result); sys.exit(3)", "with exit status 3"),
    ],
)
def test_a_compiler_that_breaks_is_an_error_with_its_last_words(then: str, sentence: str) -> None:
    error = _failure(_command(frame(_LOADED), then=then))
    assert sentence in str(error)
    assert error.problems == ()
    assert ("out of luck" in error.output) == ("luck" in then)


@pytest.mark.parametrize("bytes_", [b"", b"abc", frame(_LOADED)[:-1], frame(_COMPILED)])
def test_a_result_that_is_cut_short_is_no_result(bytes_: bytes) -> None:
    assert "before it was done" in str(_failure(_command(bytes_)))


def test_what_the_loaded_hook_raises_ends_the_compile() -> None:
    def refuse(loaded: Loaded) -> None:
        raise RuntimeError("not this one")

    command = _command(frame(_LOADED), then="time.sleep(600)")
    with pytest.raises(RuntimeError, match="not this one"):
        asyncio.run(compile_configuration(Path("a.yaml"), loaded=refuse, command=command))


def test_a_cancelled_compile_leaves_no_process_and_no_file_behind(tmp_path: Path) -> None:
    command = _command(
        then=f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()) + ' ')\ntime.sleep(600)"
    )

    async def scenario() -> None:
        before = len(list(Path("/proc/self/fd").iterdir()))
        task = asyncio.create_task(compile_configuration(Path("a.yaml"), command=command))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().endswith(" "):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    asyncio.run(scenario())
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
