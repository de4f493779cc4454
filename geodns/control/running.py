"""Runs a control process until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from geodns.control.process import ControlProcess


async def run(path: Path) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration anew.

    Raises GeodnsError when it can't start. No process is left behind.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    control = ControlProcess(path)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: control.reload("SIGHUP"))
    starting = asyncio.create_task(control.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopping
    finally:
        starting.cancel()
        stopping.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await control.close()
