"""Starts a program in a mount namespace of its own: what it sees of the file system is arranged.

``python namespaces.py open PATH… -- COMMAND`` makes these paths reachable for every user, where a
folder above them is closed (a Python under /root, for one). ``read-only KEEP… -- COMMAND`` makes
everything read-only but for the folders to keep. ``small FOLDER -- COMMAND`` makes a folder a disk
of 1 MiB.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parent.parent
_ANYBODY = 0o001


def needs_root() -> None:
    """Skips the calling test where it is not run by root."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user, mount, and bind port 53")


def open_to_all() -> tuple[str, ...]:
    """What to put before a command so that any user can run this Python and this project.

    Skips the calling test where that can't be arranged.
    """
    needed = (Path(sys.base_prefix), Path(sys.prefix), _PROJECT)
    if not any(map(_closed_above, needed)):
        return ()
    return _arranged("open", *map(str, needed))


def read_only(*keep: Path) -> tuple[str, ...]:
    """What to put before a command so that it can write to these folders alone.

    Skips the calling test where that can't be arranged.
    """
    return _arranged("read-only", *map(str, keep))


def small_disk(folder: Path) -> tuple[str, ...]:
    """What to put before a command so that this folder is an empty disk of 1 MiB to it.

    Skips the calling test where that can't be arranged.
    """
    needs_root()
    return _arranged("small", str(folder))


def _arranged(*arguments: str) -> tuple[str, ...]:
    prefix = ("unshare", "--mount", "--propagation", "private")
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")
    return (*prefix, sys.executable, str(Path(__file__).resolve()), *arguments, "--")


def _closed_above(path: Path) -> Path | None:
    """The folder next to the root that not everybody may pass through."""
    closed = [folder for folder in path.parents if not folder.stat().st_mode & _ANYBODY]
    return closed[-1] if closed else None


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _open(paths: list[Path]) -> None:
    """Puts an empty, open folder over each closed one, with only these paths in it."""
    aside = Path("/mnt")  # in this namespace alone
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", aside)
    hidden: list[tuple[Path, Path]] = []
    for number, path in enumerate(paths):
        if _closed_above(path) is not None:
            kept = aside / str(number)
            kept.mkdir() if path.is_dir() else kept.touch()
            _mount("--bind", path, kept)
            hidden.append((path, kept))
    for folder in {folder for path in paths if (folder := _closed_above(path)) is not None}:
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for path, kept in hidden:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.mkdir() if kept.is_dir() else path.touch()
        _mount("--bind", kept, path)


def _close(keep: list[Path]) -> None:
    """Makes every mount read-only; the folders to keep become mounts of their own before."""
    for folder in keep:
        _mount("--bind", folder, folder)
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    for point in {Path(line.split()[4]) for line in lines} - set(keep):
        # A few mounts of a container refuse it, those that are read-only or unreachable already.
        subprocess.run(
            ["mount", "-o", "remount,bind,ro", str(point)], check=False, stderr=subprocess.DEVNULL
        )


def _small(folders: list[Path]) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", "size=1M", "tmpfs", folder)


def main(arguments: list[str]) -> None:
    """Arrange, then become the command."""
    end = arguments.index("--")
    paths = [Path(argument) for argument in arguments[1:end]]
    {"open": _open, "read-only": _close, "small": _small}[arguments[0]](paths)
    command = arguments[end + 1 :]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
