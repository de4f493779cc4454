"""Builds an explanation: the engine's own answer, and around it what the answer is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geodns.answer.client import Client, Located
from geodns.answer.compile import steering_of
from geodns.answer.copied import CopiedZone
from geodns.answer.image import Image
from geodns.answer.location import NO_LOCATION
from geodns.answer.resolve import GeoPart
from geodns.answer.resolvers import NO_RESOLVER
from geodns.config.settings import Configuration, Topology, with_branches
from geodns.config.steering import Chain, Preset
from geodns.explain import reply
from geodns.explain.access import judge_access
from geodns.explain.choice import choose, why_scope
from geodns.explain.client import carried, find_client, network_around, with_resolver_row
from geodns.explain.compiled import with_service, zones_image
from geodns.explain.explanation import (
    Answer,
    Asked,
    Choice,
    ClientFinding,
    DatabaseFinding,
    Explanation,
    HealthFinding,
    Ranking,
    ZoneFinding,
)
from geodns.explain.question import Address, Question
from geodns.explain.question import Client as Asker
from geodns.explain.ranking import Ranker
from geodns.explain.standing import Standing, stand
from geodns.explain.ttl import why_ttl
from geodns.explain.whatif import Availabilities
from geodns.explain.zones import find_in_zones
from geodns.geo.locations import Locations
from geodns.steering.clients import Clients
from geodns.steering.mixture import mixed_clients
from geodns.steering.presets import chain_of

_V4, _V6 = 1, 2  # address families (RFC 7871 6)


@dataclass(frozen=True)
class Given:
    """All that an explanation is made from.

    ``locations`` and ``databases`` (what each says of an address) are only called where the answer
    depends on the client. ``copied`` are the zones around the name that come from primaries.
    """

    configuration: Configuration
    health: HealthFinding
    available: Availabilities
    locations: Callable[[], Locations]
    databases: Callable[[Address], Sequence[DatabaseFinding]]
    copied: Sequence[CopiedZone] = ()


@dataclass(frozen=True)
class _Steered:
    """The parts of an explanation that depend on the client."""

    image: Image
    located: Located
    standing: Standing
    client: ClientFinding
    ranking: Ranking
    choice: Choice
    ttl_why: str | None


def explain(given: Given, question: Question) -> Explanation:
    """Why a question is answered as it is. Pure, as far as the callables of ``given`` are."""
    question, notes = _as_the_server_sees(given.configuration, question)
    image = zones_image(given.configuration, question.name, given.copied)
    found = find_in_zones(image, question.name.to_wire() or b"", question.type)
    zone, outcome, more = judge_access(image, found, question.client)
    steered = _steer(given, question, image, outcome.geo) if outcome.geo is not None else None
    client = question.client
    return Explanation(
        asked=Asked(
            question.name.to_text(),
            question.type.name if question.type.name else str(question.type),
            str(client.network if client.subnet else client.address),
            client.subnet,
        ),
        zone=zone,
        health=given.health if steered else None,
        client=steered.client if steered else None,
        ranking=steered.ranking if steered else None,
        choice=steered.choice if steered else None,
        answer=_answer(given, question, steered.image if steered else image, steered),
        notes=(*notes, *more, *_idle_withdrawals(given, zone)),
    )


def _as_the_server_sees(
    configuration: Configuration, question: Question
) -> tuple[Question, tuple[str, ...]]:
    client = question.client
    if not client.subnet or configuration.server.client_subnet.accept:
        return question, ()
    note = (
        "this server ignores client subnets (client_subnet.accept: false), so the address is taken "
        "as the resolver's"
    )
    whole = network_around(client.address, client.address.max_prefixlen)
    return question._replace(client=Asker(whole, subnet=False)), (note,)


def _steer(given: Given, question: Question, draft: Image, part: GeoPart) -> _Steered:
    configuration, address = given.configuration, question.client.address
    locations = given.locations()
    image = with_service(draft, configuration, part.service, locations)
    service = image.services[part.service]
    family = _V4 if address.version == 4 else _V6
    maps = (*image.locations, NO_LOCATION)
    asker = Client(family, int(address), len(maps))
    if not question.client.subnet:
        asker.resolver = image.resolvers.row(family, int(address))
    located = asker.locate(maps, service.location)
    policy = steering_of(configuration, service.name)
    chains = _chains(configuration, service.name)
    by_latency = any(stage.latency is not None for chain in chains for stage in chain)
    rows = configuration.latency if by_latency else ()
    subject = carried(address).address
    client, where = find_client(address, locations, given.databases(subject), policy.prefixes, rows)
    whom = Clients.of_one(where.place, where.prefix_row, policy.prefixes)
    around = network_around(address, located.scope)
    if asker.resolver != NO_RESOLVER:
        row = configuration.resolvers[asker.resolver]
        client, around = with_resolver_row(client, row), row.network
        whom = mixed_clients([row.clients], locations, policy.prefixes)
    standing = stand(service, question.type, located, given.available)
    # A pool may be named like a region, whose title is not the pool's.
    topology = Topology() if service.name in configuration.pools else configuration.topology
    ranking = Ranker(standing, policy, given.available, topology).rank(
        whom,
        _policy(configuration, service.name),
        [stage.name for stage in chains[0]],
        located,
        str(around),
    )
    choice = choose(standing, ranking, located, address)
    ttl_why = why_ttl(service, question.type, located.number, given.available.states(), part.ttl)
    return _Steered(image, located, standing, client, ranking, choice, ttl_why)


def _policy(configuration: Configuration, service: str) -> str:
    steering = configuration.services.services[service].steering
    if isinstance(steering, Preset):
        return steering.name
    return " > ".join(stage.name for stage in steering)


def _chains(configuration: Configuration, service: str) -> list[Chain]:
    """The chain of a service, and then those of its branches."""
    services = configuration.services.services
    return [chain_of(services[each].steering) for each in with_branches(services, service)]


def _answer(given: Given, question: Question, image: Image, steered: _Steered | None) -> Answer:
    states = given.available.states()
    message = reply.ask(image, states, question, stream=True)
    length = reply.scope_length(message)
    scope = None if length is None else str(reply.scope_network(question, length))
    return Answer(
        rcode=reply.rcode_text(message),
        authoritative=reply.is_authoritative(message),
        answer=reply.records(message.answer),
        authority=reply.records(message.authority),
        additional=reply.records(message.additional),
        ttl=min((rrset.ttl for rrset in message.answer), default=None),
        scope=scope,
        scope_why=_why_scope(question, length, steered),
        truncated=reply.is_truncated(reply.ask(image, states, question, stream=False)),
        ttl_why=steered.ttl_why if steered is not None else None,
    )


def _why_scope(question: Question, length: int | None, steered: _Steered | None) -> str:
    if not question.client.subnet:
        return "no client subnet was sent"
    if length is None:
        return "this reply has no client subnet"
    if steered is None:
        return "every client gets this answer"
    source = question.client.network.prefixlen
    return why_scope(steered.standing, steered.located, length, source)


def _idle_withdrawals(given: Given, zone: ZoneFinding) -> list[str]:
    """Says which IDs of --down make no difference, so that nobody concludes from them."""
    by_id: dict[str, bool] = dict.fromkeys(given.available.asked, False)
    services = given.configuration.services.services
    own = with_branches(services, zone.service) if zone.service else []
    for endpoint, id in given.available.withdrawn.items():
        by_id[id] |= endpoint.partition("@")[0] in own
    subject = f"the service {zone.service}" if zone.service else "a service that this name is of"
    return [
        f"--down {id} changes nothing: no endpoint of {subject} is withdrawn by it"
        for id, matters in by_id.items()
        if not matters
    ]
