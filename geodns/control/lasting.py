"""Keeps a part of the control process running, whatever breaks in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

_AGAIN = 1.0  # seconds until a part that broke is run again


async def lasting(name: str, part: Callable[[], Awaitable[None]]) -> None:
    """Runs a part again where it broke: a fault in one must not end answers and checks."""
    while True:
        try:
            return await part()
        except Exception:
            logger.exception(
                "a part of the control process broke, running it again", extra={"part": name}
            )
            await asyncio.sleep(_AGAIN)
