"""An explanation for people: headings and tables, in colour where the console has any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from geodns.explain.choice import SHARED_BY
from geodns.explain.explanation import (
    Answer,
    Asked,
    Choice,
    ClientFinding,
    EndpointFinding,
    Explanation,
    HealthFinding,
    Ranking,
    Record,
    TierFinding,
    TraitsFinding,
    ZoneFinding,
)
from geodns.explain.tiers import GAP, STYLES, branch_effects, percent, table, tier_table
from geodns.geo.countries import continent_centre, country_centre
from geodns.geo.place import Place

_INDENT = (0, 0, 0, 2)
_SPREADS = {
    "region": "regions before a second of one",
    "none": "several of one AZ may stand together",
}

_Pair = tuple[str, str | Text]


def render(explanation: Explanation) -> Group:
    """The parts in the order in which an answer comes about."""
    parts: list[RenderableType] = [_title(explanation.asked)]
    parts += _section("Zones", _pairs(_zone(explanation.zone)))
    if explanation.client is not None:
        parts += _section("Client", _pairs(_client(explanation.client)))
    if explanation.ranking is not None and explanation.health is not None:
        parts += _ranking(explanation.ranking, explanation.health)
    parts += _section("Answer", *_answer(explanation.answer, explanation.choice))
    if explanation.notes:
        parts += _section("Notes", *(Text(note) for note in explanation.notes))
    return Group(*parts)


def _title(asked: Asked) -> Text:
    whom = "the client subnet" if asked.subnet else "the resolver at"
    return Text.assemble(
        (f"{asked.name} {asked.type}", "bold"), f" for {whom} ", (asked.client, "bold")
    )


def _section(heading: str, *parts: RenderableType) -> list[RenderableType]:
    return [Text(), Text(heading, "bold cyan"), *(Padding(part, _INDENT) for part in parts)]


def _pairs(pairs: Iterable[_Pair]) -> Table:
    grid = Table.grid(padding=GAP)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for key, value in pairs:
        grid.add_row(key, value if isinstance(value, Text) else Text(value))
    return grid


def _zone(zone: ZoneFinding) -> Iterator[_Pair]:
    if zone.zone is not None:
        yield "zone", zone.zone
    for alias in zone.aliases:
        at = f" (at {alias.source})" if alias.source != alias.owner else ""
        yield "alias", f"{alias.owner} {alias.kind}{at} -> {alias.target}"
    if zone.source is not None and zone.source != zone.name:
        yield "wildcard", f"{zone.source} answers for {zone.name}"
    elif zone.source is not None:
        yield "name", zone.name
    yield "says", zone.sentence


def _client(client: ClientFinding) -> Iterator[_Pair]:
    if client.carried_by is not None:
        yield "address", f"{client.address}, carried in the IPv6 address by {client.carried_by}"
    else:
        yield "address", client.address
    for database in client.databases:
        yield "database", f"{database.file}: {database.prefix}: {database.summary}"
    centre = " (the centre of its people)" if _at_a_centre(client.place) else ""
    yield "place", f"{place_words(client.place)}{centre}, in all of {client.prefix}"
    if client.resolver_row is not None:
        parts = ", ".join(f"{percent(part.share)} {part.client}" for part in client.mixture)
        yield "clients", f"{parts}, by the row of resolvers {client.resolver_row}"
    if client.latency_prefix is not None:
        yield "prefix row", f"{client.latency_prefix} of the latency table covers it"
    if client.latency_row is not None:
        yield "latency row", f"{client.latency_row} is the most specific"


def place_words(place: Place) -> str:
    """What is known of a place, the widest first."""
    country = f"{place.country}-{place.subdivision}" if place.subdivision else place.country
    words = [word for word in (place.continent, country, place.city) if word]
    if place.latitude is not None and place.longitude is not None:
        words.append(f"{place.latitude:.2f} {place.longitude:.2f}")
    if place.asn is not None:
        words.append(f"AS{place.asn}")
    return ", ".join(words) or "unknown"


def _at_a_centre(place: Place) -> bool:
    """Whether coordinates are those that a country or continent without any is given."""
    found = (
        country_centre(place.country) if place.country else None,
        continent_centre(place.continent) if place.continent else None,
    )
    return (place.latitude, place.longitude) in [(c.latitude, c.longitude) for c in found if c]


def _ranking(ranking: Ranking, health: HealthFinding) -> list[RenderableType]:
    about: list[_Pair] = [("service", f"{ranking.service}, steering {ranking.steering}")]
    if ranking.chain != (ranking.steering,) and " > " not in ranking.steering:
        about.append(("chain", " > ".join(ranking.chain)))
    traits = _traits(ranking.traits)
    if traits:
        about.append(("answers", traits))
    about += [
        ("class", f"{ranking.class_number} of {ranking.classes}, in all of {ranking.prefix}"),
        ("health", health.sentence),
        *branch_effects(ranking),
    ]
    if ranking.unserved:
        about.append(("when down", f"{percent(ranking.unserved)} get {ranking.when_down}"))
    shown = [endpoint for tier in ranking.tiers for endpoint in _worth_showing(tier)]
    parts: list[RenderableType] = [_pairs(about), Text(), tier_table(ranking)]
    if shown:
        parts += [Text(), _endpoints(shown)]
    return _section("Ranking", *parts)


def _traits(traits: TraitsFinding) -> str:
    """What of the traits is out of the ordinary."""
    words = []
    if traits.answers > 1:
        words.append(f"{traits.answers} addresses at most")
    if not traits.sticky:
        words.append("they take turns")
    if traits.answers > 1 and traits.spread != "availability_zone":
        words.append(_SPREADS[traits.spread])
    if traits.share_by != "weight":
        words.append(f"endpoints share by {SHARED_BY[traits.share_by]}")
    return ", ".join(words)


def _worth_showing(tier: TierFinding) -> list[EndpointFinding]:
    """All endpoints of a tier that is in question; of one that stands by, what is out of order."""
    inside = [each for branch in tier.branches for each in branch.tiers]
    if inside:
        return [endpoint for each in inside for endpoint in _worth_showing(each)]
    if tier.reason is not None or tier.passed_over is not None:
        return list(tier.endpoints)
    return [e for e in tier.endpoints if e.passed_over is not None or e.availability < 1]


def _endpoints(endpoints: Sequence[EndpointFinding]) -> Table:
    found = table(
        [
            ("endpoint", False),
            ("addresses", False),
            ("weight", True),
            ("avail.", True),
            ("share", True),
            ("state", False),
        ]
    )
    for endpoint in endpoints:
        words = endpoint.passed_over if endpoint.passed_over is not None else endpoint.state
        found.add_row(
            Text(endpoint.id),
            Text(", ".join(endpoint.addresses)),
            _weight(endpoint),
            f"{endpoint.availability:g}",
            percent(endpoint.share),
            Text(words, "red" if endpoint.passed_over is not None else ""),
        )
    return found


def _weight(endpoint: EndpointFinding) -> str:
    """Its weight, and what multiplies it."""
    if endpoint.factor == 1:
        return str(endpoint.weight)
    return f"{endpoint.weight} * {endpoint.factor:.2f}"


def _answer(answer: Answer, choice: Choice | None) -> list[RenderableType]:
    flags = "authoritative" if answer.authoritative else "not authoritative"
    pairs: list[_Pair] = [("status", f"{answer.rcode}, {flags}")]
    if choice is not None:
        pairs.append(("reason", Text(choice.reason, STYLES[choice.reason])))
        pairs.append(("why", choice.why))
    if answer.ttl is not None:
        why = f": {answer.ttl_why}" if answer.ttl_why is not None else ""
        pairs.append(("TTL", f"{answer.ttl} s{why}"))
    scope = answer.scope if answer.scope is not None else "none"
    pairs.append(("scope", f"{scope}: {answer.scope_why}"))
    if answer.truncated:
        pairs.append(("UDP", "too long for UDP: truncated there, and whole over TCP"))
    parts: list[RenderableType] = [_pairs(pairs)]
    records = (*answer.answer, *answer.authority, *answer.additional)
    if records:
        parts += [Text(), *map(_record, records)]
    return parts


def _record(record: Record) -> Text:
    return Text(f"{record.owner} {record.ttl} IN {record.type} {record.data}", "bold")
