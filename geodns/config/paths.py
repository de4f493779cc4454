"""Makes the paths of settings absolute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from geodns.config.base import Settings

S = TypeVar("S", bound=Settings)


def absolute(settings: S, folder: Path, root: Path | None = None) -> S:
    """The same settings, every path in them resolved against the folder of their file.

    Symbolic links stay: what they lead to may change (as Kubernetes does with mounted files).
    ``root``: a folder that no path leads out of; those that would stand below it.
    """
    found = {name: getattr(settings, name) for name in type(settings).model_fields}
    made = {name: _absolute(value, folder, root) for name, value in found.items()}
    changed = {name: value for name, value in made.items() if value != found[name]}
    return settings.model_copy(update=changed) if changed else settings


def _absolute(value: Any, folder: Path, root: Path | None) -> Any:
    if isinstance(value, Path):
        path = Path(os.path.abspath(folder / value))  # noqa: PTH100  # resolve() follows links
        return path if root is None else rooted(path, root)
    if isinstance(value, Settings):
        return absolute(value, folder, root)
    if type(value) is tuple:
        return tuple(_absolute(item, folder, root) for item in value)
    if isinstance(value, dict):
        return {key: _absolute(item, folder, root) for key, item in value.items()}
    return value


def rooted(path: Path, root: Path) -> Path:
    """An absolute path, below a folder: itself, where it is there already."""
    return path if path.is_relative_to(root) else root / path.relative_to(path.anchor)
