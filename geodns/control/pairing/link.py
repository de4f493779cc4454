"""A connection between the two servers of a pair: TLS, proven by the secret, with messages."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from geodns.errors import GeodnsError
from geodns.replication.pair.frames import (
    HEAD,
    MOST,
    MOST_UNPROVEN,
    Message,
    PeerError,
    body_size,
    decoded,
    encoded,
)
from geodns.replication.pair.proof import NONCE, Side, Transcript, is_proven, proof

_HANDSHAKE = 5.0  # seconds for TLS and both proofs
_ALPN = "geodns-pair"


class ContextError(GeodnsError):
    """The certificate can't be used."""


class Identity(NamedTuple):
    """Who is at this end, and whom it expects at the other."""

    name: str
    other: str
    secret: bytes


class Link:
    """Messages over an open connection. ``most`` is the largest body that is taken."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._silence = silence
        self._sending = asyncio.Lock()
        self.most = MOST_UNPROVEN

    async def send(self, message: Message) -> None:
        """Send a message. Raises OSError, also where the other side takes nothing any more."""
        async with self._sending:
            self._writer.write(encoded(message))
            async with asyncio.timeout(self._silence):
                await self._writer.drain()

    async def receive(self) -> Message:
        """The next message. Raises PeerError, or OSError where there is none any more or it takes
        too long.
        """
        try:
            # A byte now and then is no sign of life: a message has to be whole in time.
            async with asyncio.timeout(self._silence):
                head = await self._reader.readexactly(HEAD.size)
            size, kind = body_size(head, self.most)
            async with asyncio.timeout(10 * self._silence):
                body = await self._reader.readexactly(size)
        except TimeoutError as error:
            raise OSError(f"it has said nothing for {self._silence:g} seconds") from error
        except asyncio.IncompleteReadError as error:
            raise OSError("the connection was closed") from error
        return decoded(kind, body)

    async def expect(self, type: str) -> dict[str, Any]:
        """The next message, which has to be of this type. Raises PeerError or OSError."""
        message = await self.receive()
        if isinstance(message, bytes) or message["type"] != type:
            raise PeerError(f"something else than a {type} came")
        return message

    def certificate(self) -> bytes:
        """That of the side that was called, in DER, as the one that called sees it."""
        made: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return made.getpeercert(binary_form=True) or b""

    def close(self) -> None:
        """End it at once."""
        self._writer.transport.abort()


def called_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What the side that listens uses. Raises ContextError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_alpn_protocols([_ALPN])
    try:
        made.load_cert_chain(certificate, key, password=b"")
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error
        raise ContextError(f"{certificate} with {key} can't be used: {reason}") from error
    return made


def caller_context() -> ssl.SSLContext:
    """What the side that connects uses: it is the proof that tells who is there."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols([_ALPN])
    return made


def first_certificate(file: Path) -> bytes:
    """The first certificate of a PEM file, in DER. Raises ContextError."""
    end = "-----END CERTIFICATE-----"
    try:
        text = file.read_text(encoding="ascii", errors="replace")
        begin = text.index("-----BEGIN CERTIFICATE-----")
        return ssl.PEM_cert_to_DER_cert(text[begin : text.index(end, begin) + len(end)])
    except (OSError, ValueError) as error:
        raise ContextError(f"{file} has no certificate") from error


async def call(
    host: str, port: int, context: ssl.SSLContext, who: Identity, silence: float
) -> Link:
    """Connect and prove. Raises PeerError or OSError."""
    async with _in_time():
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        link = Link(reader, writer, silence)
        try:
            await _prove_as_caller(link, who)
        except BaseException:
            link.close()
            raise
    return link


async def take(
    connection: Any, context: ssl.SSLContext, certificate: bytes, who: Identity, silence: float
) -> Link:
    """Make of an accepted socket a proven link. Raises PeerError or OSError."""
    async with _in_time():
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=context, ssl_handshake_timeout=_HANDSHAKE
        )
        link = Link(reader, asyncio.StreamWriter(transport, protocol, reader, loop), silence)
        try:
            await _prove_as_called(link, who, certificate)
        except BaseException:
            link.close()
            raise
    return link


def _in_time() -> Any:
    return asyncio.timeout(_HANDSHAKE)


async def _prove_as_caller(link: Link, who: Identity) -> None:
    mine = secrets.token_bytes(NONCE)
    await link.send({"type": "hello", "from": who.name, "to": who.other, "nonce": _text(mine)})
    challenge = await link.expect("challenge")
    seen = Transcript(who.name, who.other, mine, _nonce(challenge), link.certificate())
    # Who calls proves first: who listens can be asked by anybody.
    await link.send({"type": "proof", "proof": _text(proof(who.secret, "caller", seen))})
    _must_prove(who.secret, "called", seen, await link.expect("proof"))
    link.most = MOST


async def _prove_as_called(link: Link, who: Identity, certificate: bytes) -> None:
    hello = await link.expect("hello")
    if (hello.get("from"), hello.get("to")) != (who.other, who.name):
        raise PeerError(f"it is {hello.get('from')!r:.80} and looks for {hello.get('to')!r:.80}")
    mine = secrets.token_bytes(NONCE)
    seen = Transcript(who.other, who.name, _nonce(hello), mine, certificate)
    await link.send({"type": "challenge", "nonce": _text(mine)})
    _must_prove(who.secret, "caller", seen, await link.expect("proof"))
    await link.send({"type": "proof", "proof": _text(proof(who.secret, "called", seen))})
    link.most = MOST


def _must_prove(secret: bytes, side: Side, seen: Transcript, message: dict[str, Any]) -> None:
    if not is_proven(secret, side, seen, _given(message, "proof")):
        raise PeerError("it does not have the secret")


def _nonce(message: dict[str, Any]) -> bytes:
    found = _given(message, "nonce")
    if len(found) != NONCE:
        raise PeerError("its nonce has another length")
    return found


def _given(message: dict[str, Any], name: str) -> bytes:
    try:
        return b64decode(message[name], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise PeerError(f"it sent no {name}") from error


def _text(data: bytes) -> str:
    return b64encode(data).decode()


Clock = Callable[[], float]
