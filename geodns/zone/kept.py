"""A large zone as its files said it, to be taken again for as long as they say the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import dns.name

from geodns.problem import Problem
from geodns.zone.content import Node, Zone
from geodns.zone.pending import Pending
from geodns.zone.soa import file_serial
from geodns.zone.wire import Base, Sets, WireNodes, sets_of, with_empty

_LARGE = 1000  # names; fewer are read again in no time
_ID_BYTES = 32
_WITH_DEFAULTS = (".yaml", ".yml")


@dataclass(frozen=True)
class Kept:
    """What was read. ``files`` are all that were, the zone's own first."""

    origin: dns.name.Name
    base: Base
    special: dict[dns.name.Name, Node]
    problems: tuple[Problem, ...]
    automatic_serial: bool
    files: tuple[Path, ...]

    def zone(self) -> Zone:
        """The zone of its files."""
        nodes = WireNodes(self.base, dict(self.special))
        return Zone(self.origin, nodes, self.files[0], self.automatic_serial, kept=self)

    def still_holds(
        self, pending: Pending, name_servers: Sequence[str], services: Collection[str] | None
    ) -> bool:
        """Whether to read the files again would give the same, without a further problem."""
        geo = {node.geo.service for node in self.special.values() if node.geo is not None}
        if services is not None and not geo <= set(services):
            return False
        return identity(self.origin, self.files, pending, name_servers) == self.base.id


def keep(
    origin: dns.name.Name,
    nodes: Mapping[dns.name.Name, Node],
    problems: Sequence[Problem],
    automatic_serial: bool,
    files: Sequence[Path],
    id: bytes,
) -> Kept | None:
    """What to keep of a zone that was read; None where it is small."""
    if len(nodes) < _LARGE:
        return None
    apex = origin.to_digestable()
    special: dict[dns.name.Name, Node] = {origin: nodes[origin]}
    if isinstance(nodes, WireNodes):
        special.update(nodes.special)
        plain = dict(nodes.base.nodes)
    else:
        plain = dict[bytes, Sets]()
        for owner, node in nodes.items():
            if owner == origin or node.geo is not None or node.dynamic:
                special[owner] = node
            else:
                plain[owner.to_digestable()] = sets_of(node)
    names = len(plain)
    base = Base(id, with_empty(plain, apex), names)
    return Kept(origin, base, special, tuple(problems), automatic_serial, tuple(files))


def identity(
    origin: dns.name.Name, files: Sequence[Path], pending: Pending, name_servers: Sequence[str]
) -> bytes | None:
    """The same for the same zone; None where a file can't be read."""
    try:
        contents = [pending.read(file) for file in files]
    except OSError:
        return None
    # A zone in YAML may have name servers from elsewhere, and as its serial the time of its file.
    has_defaults = files[0].suffix in _WITH_DEFAULTS
    defaults = (tuple(name_servers), file_serial(list(files))) if has_defaults else ()
    lengths = [len(content) for content in contents]
    head = repr((origin.to_text(), [str(file) for file in files], lengths, defaults))
    digest = blake2b(head.encode(), digest_size=_ID_BYTES)
    for content in contents:
        digest.update(content)
    return digest.digest()
