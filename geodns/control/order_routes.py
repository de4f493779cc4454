"""The admin API's part for people: their orders and the event log; over the Unix socket alone."""

from __future__ import annotations

import json
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, get_args

from aiohttp import web

from geodns.control import resetting
from geodns.control.ordering import OrderError, Verb, Wish, read_wish
from geodns.control.pairing.pairing import NotPrimaryError
from geodns.control.view import encode
from geodns.errors import GeodnsError

_MOST_EVENTS = 10_000


class Subject(Protocol):
    """What carries orders out."""

    def order(self, verb: Verb, wish: Wish, author: str) -> dict[str, Any]:
        """Carry out an order. Raises GeodnsError."""

    async def reset(self, wish: resetting.Wish, author: str) -> dict[str, Any]:
        """Drop what dynamic updates wrote. Raises GeodnsError."""

    async def promote(self, author: str, *, force: bool, dry_run: bool) -> dict[str, Any]:
        """Make a standby the primary. Raises GeodnsError."""

    def events(self, since: float, after: int, most: int) -> list[dict[str, Any]]:
        """The event log, in order."""


def add_routes(router: web.UrlDispatcher, subject: Subject) -> None:
    """``POST /v1/drain`` and so on, one for each verb; ``POST /v1/updates/reset`` and
    ``/v1/promote``; ``GET /v1/events``."""
    for verb in get_args(Verb):
        router.add_post(f"/v1/{verb}", _handler(verb, subject))

    async def reset(request: web.Request) -> web.Response:
        try:
            wish = resetting.read_wish(await request.read())
            return _json(await subject.reset(wish, peer(request)))
        except GeodnsError as error:
            return _json({"error": str(error)}, 422)

    async def show_events(request: web.Request) -> web.Response:
        try:
            since = float(request.query.get("since", 0))
            after = int(request.query.get("after", 0))
            most = min(int(request.query.get("most", 1000)), _MOST_EVENTS)
        except ValueError as error:
            raise web.HTTPBadRequest(text="since, after and most are numbers\n") from error
        return _json({"events": subject.events(since, after, most)})

    async def promote(request: web.Request) -> web.Response:
        try:
            force, dry_run = _promotion(await request.read())
            told = await subject.promote(peer(request), force=force, dry_run=dry_run)
        except OrderError as error:
            return _json({"error": str(error)}, 422)
        except GeodnsError as error:
            return _json({"error": str(error)}, 409)
        return _json(told)

    router.add_get("/v1/events", show_events)
    router.add_post("/v1/promote", promote)
    router.add_post("/v1/updates/reset", reset)


def _promotion(body: bytes) -> tuple[bool, bool]:
    """``{"force": false, "dry_run": false}``. Raises OrderError."""
    try:
        data = json.loads(body or b"{}")
        if not data.keys() <= {"force", "dry_run"}:
            raise ValueError
        return bool(data.get("force")), bool(data.get("dry_run"))
    except (AttributeError, ValueError, RecursionError) as error:
        raise OrderError('write {"force": true} and, as needed, "dry_run"') from error


def _handler(verb: Verb, subject: Subject) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            wish = read_wish(await request.read())
            return _json(subject.order(verb, wish, peer(request)))
        except OrderError as error:
            return _json({"error": str(error)}, 422)
        except NotPrimaryError as error:
            return _json({"error": str(error)}, 409)
        except GeodnsError as error:
            return _json({"error": str(error)}, 500)

    return handle


def peer(request: web.Request) -> str:
    """The user at the other end of the Unix socket, as the kernel knows it (unix(7))."""
    connection = request.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return "unknown"
    size = struct.calcsize("3i")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _pid, uid, _gid = struct.unpack("3i", raw)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _json(data: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=encode(data), status=status, content_type="application/json")
