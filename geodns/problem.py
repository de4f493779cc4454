"""What is wrong with the configuration, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from geodns.errors import GeodnsError


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: ``id`` is stable (``undefined-service``), ``message`` is for a person.

    Line and column count from 1; 0 is unknown.
    """

    id: str
    message: str
    file: Path
    line: int = 0
    column: int = 0
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: {self.severity}: {self.message}{hint} [{self.id}]"


class ConfigurationError(GeodnsError):
    """The configuration can't be used; ``problems`` holds every reason, warnings included.

    ``files`` are the files and folders that were looked at: a change of one may be the repair.
    """

    def __init__(self, problems: tuple[Problem, ...], files: tuple[Path, ...] = ()) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        self.files = files
