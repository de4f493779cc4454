"""One configuration file: its text's positions and its checked settings together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from geodns import yamlfile
from geodns.config.validate import validated
from geodns.problem import Problem
from geodns.yamlfile import Document, Keys

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source(Generic[Model]):
    """A file's settings, as far as they are sound, and where everything stands in it.

    ``readable`` is False when it isn't known what the file says, not even which names it defines.
    """

    document: Document
    settings: Model
    problems: tuple[Problem, ...] = ()
    broken: frozenset[Keys] = frozenset()
    readable: bool = True

    def sound(self, path: Keys) -> bool:
        """Whether nothing is wrong at a path, inside it or around it."""
        return not any(bad[: len(path)] == path[: len(bad)] for bad in self.broken)

    def names(self, *path: str) -> Collection[str]:
        """The keys of a mapping as they are written, those with wrong values included."""
        data = self.document.data
        for key in path:
            data = data.get(key) if isinstance(data, dict) else None
        return data.keys() if isinstance(data, dict) else ()


def read_source(model: type[Model], file: Path) -> Source[Model]:
    """Reads and validates a file. No exception leaves this function, whatever the file holds."""
    document, problems = yamlfile.read(file)
    result = validated(model, document)
    return Source(
        document,
        result.settings,
        (*problems, *result.problems),
        result.broken,
        readable=not (problems and document.data is None) and () not in result.broken,
    )


def no_source(model: type[Model], beside: Path, *, readable: bool = True) -> Source[Model]:
    """Stands for a file that the server's settings don't name; findings point to these."""
    return Source(Document(beside), model(), readable=readable)
