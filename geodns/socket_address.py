"""Where a socket is bound, or what it connects to. It needs nothing else: workers load it, too."""

from __future__ import annotations

from typing import NamedTuple


class SocketAddress(NamedTuple):
    """An IP address to bind and a port. Port 0 asks the kernel for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
