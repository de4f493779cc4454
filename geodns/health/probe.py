"""What a probe is: one look at one address, and what it saw."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from geodns.config.values import Address

_STALL = 0.5  # seconds by which a limit may be late before the event loop is to blame
_MOST_DETAIL = 157  # with three dots, 160: one line of a terminal beside what else stands there
_OUR_FAULTS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_IN_SHORT = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ETIMEDOUT: "connection timed out",
}


class SeenLoad(NamedTuple):
    """The load that an answer told, in the endpoint's unit; None: none, ``fault`` says why."""

    load: float | None
    fault: str = ""


class Seen(NamedTuple):
    """What a successful attempt saw: one short sentence, and the load where it was asked for.

    ``expires`` is when the certificate shown does, in seconds since 1970; None: there was none.
    """

    detail: str
    load: SeenLoad | None = None
    expires: float | None = None


class Result(NamedTuple):
    """What one probe saw. ``duration`` is in seconds, ``detail`` one short sentence for people.

    ``conclusive`` is False when the fault was on our side (no file descriptor left, an event loop
    that stood still): such a result judges nobody. ``load`` is None where the check doesn't ask for
    it, or failed. ``expires`` is when the certificate does, in seconds since 1970.
    """

    ok: bool
    duration: float
    detail: str
    conclusive: bool = True
    load: SeenLoad | None = None
    expires: float | None = None


class Prober(Protocol):
    """Probes addresses under one check. Never raises, except for its own cancellation."""

    async def __call__(self, address: Address) -> Result:
        """Probe one address once, within the timeout of the check."""


class Observation(NamedTuple):
    """A finished probe, for metrics. ``kind`` is the type of the check (``http``, ``tcp``)."""

    kind: str
    check: str
    address: str
    ok: bool
    duration: float


class ProbeError(Exception):
    """The endpoint answered wrongly or not at all; the message is the detail of the Result."""


class NotProbedError(Exception):
    """The fault is on our side; the message says what it is. It judges nobody."""


async def conclude(attempt: Callable[[], Awaitable[Seen]], timeout: float) -> Result:
    """Run one attempt to its Result; ``timeout``, in seconds, is for all of it.

    An attempt returns what it saw, as a success, or raises ProbeError, an OSError or, faced with
    an endpoint that nobody foresaw, anything else.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            seen = await attempt()
        return Result(True, loop.time() - start, seen.detail, load=seen.load, expires=seen.expires)
    except Exception as error:  # noqa: BLE001  whatever a hostile endpoint provokes is a failure of it
        duration = loop.time() - start
        if limit.expired():
            return _timed_out(duration, timeout)
        if isinstance(error, NotProbedError):
            return Result(False, duration, printable(f"not probed: {error}"), conclusive=False)
        if isinstance(error, OSError) and error.errno in _OUR_FAULTS:
            return Result(False, duration, f"not probed: {describe(error)}", conclusive=False)
        return Result(False, duration, describe(error))


def _timed_out(duration: float, timeout: float) -> Result:
    if duration > timeout + _STALL:
        # The limit was served late, so the answer may have been waiting in the socket.
        stood = duration - timeout
        return Result(
            False, duration, f"not probed: this process stood still for {stood:.1f} s", False
        )
    return Result(False, duration, f"no answer in {timeout:g} s")


def describe(error: BaseException) -> str:
    """An error as one short sentence, safe to print whatever the endpoint put into it."""
    if isinstance(error, ProbeError):
        return printable(str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return printable(error.verify_message or "certificate is not valid")
    if isinstance(error, ssl.SSLError):
        return printable(f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}")
    if isinstance(error, OSError) and error.errno is not None:
        reason = os.strerror(error.errno)
        return _IN_SHORT.get(error.errno) or reason[:1].lower() + reason[1:]
    return printable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def printable(text: str) -> str:
    """At most 160 characters of the text's first line, anything unprintable replaced."""
    line = text.split("\n", 1)[0].strip().rstrip(".")
    kept = "".join(char if char.isprintable() else "?" for char in line[:_MOST_DETAIL])
    return f"{kept}..." if len(line) > _MOST_DETAIL else kept
