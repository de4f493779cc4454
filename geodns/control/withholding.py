"""Takes zones out of the image in use, where there is no other one that lacks them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection

from geodns.answer.store import write_without
from geodns.control.compiling import new_image, seal
from geodns.control.supervisor import Supervisor

logger = logging.getLogger(__name__)


async def withhold(supervisor: Supervisor, zones: Collection[bytes]) -> None:
    """Have these zones answered with an error, as long as no new image comes into use."""
    generation = supervisor.generation
    image = await asyncio.to_thread(_without, os.dup(supervisor.image), zones)
    if image is None:
        return
    if supervisor.generation != generation:
        os.close(image)  # what is in use now is younger, and lacks them or has them anew
        return
    logger.warning("expired zones are answered no more, by the last good configuration")
    supervisor.publish_image(image)


def _without(former: int, zones: Collection[bytes]) -> int | None:
    image = new_image()
    try:
        with os.fdopen(former, "rb") as file, os.fdopen(image, "r+b", closefd=False) as out:
            changed = write_without(file, zones, out)
        if changed:
            seal(image)
    except BaseException:
        os.close(image)
        raise
    if not changed:
        os.close(image)
        return None
    return image
