"""What of regions, AZs and endpoints needs an eye, in few lines: terminal and page draw it. Pure.

What is well is counted, what is not well is told with its reason. Everything is made from the
status as ``geodns.control.view.status`` and the admin API give it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from geodns.control.age import age

_NO_TARGETS: tuple[dict[str, Any], ...] = ()


class Tone(IntEnum):
    """How something stands; the highest of several counts."""

    WELL = 0
    WAITING = 1  # for a first result
    PART = 2  # in the answers, but not with all it has, or about to be
    BAD = 3  # not in the answers


@dataclass(frozen=True)
class Line:
    """One endpoint, or several of one AZ of which the same is to be said.

    ``where`` are addresses or the CNAME target; ``since`` is seconds since 1970, None where the AZ
    or region above it says since when. ``milliseconds`` is the slowest of the last probes, None
    where there was none.
    """

    services: tuple[str, ...]
    where: tuple[str, ...]
    tone: Tone
    state: str
    reason: str
    since: float | None
    milliseconds: float | None


@dataclass(frozen=True)
class ZoneGlance:
    """One availability zone. ``lines`` has one entry per endpoint, ``trouble`` what isn't well."""

    name: str
    title: str
    tone: Tone
    state: str
    reason: str
    since: float
    lines: tuple[Line, ...]
    trouble: tuple[Line, ...]

    @property
    def milliseconds(self) -> float | None:
        """The slowest of the last probes."""
        return _slowest(line.milliseconds for line in self.lines)


@dataclass(frozen=True)
class RegionGlance:
    """One region, over its availability zones."""

    name: str
    title: str
    tone: Tone
    state: str
    reason: str
    since: float
    zones: tuple[ZoneGlance, ...]

    @property
    def endpoints(self) -> int:
        """How many it has."""
        return sum(len(zone.lines) for zone in self.zones)

    @property
    def milliseconds(self) -> float | None:
        """The slowest of the last probes."""
        return _slowest(zone.milliseconds for zone in self.zones)


def regions(status: dict[str, Any]) -> tuple[RegionGlance, ...]:
    """Every region, the worst first, else in the order of the configuration."""
    health = status["health"]
    targets: dict[str, list[dict[str, Any]]] = {}
    for target in health["targets"]:
        for id in target["endpoints"]:
            targets.setdefault(id, []).append(target)
    found = (_region(region, targets, status["at"]) for region in health["regions"])
    return tuple(sorted(found, key=lambda region: -region.tone))


def _region(
    region: dict[str, Any], targets: Mapping[str, Iterable[dict[str, Any]]], now: float
) -> RegionGlance:
    zones = tuple(_zone(zone, region, targets, now) for zone in region["availability_zones"])
    if region["state"] == "withdrawn":
        tone = _withdrawn(region)
    else:  # with an AZ left, a region still answers
        tones = [zone.tone for zone in zones]
        left = not zones or any(tone < Tone.BAD for tone in tones)
        tone = min(max(tones, default=Tone.WELL), Tone.PART if left else Tone.BAD)
    return RegionGlance(
        region["name"],
        region["title"] or "",
        tone,
        region["state"],
        region["reason"],
        region["since"],
        zones,
    )


def _zone(
    zone: dict[str, Any],
    region: dict[str, Any],
    targets: Mapping[str, Iterable[dict[str, Any]]],
    now: float,
) -> ZoneGlance:
    above = next((group for group in (region, zone) if group["state"] == "withdrawn"), None)
    with_it = "" if above is None else f"with the {'region' if above is region else 'AZ'}"
    lines = tuple(
        _line(endpoint, targets.get(endpoint["id"], _NO_TARGETS), with_it)
        for endpoint in zone["endpoints"]
    )
    tone = max((line.tone for line in lines), default=Tone.WELL)
    if zone["state"] == "withdrawn":
        tone = _withdrawn(zone)
    elif lines and not with_it and any(line.tone < Tone.BAD for line in lines):
        tone = min(tone, Tone.PART)
    return ZoneGlance(
        zone["name"],
        zone["title"] or "",
        tone,
        zone["state"],
        zone["reason"],
        zone["since"],
        lines,
        tuple(_alike((line for line in lines if line.tone is not Tone.WELL), now)),
    )


def _withdrawn(group: dict[str, Any]) -> Tone:
    """With all endpoints healthy it waits for its hold time only: it is on its way back."""
    return Tone.PART if group["share"] == 1 else Tone.BAD


def _line(endpoint: dict[str, Any], targets: Iterable[dict[str, Any]], with_it: str) -> Line:
    probed = [target for target in targets if target["checked"] is not None]
    # Nothing took any time where the state was told, or follows from others.
    durations = [target["duration"] for target in probed if target["duration"]]
    # A part of its check decides nothing by itself.
    probed = [target for target in probed if endpoint["id"] not in target.get("part_for", ())]
    down = [target for target in probed if target["state"] == "down" and not target["kept"]]
    every = tuple(address for address, _ in endpoint["addresses"]) or (endpoint["cname"] or "",)
    line = Line(
        (endpoint["service"],),
        every,
        Tone.WELL,
        endpoint["state"],
        "" if endpoint["state"] == "up" else endpoint["reason"],
        endpoint["since"],
        max(durations) * 1000 if durations else None,
    )
    if endpoint["kept"] and endpoint["availability"] > 0:
        reason = endpoint["reason"]
        return replace(line, tone=Tone.PART, state="kept in service", reason=reason, since=None)
    if endpoint["state"] == "down" and endpoint["availability"] > 0:  # by a person's order
        reason = endpoint["reason"]
        return replace(line, tone=Tone.PART, state="forced up", reason=reason, since=None)
    if endpoint["state"] == "down":
        # With an address that is well, it is down for the lack of what it needs.
        alone = not any(ok for _, ok in endpoint["addresses"])
        where = tuple(target["address"] for target in down if alone) or every
        reason = (alone and _details(down)) or endpoint["reason"]
        return replace(line, where=where, tone=Tone.BAD, reason=reason)
    if endpoint["availability"] == 0 and with_it:
        since = endpoint["since"] if endpoint["state"] == "up" else None
        reason = f"passed over {with_it}"
        return replace(line, tone=Tone.PART, reason=reason, since=since)
    return _in_its_own_right(endpoint, line, probed, down)


def _in_its_own_right(
    endpoint: dict[str, Any], line: Line, probed: list[dict[str, Any]], down: list[dict[str, Any]]
) -> Line:
    """An endpoint that is not down, in an AZ and a region that are in service."""
    share = endpoint["availability"]
    if endpoint["state"] == "unknown" and not share:
        return replace(line, tone=Tone.WAITING, state="withheld", reason=endpoint["reason"])
    if share < 1:
        state = f"{share:.0%} in service" if share else "out of service"
        tone = Tone.PART if share else Tone.BAD
        return replace(line, tone=tone, state=state, reason=endpoint["reason"])
    if down:
        where = tuple(target["address"] for target in down)
        since = min(target["since"] for target in down)
        state = f"in service without {'this address' if len(down) == 1 else 'these addresses'}"
        return replace(
            line, where=where, tone=Tone.PART, state=state, reason=_details(down), since=since
        )
    kept = [target for target in probed if target["kept"]]
    if kept:
        where = tuple(target["address"] for target in kept)
        state = "kept in service, though down by its checks"
        return replace(line, where=where, tone=Tone.PART, state=state, reason=_details(kept))
    failing = [target for target in probed if target["ok"] is False]
    if failing:
        where = tuple(target["address"] for target in failing)
        reason = f"last check: {_details(failing)}"
        return replace(line, where=where, tone=Tone.PART, reason=reason)
    if endpoint["state"] == "unknown":
        return replace(line, tone=Tone.WAITING)
    return line


def _details(targets: Iterable[dict[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(target["detail"] for target in targets))


def _alike(lines: Iterable[Line], now: float) -> Iterable[Line]:
    """Endpoints of which the same is to be said in one line, with all their addresses."""
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        said = None if line.since is None else age(now - line.since)
        groups.setdefault((line.tone, line.state, line.reason, said), []).append(line)
    for group in groups.values():
        yield replace(
            group[0],
            services=tuple(service for line in group for service in line.services),
            where=tuple(dict.fromkeys(place for line in group for place in line.where)),
            milliseconds=_slowest(line.milliseconds for line in group),
        )


def _slowest(durations: Iterable[float | None]) -> float | None:
    return max((duration for duration in durations if duration is not None), default=None)
