"""Workers of a control process that died, and those of this one that a later one must know."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from geodns.control import processes
from geodns.control.state import StateFolder

logger = logging.getLogger(__name__)


class Orphans:
    """They are known by the state folder, which is None until it is opened."""

    def __init__(self) -> None:
        self._state: StateFolder | None = None
        self._found: tuple[processes.Process, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._found)

    def look(self, state: StateFolder) -> None:
        """Find those that are still alive."""
        self._state = state
        self._found = state.orphans()

    def remember(self, pids: Sequence[int]) -> None:
        """Write down the workers of this process."""
        if self._state is None:
            return
        found = (processes.find(pid) for pid in pids)
        # Until the orphans have ended, a control process after this one must know them too.
        alive = [process for process in (*found, *self._found) if process is not None]
        try:
            self._state.remember_workers(alive)
        except OSError as error:
            logger.warning(
                "the workers can't be written down; if this process dies, end them by hand",
                extra={"reason": error.strerror, "pids": pids},
            )

    async def end(self, grace: float, pids: Sequence[int]) -> None:
        """End them, now that the workers of these pids answer; ``grace`` is in seconds."""
        if not self._found:
            return
        gone = [orphan.pid for orphan in self._found]
        logger.warning("taking over from a control process that died", extra={"workers": gone})
        await processes.end(self._found, grace)
        self._found = ()
        self.remember(pids)
