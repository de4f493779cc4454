"""This server as its tests run it: ``geodns serve`` in a folder of its own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TESTS = Path(__file__).resolve().parents[2] / "tests"
SETTINGS: dict[str, Any] = {
    "listen": ["127.0.0.1:0"],
    "topology": "topology.yaml",
    "services": "services.yaml",
    "zones": "zones",
    "state": "var",
    "admin": {"socket": "var/admin.sock", "http": "127.0.0.1:0"},
}


def own_server(folder: Path, files: Mapping[str, str]) -> Any:
    """A ``RunningServer`` of tests/running.py; it raises AssertionError when it does not start."""
    return from_tests("running").RunningServer(folder, files)


def from_tests(module: str) -> Any:
    """A module of the tests, as ``running`` or ``health_servers``."""
    for folder in map(str, (_TESTS, _TESTS / "health")):
        if folder not in sys.path:
            sys.path.append(folder)
    return importlib.import_module(module)
