"""The harnesses by name."""

from __future__ import annotations

from collections.abc import Callable

from fuzzing import engine_target, proxy_target, tcp_target

TARGETS: dict[str, Callable[[bytes], None]] = {
    "engine": engine_target.run,
    "proxy": proxy_target.run,
    "tcp": tcp_target.run,
}
