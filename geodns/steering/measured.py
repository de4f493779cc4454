"""The stage that puts a latency table's figures in place of estimates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from geodns.config.settings import LatencyRow
from geodns.latency.client import ClientKey, parse_client
from geodns.steering.clients import Clients
from geodns.steering.measure import Costs, Measure, Step
from geodns.steering.rows import ClientRows
from geodns.steering.units import Unit


class Measured(Measure):
    """Takes the most specific row that covers a client, as a whole.

    Regions that this row does not name keep the cost they have; rows that are less specific are
    not consulted for them, since figures of different origin do not compare.
    """

    def __init__(self, rows: Iterable[LatencyRow], units: Sequence[Unit]) -> None:
        figures = _by_client(rows)
        self._rows = ClientRows(figures)
        self.prefixes = self._rows.prefixes
        # One more row at the end, all unknown, which is what NO_ROW picks.
        self._milliseconds = np.full((len(figures) + 1, len(units)), np.nan)
        for row, by_region in enumerate(figures.values()):
            self._milliseconds[row] = [by_region.get(unit.region, np.nan) for unit in units]

    def apply(self, clients: Clients, costs: Costs, /) -> Costs:
        if not len(self._rows):
            return costs
        figures = self._milliseconds[self._rows.winning(clients)]
        return np.where(np.isnan(figures), costs, figures)

    def explain(self, step: Step) -> str:
        row = int(self._rows.winning(step.client)[0])
        if np.isnan(self._milliseconds[row, step.unit]):
            return step.before.source
        return f"latency table, row {self._rows.keys[row].text}"


def _by_client(rows: Iterable[LatencyRow]) -> dict[ClientKey, dict[str, float]]:
    """The figures of each client; of two rows for the same client, the first counts, as a whole."""
    figures: dict[ClientKey, dict[str, float]] = {}
    for row in rows:
        figures.setdefault(parse_client(row.client), row.milliseconds)
    return figures
