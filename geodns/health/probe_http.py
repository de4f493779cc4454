"""The ``http`` and ``https`` checks: a request to the address itself, and what must come back."""

from __future__ import annotations

import time
from collections.abc import Callable

from geodns.config.values import Address
from geodns.health.http_answer import Answer
from geodns.health.http_steps import REDIRECTS, Step, first_step
from geodns.health.kits.hosts import name_in
from geodns.health.kits.http import HttpCheck, compiled
from geodns.health.probe import ProbeError, Result, Seen, SeenLoad, conclude, printable
from geodns.health.trust import context_for, expiry, with_expiry
from geodns.health.wire import Wire
from geodns.load.report import LoadError, from_json, from_text, parse_path

_BODY_LIMIT = 64 * 1024  # bytes of the body that are looked at
# identity: a body is searched as it comes, so it must not come compressed.
_HEADERS = {"User-Agent": "geodns-health", "Accept": "*/*", "Accept-Encoding": "identity"}


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
        own = {name.lower() for name, _ in check.headers}
        ours = [(name, text) for name, text in _HEADERS.items() if name.lower() not in own]
        self._headers = "".join(f"{name}: {text}\r\n" for name, text in (*ours, *check.headers))
        self._name: str | None = check.server_name
        if check.host is not None:
            self._name = self._name or name_in(check.host)
        # Made once for each address: taking URLs apart would be half of a probe's work.
        self._first: dict[Address, tuple[Step, bytes]] = {}

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        first = self._first.get(address)
        if first is None:
            step = first_step(self._check, address)
            first = self._first[address] = (step, self._request(step))
        step, request = first
        for left in range(self._check.redirects, -1, -1):
            seen = await self._exchange(address, step, request, may_follow=left > 0)
            if isinstance(seen, Seen):
                return seen
            step, request = seen, self._request(seen)
        raise AssertionError("the last step may not follow")

    def _request(self, step: Step) -> bytes:
        host = step.host if step.host is not None else step.url.host_port_subcomponent
        # RFC 9110 8.6: Content-Length: 0 where the method anticipates content and there is none.
        length = "Content-Length: 0\r\n" if step.method == "POST" else ""
        return (
            f"{step.method} {step.url.raw_path_qs} HTTP/1.1\r\nHost: {host}\r\n"
            f"{self._headers}{length}Connection: close\r\n\r\n"
        ).encode()

    async def _exchange(
        self, address: Address, step: Step, request: bytes, *, may_follow: bool
    ) -> Seen | Step:
        """What one request saw, or where it is redirected to."""
        expires = None
        with Wire(address) as wire:
            await wire.connect(step.url.port or 0, self._check.connect_timeout)
            if step.url.scheme == "https":
                assert self._tls is not None
                name = (self._name or str(address)).rstrip(".")
                expires = expiry(await wire.start_tls(self._tls, name))
            await wire.send(request)
            answer = Answer(wire)
            await answer.take_head(step.method)
            expected = any(low <= answer.status <= up for low, up in self._statuses)
            if may_follow and not expected and answer.status in REDIRECTS:
                return step.after(answer.status, answer.headers.get("location"))
            if not expected:
                raise ProbeError(f"HTTP {answer.status}, expected {self._expected()}")
            load = await self._inspect(answer)
        detail = with_expiry(
            f"HTTP {answer.status}", expires, self._check.certificate_warning, self._wall()
        )
        return Seen(detail, load, expires)

    async def _inspect(self, answer: Answer) -> SeenLoad | None:
        body = bytearray()
        if self._body is not None:
            await self._look_for(self._body, answer, body)
        if self._pattern is not None:
            await self._match(answer, body)
        return None if self._load is None else await self._load_in(answer, body)

    async def _look_for(self, text: bytes, answer: Answer, body: bytearray) -> None:
        """Read on in the body, no further than to the text."""
        chunk = b""
        # Only where it can be new: whoever sends byte by byte must not make us search all again.
        while body.find(text, max(0, len(body) - len(chunk) - len(text) + 1)) < 0:
            chunk = await answer.read(_BODY_LIMIT - len(body))
            if not chunk:
                where = "the first 64 KiB of the body" if len(body) == _BODY_LIMIT else "the body"
                raise ProbeError(f"HTTP {answer.status}, but {where} lacks the expected text")
            body += chunk

    async def _match(self, answer: Answer, body: bytearray) -> None:
        """All that is looked at is read first: a pattern may reach to its end."""
        assert self._pattern is not None
        while chunk := await answer.read(_BODY_LIMIT - len(body)):
            body += chunk
        if self._pattern.search(bytes(body)) is None:
            where = "the first 64 KiB of the body" if len(body) == _BODY_LIMIT else "the body"
            raise ProbeError(
                f"HTTP {answer.status}, but {where} doesn't match {self._check.expect.matches}"
            )

    async def _load_in(self, answer: Answer, body: bytearray) -> SeenLoad:
        """An endpoint that serves is healthy, whatever becomes of the load that it tells."""
        assert self._load is not None
        try:
            if self._path is None:
                header = self._load.header or ""
                return SeenLoad(from_text(answer.headers.get(header.lower()), header))
            while chunk := await answer.read(_BODY_LIMIT + 1 - len(body)):
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
