"""The ``http`` and ``https`` checks: a request to the address itself, and what must come back."""

from __future__ import annotations

import re
import socket
import ssl
from functools import lru_cache
from ipaddress import IPv6Address
from pathlib import Path

import aiohttp

from geodns.config.settings import Address, HttpCheck
from geodns.errors import GeodnsError
from geodns.health.probe import ProbeError, Result, Seen, SeenLoad, conclude, describe, printable
from geodns.load.report import LoadError, from_json, from_text, parse_path

_BODY_LIMIT = 64 * 1024  # bytes of the body that are looked at
_RECEIVE_BUFFER = 8 * 1024  # bytes; the kernel doubles it for its own needs
_AGENT = "geodns-health"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]+)(?::\d+)?")


class HttpProber:
    """Sends one request over a new connection; redirects are not followed.

    The certificate of an ``https`` endpoint is verified against the system's authorities, or those
    in ``ca``, and against ``host``, or else the address. Raises GeodnsError when ``ca`` can't be
    read.
    """

    def __init__(self, check: HttpCheck) -> None:
        self._check = check
        self._statuses = status_ranges(check.expect.status)
        self._body = check.expect.body.encode() if check.expect.body else None
        self._load = check.load
        self._path = parse_path(check.load.json) if check.load and check.load.json else None
        self._tls = _trust(check) if check.type == "https" else None
        # identity: a body is searched as it comes, so it must not come compressed.
        self._headers = {"User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._name: str | None = None
        if check.host is not None:
            self._headers["Host"] = check.host
            match = _HOST.fullmatch(check.host)
            self._name = match[1].strip("[]") if match else check.host

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        try:
            return await self._exchange(address)
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

    async def _exchange(self, address: Address) -> Seen:
        # Everything is bounded here: aiohttp refuses header lines over 8 KiB and more than 128 of
        # them, a body is only read as far as it is looked at, and the caller limits the time.
        connector = aiohttp.TCPConnector(
            force_close=True,
            resolver=aiohttp.ThreadedResolver(),
            happy_eyeballs_delay=None,
            socket_factory=_socket,
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            ) as session,
            session.request(
                self._check.method,
                self._url(address),
                headers=self._headers,
                allow_redirects=False,
                ssl=self._tls if self._tls is not None else True,
                server_hostname=self._name,
            ) as response,
        ):
            try:
                load = await self._inspect(response)
            finally:
                response.close()  # don't wait for the rest of the body
        return Seen(f"HTTP {response.status}", load)

    async def _inspect(self, response: aiohttp.ClientResponse) -> SeenLoad | None:
        if not any(low <= response.status <= high for low, high in self._statuses):
            raise ProbeError(f"HTTP {response.status}, expected {self._expected()}")
        body = bytearray()
        if self._body is not None:
            await self._look_for(self._body, response, body)
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

    def _url(self, address: Address) -> str:
        host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        port = self._check.port or (443 if self._check.type == "https" else 80)
        return f"{self._check.type}://{host}:{port}{self._check.path}"

    def _expected(self) -> str:
        status = self._check.expect.status
        return " or ".join(map(str, status)) if isinstance(status, tuple) else str(status)


def status_ranges(status: int | tuple[int, ...] | str) -> tuple[tuple[int, int], ...]:
    """The statuses of ``expect.status`` as ranges (low, high), both included."""
    texts = map(str, status if isinstance(status, tuple) else (status,))
    parts = (text.partition("-") for text in texts)
    return tuple((int(low), int(high or low)) for low, _, high in parts)


def _socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """A socket from which little can be read at once.

    A flood of interim answers (1xx) is parsed a read at a time, with nothing else running.
    """
    made = socket.socket(info[0], info[1], info[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return made


def _trust(check: HttpCheck) -> ssl.SSLContext:
    try:
        file = check.ca or ssl.get_default_verify_paths().cafile
        return _context(check.ca, Path(file).stat().st_mtime_ns if file else 0)
    except OSError as error:
        raise GeodnsError(
            f"{check.ca}: the authorities to trust can't be read: {describe(error)}"
        ) from error


@lru_cache(maxsize=32)
def _context(authorities: Path | None, changed: int) -> ssl.SSLContext:  # noqa: ARG001  a key
    """Reading the system's authorities takes 35 ms: once, not for every check of every reload."""
    return ssl.create_default_context(cafile=authorities)
