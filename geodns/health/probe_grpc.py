"""The exchange of a ``grpc`` check: one unary call over HTTP/2.

The protocol is https://github.com/grpc/grpc/blob/master/doc/health-checking.md; its two messages
have one field each, so they are taken apart here instead of by generated code.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from geodns.config.values import Address
from geodns.health.kits.grpc import GrpcCheck
from geodns.health.kits.hosts import name_in
from geodns.health.probe import ProbeError, Result, Seen, conclude
from geodns.health.trust import context_for, expiry, with_expiry
from geodns.health.wire import Wire

_MOST_ANSWER = 1024  # bytes of the message; a status takes two
_MOST_READ = 64 * 1024  # bytes of the whole conversation
_CHUNK = 8 * 1024
_STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_CODES = {
    "2": "UNKNOWN",
    "4": "DEADLINE_EXCEEDED",
    "5": "NOT_FOUND: the service is not known",
    "7": "PERMISSION_DENIED",
    "8": "RESOURCE_EXHAUSTED",
    "12": "UNIMPLEMENTED: the server has no health service",
    "13": "INTERNAL",
    "14": "UNAVAILABLE",
    "16": "UNAUTHENTICATED",
}


class GrpcProber:
    """Asks for the health of one service. Raises GeodnsError when ``ca`` can't be read."""

    def __init__(self, check: GrpcCheck, wall: Callable[[], float] = time.time) -> None:
        self._check = check
        self._wall = wall
        self._context = context_for(check, ("h2",)) if check.tls else None

    async def __call__(self, address: Address) -> Result:
        return await conclude(lambda: self._attempt(address), self._check.timeout)

    async def _attempt(self, address: Address) -> Seen:
        check = self._check
        with Wire(address) as wire:
            await wire.connect(check.port, check.connect_timeout)
            tls: ssl.SSLObject | None = None
            if self._context is not None:
                named = name_in(check.authority) if check.authority else str(address)
                tls = await wire.start_tls(self._context, check.server_name or named)
            try:
                status = await _call(wire, check, self._authority(address))
            except h2.exceptions.ProtocolError as error:
                raise ProbeError(f"not valid HTTP/2: {error or type(error).__name__}") from error
        if status != 1:
            raise ProbeError(f"{_STATUSES.get(status, status)}, expected SERVING")
        expires = expiry(tls)
        return Seen(
            with_expiry("SERVING", expires, check.certificate_warning, self._wall()),
            expires=expires,
        )

    def _authority(self, address: Address) -> str:
        host = f"[{address}]" if address.version == 6 else str(address)
        return self._check.authority or f"{host}:{self._check.port}"


async def _call(wire: Wire, check: GrpcCheck, authority: str) -> int:
    connection = h2.connection.H2Connection(
        h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
    )
    connection.initiate_connection()
    headers = [
        (":method", "POST"),
        (":scheme", "https" if check.tls else "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "geodns-health"),
        ("grpc-timeout", f"{max(1, int(check.timeout * 1000))}m"),
    ]
    connection.send_headers(1, headers)
    connection.send_data(1, framed(_question(check.service)), end_stream=True)
    answer, read = _Answer(), 0
    while not answer.ended:
        await wire.send(connection.data_to_send())
        chunk = await wire.receive(_CHUNK)
        read += len(chunk)
        if not chunk:
            raise ProbeError("connection closed before an answer")
        if read > _MOST_READ:
            raise ProbeError("the answer is longer than 64 KiB")
        for event in connection.receive_data(chunk):
            answer.take(event)
    return answer.status()


class _Answer:
    """What has come of the answer."""

    def __init__(self) -> None:
        self.ended = False
        self._headers: dict[str, str] = {}
        self._body = b""

    def take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            self._headers.update((str(name), str(value)) for name, value in event.headers or ())
        elif isinstance(event, h2.events.DataReceived):
            self._body += event.data or b""
            if len(self._body) > _MOST_ANSWER:
                raise ProbeError("the answer is longer than 1 KiB")
        elif isinstance(event, h2.events.StreamEnded):
            self.ended = True
        elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
            raise ProbeError("the server ended the call")

    def status(self) -> int:
        """The health status in the answer. Raises ProbeError where the call failed."""
        http = self._headers.get(":status")
        if http != "200":
            raise ProbeError(f"HTTP {http}, expected 200")
        code = self._headers.get("grpc-status")
        if code != "0":
            said = unquote(self._headers.get("grpc-message", ""))
            known = _CODES.get(code or "", said)
            raise ProbeError(f"gRPC status {code}{f' ({known})' if known else ''}")
        return status_in(self._body)


def framed(message: bytes) -> bytes:
    """A gRPC message: not compressed, then its length in four bytes."""
    return b"\0" + len(message).to_bytes(4) + message


def _question(service: str) -> bytes:
    """HealthCheckRequest: field 1 is the service, a string; an empty one is left out."""
    name = service.encode()
    return b"" if not name else b"\x0a" + _varint(len(name)) + name


def status_in(body: bytes) -> int:
    """The status, field 1 of a HealthCheckResponse; 0 where it is left out. Raises ProbeError."""
    if len(body) < 5 or body[0] != 0 or int.from_bytes(body[1:5]) != len(body) - 5:
        raise ProbeError("not a valid gRPC message")
    message, status, at = body[5:], 0, 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        if tag & 7 == 0:
            value, at = _read_varint(message, at)
            status = value if tag == 0x08 else status
        elif tag & 7 == 2:  # a field of a later version of the protocol
            length, at = _read_varint(message, at)
            at += length
        else:
            raise ProbeError("not a valid health answer")
    if at != len(message):
        raise ProbeError("not a valid health answer")
    return status


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        octet = data[at]
        value |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not octet & 0x80:
            return value, at
    raise ProbeError("not a valid health answer")
