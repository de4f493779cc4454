"""From settings to what follows primaries: where each zone is copied from, and the limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import dns.name

from geodns.config.secondary import Primaries, PrimaryServer, SecondaryRole
from geodns.replication.inbound import Bounds, Limits, Primary, Sources, Tls
from geodns.replication.secondary.ownership import Owned
from geodns.replication.tsig import Keyring

_MIB = 20  # bits


def limits_of(role: SecondaryRole) -> Limits:
    """The limits that are set."""
    return Limits(
        idle=role.idle,
        total=role.longest,
        size=role.size << _MIB,
        transfers=role.transfers,
        bounds=Bounds(
            refresh=(role.refresh.min, role.refresh.max), retry=(role.retry.min, role.retry.max)
        ),
    )


def named_sources(role: SecondaryRole, keys: Keyring) -> dict[bytes, Sources]:
    """Those of the zones and the catalogs that are named, by apex."""
    copied = {**role.zones_by_name, **role.catalogs_by_name}
    return {
        apex_of(name): Sources(_servers(role.primaries_of(each), keys), each.allow_notify)
        for name, each in copied.items()
    }


def member_sources(
    role: SecondaryRole, owners: Mapping[bytes, Owned], keys: Keyring
) -> Iterator[tuple[bytes, Sources]]:
    """Those of the zones that catalogs list, each with its apex."""
    of_catalogs = {
        apex_of(name): Sources(
            _servers(role.primaries_of_members(catalog), keys),
            catalog.members.allow_notify or catalog.allow_notify,
        )
        for name, catalog in role.catalogs_by_name.items()
    }
    for zone, owned in owners.items():
        if owned.catalog in of_catalogs:
            yield zone, of_catalogs[owned.catalog]


def apex_of(name: str) -> bytes:
    """A zone's name in wire form, in lower case."""
    return dns.name.from_text(name).to_digestable()


def _servers(primaries: Primaries, keys: Keyring) -> tuple[Primary, ...]:
    return tuple(_known(primaries, keys))


def _known(primaries: Iterable[PrimaryServer], keys: Keyring) -> Iterator[Primary]:
    for each in primaries:
        key = None if each.key is None else keys.get(dns.name.from_text(each.key.lower()))
        if key is None and each.key is not None:
            continue  # its secret can't be read, which was told: unsigned it would be refused
        tls = None
        if each.tls is not None:
            tls = Tls(each.tls.name, each.tls.ca, each.tls.digests)
        host, port = each.socket_address
        source = None if each.source is None else str(each.source)
        yield Primary(host, port, key, tls, source)
