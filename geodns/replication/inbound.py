"""What is between copying zones from primaries and keeping them: types and protocols alone.

The wire (geodns.replication.secondary) asks primaries and receives zones. A keeper keeps them, so
that a restart needs no transfer. Apexes are wire names in lower case, as they are in an image.
Moments are in seconds since 1970, so that they mean the same after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

import dns.tsig

from geodns.config.replication import Peer
from geodns.errors import GeodnsError
from geodns.replication.difference import Difference
from geodns.replication.messages import Record


@dataclass(frozen=True)
class Tls:
    """How a primary proves over TLS who it is (RFC 9103 9.3.1): by a certificate, or by its key.

    With ``pins`` (SHA-256 of a SubjectPublicKeyInfo in DER, RFC 8310 8.2) one of them must be that
    of its key, and nothing else is looked at. Otherwise the certificate must be valid for ``name``
    (None: for its address) by ``authority``, a PEM file of certificates (None: the system's).
    """

    name: str | None = None
    authority: Path | None = None
    pins: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Primary:
    """A server to copy from. ``key`` None: unsigned; ``tls`` None: SOA over UDP, the rest over TCP.

    ``source``: our own address to ask from; None: what the system takes.
    """

    address: str
    port: int
    key: dns.tsig.Key | None = None
    tls: Tls | None = None
    source: str | None = None

    def __str__(self) -> str:
        return (
            f"[{self.address}]:{self.port}"
            if ":" in self.address
            else f"{self.address}:{self.port}"
        )


@dataclass(frozen=True)
class Sources:
    """Where one zone is copied from, in the order to try, and who else may say that it changed."""

    primaries: tuple[Primary, ...]
    notifiers: tuple[Peer, ...] = ()


@dataclass(frozen=True)
class Bounds:
    """The least and the most seconds that an SOA's timers count as, and where there is none yet."""

    refresh: tuple[float, float] = (5, 4 * 7 * 86400)
    retry: tuple[float, float] = (5, 2 * 7 * 86400)
    first: tuple[float, float] = (5, 3600)
    """Between attempts at a zone that was never had: twice as long each time."""


@dataclass(frozen=True)
class Limits:
    """What one transfer may take, and how many there may be at once. Seconds, and bytes of records.

    ``size`` counts records uncompressed, of a whole zone and of differences alike. ``transfers``
    are those at once from all primaries, ``per_primary`` those from one address, which are fewer.
    """

    connect: float = 10
    idle: float = 30
    total: float = 3600
    size: int = 2 * 1024**3
    transfers: int = 10
    per_primary: int = 4
    questions: int = 200
    bounds: Bounds = field(default_factory=Bounds)


class Kept(NamedTuple):
    """What is kept of a zone: its serial and timers, and until when it holds.

    ``checked``: when it was last found to be current. ``expires``: from then on it is not to be
    served. That may be sooner than ``checked + expire`` (RFC 7314). The timers are those of the SOA
    as they stand in it.
    """

    serial: int
    refresh: int
    retry: int
    expire: int
    checked: float
    expires: float


class Whole(NamedTuple):
    """A zone that was received whole: its SOA record and all others, without the SOA.

    Owners are in lower case and in the zone; rdata has no compressed names and can be read as its
    type says. A record may be there twice. ``records`` can be iterated more than once, in any
    thread, for as long as the keeper's call lasts: a large zone is in a file, not in memory.
    """

    soa: Record
    records: Iterable[Record]


class Steps(NamedTuple):
    """What changed since a serial, as differences that follow one another, to the SOA ``soa``.

    Each difference's ``before`` has the serial that the one before it led to, the first has
    ``since``.
    """

    since: int
    soa: Record
    differences: tuple[Difference, ...]


class NotKeptError(GeodnsError):
    """What was received can't be kept: one sentence. Nothing was changed; it is tried again."""


class DoesNotFitError(NotKeptError):
    """Steps that don't fit what is kept: the zone is then received whole."""


class Keeper(Protocol):
    """Keeps the zones, on disk. What it has done survives a crash once it returns.

    The calls of one zone never overlap. All may raise NotKeptError, but for ``kept``.
    """

    def kept(self, apex: bytes) -> Kept | None:
        """What there is of a zone, expired or not; None: nothing. It is quick."""

    async def replace(self, apex: bytes, whole: Whole, checked: float, expires: float) -> None:
        """Keep this zone in place of what there was."""

    async def apply(self, apex: bytes, steps: Steps, checked: float, expires: float) -> None:
        """Change what there is. Raises DoesNotFitError.

        They fit where ``since`` is the serial that is kept, and each record that is removed is
        there (its TTL does not matter). One that is added and is there takes the new TTL. All or
        nothing.
        """

    async def current(self, apex: bytes, checked: float, expires: float) -> None:
        """A primary has confirmed the serial that is kept."""


class Change(StrEnum):
    """What has become of a zone."""

    NEW = "new content"
    EXPIRED = "expired"
    REVIVED = "current again after it had expired"


class Changed(Protocol):
    """Is told in the event loop, after the keeper was."""

    def __call__(self, apex: bytes, change: Change) -> None:
        """This has become of a zone. It is not to raise."""


class Notified(StrEnum):
    """What is made of a NOTIFY message."""

    TAKEN = "taken"
    REFUSED = "refused"
    NOT_OURS = "not ours"


class Progress(NamedTuple):
    """How it is going with one zone, for people. ``now`` is what is being done."""

    apex: bytes
    standing: str
    """never had, current, retrying or expired"""
    now: str
    """waiting, asking or transferring"""
    kept: Kept | None
    due: float
    """When primaries are asked next."""
    primary: str | None
    """Whom it was last copied from or confirmed by, since the start."""
    error: str | None
    """What was wrong when it last failed, and with which primary; None: it did not."""
    failed: int = 0
    """How many checks some primary has failed in, since the start."""


class Follower(Protocol):
    """What geodns.replication.secondary.refreshing.Refreshing offers. In the event loop.

    It is made with ``Refreshing(keeper, changed, clock=..., chance=..., folder=...)``: ``folder``
    has room for the largest zone while it is received.
    """

    def renew(self, zones: Mapping[bytes, Sources], limits: Limits) -> None:
        """Follow these zones from now on, and no others. What stays the same goes on as it was.

        Of a zone that is new here, the keeper is asked; where it has expired meanwhile, ``changed``
        is told of it soon.
        """

    def notified(
        self, apex: bytes, host: str, key: str | None, serial: int | None = None
    ) -> Notified:
        """A NOTIFY came from a host, signed well with a key of this name (None: not signed).

        ``serial`` is that of the SOA in it, if any.
        """

    def refresh(self, apex: bytes, *, whole: bool = False) -> bool:
        """Ask primaries now; ``whole``: copy all, whatever the serial. False: not followed."""

    def is_expired(self, apex: bytes) -> bool:
        """Whether a zone that is followed and kept is not to be served."""

    def status(self) -> tuple[Progress, ...]:
        """How it is going with all zones."""

    async def close(self) -> None:
        """Stop; what is being received is dropped."""
