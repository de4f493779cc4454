"""How tests are dealt out to processes."""

from __future__ import annotations

import pytest

_TOGETHER = ("example",)
"""Folders whose tests use fixed addresses and ports, and so can't run beside each other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file run in one process, in order: they share what its fixtures have started."""
    for item in items:
        folder = item.path.parent.name
        group = folder if folder in _TOGETHER else f"{folder}/{item.path.name}"
        item.add_marker(pytest.mark.xdist_group(group))
