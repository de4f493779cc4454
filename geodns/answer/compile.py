"""Configuration and locations to an image: everything that can be decided ahead of a packet."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping

import dns.name
import dns.rdatatype

from geodns.answer.access import Access
from geodns.answer.classes import Classifier
from geodns.answer.copied import CopiedZone
from geodns.answer.image import (
    GEO,
    BranchImage,
    EndpointImage,
    GeoRRset,
    Image,
    Minimum,
    Node,
    ServiceImage,
    TierImage,
    WhenDown,
    ZoneImage,
)
from geodns.answer.layered import lay_over
from geodns.answer.names import suffixes
from geodns.answer.resolvers import Resolvers
from geodns.config.endpoints import endpoints_of
from geodns.config.settings import (
    Address,
    AllowQuery,
    CnameTarget,
    Configuration,
    Endpoint,
    Https,
    Service,
    with_branches,
)
from geodns.geo.locations import Locations
from geodns.steering.policy import Branching, Policy, Steering
from geodns.steering.ranking import Ranking, Tier
from geodns.steering.units import Candidate
from geodns.zone.content import Node as ZoneNode
from geodns.zone.content import Zone
from geodns.zone.dynamic import service_of
from geodns.zone.wire import WireNodes, sets_of

_ALPN, _PORT, _ECH = 1, 3, 5  # RFC 9460 14.3.2


def compile_image(
    configuration: Configuration, locations: Locations, copied: Iterable[CopiedZone] = ()
) -> Image:
    """The image of a checked configuration. Pure; takes seconds with a city-size database.

    ``copied`` are the zones that come from primaries; their nodes become the image's.
    """
    services = configuration.services.services
    compiler = _Compiler(configuration, locations)
    images = tuple(compiler.service(name, service) for name, service in services.items())
    numbers = {name: number for number, name in enumerate(services)}
    zones = [_zone(zone, numbers, services) for zone in configuration.zones]
    zones += [_copied(zone, numbers, services) for zone in copied]
    _give_access(zones, configuration.server.allow_query)
    return Image(
        {zone.apex: zone for zone in zones},
        images,
        tuple(compiler.classifier.maps),
        Resolvers(row.network for row in configuration.resolvers),
    )


def steering_of(configuration: Configuration, name: str) -> Policy:
    """A service's policy, bound to its endpoints in the order that the image has them in."""
    topology = configuration.topology
    service = configuration.services.services[name]
    if service.branches:
        within = {branch: steering_of(configuration, branch) for branch in service.branches}
        return Branching(service, topology, within, configuration.plans)
    candidates = [
        Candidate(
            placed.id,
            placed.region,
            placed.availability_zone,
            placed.settings.weight,
            placed.settings.priority,
        )
        for placed in endpoints_of(configuration, [name])
    ]
    return Steering(
        service,
        topology,
        candidates,
        configuration.latency,
        configuration.estimate,
        configuration.plans,
    )


class _Compiler:
    """What is made once for many services: location maps, and tables of classes."""

    def __init__(self, configuration: Configuration, locations: Locations) -> None:
        self.configuration = configuration
        distributions = [row.clients for row in configuration.resolvers]
        self.classifier = Classifier(locations, distributions)
        self._tables: dict[int, tuple[dict[Tier, int], tuple[tuple[int, ...], ...]]] = {}

    def service(self, name: str, service: Service) -> ServiceImage:
        policy = steering_of(self.configuration, name)
        location, rankings = self.classifier.classify(policy)
        numbers, classes = self._table(rankings)
        traits = policy.traits
        within = with_branches(self.configuration.services.services, name)
        settings = {each.id: each.settings for each in endpoints_of(self.configuration, within)}
        return ServiceImage(
            name=name,
            answers=traits.addresses or service.answers,
            when_down=_when_down(service),
            endpoints=tuple(_endpoint(each, settings[each.id]) for each in policy.candidates),
            tiers=tuple(_tier(tier, policy, numbers) for tier in numbers),
            classes=classes,
            location=location,
            https=_https(service.https) if service.https is not None else None,
            spread=traits.spread,
            sticky=traits.sticky,
            minimums=self._minimums(name, policy.candidates),
            least_ttl=round(service.least_ttl) if service.least_ttl is not None else None,
        )

    def _minimums(self, name: str, candidates: tuple[Candidate, ...]) -> tuple[Minimum, ...]:
        """Those of a service and of all its branches, the innermost first."""
        services = self.configuration.services.services
        found: dict[Minimum, None] = {}
        for each in sorted(
            with_branches(services, name), key=lambda each: len(with_branches(services, each))
        ):
            least = services[each].min_available
            if least is not None:
                inside = with_branches(services, each)
                of = (candidate.id.partition("@")[0] in inside for candidate in candidates)
                found[Minimum(each, tuple(n for n, own in enumerate(of) if own), least)] = None
        return tuple(found)

    def _table(
        self, rankings: tuple[Ranking, ...]
    ) -> tuple[dict[Tier, int], tuple[tuple[int, ...], ...]]:
        """The distinct tiers by number, those within branches too, and each class in these."""
        if id(rankings) not in self._tables:
            numbers: dict[Tier, int] = {}
            classes = tuple(_numbered(ranking, numbers) for ranking in rankings)
            self._tables[id(rankings)] = numbers, classes
        return self._tables[id(rankings)]


def _numbered(ranking: Ranking, numbers: dict[Tier, int]) -> tuple[int, ...]:
    for tier in ranking:
        for branch in tier.branches:
            _numbered(branch.ranking, numbers)
        numbers.setdefault(tier, len(numbers))
    return tuple(numbers[tier] for tier in ranking)


def _tier(tier: Tier, policy: Policy, numbers: dict[Tier, int]) -> TierImage:
    if not tier.branches:
        endpoints = tuple(at for unit in tier.units for at in policy.units[unit].endpoints)
        return TierImage(" + ".join(policy.units[unit].name for unit in tier.units), endpoints)
    branches = tuple(
        BranchImage(branch.name, branch.share, tuple(numbers[each] for each in branch.ranking))
        for branch in tier.branches
    )
    return TierImage(" + ".join(branch.name for branch in tier.branches), (), branches)


def _https(settings: Https) -> tuple[tuple[int, bytes], ...]:
    """RFC 9460 7.1, 7.2 and RFC 9848: the parameters by key, in wire form."""
    parameters: list[tuple[int, bytes]] = []
    if settings.alpn:
        ids = (bytes((len(id),)) + id.encode("ascii") for id in settings.alpn)
        parameters.append((_ALPN, b"".join(ids)))
    if settings.port is not None:
        parameters.append((_PORT, settings.port.to_bytes(2, "big")))
    if settings.ech is not None:
        parameters.append((_ECH, b64decode(settings.ech)))
    return tuple(parameters)


def _endpoint(candidate: Candidate, endpoint: Endpoint) -> EndpointImage:
    numbered = list(enumerate(endpoint.addresses))
    return EndpointImage(
        id=candidate.id,
        region=candidate.region,
        availability_zone=candidate.availability_zone,
        weight=candidate.weight,
        v4=tuple((n, address.packed) for n, address in numbered if address.version == 4),
        v6=tuple((n, address.packed) for n, address in numbered if address.version == 6),
        cname=wire_name(endpoint.cname) if endpoint.cname is not None else None,
    )


def _when_down(service: Service) -> WhenDown:
    choice = service.when_down
    if isinstance(choice, str):
        return WhenDown(choice)
    if isinstance(choice, CnameTarget):
        return WhenDown("fallback", cname=wire_name(choice.cname))
    return WhenDown("fallback", _packed(choice.addresses, 4), _packed(choice.addresses, 6))


def _packed(addresses: tuple[Address, ...], version: int) -> tuple[bytes, ...]:
    return tuple(address.packed for address in addresses if address.version == version)


def wire_name(text: str) -> bytes:
    """A name as people write it in wire form, its case kept."""
    wire = dns.name.from_text(text).to_wire()
    assert wire is not None  # it is only when written to a file
    return wire


def _zone(
    zone: Zone,
    numbers: dict[str, int],
    settings: dict[str, Service],
) -> ZoneImage:
    apex = zone.origin.to_digestable()
    nodes: dict[bytes, Node] = {}
    found: Mapping[bytes, Node] = nodes
    if zone.kept is not None and isinstance(zone.nodes, WireNodes):
        own = {
            name.to_digestable(): _node(name, content, numbers, settings)
            for name, content in zone.nodes.special.items()
        }
        found = lay_over(zone.kept.base, own, zone.nodes.hidden, apex)
    else:
        for name, content in zone.nodes.items():
            nodes[name.to_digestable()] = _node(name, content, numbers, settings)
        _add_empty(nodes, apex)
    soa = zone.nodes[zone.origin].rdatasets[dns.rdatatype.SOA]
    # RFC 2308 3: the TTL of a negative answer is the lower of the SOA's own and its minimum.
    return ZoneImage(apex, found, min(int(soa.ttl), int(soa[0].minimum)), kept=zone.kept)


def _copied(zone: CopiedZone, numbers: dict[str, int], settings: dict[str, Service]) -> ZoneImage:
    if zone.nodes is None:
        # Of what is in it nothing is known: the engine answers SERVFAIL where there is no SOA.
        return ZoneImage(zone.apex, {}, 0)
    for name, content in zone.overlay.items():
        owner = name.to_digestable()
        own = _node(name, content, numbers, settings)
        zone.nodes[owner] = {**zone.nodes.get(owner, {}), **own}
    _add_empty(zone.nodes, zone.apex)
    # RFC 2308 3, as above; RFC 1035 3.3.13: the minimum is what an SOA ends with.
    minimum = int.from_bytes(zone.soa.rdatas[0][-4:], "big")
    return ZoneImage(zone.apex, zone.nodes, min(zone.soa.ttl, minimum))


def _add_empty(nodes: dict[bytes, Node], apex: bytes) -> None:
    empty: Node = {}
    for owner in list(nodes):
        # RFC 4592 2.2.2: what has something below it exists, even where nothing stands at it.
        for ancestor in suffixes(owner)[1:]:
            if len(ancestor) <= len(apex):
                break
            nodes.setdefault(ancestor, empty)


def _give_access(zones: list[ZoneImage], allow: AllowQuery) -> None:
    named = {wire_name(name).lower(): clients for name, clients in allow.zones.items()}
    for zone in zones:
        clients = named.get(zone.apex, allow.default)
        if clients != "any":
            zone.access = Access.of(() if clients == "none" else clients)


def _node(
    owner: dns.name.Name,
    content: ZoneNode,
    numbers: dict[str, int],
    settings: dict[str, Service],
) -> Node:
    node: Node = dict(sets_of(content))
    geo = content.geo
    if geo is not None:
        service = settings[geo.service]
        ttl = geo.ttl if geo.ttl is not None else round(service.longest_ttl)
        node[GEO] = GeoRRset(numbers[geo.service], ttl)
    for record in content.dynamic:
        node[int(record.type)] = GeoRRset(numbers[service_of(owner, record.type)], record.ttl)
    return node
