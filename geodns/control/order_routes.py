"""The admin API's part for people: their orders and the event log; over the Unix socket alone."""

from __future__ import annotations

import json
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, get_args

from aiohttp import web

from geodns.control import refresh_order, resetting
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

    def refresh(self, wish: refresh_order.Wish, author: str) -> dict[str, Any]:
        """Ask the primaries of a zone now. Raises GeodnsError."""

    async def use_own_files(self, author: str, *, dry_run: bool) -> dict[str, Any]:
        """Have a primary go back to the files of its server file. Raises GeodnsError."""

    async def promote(self, author: str, *, force: bool, dry_run: bool) -> dict[str, Any]:
        """Make a standby the primary. Raises GeodnsError."""

    def events(self, since: float, after: int, most: int) -> list[dict[str, Any]]:
        """The event log, in order."""


def add_routes(router: web.UrlDispatcher, subject: Subject) -> None:
    """``POST /v1/drain`` and so on, one for each verb; ``POST /v1/updates/reset``,
    ``/v1/secondary/refresh`` and ``/v1/promote``; ``GET /v1/events``."""
    for verb in get_args(Verb):
        router.add_post(f"/v1/{verb}", _handler(verb, subject))

    async def reset(request: web.Request) -> web.Response:
        try:
            wish = resetting.read_wish(await request.read())
            return _json(await subject.reset(wish, peer(request)))
        except GeodnsError as error:
            return _json({"error": str(error)}, 422)

    async def refresh(request: web.Request) -> web.Response:
        try:
            wish = refresh_order.read_wish(await request.read())
            return _json(subject.refresh(wish, peer(request)))
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
            wish, author = _promotion(await request.read()), peer(request)
            if wish.own_files:
                return _json(await subject.use_own_files(author, dry_run=wish.dry_run))
            told = await subject.promote(author, force=wish.force, dry_run=wish.dry_run)
        except OrderError as error:
            return _json({"error": str(error)}, 422)
        except GeodnsError as error:
            return _json({"error": str(error)}, 409)
        return _json(told)

    router.add_get("/v1/events", show_events)
    router.add_post("/v1/promote", promote)
    router.add_post("/v1/secondary/refresh", refresh)
    router.add_post("/v1/updates/reset", reset)


class _Promotion(NamedTuple):
    force: bool = False
    dry_run: bool = False
    own_files: bool = False


def _promotion(body: bytes) -> _Promotion:
    """``{"force": false, "dry_run": false, "own_files": false}``. Raises OrderError."""
    try:
        data = json.loads(body or b"{}")
        return _Promotion(**{name: bool(value) for name, value in data.items()})
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise OrderError('write {} and, as needed, "force", "dry_run", "own_files"') from error


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
