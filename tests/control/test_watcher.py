"""A change of the configuration is noticed however a program makes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from geodns.control import stamps
from geodns.control.watcher import Watcher


@asynccontextmanager
async def _watching(*files: Path) -> AsyncIterator[asyncio.Queue[tuple[Path, ...]]]:
    told: asyncio.Queue[tuple[Path, ...]] = asyncio.Queue()
    watcher = Watcher(told.put_nowait)
    watcher.watch(stamps.take(files))
    running = asyncio.create_task(watcher.run())
    await asyncio.sleep(0.1)
    try:
        yield told
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _next(told: asyncio.Queue[tuple[Path, ...]]) -> tuple[Path, ...]:
    return await asyncio.wait_for(told.get(), 30)


def _write(file: Path) -> None:
    file.write_text("other")


def _rename_over(file: Path) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text("other")
    fresh.replace(file)


def _remove(file: Path) -> None:
    file.unlink()


def _turn_link(file: Path) -> None:
    fresh = file.with_suffix(".link")
    (file.parent / "elsewhere").write_text("other")
    fresh.symlink_to(file.parent / "elsewhere")
    fresh.replace(file)


@pytest.mark.parametrize("change", [_write, _rename_over, _remove, _turn_link])
def test_a_changed_file_is_told(tmp_path: Path, change: Callable[[Path], None]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("one")

    async def scenario() -> None:
        async with _watching(file) as told:
            change(file)
            assert await _next(told) == (file,)

    asyncio.run(scenario())


def test_a_file_that_appears_is_told_even_when_its_folder_is_new(tmp_path: Path) -> None:
    file = tmp_path / "new" / "deep" / "a.yaml"

    async def scenario() -> None:
        async with _watching(file) as told:
            file.parent.mkdir(parents=True)
            await asyncio.sleep(0.3)
            file.write_text("one")
            assert await _next(told) == (file,)

    asyncio.run(scenario())


def test_a_zone_file_added_changed_or_removed_changes_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "zones"
    folder.mkdir()

    async def scenario() -> None:
        async with _watching(folder) as told:
            for change in (_write, _write, _rename_over, _remove):
                await asyncio.sleep(0.02)  # longer than a file system's clock ticks
                change(folder / "a.yaml")
                assert await _next(told) == (folder,)

    asyncio.run(scenario())


def test_a_folder_replaced_by_another_is_still_watched(tmp_path: Path) -> None:
    folder = tmp_path / "zones"
    folder.mkdir()

    async def scenario() -> None:
        async with _watching(folder) as told:
            folder.rename(tmp_path / "old")
            (tmp_path / "fresh").mkdir()
            (tmp_path / "fresh").rename(folder)
            (folder / "a.yaml").write_text("1")
            await _next(told)
            await asyncio.sleep(0.3)
            while not told.empty():
                told.get_nowait()
            (folder / "b.yaml").write_text("2")
            assert await _next(told) == (folder,)

    asyncio.run(scenario())


def test_a_neighbour_of_a_watched_file_is_nobodys_business(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("one")

    async def scenario() -> None:
        async with _watching(file, tmp_path / "zones") as told:
            (tmp_path / "state.db").write_text("busy")
            await asyncio.sleep(0.4)
            assert told.empty()
            _write(file)
            assert await _next(told) == (file,)

    asyncio.run(scenario())


def test_what_changed_between_reading_and_watching_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("one")
    before = stamps.take([file])
    file.write_text("another")

    async def scenario() -> None:
        told: asyncio.Queue[tuple[Path, ...]] = asyncio.Queue()
        watcher = Watcher(told.put_nowait)
        running = asyncio.create_task(watcher.run())
        await asyncio.sleep(0.05)
        watcher.watch(before)
        assert await _next(told) == (file,)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())


@pytest.mark.parametrize("name", [".a.yaml.swp", "a.yaml~", "#a.yaml#", "4913.tmp"])
def test_what_an_editor_leaves_beside_a_zone_is_not_a_change(tmp_path: Path, name: str) -> None:
    before = stamps.take([tmp_path])
    (tmp_path / name).write_text("x")
    assert stamps.changed(before, stamps.take([tmp_path])) == ()
