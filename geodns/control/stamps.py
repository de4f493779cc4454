"""Tells by size, time and inode whether a file or the content of a folder is still the same."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[tuple[str, int, int, int], ...]
Stamps = dict[Path, Stamp]


def take(files: Iterable[Path]) -> Stamps:
    """A stamp of each file or folder; an empty one for what does not exist."""
    return {file: _stamp(file) for file in files}


def changed(old: Stamps, new: Stamps) -> tuple[Path, ...]:
    """What differs between two looks, among the files that both looked at."""
    return tuple(file for file, stamp in new.items() if file in old and old[file] != stamp)


def _stamp(file: Path) -> Stamp:
    try:
        with os.scandir(file) as entries:
            shown = [_entry(entry.name, entry) for entry in entries if _counts(entry)]
        return tuple(sorted(shown))
    except NotADirectoryError:
        return (_entry("", file),)
    except OSError:
        return ()


def _counts(entry: os.DirEntry[str]) -> bool:
    # What an editor leaves beside a file while somebody types: swap files, backups, locks.
    name = entry.name
    return not name.startswith((".", "#")) and not name.endswith(("~", ".tmp", ".swp"))


def _entry(name: str, file: Path | os.DirEntry[str]) -> tuple[str, int, int, int]:
    try:
        status = file.stat()  # follows links: a link that is turned elsewhere is a change
    except OSError:
        return (name, 0, 0, 0)
    return (name, status.st_mtime_ns, status.st_size, status.st_ino)
