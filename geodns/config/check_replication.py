"""Rules for transfers and updates: what they name is there and can be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dns.name

from geodns.config.check_access import lists_of_zones, named_by_files
from geodns.config.replication import KeyFileError, Peer, Secondary, Transfer, secret_of
from geodns.config.secondary import PrimaryServer
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.wording import did_you_mean
from geodns.yamlfile import Keys
from geodns.zone.catalog import fits


def unreadable_secrets(sources: Sources) -> Iterator[Problem]:
    """A file of a key's secret can be read, and has one in it."""
    for name, key in sources.server.settings.keys.items():
        try:
            secret_of(key)
        except KeyFileError as error:
            yield sources.server.document.problem(
                "bad-secret-file", str(error), ("keys", name, "secret_file")
            )


def undefined_keys(sources: Sources) -> Iterator[Problem]:
    """A key that is named somewhere is defined."""
    known = {name.lower(): name for name in sources.server.settings.keys}
    for path, named in _named_keys(sources):
        if named.lower() not in known:
            yield sources.server.document.problem(
                "undefined-key",
                f"there is no key {named}",
                path,
                hint=did_you_mean(named, known.values()) or "define it under `keys`",
            )


def undefined_transfer_zones(sources: Sources) -> Iterator[Problem]:
    """What is set zone by zone is set for zones that are there."""
    zones = sources.server.settings.transfer.zones
    yield from lists_of_zones(sources, "transfer", zones, "to transfer")


def bad_catalog(sources: Sources) -> Iterator[Problem]:
    """The catalog is a zone of its own, and its members' names fit below it."""
    text = sources.server.settings.transfer.catalog
    if text is None:
        return
    name = dns.name.from_text(text)
    wrong = ""
    if name == dns.name.root:
        wrong = "the catalog can't be the root"
    elif not fits(name):
        wrong = f"{text} is too long a name for a catalog: members' names don't fit below it"
    elif name in named_by_files(sources):
        wrong = f"{text} can't be the catalog: there is a file of a zone of this name"
    if wrong:
        yield sources.server.document.problem(
            "bad-catalog",
            wrong,
            ("transfer", "catalog"),
            hint="use a name that nothing else has, as in catalog.invalid.",
        )


def tls_that_is_not_there(sources: Sources) -> Iterator[Problem]:
    """Who may copy over TLS alone can do so only where TLS is served."""
    settings = sources.server.settings
    if settings.tls is not None:
        return
    for path, peer in _allowed(settings.transfer):
        if peer.tls:
            yield sources.server.document.problem(
                "no-tls",
                "it may copy zones over TLS alone, and TLS is not served",
                (*path, "tls"),
                hint="set `tls`",
            )


def _allowed(transfer: Transfer) -> Iterator[tuple[Keys, Peer]]:
    for index, peer in enumerate(transfer.allow):
        yield ("transfer", "allow", index), peer
    for name, zone in transfer.zones.items():
        for index, peer in enumerate(zone.allow or ()):
            yield ("transfer", "zones", name, "allow", index), peer


def undefined_update_zones(sources: Sources) -> Iterator[Problem]:
    """Zones that may be changed are there."""
    yield from lists_of_zones(
        sources, "update", sources.server.settings.update.zones, "to be changed"
    )


def _named_keys(sources: Sources) -> Iterator[tuple[Keys, str]]:
    transfer = sources.server.settings.transfer
    yield from _keys_of(("transfer", "allow"), transfer.allow)
    yield from _keys_of(("transfer", "notify"), transfer.notify)
    for name, zone in transfer.zones.items():
        yield from _keys_of(("transfer", "zones", name, "allow"), zone.allow or ())
        yield from _keys_of(("transfer", "zones", name, "notify"), zone.notify or ())
    for name, rules in sources.server.settings.update.zones.items():
        yield from _keys_of(("update", "zones", name), rules)
    role = sources.server.settings.secondary
    yield from _keys_of(("secondary", "primaries"), role.primaries)
    for path, copied in role.all_copied():
        yield from _keys_of(("secondary", *path, "primaries"), copied.primaries or ())
        yield from _keys_of(("secondary", *path, "allow_notify"), copied.allow_notify)


def _keys_of(
    path: Keys, whom: Iterable[Peer | Secondary | PrimaryServer]
) -> Iterator[tuple[Keys, str]]:
    for index, each in enumerate(whom):
        if each.key is not None:
            yield (*path, index, "key"), each.key


REPLICATION_RULES: tuple[Rule, ...] = (
    unreadable_secrets,
    undefined_keys,
    undefined_transfer_zones,
    bad_catalog,
    tls_that_is_not_there,
    undefined_update_zones,
)
