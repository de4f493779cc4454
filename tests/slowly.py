"""Steering as the documentation of the settings tells it, written down slowly and directly.

One client, one endpoint at a time, in plain Python: what the vectorised filters, the compiled image
and the engine are compared with. Nothing here is theirs; settings and places are data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any, NamedTuple

from geodns.config.settings import Configuration, Service
from geodns.config.steering import LatencyFilter, NearestFilter, Preset, Weight
from geodns.geo.countries import continent_centre, country_centre
from geodns.geo.place import Place


class Item(NamedTuple):
    """An endpoint, or a branch (then ``az`` and ``region`` are its name).

    ``at`` is its region's position in the file, and ``unit`` what can't be told from it.
    """

    id: str
    region: str
    az: str
    weight: int
    priority: int
    at: int
    unit: Any = None


class Group(NamedTuple):
    """A tier: endpoints by weight, or parts with shares that have tiers of their own."""

    endpoints: tuple[Item, ...] = ()
    parts: tuple[tuple[str, float, tuple[Group, ...]], ...] = ()


class Client(NamedTuple):
    address: IPv4Address | IPv6Address
    place: Place


# --- who a client is --------------------------------------------------------------------------


def carried(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address embeds: mapped, NAT64, 6to4, Teredo; else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in ip_network("64:ff9b::/96"):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def matching(keys: Collection[str], client: Client) -> list[str]:
    """The keys that match, the most specific first; of prefixes only the longest."""
    place, found = client.place, []
    address = carried(client.address)
    prefixes = [
        ip_network(key)
        for key in keys
        if "/" in key and ip_network(key).version == address.version and address in ip_network(key)
    ]
    if prefixes:
        found.append(str(max(prefixes, key=lambda network: network.prefixlen)))
    country, continents = place.country, ("AF", "AN", "AS", "EU", "NA", "OC", "SA")
    asn = f"AS{place.asn}" if place.asn else None
    names: list[str | None] = [f"{asn}-{country}" if asn and country else None, asn]
    # Databases differ on which continent some countries are: only the country counts.
    names += [f"{c}-{country}-{place.subdivision}" for c in continents if place.subdivision]
    names += [f"{continent}-{country}" for continent in continents]
    names += [place.continent, "default"]
    return found + [name for name in names if name is not None and name in keys]


# --- what things cost -------------------------------------------------------------------------


def kilometres(client: Client, to: tuple[float, float]) -> float:
    place = client.place
    if place.latitude is not None and place.longitude is not None:
        here = place.latitude, place.longitude
    else:
        centre = country_centre(place.country or "") or continent_centre(place.continent or "")
        if centre is None:
            return math.inf
        here = centre.latitude, centre.longitude
    (phi1, lambda1), (phi2, lambda2) = (tuple(map(math.radians, point)) for point in (here, to))
    half = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin((lambda2 - lambda1) / 2) ** 2
    )
    return 2 * 6371.0088 * math.asin(min(1, math.sqrt(half)))


class Evaluation:
    """One client's tiers of one configuration's services. An infinite cost is an unknown one."""

    def __init__(self, configuration: Configuration, client: Client) -> None:
        self.configuration = configuration
        self.client = client

    def tiers(self, name: str) -> tuple[Group, ...]:
        """The tiers of a service, best first."""
        service = self.configuration.services.services[name]
        chain = _chain(service)
        items = list(self._branches(service) if service.branches else self._endpoints(name, chain))
        tiers = [items] if items else []
        shares: dict[str, float] = {}
        for kind, options in chain:
            stage: Callable[..., Any] | None = getattr(self, f"_{kind}", None)
            if kind == "weight" and options.of:
                tiers = _weighed(tiers, options, items, shares)
            elif kind in ("latency", "nearest", "cost"):
                cost = getattr(self, f"_cost_of_{kind}")
                costs = {item.id: cost(options, item) for item in items}
                tiers = _sorted(tiers, costs, options.within, shares)
            elif stage is not None and kind != "weight":
                tiers = stage(tiers, options)
            tiers = [tier for tier in tiers if tier]
        if service.branches:
            return self._joined(service, tiers, shares)
        if any(kind == "weight" and options.by == "equal" for kind, options in chain):
            tiers = [[item._replace(weight=1) for item in tier] for tier in tiers]
        return tuple(_group(tier, shares) for tier in tiers)

    def _endpoints(self, name: str, chain: Sequence[tuple[str, Any]]) -> Iterator[Item]:
        alone, by_priority = set(_named(chain)), any(kind == "priority" for kind, _ in chain)
        for at, (region, settings) in enumerate(self.configuration.topology.regions.items()):
            for az, zone in settings.availability_zones.items():
                endpoint = zone.endpoints.get(name)
                if endpoint is not None:
                    rest = region, endpoint.priority if by_priority else None
                    yield Item(
                        f"{name}@{az}",
                        region,
                        az,
                        endpoint.weight,
                        endpoint.priority,
                        at,
                        az if az in alone else rest,
                    )

    def _branches(self, service: Service) -> Iterator[Item]:
        for at, branch in enumerate(service.branches):
            yield Item(branch, branch, branch, 0, 1, at, branch)

    def _joined(
        self, service: Service, tiers: Sequence[Sequence[Item]], shares: Mapping[str, float]
    ) -> tuple[Group, ...]:
        """A branch that stands alone is asked tier by tier; several share."""
        found: list[Group] = []
        for tier in tiers:
            if len(tier) == 1:
                found += self.tiers(tier[0].id)
                continue
            given = shares if all(item.id in shares for item in tier) else service.branches
            parts = ((item.id, given[item.id], self.tiers(item.id)) for item in tier)
            found.append(Group(parts=tuple(parts)))
        return tuple(found)

    # --- filters ------------------------------------------------------------------------------

    def _cost_of_latency(self, options: LatencyFilter, item: Item) -> float:
        topology = self.configuration.topology
        region = topology.regions[item.region]
        rows: dict[str, Mapping[str, float]] = {}
        for row in self.configuration.latency:
            rows.setdefault(row.client, row.milliseconds)
        found = matching(rows, self.client)
        cost: float | None = rows[found[0]].get(item.region) if found else None
        if cost is None:
            cost = 5 + 2 * 1.7 * kilometres(self.client, region.location) / 200
        price: float = region.cost or 0.0
        extra: float = options.cost * 1000 * price
        return cost + extra

    def _cost_of_nearest(self, options: Any, item: Item) -> float:
        region = self.configuration.topology.regions.get(item.region)
        if region is None:  # a branch is in no one place
            return math.inf
        bias: int = options.bias.get(item.region, region.bias)
        distance = kilometres(self.client, region.location)
        return distance * (1 - bias / 100) if bias >= 0 else distance / (1 + bias / 100)

    def _cost_of_cost(self, options: Any, item: Item) -> float:
        own = self.configuration.topology.regions[item.region].cost
        price = options.of.get(item.az, options.of.get(item.region, own))
        return math.inf if price is None else float(price)

    def _geofence(self, tiers: list[list[Item]], options: Any) -> list[list[Item]]:
        found = matching(options.rules, self.client)
        if not found:
            return tiers
        fence = options.rules[found[0]]

        def outside(item: Item) -> bool:
            kept = fence.only is None or item.az in fence.only or item.region in fence.only
            return not kept or item.az in fence.never or item.region in fence.never

        if options.closed:
            return [[item for item in tier if not outside(item)] for tier in tiers]
        return _split(tiers, outside)

    def _prefer(self, tiers: list[list[Item]], options: Any) -> list[list[Item]]:
        rules = [options.rules[key] for key in matching(options.rules, self.client)]

        def choice(item: Item) -> tuple[float, float]:
            for level, names in enumerate(rules):
                for name in (item.az, item.region):
                    if name in names:
                        return level, names.index(name)
            return math.inf, 0

        if options.only and rules:
            tiers = [[item for item in tier if choice(item)[0] < math.inf] for tier in tiers]
        return _split(tiers, choice)

    def _priority(self, tiers: list[list[Item]], options: Any) -> list[list[Item]]:
        return _split(
            tiers,
            lambda item: options.of.get(item.az, options.of.get(item.region, item.priority)),
        )

    def _failover(self, tiers: list[list[Item]], options: Any) -> list[list[Item]]:
        def place(item: Item) -> tuple[bool, int]:
            for name in (item.az, item.region):
                if name in options.order:
                    return False, options.order.index(name)
            return True, item.at

        return _split(tiers, place)

    def _limit(self, tiers: list[list[Item]], options: Any) -> list[list[Item]]:
        return tiers[: options.tiers]


def _chain(service: Service) -> list[tuple[str, Any]]:
    """The filters, by name, with their options; a preset as the filters that it stands for."""
    steering = service.steering
    if not isinstance(steering, Preset):
        return [(stage.name, stage.options) for stage in steering]
    match steering.name:
        case "geo" | "subnet":
            return [("prefer", steering.options), ("nearest", NearestFilter())]
        case "geoproximity":
            return [("nearest", steering.options)]
        case "weighted":
            return [("weight", Weight(of=steering.options.of))]
        case "multivalue":
            return []
    return [(steering.name, steering.options)]


def _named(chain: Sequence[tuple[str, Any]]) -> Iterator[str]:
    """All regions and AZs that a chain names."""
    for kind, options in chain:
        if kind == "geofence":
            for fence in options.rules.values():
                yield from (*(fence.only or ()), *fence.never)
        elif kind == "prefer":
            for names in options.rules.values():
                yield from names
        elif kind == "failover":
            yield from options.order
        elif kind == "nearest":
            yield from options.bias
        elif kind in ("priority", "weight", "cost"):
            yield from options.of


def _split(tiers: Sequence[Sequence[Item]], key: Callable[[Item], Any]) -> list[list[Item]]:
    found = []
    for tier in tiers:
        values = sorted({key(item) for item in tier})
        found += [[item for item in tier if key(item) == value] for value in values]
    return found


def _weighed(
    tiers: Sequence[Sequence[Item]],
    options: Any,
    items: Sequence[Item],
    shares: dict[str, float],
) -> list[list[Item]]:
    """What is said of a region is for the AZs of which nothing is said: each unit has its part."""

    def name(item: Item) -> str:
        return item.az if item.az in options.of else item.region

    for item in items:
        if name(item) in options.of:
            together = [each for each in items if name(each) == name(item)]
            own = [each for each in together if each.unit == item.unit]
            shares[item.id] = options.of[name(item)] * len(own) / len(together)
    return _split(tiers, lambda item: name(item) not in options.of)


def _sorted(
    tiers: Sequence[Sequence[Item]],
    costs: Mapping[str, float],
    within: Any,
    shares: Mapping[str, float],
) -> list[list[Item]]:
    """Lower first; a region is a tier of its own but for those within the tolerance of the best."""
    found = []
    for tier in tiers:
        sharing = [item for item in tier if item.id in shares]
        if sharing:
            found.append(sharing)
        current: list[Item] = []
        rest = [item for item in tier if item.id not in shares]
        for item in sorted(rest, key=lambda item: (costs[item.id], item.at)):
            cost = costs[item.id]
            together = (
                bool(current)
                and current[-1].region == item.region
                and costs[current[-1].id] == cost
            )
            if current and within is not None and cost < math.inf:
                best = costs[current[0].id]
                # A hair of slack: what lies on the edge is inside.
                together |= cost <= (best * (1 + within.share) + within.amount) * (1 + 1e-12)
            if not together:
                current = []
                found.append(current)
            current.append(item)
    return found


def _group(tier: Sequence[Item], shares: Mapping[str, float]) -> Group:
    units: dict[Any, list[Item]] = {}
    for item in tier:
        units.setdefault(item.unit, []).append(item)
    if len(units) == 1 or not all(item.id in shares for item in tier):
        return Group(tuple(tier))
    return Group(
        parts=tuple(("", shares[items[0].id], (Group(tuple(items)),)) for items in units.values())
    )


# --- shares -----------------------------------------------------------------------------------


def shares_of(
    tiers: Sequence[Group], availability: Mapping[str, float]
) -> tuple[dict[str, float], float]:
    """The part of clients that each endpoint takes, by id, and what is left over."""
    shares: dict[str, float] = {}
    remaining = 1.0
    for tier in tiers:
        for able, taken in _parts(tier, availability):
            total = sum(weight for _, weight in taken)
            for each, weight in taken:
                for id, share in each.items():
                    part = remaining * able * weight / total * share
                    shares[id] = shares.get(id, 0.0) + part
            remaining *= 1 - able
    return shares, remaining


def _parts(
    tier: Group, availability: Mapping[str, float]
) -> Iterator[tuple[float, list[tuple[dict[str, float], float]]]]:
    """Those of a tier with a weight, then those without: how able they are, and who takes what."""
    members: list[tuple[float, float, dict[str, float]]] = [
        (item.weight, availability.get(item.id, 1.0), {item.id: 1.0}) for item in tier.endpoints
    ]
    for _, share, tiers in tier.parts:
        found, left = shares_of(tiers, availability)
        whole = {id: part / (1 - left) for id, part in found.items()} if left < 1 else {}
        members.append((share, 1 - left, whole))
    for weighted in (True, False):
        group = [each for each in members if bool(each[0]) is weighted and each[1] > 0]
        if group:
            able = max(each[1] for each in group)
            yield able, [(each[2], (each[0] or 1) * each[1]) for each in group]


def allowed(
    evaluation: Evaluation, service: str, availability: Mapping[str, float]
) -> dict[str, float]:
    """The share of every endpoint that may answer; the empty id is the fallback, or no data."""
    tiers = evaluation.tiers(service)
    shares, left = shares_of(tiers, availability)
    if left > 0.5 / 4096:
        if evaluation.configuration.services.services[service].when_down == "serve_all":
            forced, left_over = shares_of(tiers, {})
            for id, share in forced.items():
                shares[id] = shares.get(id, 0.0) + left * share
            left *= left_over
        if left:
            shares[""] = left
    return {id: share for id, share in shares.items() if share > 0}


def client_at(address: int, version: int, places: Sequence[tuple[int, int, Place]]) -> Client:
    """A client at an address; ``places`` are (version, first address, place), sorted."""
    made: IPv4Address | IPv6Address
    made = IPv4Address(address) if version == 4 else IPv6Address(address)
    seen = carried(made)
    place = next(
        place
        for known, start, place in reversed(places)
        if known == seen.version and start <= int(seen)
    )
    return Client(made, place)
