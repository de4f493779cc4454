"""Per service: which pick each slot of each class gets, under the present availability."""

from __future__ import annotations

from collections.abc import Sequence

from geodns.answer.image import ServiceImage
from geodns.answer.service import States, shares_of
from geodns.answer.shares import Pick, Share, picks


class Plan:
    """A service's picks for one type, shared by all names that are answered from it.

    ``tables[class]`` holds numbers of picks: one, or one for each slot; None until it is asked
    for. ``picks[number]`` never changes its meaning, whatever the availability, so that replies
    made for a number stay good. ``location`` is the location map to ask, -1 none.
    """

    __slots__ = (
        "_by_shares",
        "_numbers",
        "_states",
        "location",
        "picks",
        "service",
        "tables",
        "type",
    )

    def __init__(self, service: ServiceImage, type: int, states: States) -> None:
        self.service = service
        self.type = type
        self.location = service.location
        self.picks: list[Pick] = []
        self.tables: list[Sequence[int] | None] = [None] * len(service.classes)
        self._states = states
        self._numbers: dict[Pick, int] = {}
        self._by_shares: dict[tuple[Share, ...], Sequence[int]] = {}

    def build(self, class_number: int) -> Sequence[int]:
        """Makes the table of a class."""
        shares = tuple(shares_of(self.service, class_number, self.type, self._states))
        table = self._by_shares.get(shares)
        if table is None:
            table = self._by_shares[shares] = self._number(picks(shares, self.service.answers))
        self.tables[class_number] = table
        return table

    def set_states(self, states: States, changed: frozenset[str]) -> None:
        """Takes a new availability; it differs for the endpoints whose ids are ``changed``."""
        self._states = states
        if any(endpoint.id in changed for endpoint in self.service.endpoints):
            self.tables = [None] * len(self.tables)
            self._by_shares = {}

    def _number(self, chosen: Sequence[Pick]) -> Sequence[int]:
        by_identity: dict[int, int] = {}
        table = []
        for pick in chosen:  # equal picks are mostly one object: hashing each would be slow
            number = by_identity.get(id(pick))
            if number is None:
                number = by_identity[id(pick)] = self._number_of(pick)
            table.append(number)
        return table

    def _number_of(self, pick: Pick) -> int:
        number = self._numbers.setdefault(pick, len(self.picks))
        if number == len(self.picks):
            self.picks.append(pick)
        return number
