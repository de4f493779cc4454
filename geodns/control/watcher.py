"""Notices that a file of the configuration changed, appeared or went away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from pathlib import Path

import anyio
import watchfiles

from geodns.control import stamps

_DEBOUNCE = 800  # milliseconds: the longest that a stream of changes is gathered into one
_QUIET = 100  # milliseconds without a further change after which the gathered ones are told
_LOOK_ANYWAY = 30_000  # milliseconds: network file systems tell of no changes made elsewhere


class Watcher:
    """Calls back with the paths that differ from when they were last read.

    Folders are watched, not files, because editors and deployment tools replace a file by renaming
    another one (or turn a link); what is told is what ``stamps`` sees, not what the kernel reports,
    so that a touched neighbour is not a change.
    """

    def __init__(self, changed: Callable[[tuple[Path, ...]], None]) -> None:
        self._changed = changed
        self._known: stamps.Stamps = {}
        self._turn = anyio.Event()

    def watch(self, known: stamps.Stamps) -> None:
        """Watch these files and folders from now on; ``known`` is how they were when read."""
        self._known = dict(known)
        self._turn.set()

    def watch_also(self, files: Iterable[Path]) -> None:
        """Watch these too, as they are now."""
        fresh = [file for file in files if file not in self._known]
        if fresh:
            self.watch(self._known | stamps.take(fresh))

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._turn = anyio.Event()
            folders = await asyncio.to_thread(_folders, tuple(self._known))
            if self._turn.is_set():
                continue
            await self._watch_folders(folders)

    async def _watch_folders(self, folders: dict[Path, int]) -> None:
        """Returns when other folders have to be watched."""
        if not folders:
            await self._turn.wait()
            return
        changes = watchfiles.awatch(
            *folders,
            watch_filter=None,
            debounce=_DEBOUNCE,
            step=_QUIET,
            stop_event=self._turn,
            rust_timeout=_LOOK_ANYWAY,
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=True,
        )
        # Runs once the watch has begun, for what changed while there was none.
        first_look = asyncio.create_task(self._look())
        try:
            async with aclosing(changes):
                async for _ in changes:
                    await self._look()
                    if await asyncio.to_thread(_folders, tuple(self._known)) != folders:
                        return
        except FileNotFoundError:
            await asyncio.sleep(_QUIET / 1000)  # a folder went away just now: look again
        finally:
            self._turn.set()
            await first_look

    async def _look(self) -> None:
        known = self._known
        now = await asyncio.to_thread(stamps.take, tuple(known))
        if known is not self._known:
            return  # replaced meanwhile: the next look compares with what holds now
        changed = stamps.changed(known, now)
        if changed:
            self._known = now
            self._changed(changed)


def _folders(files: Iterable[Path]) -> dict[Path, int]:
    """The folders to watch, with their inodes: each path's own, if it is one, and its parent.

    Where the parent does not exist yet, the nearest folder above it that does.
    """
    found: dict[Path, int] = {}
    for file in files:
        candidates = [file] if file.is_dir() else []
        candidates.append(next(parent for parent in file.parents if parent.is_dir()))
        for folder in candidates:
            # A folder that went away just now is missed here, and its parent tells of it.
            with suppress(OSError):
                found[folder] = folder.stat().st_ino
    return found
