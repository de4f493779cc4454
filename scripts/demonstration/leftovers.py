"""Ends workers that a killed server left answering: right in production, odd in a demonstration."""

from __future__ import annotations

import asyncio
from pathlib import Path

from demonstration.setting import DemoError
from geodns.control import processes
from geodns.control.state import StateError, StateFolder

_GRACE = 5.0  # seconds for what is in flight


def end_workers(state: Path) -> None:
    """Ends exactly the workers that the state folder names. Raises DemoError."""
    try:
        folder = StateFolder(state)
    except StateError as error:  # a server runs there: its workers are no leftovers
        raise DemoError(str(error)) from error
    asyncio.run(processes.end(folder.orphans(), _GRACE))
    folder.close()
