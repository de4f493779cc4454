"""How much of each service verdicts may withdraw within a window of time. Pure.

Every service has a budget: a share of the sum of its endpoints' sizes. An endpoint that is to go is
let go when, with it, what was let go within the window is within the budget, each endpoint counted
once however often it went. Else it waits in line, and those of its service that come after it wait
behind it, so that a large one is never passed by for ever. One that is larger than the whole budget
goes when nothing else went within the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

_ROUNDING = 1e-9  # of a budget: sums of shares are not exact


class Size(NamedTuple):
    """What an endpoint is of its service, in any unit that all of the service share."""

    service: str
    amount: float


class Withdrawals:
    """Who was let go, and who waits. Times are on one scale that never turns back."""

    def __init__(
        self,
        sizes: Mapping[str, Size] = {},
        most: float | None = None,
        per: float = 0.0,
        before: Withdrawals | None = None,
    ) -> None:
        """``most`` is a share, None: everything may go. What was known ``before`` goes on."""
        self._sizes = sizes
        self._most, self._per = most, per
        self._budgets: dict[str, float] = {}
        for size in sizes.values():
            former = self._budgets.get(size.service, 0.0)
            self._budgets[size.service] = former + size.amount * (most or 0.0)
        self._gone: set[str] = set()
        self._waiting: dict[str, dict[str, float]] = {}  # by service, since when
        self._spent: dict[str, dict[str, float]] = {}  # by service, when last let go
        if before is not None:
            self._gone = {id for id in before._gone if id in sizes}
            for mine, theirs in ((self._waiting, before._waiting), (self._spent, before._spent)):
                for id, at in (pair for known in theirs.values() for pair in known.items()):
                    if id in sizes:
                        mine.setdefault(sizes[id].service, {})[id] = at

    def ask(self, id: str, *, out: bool, free: bool, now: float) -> None:
        """An endpoint is to be out, or not. ``free``: it is out already, for another reason."""
        waiting = self._waiting.setdefault(self._sizes[id].service, {})
        if not out:
            waiting.pop(id, None)
            self._gone.discard(id)
        elif free or self._most is None:
            waiting.pop(id, None)
            self._gone.add(id)
        elif id not in self._gone:
            waiting.setdefault(id, now)

    def settle(self, now: float) -> list[str]:
        """Let go whoever may go, in the order of asking: these."""
        let_go = []
        for service, waiting in self._waiting.items():
            spent = self._spent.setdefault(service, {})
            for id in [id for id, at in spent.items() if at + self._per <= now]:
                del spent[id]
            while waiting:
                id = next(iter(waiting))
                if not self._fits(id, spent):
                    break
                del waiting[id]
                spent.pop(id, None)  # the latest stand last
                spent[id] = now
                self._gone.add(id)
                let_go.append(id)
        return let_go

    def keeps(self, id: str) -> bool:
        """Whether an endpoint is to be out and must wait."""
        size = self._sizes.get(id)
        return size is not None and id in self._waiting.get(size.service, ())

    def waiting(self) -> list[str]:
        """All that must wait, by service, the oldest first."""
        return [id for waiting in self._waiting.values() for id in waiting]

    def standing(self, id: str) -> tuple[bool, float | None]:
        """Whether an endpoint waits, and when it was last let go, if within the window."""
        return self.keeps(id), self._spent.get(self._sizes[id].service, {}).get(id)

    def spend(self, id: str, at: float) -> None:
        """An endpoint was let go at a moment of the past."""
        spent = self._spent.setdefault(self._sizes[id].service, {})
        spent[id] = at

    def due(self) -> float | None:
        """When somebody may go who must wait now; None: nobody waits."""
        return min(self._dues(), default=None)

    def why(self, id: str) -> str:
        """Why it must wait, for people."""
        most = f"{self._most or 0:.0%}"
        return f"kept: more than {most} of {self._sizes[id].service} would go in {self._per:g} s"

    def _fits(self, id: str, spent: Mapping[str, float]) -> bool:
        others = [other for other in spent if other != id]
        budget = self._budgets[self._sizes[id].service]
        used = sum(self._sizes[other].amount for other in others)
        return used == 0 or used + self._sizes[id].amount <= budget * (1 + _ROUNDING)

    def _dues(self) -> Iterator[float]:
        for service, waiting in self._waiting.items():
            first = next(iter(waiting), None)
            spent = dict(self._spent.get(service, {}))
            if first is None:
                continue
            due = waiting[first]
            for id, at in sorted(spent.items(), key=lambda pair: pair[1]):
                if self._fits(first, spent):
                    break
                del spent[id]
                due = at + self._per
            yield due
