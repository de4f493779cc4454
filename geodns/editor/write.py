"""Writes files so that there is always the former one or the new one, whole, even after a crash."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from geodns.errors import GeodnsError

_UNFINISHED = ".geodns-new"
_MODE = 0o644


class WriteError(GeodnsError):
    """A file can't be written; nothing has changed."""


def write_whole(file: Path, data: bytes) -> None:
    """Replaces a file, or makes it. A link is followed; mode, group and, where that is allowed,
    owner stay. Raises WriteError.
    """
    target = file.resolve()
    fresh = target.with_name(f".{target.name}.{os.getpid()}{_UNFINISHED}")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()  # of a process that had our number once, and died
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                _be_like(stream.fileno(), target)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(target)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise WriteError(f"{file} can't be written: {error.strerror}") from error


def remove(file: Path) -> None:
    """Takes a file away. Of a link, the link goes and what it leads to stays. Raises WriteError."""
    try:
        file.unlink()
        sync_folder(file.parent)
    except OSError as error:
        raise WriteError(f"{file} can't be removed: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Makes sure that a folder's list of names is on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear_unfinished(folder: Path) -> None:
    """Removes what commands left that were killed while they wrote; to be called under the lock."""
    with suppress(OSError):
        for file in folder.glob(f".*{_UNFINISHED}"):
            file.unlink(missing_ok=True)


def _be_like(descriptor: int, file: Path) -> None:
    """Gives an open file the mode, the owner and the access lists of another."""
    try:
        former = file.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, _MODE & ~mask)
        return
    with suppress(PermissionError):
        os.fchown(descriptor, -1, former.st_gid)
    with suppress(PermissionError):  # only root gives files away
        os.fchown(descriptor, former.st_uid, -1)
    os.fchmod(descriptor, former.st_mode & 0o7777)
    with suppress(OSError):  # file systems without extended attributes
        for name in os.listxattr(file):
            os.setxattr(descriptor, name, os.getxattr(file, name))
