"""Zone files as they would be after a change that is not written yet, so that it can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pending:
    """The files on disk, with some of them replaced, added or (None) taken away."""

    files: Mapping[Path, bytes | None] = field(default_factory=dict)

    def read(self, file: Path) -> bytes:
        """A file's bytes. Raises OSError."""
        if file not in self.files:
            return file.read_bytes()
        found = self.files[file]
        if found is None:
            raise FileNotFoundError(2, "No such file or directory", str(file))
        return found

    def listed(self, folder: Path) -> list[Path]:
        """What is in a folder. Raises OSError."""
        there = [file for file in folder.iterdir() if self.files.get(file, b"") is not None]
        added = (file for file, data in self.files.items() if data is not None)
        return [*there, *(file for file in added if file.parent == folder and file not in there)]

    def is_file(self, file: Path) -> bool:
        """Whether it is a regular file, or a link to one."""
        return self.files[file] is not None if file in self.files else file.is_file()


@dataclass(frozen=True, slots=True)
class Held(Pending):
    """Reads each file once, and goes on with what was in it then."""

    held: dict[Path, bytes] = field(default_factory=dict)

    def read(self, file: Path) -> bytes:
        """A file's bytes. Raises OSError."""
        if file not in self.held:
            self.held[file] = Pending.read(self, file)
        return self.held[file]
