"""The state of everything that is checked, with the reason for it: what ``geodns status`` shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

GroupVerdict = Literal["in service", "withdrawn"]


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One address under one check. ``since`` and ``checked`` are seconds since 1970.

    ``checked`` is when the last probe ended; None before the first. ``ok``, ``duration`` (seconds)
    and ``detail`` are of that probe. ``endpoints`` are the ids that rely on this target; for those
    in ``part_for`` it is only a part of their check.
    ``certificate_expires`` is when the certificate last seen does, in seconds since 1970;
    ``certificate_soon``: that is within the check's ``certificate_warning``. ``kept``: the guard
    holds it for up, whatever its state. ``reference``: it tells of the prober itself.
    """

    check: str
    kind: str
    address: str
    state: Literal["unknown", "up", "down"]
    since: float
    ok: bool | None
    checked: float | None
    duration: float | None
    detail: str
    endpoints: tuple[str, ...]
    certificate_expires: float | None = None
    certificate_soon: bool = False
    kept: bool = False
    reference: bool = False
    part_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadStatus:
    """What is known of an endpoint's load and speed, and what follows.

    ``load`` and ``capacity`` are in the endpoint's unit, ``utilisation`` is one over the other;
    ``pushed`` where it did not come from a check. The report is of ``at`` and holds until
    ``until``, seconds since 1970; ``fault`` is why the last answer told none. ``response_time`` is
    that of its checks, smoothed, in seconds. ``availability`` is what shedding leaves of it,
    ``factor`` what multiplies its weight inside its region, by ``share_by``.
    """

    load: float | None = None
    capacity: float | None = None
    utilisation: float | None = None
    pushed: bool = False
    at: float | None = None
    until: float | None = None
    fault: str = ""
    response_time: float | None = None
    availability: float = 1.0
    factor: float = 1.0
    share_by: Literal["weight", "load", "response_time", "equal"] = "weight"


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """One endpoint. ``state`` is its own verdict, or down with an endpoint that it needs;
    ``availability`` counts its AZ and region too.

    ``steady`` is for how many seconds checks can't change its place in the answers; None: no TTL
    follows it, or no check has a say. ``kept``: verdicts are against it, but may not withdraw more.
    """

    id: str
    service: str
    state: Literal["unchecked", "unknown", "up", "down"]
    since: float
    availability: float
    reason: str
    addresses: tuple[tuple[str, bool], ...]
    cname: str | None
    load: LoadStatus = LoadStatus()
    steady: float | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class AvailabilityZoneStatus:
    """One AZ. ``share`` is the part of its ``checked`` endpoints that is healthy, from 0 to 1."""

    name: str
    title: str | None
    state: GroupVerdict
    since: float
    reason: str
    share: float
    checked: int
    endpoints: tuple[EndpointStatus, ...]


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """One region, over all endpoints of its AZs."""

    name: str
    title: str | None
    state: GroupVerdict
    since: float
    reason: str
    share: float
    checked: int
    availability_zones: tuple[AvailabilityZoneStatus, ...]


@dataclass(frozen=True, slots=True)
class GuardStatus:
    """Whether verdicts are frozen, since when (seconds since 1970) and why.

    ``trusted``: a person wants the probes to be believed. ``failing`` of ``up`` targets that are
    believed up fail, ``kept`` are down by their probes and believed up all the same, and
    ``answering`` of ``references`` reference targets answer. ``waiting`` endpoints stay in service
    because verdicts may not withdraw so much at once.
    """

    frozen: bool = False
    since: float | None = None
    reason: str = ""
    trusted: bool = False
    failing: int = 0
    up: int = 0
    kept: int = 0
    answering: int = 0
    references: int = 0
    waiting: int = 0

    @property
    def failing_share(self) -> float:
        """The share of the targets believed up that fail, from 0 to 1."""
        return self.failing / self.up if self.up else 0.0


@dataclass(frozen=True, slots=True)
class Status:
    """Everything, at one moment (``at``, seconds since 1970)."""

    at: float
    generation: int
    regions: tuple[RegionStatus, ...]
    targets: tuple[TargetStatus, ...]
    guard: GuardStatus = GuardStatus()

    def as_dict(self) -> dict[str, Any]:
        """The same as mappings, lists and scalars, ready for JSON."""
        return asdict(self)
