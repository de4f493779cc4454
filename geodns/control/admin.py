"""The admin API: status, metrics and status page over HTTP; changes over the Unix socket alone."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from geodns.control import metrics, order_routes, page, view
from geodns.control.demand import DemandError
from geodns.control.health_push import read_health
from geodns.control.load_push import RefusedError, read_push
from geodns.control.reloader import Reload
from geodns.control.snapshot import Snapshot
from geodns.errors import GeodnsError
from geodns.health.availability import Availability
from geodns.health.status import LoadStatus
from geodns.health.told import HealthReport
from geodns.planning.networks import KINDS, By
from geodns.socket_address import SocketAddress

_MOST_BODY = 4096  # bytes: the largest request is one order with its reason
_MOST_PATH = 107  # bytes: a socket's path has room for 108 with its end (unix(7))
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminError(GeodnsError):
    """The admin API can't listen where the configuration says."""


class Subject(order_routes.Subject, Protocol):
    """What is shown and asked: the control process."""

    async def snapshot(self) -> Snapshot:
        """Everything, now."""

    def availability(self) -> Availability:
        """What every worker was told last."""

    async def demand(self, by: By) -> dict[str, Any]:
        """Queries answered from services, by client. Raises DemandError."""

    def push_load(self, endpoint: str, load: float, seconds: float) -> LoadStatus:
        """Take a load from outside. Raises GeodnsError where nothing can take it."""

    def push_health(self, endpoint: str, report: HealthReport) -> int:
        """Take whether an endpoint serves: of how many targets. Raises GeodnsError."""

    def reload(self, reason: str) -> asyncio.Future[Reload]:
        """Read the configuration anew."""


class Admin:
    """The listening ends of the admin API. ``open`` and ``close`` are called once."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._runners: list[web.AppRunner] = []
        self._socket_file: Path | None = None

    async def open(self, socket_file: Path | None, http: SocketAddress | None) -> str | None:
        """Listen; returns the address of the HTTP side. Raises AdminError.

        The Unix socket is for the owner and the group. A stale one is replaced: the lock on the
        state folder has made sure that no other control process of this configuration runs.
        """
        if socket_file is not None:
            await self._serve(_application(self._subject, may_change=True), _unix(socket_file))
            self._socket_file = socket_file
        if http is None:
            return None
        listening = _tcp(http)
        address = SocketAddress(*listening.getsockname()[:2])
        application = _application(self._subject, may_change=False)
        if ipaddress.ip_address(http.host).is_loopback:
            application.middlewares.append(_own_name_only)
        await self._serve(application, listening)
        return str(address)

    async def close(self) -> None:
        """Stop listening; requests that are being answered get a moment to end."""
        for runner in self._runners:
            await runner.cleanup()
        if self._socket_file is not None:
            self._socket_file.unlink(missing_ok=True)

    async def _serve(self, application: web.Application, listening: socket.socket) -> None:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, listening).start()


def _application(subject: Subject, *, may_change: bool) -> web.Application:
    async def show_metrics(_request: web.Request) -> web.Response:
        # In a thread: with thousands of endpoints, making the text takes too long for the loop.
        text = await asyncio.to_thread(metrics.render, await subject.snapshot())
        return web.Response(body=text, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def show_status(_request: web.Request) -> web.Response:
        snapshot = await subject.snapshot()
        body = await asyncio.to_thread(lambda: view.encode(view.status(snapshot)))
        return web.Response(body=body, content_type="application/json")

    async def show_availability(_request: web.Request) -> web.Response:
        current = subject.availability()
        body = await asyncio.to_thread(lambda: view.encode(view.availability(current)))
        return web.Response(body=body, content_type="application/json")

    async def show_demand(request: web.Request) -> web.Response:
        by = next((kind for kind in KINDS if kind == request.query.get("by", KINDS[0])), None)
        if by is None:
            raise web.HTTPBadRequest(text=f"by is one of {', '.join(KINDS)}\n")
        try:
            body = view.encode(await subject.demand(by))
        except DemandError as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        return web.Response(body=body, content_type="application/json")

    async def show_page(_request: web.Request) -> web.Response:
        snapshot = await subject.snapshot()
        text = await asyncio.to_thread(page.render, snapshot)
        return web.Response(text=text, content_type="text/html")

    async def show_liveness(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def reload(_request: web.Request) -> web.Response:
        result = await subject.reload("admin API")
        body = view.encode(view.reload(result))
        return web.Response(
            body=body, status=200 if result.ok else 422, content_type="application/json"
        )

    async def push_load(request: web.Request) -> web.Response:
        body = await request.read()

        def take() -> dict[str, Any]:
            push = read_push(body)
            told = subject.push_load(push.endpoint, push.load, push.seconds)
            return {"endpoint": push.endpoint, **asdict(told)}

        return _taken(take)

    async def push_health(request: web.Request) -> web.Response:
        body = await request.read()

        def take() -> dict[str, Any]:
            endpoint, report = read_health(body)
            targets = subject.push_health(endpoint, report)
            return {
                "endpoint": endpoint,
                "up": report.up,
                "detail": report.words,
                "targets": targets,
            }

        return _taken(take)

    application = web.Application(client_max_size=_MOST_BODY, middlewares=[_guarded])
    application.router.add_get("/", show_page)
    application.router.add_get("/metrics", show_metrics)
    application.router.add_get("/healthz", show_liveness)
    application.router.add_get("/v1/status", show_status)
    application.router.add_get("/v1/availability", show_availability)
    # Which networks ask is nobody's business but the operator's.
    if may_change:
        application.router.add_get("/v1/demand", show_demand)
        application.router.add_post("/v1/reload", reload)
        application.router.add_post("/v1/load", push_load)
        application.router.add_post("/v1/health", push_health)
        order_routes.add_routes(application.router, subject)
    return application


def _taken(take: Callable[[], dict[str, Any]]) -> web.Response:
    """What a push leads to: its answer, 400 for a body that is none, 422 where nothing takes it."""
    status = 200
    try:
        answer = take()
    except GeodnsError as error:
        status = 400 if isinstance(error, RefusedError) else 422
        answer = {"error": str(error)}
    return web.Response(body=view.encode(answer), status=status, content_type="application/json")


@web.middleware
async def _guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers.update(_HEADERS)
    return response


@web.middleware
async def _own_name_only(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuses names that are not ours on a loopback address.

    A page in the operator's browser can give its own name our address (DNS rebinding) and would
    then be allowed to read what we answer.
    """
    host = request.url.host or ""
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return await handler(request)
    if host == "localhost" or host.endswith(".localhost"):
        return await handler(request)
    raise web.HTTPMisdirectedRequest(text="ask by address, or as localhost\n")


def _unix(file: Path) -> socket.socket:
    length = len(os.fsencode(file))
    if length > _MOST_PATH:
        raise AdminError(
            f"the admin socket {file} can't be made: its path has {length} bytes, a socket's has"
            f" at most {_MOST_PATH}: give admin.socket a shorter one"
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if file.is_socket():
            file.unlink()
        before = os.umask(0o117)  # so that it is never open to others, not even for a moment
        try:
            listening.bind(str(file))
        finally:
            os.umask(before)
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise AdminError(f"the admin socket {file} can't be made: {reason}") from error
    return listening


def _tcp(address: SocketAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise AdminError(
            f"the admin address {address} can't be listened on: {error.strerror}"
        ) from error
    return listening
