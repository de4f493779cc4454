"""One small HTTP server per AZ, all in one process, each of which can be stopped, hung and started.

The check's path answers ok, and ``/`` says which region and AZ it is, in text or JSON.
"""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from demonstration.setting import AZ, DemoError, Setting

_PATIENCE = 10.0  # seconds that a client may take to send its request
STATES = {"start": "up", "stop": "stopped", "hang": "hanging"}


@dataclass
class Actor:
    """What an AZ does now, with its listeners and open connections."""

    az: AZ
    state: str = "stopped"
    servers: list[asyncio.Server] = field(default_factory=list)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    def report(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "availability_zone": self.az.name,
            "region": self.az.region,
            "title": self.az.title,
            "addresses": list(self.az.addresses),
            "state": self.state,
        }

    def stop(self) -> None:
        """Closes listeners and connections, so that the next connection is refused."""
        for server in self.servers:
            server.close()
        for writer in list(self.open):
            writer.transport.abort()
        self.servers, self.state = [], "stopped"


class Stage:
    """All AZs of the example."""

    def __init__(self, setting: Setting) -> None:
        self.actors = [Actor(az) for az in setting.azs]
        self.port = setting.port
        self.path = setting.path

    async def direct(self, verb: str, names: list[str]) -> list[Actor]:
        """Starts, stops or hangs AZs, or all AZs of a region. Raises DemoError."""
        known = {"all"}.union(*({actor.az.name, actor.az.region} for actor in self.actors))
        if unknown := [name for name in names if name not in known]:
            raise DemoError(f"there is no AZ or region {unknown[0]}; scripts/demo list shows them")
        chosen = [a for a in self.actors if {"all", a.az.name, a.az.region} & set(names)]
        for actor in chosen:
            if verb == "stop":
                actor.stop()
                continue
            if not actor.servers:
                await self._listen(actor)
            actor.state = STATES[verb]
        return chosen

    def close(self) -> None:
        """Stops every AZ."""
        for actor in self.actors:
            actor.stop()

    async def _listen(self, actor: Actor) -> None:
        for address in actor.az.addresses:
            try:
                server = await asyncio.start_server(self._serving(actor), address, self.port)
            except OSError as error:
                actor.stop()
                raise DemoError(_why_not(address, self.port, error)) from error
            actor.servers.append(server)

    def _serving(
        self, actor: Actor
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            actor.open.add(writer)
            try:
                async with asyncio.timeout(_PATIENCE):
                    request = await reader.readuntil(b"\r\n\r\n")
                if actor.state == "hanging":
                    await reader.read()  # says nothing until the other side gives up
                elif actor.state == "up":
                    writer.write(reply(actor.az, request, self.path))
                    await writer.drain()
            except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass  # a client that leaves or babbles is no concern of the others
            finally:
                actor.open.discard(writer)
                writer.close()

        return serve


def reply(az: AZ, request: bytes, check_path: str) -> bytes:
    """The whole HTTP answer of an AZ to a request's head."""
    words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    path = words[1].split("?")[0] if len(words) > 1 else ""
    kind, status = "text/plain; charset=utf-8", "200 OK"
    if path == check_path:
        body = "ok\n"
    elif path == "/" and b"application/json" in request.lower():
        kind = "application/json"
        about = {"region": az.region, "title": az.title, "availability_zone": az.name}
        body = json.dumps(about, ensure_ascii=False) + "\n"
    elif path == "/":
        body = f"Hello from {az.title}: region {az.region}, availability zone {az.name}\n"
    else:
        body, status = "not found\n", "404 Not Found"
    data = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if words[0] == "HEAD" else data)


def _why_not(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address}:{port} is taken: another program listens there, perhaps another "
            "scripts/run; stop it, or choose another port in config/services.yaml"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"{address} is not an address of this machine; Linux has all of 127.0.0.0/8, "
            f"elsewhere add it to the loopback interface (macOS: ifconfig lo0 alias {address})"
        )
    return f"can't listen on {address}:{port}: {error.strerror or error}"
