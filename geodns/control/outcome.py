"""What a compiler process tells the control process, one message after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dns.name

from geodns.config.settings import Configuration
from geodns.control.pairing.kept import Candidate
from geodns.control.stamps import Stamps
from geodns.problem import Problem
from geodns.replication.comparing import Change
from geodns.zone.serial import Known


@dataclass(frozen=True)
class ZoneSummary:
    """A DNS zone as the status shows it; ``names`` counts owner names, ``geo`` those tied to a
    service. ``automatic``: its serial is not only what its file says. ``copied``: it comes from a
    primary, and ``file`` says so.
    """

    origin: str
    file: Path
    serial: int
    names: int
    geo: int
    automatic: bool = True
    copied: bool = False

    @property
    def apex(self) -> bytes:
        """The zone's name in wire form, in lower case."""
        return dns.name.from_text(self.origin).to_digestable()


@dataclass(frozen=True)
class SourceAge:
    """A file of data that gets old. ``made`` is seconds since 1970: when its data is from."""

    file: str
    description: str
    made: float


@dataclass(frozen=True)
class Loaded:
    """The configuration was read and is consistent.

    ``configuration`` comes without the content of zones and latency tables, which only the image
    needs. ``stamps`` are those of its files, taken when they had been read. ``tables`` are the
    latency tables. ``number`` and ``candidate`` are those of ``pairing.kept.Content``. ``ttls`` is
    by service the longest TTL, in seconds, of an answer that names its
    endpoints. ``damaged`` are copied zones of which what was kept can't be used.
    """

    configuration: Configuration
    warnings: tuple[Problem, ...]
    stamps: Stamps
    zones: tuple[ZoneSummary, ...]
    tables: tuple[SourceAge, ...]
    seconds: float
    ttls: Mapping[str, float] = field(default_factory=dict)
    number: int = 0
    candidate: Candidate | None = None
    damaged: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Compiled:
    """The image was written. ``seconds`` is how long each step took.

    ``serials`` are those that the zones are served with, by apex in wire form, ``changes`` what is
    new in them since the image before.
    """

    databases: tuple[SourceAge, ...]
    warnings: tuple[Problem, ...]
    seconds: dict[str, float]
    serials: Mapping[bytes, Known] = field(default_factory=dict)
    changes: Mapping[bytes, Change] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """There is no image, for these reasons; a change of one of the files may be the repair."""

    problems: tuple[Problem, ...]
    files: tuple[Path, ...] = ()


Message = Loaded | Compiled | Refused
