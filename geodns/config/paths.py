"""Makes the paths of settings absolute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from geodns.config.base import Settings

S = TypeVar("S", bound=Settings)


def absolute(settings: S, folder: Path) -> S:
    """The same settings, every path in them resolved against the folder of their file.

    Symbolic links stay: what they lead to may change (as Kubernetes does with mounted files).
    """
    found = {name: getattr(settings, name) for name in type(settings).model_fields}
    made = {name: _absolute(value, folder) for name, value in found.items()}
    changed = {name: value for name, value in made.items() if value != found[name]}
    return settings.model_copy(update=changed) if changed else settings


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return Path(os.path.abspath(folder / value))  # noqa: PTH100  # resolve() follows links
    if isinstance(value, Settings):
        return absolute(value, folder)
    if type(value) is tuple:
        return tuple(_absolute(item, folder) for item in value)
    if isinstance(value, dict):
        return {key: _absolute(item, folder) for key, item in value.items()}
    return value
