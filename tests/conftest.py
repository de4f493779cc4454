"""How tests are dealt out to processes."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

_TOGETHER = ("example",)
"""Folders whose tests use fixed addresses and ports, and so can't run beside each other."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # it ships no types
    """Tests of a file run in one process, in order: they share what its fixtures have started."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        return file.parent.name if file.parent.name in _TOGETHER else str(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Not by xdist_group: pytest-xdist 3.8 writes groups where pytest 9.2 does not look."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: at the end, all other processes would wait for them."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)
