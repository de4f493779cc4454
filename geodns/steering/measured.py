"""The stage that puts a latency table's figures in place of estimates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network

import numpy as np
from numpy.typing import NDArray

from geodns.config.settings import LatencyRow
from geodns.geo.places import Names
from geodns.latency.client import ClientKey, Level, parse_client
from geodns.steering.clients import Clients
from geodns.steering.filter import Costs, Filter, Step
from geodns.steering.tiers import TierDefinition

_NO_ROW = -1


class Measured(Filter):
    """Takes the most specific row that covers a client, as a whole.

    Regions that this row does not name keep the cost they have; rows that are less specific are
    not consulted for them, since figures of different origin do not compare.
    """

    def __init__(self, rows: Iterable[LatencyRow], tiers: Sequence[TierDefinition]) -> None:
        figures = _by_client(rows)
        self._keys = tuple(figures)
        self._by_level: dict[Level, dict[str, int]] = {level: {} for level in Level}
        for row, key in enumerate(self._keys):
            self._by_level[key.level][key.code] = row
        prefix_rows = self._by_level[Level.PREFIX]
        self.prefixes = tuple(map(ip_network, prefix_rows))
        # The last element is what -1, "no prefix", picks.
        self._row_of_prefix = _rows([*prefix_rows.values(), _NO_ROW])
        asns = {int(code): row for code, row in self._by_level[Level.ASN].items()}
        self._asns = np.array(sorted(asns), dtype=np.int64)
        self._row_of_asn = _rows([asns[asn] for asn in sorted(asns)])
        # One more row at the end, all unknown, which is what _NO_ROW picks.
        self._milliseconds = np.full((len(figures) + 1, len(tiers)), np.nan)
        for row, by_region in enumerate(figures.values()):
            self._milliseconds[row] = [by_region.get(tier.region, np.nan) for tier in tiers]

    def apply(self, clients: Clients, costs: Costs, /) -> Costs:
        if not self._keys:
            return costs
        figures = self._milliseconds[self._winning_rows(clients)]
        return np.where(np.isnan(figures), costs, figures)

    def explain(self, step: Step) -> str:
        row = int(self._winning_rows(step.client)[0])
        if np.isnan(self._milliseconds[row, step.tier]):
            return step.before.source
        return f"latency table, row {self._keys[row].text}"

    def _winning_rows(self, clients: Clients) -> NDArray[np.int32]:
        """The row that applies to each client, shape (n,); _NO_ROW where none does."""
        places, levels = clients.places, self._by_level
        rows = np.full(len(clients), levels[Level.DEFAULT].get("", _NO_ROW), dtype=np.int32)
        # From the widest to the most specific: each level overrides the ones before it.
        for found in (
            _rows_by_name(places.continents, levels[Level.CONTINENT])[places.continent],
            _rows_by_name(places.countries, levels[Level.COUNTRY])[places.country],
            _rows_by_name(places.subdivisions, levels[Level.SUBDIVISION])[places.subdivision],
            self._rows_by_asn(places.asn),
            self._row_of_prefix[clients.prefix_row],
        ):
            rows = np.where(found == _NO_ROW, rows, found)
        return rows

    def _rows_by_asn(self, asns: NDArray[np.int64]) -> NDArray[np.int32]:
        if not len(self._asns):
            return np.full(len(asns), _NO_ROW, dtype=np.int32)
        at = np.minimum(np.searchsorted(self._asns, asns), len(self._asns) - 1)
        return np.where(self._asns[at] == asns, self._row_of_asn[at], np.int32(_NO_ROW))


def _by_client(rows: Iterable[LatencyRow]) -> dict[ClientKey, dict[str, float]]:
    """The figures of each client; of two rows for the same client, the first counts, as a whole."""
    figures: dict[ClientKey, dict[str, float]] = {}
    for row in rows:
        figures.setdefault(parse_client(row.client), row.milliseconds)
    return figures


def _rows_by_name(names: Names, rows: Mapping[str, int]) -> NDArray[np.int32]:
    return _rows([_NO_ROW if name is None else rows.get(name, _NO_ROW) for name in names])


def _rows(numbers: Sequence[int]) -> NDArray[np.int32]:
    return np.array(numbers, dtype=np.int32)
