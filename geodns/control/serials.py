"""Gives each zone of a new image the serial that it is served with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import dns.name

from geodns.answer.copied import CopiedZone
from geodns.answer.digest import digest_of, serial_of, with_serial
from geodns.answer.image import Image, RRset, ZoneImage
from geodns.answer.service import States
from geodns.answer.transferred import UNKNOWN_PLACE, Transferred
from geodns.config.settings import Configuration
from geodns.problem import Problem
from geodns.zone.serial import Known, Wanted, newer, served_serial

_SOA = 6


def settle_serials(
    image: Image,
    configuration: Configuration,
    before: Mapping[bytes, Known],
    states: States,
    followed: Mapping[bytes, int] = {},
    copied: Iterable[CopiedZone] = (),
) -> tuple[dict[bytes, Known], tuple[Problem, ...]]:
    """Writes serials into the image: what is served of each zone, by apex, and warnings.

    ``before`` is what was last served, ``states`` how available endpoints are now: what GEO names
    are transferred as depends on it, and is written into the image, too. ``followed`` are those of
    the primary, which a standby serves as they are, unless that is a step back. ``copied`` zones
    keep the serials that they came with, unless something is laid over them.
    """
    names = [_content(service.name, configuration) for service in image.services]
    transfer = configuration.server.transfer
    transferred = Transferred(image, states, str(transfer.client or UNKNOWN_PLACE))
    served: dict[bytes, Known] = {}
    problems: list[Problem] = []

    def settle(compiled: ZoneImage, *, explicit: bool) -> int:
        """The serial that the zone had until here."""
        if transfer.allow_of(dns.name.from_wire(compiled.apex, 0)[0].to_text()):
            compiled.transferred = transferred.of(compiled)
        soa = compiled.nodes[compiled.apex][_SOA]
        assert isinstance(soa, RRset)
        (rdata,) = soa.rdatas
        wanted = Wanted(serial_of(rdata), explicit)
        digest, former = digest_of(compiled, names), before.get(compiled.apex)
        serial = served_serial(wanted, digest, former, configuration.server.serial)
        primary = followed.get(compiled.apex)
        if primary is not None and not (former and newer(former.serial, primary)):
            serial = primary
        compiled.nodes[compiled.apex][_SOA] = RRset(soa.ttl, (with_serial(rdata, serial),))
        served[compiled.apex] = Known(serial, digest)
        return wanted.serial

    for zone in configuration.zones:
        apex = zone.origin.to_digestable()
        explicit = not zone.automatic_serial
        wanted = settle(image.zones[apex], explicit=explicit)
        if explicit and served[apex].serial != wanted and not zone.is_updated:
            problems.append(_behind(zone.file, wanted, served[apex].serial))
    for copy in copied:
        if copy.nodes is not None and copy.overlay:
            settle(image.zones[copy.apex], explicit=True)
        elif copy.nodes is not None:
            # Nothing of it is ours, so it needs no digest.
            served[copy.apex] = Known(copy.serial, b"")
    return served, tuple(problems)


def _content(service: str, configuration: Configuration) -> str:
    """What a name's being tied to a service says; a dynamic record is part of its zone, whole."""
    pools = configuration.pools.get(service)
    return service if pools is None else repr((pools, configuration.services.services[service]))


def _behind(file: Path, wanted: int, serial: int) -> Problem:
    return Problem(
        "serial-behind",
        f"its serial {wanted} is not newer than what was served; {serial} is served",
        file,
        hint=f"write a serial above {serial}, or none: it is automatic then",
        severity="warning",
    )
