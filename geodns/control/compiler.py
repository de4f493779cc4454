"""The compiler process: reads the configuration and writes the image that workers answer from.

``python -m geodns.control.compiler CHANNEL`` forks for each compile that it is asked for. CHANNEL
is an inherited socket (``geodns.control.forking``).
"""

from __future__ import annotations

import gc
import os
import pickle
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dns.name
import dns.rdatatype

from geodns.answer.compile import compile_image
from geodns.answer.copied import CopiedZone
from geodns.answer.image import Image
from geodns.answer.service import States
from geodns.answer.store import read_image, write_image
from geodns.answer.stored import kept_zones
from geodns.config.load import load
from geodns.config.replication import Transfer
from geodns.config.settings import Configuration, with_branches
from geodns.control import stamps
from geodns.control.compiling import frame
from geodns.control.copied_zones import with_listed
from geodns.control.copies_read import copies_read
from geodns.control.forking import serve
from geodns.control.location_cache import embedded, locate
from geodns.control.outcome import Compiled, Loaded, Message, Refused, SourceAge, ZoneSummary
from geodns.control.pairing.content import content
from geodns.control.serials import settle_serials
from geodns.control.store import known_serials
from geodns.control.updated_zones import with_updates
from geodns.errors import GeodnsError
from geodns.geo.errors import GeoError
from geodns.problem import ConfigurationError, Problem
from geodns.replication.comparing import Change, changes
from geodns.zone.content import Zone
from geodns.zone.dynamic import service_of
from geodns.zone.kept import Kept

_MEASURED = re.compile(rb"^measured:\s*['\"]?(\d{4}-\d{2}-\d{2})", re.MULTILINE)
_HEAD = 65536  # bytes of a latency table in which its date is looked for
_MIB = 20  # bits
_NICE = 5  # answers come first: workers share the cores with a compile


def compile_to(
    path: Path,
    image: int,
    tell: Callable[[Message], None],
    states: States = {},  # noqa: B006  never written to
    former: int | None = None,
) -> None:
    """Compile the configuration in ``path`` into a file descriptor; every step is told.

    ``states`` is how available endpoints are now, for what GEO names are transferred as, ``former``
    the file descriptor of the image in use, for what has changed since.
    """
    try:
        begun = time.monotonic()
        # A start goes on from what was in use: what came after may be why the last one ended.
        large = {} if former is None else kept_zones(former)
        configuration, found = load(path, candidate=former is not None, kept=large)
        kept = content(configuration.server.state, candidate=former is not None)
        configuration, hidden = with_updates(configuration, kept.written)
        copied, odd, damaged = copies_read(configuration, time.time())
        configuration = with_listed(configuration, copied)
        loaded = _loaded(configuration, copied, time.monotonic() - begun)
        loaded = replace(loaded, warnings=(*found, *hidden, *odd), damaged=damaged)
        tell(replace(loaded, number=kept.number, candidate=kept.candidate))
        tell(_compile(configuration, copied, image, states, former, kept.serials, large.values()))
    except ConfigurationError as error:
        tell(Refused(error.problems, error.files))
    except GeoError as error:
        tell(Refused((Problem("geoip-unreadable", f"can't be used: {error.reason}", error.file),)))
    except GeodnsError as error:
        tell(Refused((Problem("not-compiled", str(error), path),)))


def _loaded(configuration: Configuration, copied: Sequence[CopiedZone], seconds: float) -> Loaded:
    file = configuration.files[0]
    return Loaded(
        configuration=replace(configuration, zones=(), overlays=(), latency=()),
        warnings=(),
        stamps=stamps.take(configuration.files),
        zones=(
            *(_summary(zone) for zone in configuration.zones),
            *(_copy_summary(zone, file) for zone in copied if zone.nodes is not None),
        ),
        tables=tuple(_table(file) for file in configuration.server.latency),
        seconds=seconds,
        ttls=longest_ttls(configuration),
    )


def longest_ttls(configuration: Configuration) -> dict[str, float]:
    """By service, the longest TTL in seconds of an answer that may name its endpoints."""
    services = configuration.services.services
    longest: dict[str, float] = {}
    for zone in (*configuration.zones, *configuration.overlays):
        for owner, node in zone.steered():
            longest.update(
                (service_of(owner, record.type), float(record.ttl)) for record in node.dynamic
            )
            geo = node.geo
            if geo is None or geo.service not in services:
                continue
            ttl = services[geo.service].longest_ttl if geo.ttl is None else float(geo.ttl)
            for name in with_branches(services, geo.service):
                longest[name] = max(ttl, longest.get(name, 0.0))
    return longest


def _compile(
    configuration: Configuration,
    copied: Sequence[CopiedZone],
    image: int,
    states: States,
    former: int | None,
    followed: Mapping[bytes, int],
    large: Iterable[Kept],
) -> Compiled:
    seconds = {}
    begun = time.monotonic()
    server = configuration.server
    located = locate(server.geoip.databases, server.state)
    seconds["locations"] = time.monotonic() - begun
    begun = time.monotonic()
    compiled = compile_image(configuration, located.locations, copied)
    seconds["compile"] = time.monotonic() - begun
    begun = time.monotonic()
    known = known_serials(server.state)
    serials, warnings = settle_serials(compiled, configuration, known, states, followed, copied)
    seconds["serials"] = time.monotonic() - begun
    begun = time.monotonic()
    changed = {} if former is None else _changes(server.transfer, compiled, former)
    seconds["changes"] = time.monotonic() - begun
    begun = time.monotonic()
    with os.fdopen(image, "r+b", closefd=False) as file:
        write_image(compiled, file)
        file.flush()
        file.seek(0)
        # No worker is ever handed one that can't be read; what was read once is as it was.
        read_image(file, {each.base.id: each.base.nodes for each in large})
    seconds["write"] = time.monotonic() - begun
    return Compiled(located.databases, (*located.warnings, *warnings), seconds, serials, changed)


def _changes(transfer: Transfer, image: Image, former: int) -> dict[bytes, Change]:
    origins = (dns.name.from_wire(apex, 0)[0] for apex in image.zones)
    copied = {name.to_digestable() for name in origins if transfer.allow_of(name.to_text())}
    return changes(former, image, copied, transfer.journal << _MIB)


def _summary(zone: Zone) -> ZoneSummary:
    soa = zone.nodes[zone.origin].rdatasets[dns.rdatatype.SOA][0]
    return ZoneSummary(
        origin=zone.origin.to_text(),
        file=zone.file,
        serial=int(soa.serial),
        names=len(zone.nodes),
        geo=sum(1 for _ in zone.steered()),
        automatic=zone.automatic_serial or zone.is_updated,
    )


def _copy_summary(zone: CopiedZone, file: Path) -> ZoneSummary:
    assert zone.nodes is not None
    return ZoneSummary(
        origin=zone.origin.to_text(),
        file=file,
        serial=zone.serial,
        names=len(zone.nodes.keys() | {name.to_digestable() for name in zone.overlay}),
        geo=len(zone.overlay),
        automatic=bool(zone.overlay),
        copied=True,
    )


def _table(file: Path) -> SourceAge:
    """When a latency table was measured: as it says itself, else when the file was written."""
    try:
        with file.open("rb") as stream:
            found = _MEASURED.search(stream.read(_HEAD))
        made = file.stat().st_mtime
        if found:
            made = datetime.fromisoformat(found[1].decode()).replace(tzinfo=UTC).timestamp()
    except (OSError, ValueError):
        made = 0.0  # gone since it was read: as old as can be
    return SourceAge(str(file), "latency table", made)


def job(request: bytes, files: Sequence[int]) -> None:
    """Compile the configuration in the path that is asked for.

    ``files``: where to say what went wrong, where to put messages (``geodns.control.outcome``) and
    the image, the states, and the image that is in use, if one is.
    """
    words, result, image, states, *former = files
    os.dup2(words, sys.stderr.fileno())
    gc.disable()  # it makes millions of objects, and what is garbage goes with the process
    with os.fdopen(result, "wb") as pipe, os.fdopen(states, "rb") as given:

        def tell(message: Message) -> None:
            pipe.write(frame(message))
            pipe.flush()

        # Only our own parent gives us this file.
        path = Path(os.fsdecode(request))
        compile_to(path, image, tell, pickle.load(given), former[0] if former else None)


def main(channel: int) -> None:
    """Run as the process that compilers are forks of."""
    os.nice(_NICE)
    embedded()  # to expand it takes longer than all else of a small configuration
    # What all forks share is not looked at by their collectors, which would make it theirs.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=channel) as opened:
        serve(opened, job)


if __name__ == "__main__":
    main(int(sys.argv[1]))
