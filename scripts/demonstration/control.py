"""Both ends of the demonstration's Unix socket: one line of JSON each way."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from demonstration.setting import DemoError, Setting
from demonstration.stage import Stage


async def serve(setting: Setting, ready: Path | None = None) -> None:
    """Plays all AZs until SIGTERM or SIGINT; makes the file ``ready`` when all listen.

    Raises DemoError.
    """
    stage = Stage(setting)
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(json.dumps(await _obey(stage, await reader.readline())).encode() + b"\n")
            await writer.drain()
        except OSError:
            pass  # the one who asked has left
        finally:
            writer.close()

    try:
        await stage.direct("start", ["all"])
        # One that was killed left its socket; its listeners are gone, or the line above had failed.
        setting.socket.parent.mkdir(parents=True, exist_ok=True)
        setting.socket.unlink(missing_ok=True)
        door = await asyncio.start_unix_server(control, setting.socket)
        if ready is not None:
            ready.touch()
        await done.wait()
        door.close()
        setting.socket.unlink(missing_ok=True)
    except OSError as error:
        raise DemoError(f"can't use {setting.socket}: {error.strerror or error}") from error
    finally:
        stage.close()


async def _obey(stage: Stage, line: bytes) -> dict[str, Any]:
    command = json.loads(line)
    try:
        if command["verb"] == "list":
            return {"azs": [actor.report() for actor in stage.actors]}
        chosen = await stage.direct(command["verb"], command["names"])
    except DemoError as error:
        return {"error": str(error)}
    return {"azs": [actor.report() for actor in chosen]}


async def command(socket: Path, verb: str, names: list[str]) -> list[dict[str, Any]]:
    """Sends one command to the running demonstration; returns the AZs concerned.

    Raises DemoError.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError as error:
        raise DemoError("the demonstration is not running; start it with scripts/run") from error
    writer.write(json.dumps({"verb": verb, "names": names}).encode() + b"\n")
    line = await reader.readline()
    writer.close()
    answer: dict[str, Any] = json.loads(line) if line else {"error": "the demonstration stopped"}
    if "error" in answer:
        raise DemoError(answer["error"])
    azs: list[dict[str, Any]] = answer["azs"]
    return azs
