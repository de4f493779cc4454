"""The filter that follows a capacity plan: which share of whose clients each region takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geodns.latency.client import parse_client
from geodns.steering.clients import Clients
from geodns.steering.filter import Filter
from geodns.steering.fixed import shares_of_units
from geodns.steering.rows import NO_ROW, ClientRows
from geodns.steering.standing import Standing
from geodns.steering.units import Unit


class Planned(Filter):
    """Gives the regions of the row that is most specific to a client its shares.

    Regions that the row leaves out come behind. Clients that no row covers are left as they are.
    """

    name = "plan"

    def __init__(self, rows: Mapping[str, Mapping[str, float]], units: Sequence[Unit]) -> None:
        self._rows = ClientRows(map(parse_client, rows))
        self.prefixes = self._rows.prefixes
        # One more row at the end is what NO_ROW picks: no shares.
        self._shares = np.full((len(rows) + 1, len(units)), np.nan)
        for row, shares in enumerate(rows.values()):
            self._shares[row] = shares_of_units(shares, units)

    def apply(self, clients: Clients, standing: Standing, /) -> Standing:
        shares = self._shares[self._rows.winning(clients)]
        return standing.split(np.isnan(shares).astype(np.int8)).weigh(shares)

    def explain(self, client: Clients, /) -> list[str]:
        row = int(self._rows.winning(client)[0])
        if row == NO_ROW:
            return ["the plan has no row for the client"] * self._shares.shape[1]
        key = self._rows.keys[row].text
        return [
            f"comes behind, not in the plan's row {key}"
            if np.isnan(share)
            else f"{share:.1%} by the plan's row {key}"
            for share in self._shares[row].tolist()
        ]
