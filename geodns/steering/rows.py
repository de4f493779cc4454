"""Which row of a table keyed by clients applies to whom: the most specific one first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network

import numpy as np
from numpy.typing import NDArray

from geodns.geo.places import Names, PlaceTable
from geodns.latency.client import ClientKey, Level, Network
from geodns.steering.clients import Clients

NO_ROW = -1
_SPECIFIC_FIRST = sorted(Level, reverse=True)


class ClientRows:
    """Rows by client key. Immutable but for a memory of how other prefixes lie in its own.

    ``keys[row]`` is a row's client; ``prefixes`` are those of the rows that have one, in order.
    """

    def __init__(self, keys: Iterable[ClientKey]) -> None:
        self.keys = tuple(keys)
        self._by_level: dict[Level, dict[str, int]] = {level: {} for level in Level}
        for row, key in enumerate(self.keys):
            self._by_level[key.level].setdefault(key.code, row)
        self.prefixes: tuple[Network, ...] = tuple(map(ip_network, self._by_level[Level.PREFIX]))
        asns = {int(code): row for code, row in self._by_level[Level.ASN].items()}
        self._asns = np.array(sorted(asns), dtype=np.int64)
        self._row_of_asn = _rows([asns[asn] for asn in sorted(asns)])
        self._known: tuple[tuple[Network, ...], NDArray[np.int32]] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def winning(self, clients: Clients) -> NDArray[np.int32]:
        """The most specific row for each client, shape (n,); NO_ROW where none applies."""
        found = np.full(len(clients), NO_ROW, dtype=np.int32)
        for rows in self.matching(clients):
            found = np.where(found == NO_ROW, rows, found)
        return found

    def matching(self, clients: Clients) -> Iterator[NDArray[np.int32]]:
        """For each level, the most specific first, the row that applies to each client, (n,).

        Of nested prefixes, only the longest applies.
        """
        for level in _SPECIFIC_FIRST:
            if self._by_level[level]:
                yield self._at_level(level, clients)

    def _at_level(self, level: Level, clients: Clients) -> NDArray[np.int32]:
        places, rows = clients.places, self._by_level[level]
        match level:
            case Level.PREFIX:
                return self._rows_of_prefixes(clients.prefixes)[clients.prefix_row]
            case Level.ASN_COUNTRY:
                return _rows_by_asn_and_country(places, rows)
            case Level.ASN:
                return self._rows_by_asn(places.asn)
            case Level.SUBDIVISION:
                return _rows_by_name(places.subdivisions, rows)[places.subdivision]
            case Level.COUNTRY:
                return _rows_by_name(places.countries, rows)[places.country]
            case Level.CONTINENT:
                return _rows_by_name(places.continents, rows)[places.continent]
        return np.full(len(clients), rows[""], dtype=np.int32)

    def _rows_by_asn(self, asns: NDArray[np.int64]) -> NDArray[np.int32]:
        at = np.minimum(np.searchsorted(self._asns, asns), len(self._asns) - 1)
        return np.where(self._asns[at] == asns, self._row_of_asn[at], np.int32(NO_ROW))

    def _rows_of_prefixes(self, prefixes: tuple[Network, ...]) -> NDArray[np.int32]:
        """For each of the clients' prefixes the row of the longest of ours around it.

        One more element at the end is what -1, "no prefix", picks.
        """
        if self._known is None or self._known[0] is not prefixes:
            own: dict[tuple[int, int, int], int] = {
                (network.version, network.prefixlen, _head(network, network.prefixlen)): row
                for network, row in zip(
                    self.prefixes, self._by_level[Level.PREFIX].values(), strict=True
                )
            }
            lengths = {
                version: sorted({key[1] for key in own if key[0] == version}, reverse=True)
                for version in (4, 6)
            }
            rows = [_around(network, own, lengths[network.version]) for network in prefixes]
            self._known = prefixes, _rows([*rows, NO_ROW])
        return self._known[1]


def _around(
    network: Network, own: Mapping[tuple[int, int, int], int], lengths: Sequence[int]
) -> int:
    for length in lengths:
        if length <= network.prefixlen:
            row = own.get((network.version, length, _head(network, length)))
            if row is not None:
                return row
    return NO_ROW


def _head(network: Network, length: int) -> int:
    return int(network.network_address) >> (network.max_prefixlen - length)


def _rows_by_asn_and_country(places: PlaceTable, rows: Mapping[str, int]) -> NDArray[np.int32]:
    found = np.full(len(places), NO_ROW, dtype=np.int32)
    by_country: dict[str, dict[int, int]] = {}
    for code, row in rows.items():
        asn, _, country = code.partition("-")
        by_country.setdefault(country, {})[int(asn)] = row
    for position, name in enumerate(places.countries):
        if name is None or name not in by_country:
            continue
        asns = np.array(sorted(by_country[name]), dtype=np.int64)
        of_asn = _rows([by_country[name][asn] for asn in asns.tolist()])
        inside = np.flatnonzero(places.country == position)
        at = np.minimum(np.searchsorted(asns, places.asn[inside]), len(asns) - 1)
        found[inside] = np.where(asns[at] == places.asn[inside], of_asn[at], np.int32(NO_ROW))
    return found


def _rows_by_name(names: Names, rows: Mapping[str, int]) -> NDArray[np.int32]:
    return _rows([NO_ROW if name is None else rows.get(name, NO_ROW) for name in names])


def _rows(numbers: Sequence[int]) -> NDArray[np.int32]:
    return np.array(numbers, dtype=np.int32)
