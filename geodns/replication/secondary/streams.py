"""Connections to primaries over TCP and TLS, and the messages on them."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Self

from geodns.replication.inbound import Limits, Primary, Tls
from geodns.replication.secondary.errors import FutileError, PrimaryError
from geodns.replication.secondary.pins import pin_of

_LENGTH_BYTES = 2


class Stream:
    """One connection; a context that closes it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._idle = idle

    @classmethod
    async def open(cls, primary: Primary, limits: Limits) -> Self:
        """Connect, and find out who answers. Raises FutileError."""
        try:
            async with asyncio.timeout(limits.connect):
                reader, writer = await asyncio.open_connection(
                    primary.address,
                    primary.port,
                    ssl=None if primary.tls is None else _context(primary.tls, _stamp(primary.tls)),
                    server_hostname=_name(primary),
                    local_addr=None if primary.source is None else (primary.source, 0),
                )
        except TimeoutError as error:
            raise FutileError(f"it can't be reached within {limits.connect:g} s") from error
        except ssl.SSLError as error:
            raise FutileError(f"TLS fails: {_reason(error)}") from error
        except OSError as error:
            raise FutileError(f"it can't be reached: {_words(error)}") from error
        stream = cls(reader, writer, limits.idle)
        if primary.tls is not None and primary.tls.pins:
            stream._check_pin(primary.tls)
        return stream

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # The primary may not be there to say goodbye.
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, message: bytes) -> None:
        """Raises PrimaryError."""
        self._writer.write(len(message).to_bytes(_LENGTH_BYTES, "big") + message)
        try:
            async with asyncio.timeout(self._idle):
                await self._writer.drain()
        except OSError as error:  # TimeoutError is one
            raise PrimaryError("it takes no query") from error

    async def receive(self) -> bytes:
        """The next message. Raises PrimaryError."""
        try:
            async with asyncio.timeout(self._idle):
                length = await self._reader.readexactly(_LENGTH_BYTES)
                return await self._reader.readexactly(int.from_bytes(length, "big"))
        except asyncio.IncompleteReadError as error:
            raise PrimaryError("it closes the connection before the end") from error
        except TimeoutError as error:
            raise PrimaryError(f"it sends nothing more for {self._idle:g} s") from error
        except OSError as error:
            raise PrimaryError(f"the connection breaks: {_words(error)}") from error

    def _check_pin(self, tls: Tls) -> None:
        channel = self._writer.get_extra_info("ssl_object")
        certificate = channel.getpeercert(binary_form=True)
        try:
            known = certificate is not None and pin_of(certificate) in tls.pins
        except ValueError:
            known = False
        if not known:
            self._writer.transport.abort()
            raise FutileError("TLS fails: its key is none of those that are pinned")


def _stamp(tls: Tls) -> int:
    """Changes when the authorities do."""
    paths = ssl.get_default_verify_paths()
    where = tls.authority or paths.cafile or paths.capath
    try:
        return 0 if where is None else Path(where).stat().st_mtime_ns
    except OSError:
        return 0  # what is wrong with it will be told when it is read


@lru_cache(maxsize=64)
def _context(tls: Tls, stamp: int) -> ssl.SSLContext:
    """Raises OSError where the file of certificates can't be read.

    To read those of a system takes tens of milliseconds, so it is done once as long as the stamp
    stays.
    """
    del stamp
    context = ssl.create_default_context(cafile=tls.authority)
    # RFC 9103 6: "All implementations of this specification MUST use only TLS 1.3 or later."
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # RFC 9103 7.1: the client offers "dot", so that nobody takes it for a resolver's connection.
    context.set_alpn_protocols(["dot"])
    if tls.pins:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _name(primary: Primary) -> str | None:
    if primary.tls is None:
        return None
    return primary.tls.name or primary.address


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or str(error)).lower().replace("_", " ")


def _words(error: OSError) -> str:
    return error.strerror or str(error) or "it closes the connection"
