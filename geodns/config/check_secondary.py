"""Rules for zones that are copied from other servers: each has one source, and that is known."""

from __future__ import annotations

from collections.abc import Iterator

import dns.name

from geodns.config.check_access import named_by_files
from geodns.config.check_server import missing_file
from geodns.config.secondary import Primaries
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.yamlfile import Keys


def without_primaries(sources: Sources) -> Iterator[Problem]:
    """What is copied is copied from somebody."""
    role = sources.server.settings.secondary
    for kind, named in (("zones", role.zones), ("catalogs", role.catalogs)):
        for name, copied in named.items():
            if not role.primaries_of(copied) and sources.server.sound(("secondary", kind, name)):
                yield sources.server.document.problem(
                    "no-primaries",
                    f"there is no server to copy {name} from",
                    ("secondary", kind, name),
                    key=True,
                    hint="name one under `primaries`, here or for all: primaries: [192.0.2.53]",
                )


def several_sources(sources: Sources) -> Iterator[Problem]:
    """A zone comes from one place: a file, one entry here, or the list that we make ourselves."""
    settings = sources.server.settings
    files = named_by_files(sources)
    own = settings.transfer.catalog
    made = None if own is None else dns.name.from_text(own)
    seen: dict[dns.name.Name, str] = {}
    for kind, names in (
        ("zones", settings.secondary.zones),
        ("catalogs", settings.secondary.catalogs),
    ):
        for text in names:
            name = dns.name.from_text(text)
            path = ("secondary", kind, text)
            wrong, hint = "", "take one of them away"
            if name in files:
                wrong = f"{text} is copied, and there is a file of a zone of this name"
                hint = "remove the file; geo names can be laid over the copy by `overlay`"
            elif name == made:
                wrong = f"{text} is copied, and it is the catalog that is made here"
            elif name in seen:
                wrong = f"{text} is the same zone as {seen[name]} above"
            if wrong:
                yield sources.server.document.problem(
                    "several-sources", wrong, path, key=True, hint=hint
                )
            seen.setdefault(name, text)


def primaries_that_are_this_server(sources: Sources) -> Iterator[Problem]:
    """Nothing is copied from where it would be asked of this server itself."""
    listened = set(sources.server.settings.listen)
    if sources.server.settings.tls is not None:
        listened.update(sources.server.settings.tls.listen)
    for path, primaries in _primaries(sources):
        for index, primary in enumerate(primaries):
            if primary.socket_address in listened:
                yield sources.server.document.problem(
                    "own-address",
                    f"{primary.socket_address} is this server itself",
                    (*path, index),
                    hint="name the server that the zone comes from",
                )


def missing_authorities(sources: Sources) -> Iterator[Problem]:
    """The authorities of primaries' certificates are there."""
    for path, primaries in _primaries(sources):
        for index, primary in enumerate(primaries):
            if primary.tls is not None and primary.tls.ca is not None:
                yield from missing_file(
                    primary.tls.ca, sources.server.document, (*path, index, "tls", "ca")
                )


def updated_copies(sources: Sources) -> Iterator[Problem]:
    """A copy is not changed here (RFC 2136 6 has a secondary forward updates, or refuse them)."""
    settings = sources.server.settings
    copied = {dns.name.from_text(text) for text in settings.secondary.zones}
    for text in settings.update.zones:
        if dns.name.from_text(text) in copied:
            yield sources.server.document.problem(
                "updated-copy",
                f"{text} is copied from its primary, so it can't be changed here",
                ("update", "zones", text),
                key=True,
                hint="send updates to the primary",
            )


def _primaries(sources: Sources) -> Iterator[tuple[Keys, Primaries]]:
    for path, primaries in sources.server.settings.secondary.all_primaries():
        yield ("secondary", *path), primaries


SECONDARY_RULES: tuple[Rule, ...] = (
    without_primaries,
    several_sources,
    primaries_that_are_this_server,
    missing_authorities,
    updated_copies,
)
