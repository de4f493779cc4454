"""The ``http`` and ``https`` checks: a request to the address itself, and what must come back."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import aiohttp
from multidict import CIMultiDict

from geodns.config.values import Address
from geodns.health.connect_limit import connecting_within
from geodns.health.http_steps import REDIRECTS, Step, first_step
from geodns.health.kits.hosts import name_in
from geodns.health.kits.http import HttpCheck, compiled
from geodns.health.probe import ProbeError, Result, Seen, SeenLoad, conclude, printable
from geodns.health.trust import context_for, expiry, with_expiry
from geodns.load.report import LoadError, from_json, from_text, parse_path

_BODY_LIMIT = 64 * 1024  # bytes of the body that are looked at
_RECEIVE_BUFFER = 8 * 1024  # bytes; the kernel doubles it for its own needs
_AGENT = "geodns-health"


class _Response(aiohttp.ClientResponse):
    """Keeps when the certificate of its connection expires: an answer soon lets go of that."""

    expires: float | None = None

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if connection.transport is not None:
            self.expires = expiry(connection.transport.get_extra_info("ssl_object"))
        return await super().start(connection)


class HttpProber:
    """Sends one request over a new connection; redirects are followed as far as allowed.

    The certificate of an ``https`` endpoint is verified against the system's authorities, or those
    in ``ca``, and against ``server_name``, or else ``host``, or else the address. Raises
    GeodnsError when ``ca`` can't be read. ``wall`` gives seconds since 1970.
    """

    def __init__(self, check: HttpCheck, wall: Callable[[], float] = time.time) -> None:
        self._check = check
        self._wall = wall
        self._statuses = status_ranges(check.expect.status)
        self._body = check.expect.body.encode() if check.expect.body else None
        self._pattern = compiled(check.expect.matches) if check.expect.matches else None
        self._load = check.load
        self._path = parse_path(check.load.json) if check.load and check.load.json else None
        self._tls = context_for(check) if check.type == "https" or check.redirects else None
        # identity: a body is searched as it comes, so it must not come compressed.
        self._headers = CIMultiDict(
            {"User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        )
        self._headers.update(check.headers)
        self._name: str | None = check.server_name
        if check.host is not None:
            self._name = self._name or name_in(check.host)

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        try:
            # aiohttp's own limit for connecting counts the TLS handshake too.
            async with connecting_within(self._check.connect_timeout) as watch:
                return await self._exchange(address, watch)
        except aiohttp.ClientConnectorCertificateError as error:
            cause = error.certificate_error
            raise cause if isinstance(cause, OSError) else ProbeError(str(cause)) from error
        except aiohttp.ClientConnectorError as error:
            raise error.os_error from error
        except aiohttp.ServerDisconnectedError as error:
            raise ProbeError("connection closed before an answer") from error
        except aiohttp.ClientResponseError as error:
            raise ProbeError(f"not a valid HTTP answer: {error.message}") from error
        except aiohttp.ClientPayloadError as error:
            raise ProbeError("connection broke off within the body") from error

    async def _exchange(self, address: Address, watch: Callable[[socket.socket], None]) -> Seen:
        # Everything is bounded here: aiohttp refuses header lines over 8 KiB and more than 128 of
        # them, a body is only read as far as it is looked at, and the caller limits the time.
        connector = aiohttp.TCPConnector(
            force_close=True,
            resolver=aiohttp.ThreadedResolver(),
            happy_eyeballs_delay=None,
            socket_factory=lambda info: _socket(info, watch),
        )
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            response_class=_Response,
        ) as session:
            step = first_step(self._check, address)
            for left in range(self._check.redirects, -1, -1):
                seen = await self._request(session, step, may_follow=left > 0)
                if isinstance(seen, Seen):
                    return seen
                step = seen
        raise AssertionError("the last step may not follow")

    async def _request(
        self, session: aiohttp.ClientSession, step: Step, *, may_follow: bool
    ) -> Seen | Step:
        """What one request saw, or where it is redirected to."""
        headers = self._headers if step.host is None else CIMultiDict(self._headers, Host=step.host)
        async with session.request(
            step.method,
            step.url,
            headers=headers,
            allow_redirects=False,
            ssl=self._tls if self._tls is not None else True,
            server_hostname=self._name,
        ) as response:
            try:
                expected = any(low <= response.status <= up for low, up in self._statuses)
                if may_follow and not expected and response.status in REDIRECTS:
                    return step.after(response.status, response.headers.get("Location"))
                load = await self._inspect(response)
            finally:
                response.close()  # don't wait for the rest of the body
        expires = response.expires if isinstance(response, _Response) else None
        detail = with_expiry(
            f"HTTP {response.status}", expires, self._check.certificate_warning, self._wall()
        )
        return Seen(detail, load, expires)

    async def _inspect(self, response: aiohttp.ClientResponse) -> SeenLoad | None:
        if not any(low <= response.status <= high for low, high in self._statuses):
            raise ProbeError(f"HTTP {response.status}, expected {self._expected()}")
        body = bytearray()
        if self._body is not None:
            await self._look_for(self._body, response, body)
        if self._pattern is not None:
            await self._match(response, body)
        return None if self._load is None else await self._load_in(response, body)

    async def _look_for(
        self, text: bytes, response: aiohttp.ClientResponse, body: bytearray
    ) -> None:
        """Read on in the body, no further than to the text."""
        while text not in body:
            chunk = await response.content.read(_BODY_LIMIT - len(body))
            if not chunk:
                where = "the first 64 KiB of the body" if len(body) == _BODY_LIMIT else "the body"
                raise ProbeError(f"HTTP {response.status}, but {where} lacks the expected text")
            body += chunk

    async def _match(self, response: aiohttp.ClientResponse, body: bytearray) -> None:
        """All that is looked at is read first: a pattern may reach to its end."""
        assert self._pattern is not None
        while chunk := await response.content.read(_BODY_LIMIT - len(body)):
            body += chunk
        if self._pattern.search(bytes(body)) is None:
            where = "the first 64 KiB of the body" if len(body) == _BODY_LIMIT else "the body"
            raise ProbeError(
                f"HTTP {response.status}, but {where} doesn't match {self._check.expect.matches}"
            )

    async def _load_in(self, response: aiohttp.ClientResponse, body: bytearray) -> SeenLoad:
        """An endpoint that serves is healthy, whatever becomes of the load that it tells."""
        assert self._load is not None
        try:
            if self._path is None:
                header = self._load.header or ""
                return SeenLoad(from_text(response.headers.get(header), header))
            while chunk := await response.content.read(_BODY_LIMIT + 1 - len(body)):
                body += chunk
            if len(body) > _BODY_LIMIT:
                raise LoadError("the body is longer than 64 KiB")
            return SeenLoad(from_json(bytes(body), self._path))
        except LoadError as error:
            return SeenLoad(None, printable(str(error)))

    def _expected(self) -> str:
        status = self._check.expect.status
        return " or ".join(map(str, status)) if isinstance(status, tuple) else str(status)


def status_ranges(status: int | tuple[int, ...] | str) -> tuple[tuple[int, int], ...]:
    """The statuses of ``expect.status`` as ranges (low, high), both included."""
    texts = map(str, status if isinstance(status, tuple) else (status,))
    parts = (text.partition("-") for text in texts)
    return tuple((int(low), int(high or low)) for low, _, high in parts)


def _socket(info: aiohttp.AddrInfoType, watch: Callable[[socket.socket], None]) -> socket.socket:
    """A socket from which little can be read at once.

    A flood of interim answers (1xx) is parsed a read at a time, with nothing else running.
    """
    made = socket.socket(info[0], info[1], info[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    watch(made)
    return made
