"""Whose queries were answered from services: counts by client network, bounded in size.

Each client that an engine remembers counts for itself, which costs the hot path one addition.
Clients that are forgotten, because a table is full or a new image has come, are left to another
thread, which adds them up by network when it has time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network

from geodns.answer.client import Client
from geodns.answer.image import Image
from geodns.answer.location import embedded_v4

Services = tuple[str, ...]
"""The names of all services with one location map: their clients are counted together."""

ByNetwork = dict[int, int]
"""Queries by the code of a network, see ``network_code``."""

ByServices = dict[Services, ByNetwork]

_MOST_LEFT = 150_000
"""Clients that wait to be added up, some 300 bytes each. More than that in the seconds between two
looks come from made-up addresses, and are no demand: the oldest are dropped."""

_MOST_NETWORKS = 100_000
"""Networks of a counter, about 100 bytes each; of more, those with least go under a wider one."""

_KIND = 52  # bits, below which a code has the prefix's own
_V4_24, _V6_48, _V4_16, _V6_32, _ANY = range(5)


def network_code(family: int, address: int) -> int:
    """The code of the network of a client: an IPv4 /24 or an IPv6 /48.

    These are what steering tells apart (see ``geodns.answer.client``). An IPv6 address that
    carries an IPv4 address counts as that one.
    """
    if family == 2:
        embedded = embedded_v4(address)
        if embedded is None:
            return _V6_48 << _KIND | address >> 80
        address = embedded.address
    return address >> 8


def decode_network(code: int) -> IPv4Network | IPv6Network | None:
    """The network that a code stands for; None for those that are too many to be told apart."""
    kind, prefix = code >> _KIND, code & (1 << _KIND) - 1
    if kind in (_V4_24, _V4_16):
        length = 24 if kind == _V4_24 else 16
        return IPv4Network((prefix << 32 - length, length))
    if kind in (_V6_48, _V6_32):
        length = 48 if kind == _V6_48 else 32
        return IPv6Network((prefix << 128 - length, length))
    return None


def add_bounded(counts: ByNetwork, code: int, count: int, most: int = _MOST_NETWORKS) -> None:
    """Adds to a network; in a full table, the half with least counts under wider networks."""
    if code not in counts and len(counts) >= most:
        _widen(counts, most)
    counts[code] = counts.get(code, 0) + count


def _widen(counts: ByNetwork, most: int) -> None:
    """Makes room for as many as half of all, whatever is there."""
    for _ in range(2):  # /24 to /16; where those are too many themselves, to nothing at all
        by_count = sorted(counts, key=counts.__getitem__)
        for code in by_count[: most // 2]:
            count = counts.pop(code)
            wider = _wider(code)
            counts[wider] = counts.get(wider, 0) + count
        if len(counts) <= most * 3 // 4:
            return
    rest = sum(counts.values())
    counts.clear()
    counts[_ANY << _KIND] = rest


def _wider(code: int) -> int:
    kind, prefix = code >> _KIND, code & (1 << _KIND) - 1
    if kind == _V4_24:
        return _V4_16 << _KIND | prefix >> 8
    if kind == _V6_48:
        return _V6_32 << _KIND | prefix >> 16
    return _ANY << _KIND


def services_by_map(image: Image) -> tuple[Services, ...]:
    """For each location map of an image, and for none at the end, the services that have it."""
    found: list[list[str]] = [[] for _ in range(len(image.locations) + 1)]
    for service in image.services:
        found[service.location].append(service.name)
    return tuple(tuple(sorted(names)) for names in found)


class Leftovers:
    """Clients that an engine has forgotten, until they are added up. One thread puts, one takes."""

    def __init__(self, most: int = _MOST_LEFT) -> None:
        self._batches: deque[tuple[Sequence[Services], list[Client]]] = deque()
        self._most = most

    def put(self, services: Sequence[Services], clients: list[Client]) -> None:
        """Leaves clients whose counts are by the maps that ``services`` are of."""
        self._batches.append((services, clients))
        while sum(len(batch) for _, batch in list(self._batches)) > self._most:
            self._batches.popleft()

    def take(self) -> Iterator[tuple[Sequence[Services], list[Client]]]:
        """Takes what is there, batch by batch."""
        while self._batches:
            try:
                yield self._batches.popleft()
            except IndexError:  # the other thread has just dropped the last one
                return


def add_clients(sums: ByServices, services: Sequence[Services], clients: Iterable[Client]) -> None:
    """Adds up what clients have counted, by services and network."""
    clients = list(clients)
    for number, names in enumerate(services):
        counted = [
            (each.family, each.address, count) for each in clients if (count := each.counts[number])
        ]
        if counted:
            _add_counted(sums.setdefault(names, {}), counted)


def _add_counted(table: ByNetwork, counted: Sequence[tuple[int, int, int]]) -> None:
    """Adds counts by (family, address)."""
    if len(table) + len(counted) > _MOST_NETWORKS:
        _widen(table, _MOST_NETWORKS)
    if len(table) + len(counted) > _MOST_NETWORKS:
        for family, address, count in counted:
            add_bounded(table, network_code(family, address), count)
        return
    # Written out, as tens of thousands come at once and queries wait meanwhile.
    get = table.get
    for family, address, count in counted:
        code = address >> 8 if family == 1 else network_code(family, address)
        table[code] = get(code, 0) + count


def add_sums(sums: ByServices, more: ByServices) -> None:
    """Adds sums to sums."""
    for names, counts in more.items():
        table = sums.setdefault(names, {})
        for code, count in counts.items():
            add_bounded(table, code, count)
