"""Which settings changed that only a restart brings into use."""

from __future__ import annotations

import logging

from geodns.config.settings import Server

logger = logging.getLogger(__name__)

_AT_START = ("listen", "workers", "admin", "state", "user", "group", "pair")


class RestartNeeded:
    """``server`` has the settings that this process was started with."""

    def __init__(self, server: Server) -> None:
        self.settings: tuple[str, ...] = ()
        self._first = _at_start(server)

    def look(self, server: Server) -> None:
        """Take note of what has changed, and tell it once."""
        now = _at_start(server)
        changed = tuple(name for name in self._first if self._first[name] != now[name])
        if changed and changed != self.settings:
            logger.warning(
                "these settings changed, which takes a restart", extra={"settings": changed}
            )
        self.settings = changed


def _at_start(server: Server) -> dict[str, object]:
    listen = server.tls.listen if server.tls is not None else ()
    return {name: getattr(server, name) for name in _AT_START} | {"tls.listen": listen}
