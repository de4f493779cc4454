"""Rules for transfers: zones are there, keys are defined, and their secrets can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from geodns.config.check_access import lists_of_zones
from geodns.config.replication import KeyFileError, Peer, Secondary, secret_of
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.wording import did_you_mean
from geodns.yamlfile import Keys


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


def _named_keys(sources: Sources) -> Iterator[tuple[Keys, str]]:
    transfer = sources.server.settings.transfer
    yield from _keys_of(("transfer", "allow"), transfer.allow)
    yield from _keys_of(("transfer", "notify"), transfer.notify)
    for name, zone in transfer.zones.items():
        yield from _keys_of(("transfer", "zones", name, "allow"), zone.allow or ())
        yield from _keys_of(("transfer", "zones", name, "notify"), zone.notify or ())


def _keys_of(path: Keys, whom: Iterable[Peer | Secondary]) -> Iterator[tuple[Keys, str]]:
    for index, each in enumerate(whom):
        if each.key is not None:
            yield (*path, index, "key"), each.key


REPLICATION_RULES: tuple[Rule, ...] = (
    unreadable_secrets,
    undefined_keys,
    undefined_transfer_zones,
)
