"""The filters that follow rules by client: prefer and geofence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geodns.config.steering import Fence
from geodns.latency.client import parse_client
from geodns.steering.clients import Clients
from geodns.steering.filter import Filter
from geodns.steering.rows import NO_ROW, ClientRows
from geodns.steering.standing import Standing
from geodns.steering.units import Unit

_UNNAMED = 1 << 20


class Prefer(Filter):
    """All rules that match a client, the most specific first, each with its choices in order.

    A unit stands where the first rule that names it puts it; what no rule names comes behind, or
    is removed with ``only`` for clients that a rule matches.
    """

    name = "prefer"

    def __init__(
        self,
        rules: Mapping[str, Sequence[str]],
        units: Sequence[Unit],
        *,
        only: bool = False,
        name: str = "prefer",
    ) -> None:
        self.name = name
        self._rows = ClientRows(map(parse_client, rules))
        self.prefixes = self._rows.prefixes
        self._only = only
        self._most = max(map(len, rules.values()), default=0)
        # One more row at the end is what NO_ROW picks.
        self._choice = np.full((len(rules) + 1, len(units)), _UNNAMED, dtype=np.int32)
        for row, names in enumerate(rules.values()):
            self._choice[row] = [_first(names, unit) for unit in units]

    def apply(self, clients: Clients, standing: Standing, /) -> Standing:
        numbers, matched = self._numbers(clients)
        if self._only:
            standing = standing.remove(matched[:, None] & (numbers == _UNNAMED))
        return standing.split(numbers)

    def explain(self, client: Clients, /) -> list[str]:
        words = [""] * self._choice.shape[1]
        keys = []
        for rows in self._rows.matching(client):
            if (row := int(rows[0])) != NO_ROW:
                keys.append(self._rows.keys[row].text)
                for unit, choice in enumerate(self._choice[row].tolist()):
                    if choice != _UNNAMED and not words[unit]:
                        words[unit] = f"choice {choice + 1} of the rule {keys[-1]}"
        if not keys:
            return ["no rule matches the client"] * len(words)
        gone = ", removed" if self._only else ""
        return [word or f"not named by {' or '.join(keys)}{gone}" for word in words]

    def _numbers(self, clients: Clients) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        numbers = np.full((len(clients), self._choice.shape[1]), _UNNAMED, dtype=np.int32)
        matched = np.zeros(len(clients), dtype=np.bool_)
        for level, rows in enumerate(self._rows.matching(clients)):
            choice = self._choice[rows]
            matched |= rows != NO_ROW
            free = (numbers == _UNNAMED) & (choice != _UNNAMED)
            numbers = np.where(free, level * self._most + choice, numbers)
        return numbers, matched


class Geofence(Filter):
    """Keeps to the row that is most specific to a client: who may serve it, and who may not."""

    name = "geofence"

    def __init__(
        self, rules: Mapping[str, Fence], units: Sequence[Unit], *, closed: bool = True
    ) -> None:
        self._rows = ClientRows(map(parse_client, rules))
        self.prefixes = self._rows.prefixes
        self._closed = closed
        self._outside = np.zeros((len(rules) + 1, len(units)), dtype=np.bool_)
        for row, fence in enumerate(rules.values()):
            self._outside[row] = [_is_outside(fence, unit) for unit in units]

    def apply(self, clients: Clients, standing: Standing, /) -> Standing:
        outside = self._outside[self._rows.winning(clients)]
        if self._closed:
            return standing.remove(outside)
        return standing.split(outside.astype(np.int8))

    def explain(self, client: Clients, /) -> list[str]:
        row = int(self._rows.winning(client)[0])
        if row == NO_ROW:
            return [""] * self._outside.shape[1]
        key = self._rows.keys[row].text
        outside = "removed by" if self._closed else "behind all inside"
        return [
            f"{outside} the fence of {key}" if out else f"inside the fence of {key}"
            for out in self._outside[row].tolist()
        ]


def names_unit(name: str, unit: Unit) -> bool:
    """Whether the name of a region or an AZ is that of a unit, or of the region around it."""
    return name in (unit.name, unit.region)


def _first(names: Sequence[str], unit: Unit) -> int:
    found = [names.index(name) for name in (unit.name, unit.region) if name in names]
    return found[0] if found else _UNNAMED


def _is_outside(fence: Fence, unit: Unit) -> bool:
    kept = fence.only is None or any(names_unit(name, unit) for name in fence.only)
    return not kept or any(names_unit(name, unit) for name in fence.never)
