"""The files that a configuration is made of, by path and content: what a standby has to have. Pure.

A path is that on the primary, absolute. On the standby the same paths stand below a folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from geodns.errors import GeodnsError

Kind = Literal["file", "folder", "database"]
_MOST_ENTRIES = 1_000_000
_MOST_PATH = 4096  # bytes, as Linux has it
_MOST_NAME = 255  # bytes
_DIGEST = 64  # hexadecimal digits of SHA-256
_MODES = 0o777


class ManifestError(GeodnsError):
    """What came is no manifest."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A file or folder. ``digest`` is SHA-256 in hexadecimal, ``modified`` nanoseconds since 1970,
    ``mode`` its permissions. A folder has none of them.
    """

    path: str
    kind: Kind = "file"
    digest: str = ""
    size: int = 0
    modified: int = 0
    mode: int = 0


@dataclass(frozen=True)
class Manifest:
    """All entries, sorted by path; ``server`` is the path of the server file among them."""

    server: str
    entries: tuple[Entry, ...]

    @cached_property
    def id(self) -> str:
        """The same for the same files with the same content and times."""
        return hashlib.sha256(json.dumps(self.as_dict()).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        rows = [[e.path, e.kind, e.digest, e.size, e.modified, e.mode] for e in self.entries]
        return {"server": self.server, "entries": rows}

    def without(self, kind: Kind) -> Manifest:
        """All but the entries of a kind."""
        return Manifest(self.server, tuple(entry for entry in self.entries if entry.kind != kind))


def made(server: str, entries: Iterable[Entry]) -> Manifest:
    """A manifest of these entries. Raises ManifestError where they can't be one."""
    manifest = Manifest(server, tuple(sorted(entries)))
    _check(manifest)
    return manifest


def read_manifest(data: Any) -> Manifest:
    """What ``as_dict`` made, checked: nothing in it leads out of the folder that it is written to.

    Raises ManifestError.
    """
    try:
        return made(str(data["server"]), map(_entry, data["entries"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"this is no list of files: {error}") from error


def wanted(manifest: Manifest, held: Collection[str]) -> dict[str, int]:
    """The contents that are missing where ``held`` are there: sizes by digest, in order."""
    return {
        entry.digest: entry.size
        for entry in manifest.entries
        if entry.kind != "folder" and entry.digest not in held
    }


def _entry(row: Any) -> Entry:
    path, kind, digest, size, modified, mode = row
    numbers = (size, modified, mode)
    if not (isinstance(path, str) and isinstance(digest, str) and kind in get_args(Kind)):
        raise ValueError(f"{row!r:.200} is no entry")
    if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise ValueError(f"{row!r:.200} has a number that is none")
    return Entry(path, kind, digest, size, modified, mode & _MODES)


def _check(manifest: Manifest) -> None:
    entries = manifest.entries
    if len(entries) > _MOST_ENTRIES:
        raise ManifestError(f"{len(entries)} files are more than {_MOST_ENTRIES}")
    files = {entry.path for entry in entries if entry.kind != "folder"}
    if manifest.server not in files:
        raise ManifestError(f"the server file {manifest.server} is not among the files")
    if len({entry.path for entry in entries}) < len(entries):
        raise ManifestError("a path is there twice")
    for entry in entries:
        _check_path(entry.path)
        parts = entry.path.split("/")
        if any("/".join(parts[:count]) in files for count in range(2, len(parts))):
            raise ManifestError(f"{entry.path} is inside of a file")
        if entry.kind != "folder" and not _is_digest(entry.digest):
            raise ManifestError(f"{entry.path} has no digest")


def _check_path(path: str) -> None:
    size = len(path.encode(errors="surrogateescape"))
    parts = path.split("/")
    sound = path.startswith("/") and path != "/" and size <= _MOST_PATH and "\0" not in path
    named = (
        part not in {"", ".", ".."} and len(part.encode(errors="surrogateescape")) <= _MOST_NAME
        for part in parts[1:]
    )
    if not (sound and all(named)):
        raise ManifestError(f"{path!r:.200} is no path of a file")


def _is_digest(text: str) -> bool:
    return len(text) == _DIGEST and all(digit in "0123456789abcdef" for digit in text)
