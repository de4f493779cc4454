"""Rules for the topology: names that mean one thing, addresses that stand in one place."""

from __future__ import annotations

from collections.abc import Iterator

from geodns.config.settings import Address
from geodns.config.sources import PlacedEndpoint, Rule, Sources
from geodns.problem import Problem
from geodns.wording import did_you_mean


def undefined_service(sources: Sources) -> Iterator[Problem]:
    """An endpoint belongs to a service that services.yaml defines."""
    if not sources.services.readable:
        return
    known = sources.service_names()
    for endpoint in sources.endpoints():
        if endpoint.service not in known:
            yield sources.topology.document.problem(
                "undefined-service",
                f"the service {endpoint.service!r} is not defined",
                endpoint.path,
                key=True,
                hint=did_you_mean(endpoint.service, known),
            )


def repeated_az(sources: Sources) -> Iterator[Problem]:
    """The name of an AZ is unique over all regions: ``web@eu-central-1a`` names one endpoint."""
    document = sources.topology.document
    first: dict[str, tuple[str, int]] = {}
    for az in sources.availability_zones():
        region, line = first.setdefault(az.name, (az.region, document.key_at(az.path)[0]))
        if region != az.region:
            yield document.problem(
                "repeated-az",
                f"the availability zone {az.name!r} is also in the region {region!r}, line {line}",
                az.path,
                key=True,
            )


def ambiguous_name(sources: Sources) -> Iterator[Problem]:
    """A region and an AZ don't share a name, since either can be named to drain it."""
    regions = sources.region_names()
    for az in sources.availability_zones():
        if az.name in regions:
            yield sources.topology.document.problem(
                "ambiguous-name",
                f"{az.name!r} is the name of an availability zone and of a region",
                az.path,
                key=True,
                hint="give the availability zone a name of its own, as in "
                f"{az.name.removesuffix('a')}a",
            )


def repeated_address(sources: Sources) -> Iterator[Problem]:
    """An address stands once in an endpoint, and in one AZ: two AZs can't both have it.

    Several services of one AZ may share an address.
    """
    document = sources.topology.document
    homes: dict[Address, PlacedEndpoint] = {}
    for endpoint in sources.endpoints():
        seen: set[Address] = set()
        for index, address in enumerate(endpoint.settings.addresses):
            path = sources.address_path(endpoint, index)
            if address in seen:
                yield document.problem(
                    "repeated-address", f"{address} stands in this endpoint twice", path
                )
                continue
            seen.add(address)
            home = homes.setdefault(address, endpoint)
            if home.az != endpoint.az:
                yield document.problem(
                    "shared-address",
                    f"{address} is also an address of {home.id}, line "
                    f"{document.key_at(home.path)[0]}; an address is in one availability zone",
                    path,
                )


def unusable_address(sources: Sources) -> Iterator[Problem]:
    """Nobody can connect to an unspecified or a multicast address."""
    for endpoint in sources.endpoints():
        for index, address in enumerate(endpoint.settings.addresses):
            if address.is_unspecified or address.is_multicast:
                kind = (
                    "the unspecified address" if address.is_unspecified else "a multicast address"
                )
                yield sources.topology.document.problem(
                    "unusable-address",
                    f"{address} is {kind}, which no client can connect to",
                    sources.address_path(endpoint, index),
                )


def endpoint_target(sources: Sources) -> Iterator[Problem]:
    """An endpoint has addresses or a CNAME target.

    RFC 1034 3.6.2: "If a CNAME RR is present at a node, no other data should be present".
    """
    for endpoint in sources.endpoints():
        settings = endpoint.settings
        if not sources.topology.sound(endpoint.path):
            continue
        if not settings.addresses and settings.cname is None:
            id, message = "no-target", f"{endpoint.id} has neither addresses nor a cname"
        elif settings.addresses and settings.cname is not None:
            id, message = "two-targets", f"{endpoint.id} has both addresses and a cname; keep one"
        else:
            continue
        yield sources.topology.document.problem(id, message, endpoint.path, key=True)


TOPOLOGY_RULES: tuple[Rule, ...] = (
    undefined_service,
    repeated_az,
    ambiguous_name,
    repeated_address,
    unusable_address,
    endpoint_target,
)
