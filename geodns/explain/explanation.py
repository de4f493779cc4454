"""The parts of an explanation: what was found, in the order in which an answer comes about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from geodns.answer.shares import Reason
from geodns.geo.place import Place

ZoneKind = Literal[
    "service",
    "static",
    "alias",
    "nodata",
    "nxdomain",
    "referral",
    "refused",
    "yxdomain",
    "special",
    "unavailable",
]
"""What a question is in the zones. ``alias``: a chain of aliases that ends outside of the zone, or
goes round in a circle; ``special``: a type that is not looked up in a zone, as AXFR;
``unavailable``: the zone is copied, and there is nothing of it that may be served."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One step of a chain: at ``owner``, a CNAME or DNAME that stands at ``source``, to ``target``.

    ``source`` differs from ``owner`` for a wildcard and for a DNAME.
    """

    owner: str
    kind: Literal["CNAME", "DNAME"]
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class ZoneFinding:
    """What the zones say. ``name`` is where the aliases lead; ``source`` the name that answers.

    ``source`` is None where none does. ``sentence`` says what ``kind`` means here.
    """

    zone: str | None
    kind: ZoneKind
    name: str
    source: str | None
    aliases: tuple[Alias, ...]
    service: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """Where the availability comes from: a running server's present state, or an assumption."""

    source: Literal["live", "assumed"]
    sentence: str


@dataclass(frozen=True, slots=True)
class DatabaseFinding:
    """What one database says: the prefix that holds the address, and the record in words.

    ``record`` is what stands in the file, empty where it says nothing.
    """

    file: str
    prefix: str
    summary: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MixtureFinding:
    """A part of a resolver's clients, by client key, and its share of them."""

    client: str
    share: float


@dataclass(frozen=True, slots=True)
class ClientFinding:
    """Where the client is. ``address`` is what is looked up.

    ``carried_by`` says how an IPv6 address carries it (``NAT64``), None where it stands for itself.
    ``prefix`` is the largest network around the address that has the same place.
    ``latency_prefix`` is the prefix row of the latency tables that covers it, ``latency_row`` the
    row that counts. ``resolver_row`` is the network of the row that says where a resolver's clients
    are, and ``mixture`` what it says: these count in place of the address.
    """

    address: str
    carried_by: str | None
    databases: tuple[DatabaseFinding, ...]
    place: Place
    prefix: str
    latency_prefix: str | None
    latency_row: str | None
    resolver_row: str | None = None
    mixture: tuple[MixtureFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointFinding:
    """One endpoint of a unit. ``addresses`` are those of the type asked for, or a CNAME target.

    ``factor`` multiplies its weight: what it has to spare, or how quick it is. ``share`` is the
    part of the class's clients whose answer names it first. ``passed_over`` is why it gets none,
    None where it is in service.
    """

    id: str
    availability_zone: str
    weight: int
    factor: float
    availability: float
    state: str
    addresses: tuple[str, ...]
    share: float
    passed_over: str | None


@dataclass(frozen=True, slots=True)
class EffectFinding:
    """What one filter of the chain makes of a unit, or of ``branch``, the branch that it is in.

    ``tier`` is where that stands after the filter, from 1; None: it never serves the client.
    """

    filter: str
    words: str
    tier: int | None
    branch: str | None


@dataclass(frozen=True, slots=True)
class UnitFinding:
    """What filters can't tell apart: a region, or an AZ. ``service`` is whose endpoints it has.

    ``cost`` is what it was last sorted by, in ``unit``, nan where unknown; ``source`` says where it
    is from. ``effects`` are those of the filters, in their order. ``share`` is the part of the
    class's clients that it takes.
    """

    name: str
    title: str | None
    service: str
    region: str
    cost: float
    unit: str
    source: str
    effects: tuple[EffectFinding, ...]
    share: float
    endpoints: tuple[EndpointFinding, ...]


@dataclass(frozen=True, slots=True)
class BranchFinding:
    """A part of a tier that ranks its own tiers: a service, or what was given a share.

    ``weight`` is its share next to the others of the tier; ``share`` the part of the class's
    clients that it takes.
    """

    name: str
    weight: float
    share: float
    tiers: tuple[TierFinding, ...]


@dataclass(frozen=True, slots=True)
class TierFinding:
    """What is equally good for the client: units, or else branches with shares.

    ``share`` is the part of the class's clients that it takes, and ``reason`` why it takes any.
    ``passed_over`` is why it can't take any.
    """

    name: str
    share: float
    reason: Reason | None
    passed_over: str | None
    units: tuple[UnitFinding, ...]
    branches: tuple[BranchFinding, ...]

    def all_units(self) -> Iterator[UnitFinding]:
        """Its own, and those within its branches."""
        yield from self.units
        for branch in self.branches:
            for tier in branch.tiers:
                yield from tier.all_units()

    @property
    def endpoints(self) -> tuple[EndpointFinding, ...]:
        """All of them, those within branches too."""
        return tuple(endpoint for unit in self.all_units() for endpoint in unit.endpoints)


@dataclass(frozen=True, slots=True)
class TraitsFinding:
    """What the chain says of answers beside the ranking.

    ``share_by``: how the endpoints of a tier share its clients. ``spread``: what does not stand
    twice in an answer before all else has. ``sticky``: a client keeps its answer, else answers take
    turns. ``answers``: addresses in one answer, at most.
    """

    share_by: str
    spread: str
    sticky: bool
    answers: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The tiers for the client's class, best first.

    ``chain`` are the filters that ``steering`` stands for. ``class_number`` of ``classes``;
    ``prefix`` is the network around the client that is of this class. ``removed`` are units that
    never serve the client, as one of their effects says. ``unserved`` is the share of the class
    that gets what ``when_down`` says.
    """

    service: str
    steering: str
    chain: tuple[str, ...]
    traits: TraitsFinding
    class_number: int
    classes: int
    prefix: str
    tiers: tuple[TierFinding, ...]
    removed: tuple[UnitFinding, ...]
    unserved: float
    when_down: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Why this answer: the reason word, and which of equally good endpoints.

    ``region`` and ``endpoints`` are empty where ``when_down`` answers. ``branches`` lead to the
    tier, the outermost first. ``slot`` is None where all slots have one answer, or take turns.
    """

    reason: Reason
    region: str | None
    branches: tuple[str, ...]
    tier: str | None
    endpoints: tuple[str, ...]
    slot: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a reply, in presentation form."""

    owner: str
    ttl: int
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's reply. ``ttl`` is the lowest of the answer's; ``scope`` a network, None: none.

    ``ttl_why`` says why health makes it shorter than it is while all is stable; None: it doesn't.

    ``truncated`` says whether it is too long for UDP, so that a client comes back over TCP.
    """

    rcode: str
    authoritative: bool
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]
    ttl: int | None
    scope: str | None
    scope_why: str
    truncated: bool
    ttl_why: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as it is explained. ``client`` is a network, or a resolver's address."""

    name: str
    type: str
    client: str
    subnet: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything. The parts that depend on the client are None where the answer does not."""

    asked: Asked
    zone: ZoneFinding
    health: HealthFinding | None
    client: ClientFinding | None
    ranking: Ranking | None
    choice: Choice | None
    answer: Answer
    notes: tuple[str, ...]
