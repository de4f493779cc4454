"""Keeps endpoints in service that verdicts would withdraw beyond the budget of their service."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from geodns.config.guard_settings import Withdrawal
from geodns.health.plan import Plan
from geodns.health.turn import Turn
from geodns.health.withdrawal import Size, Withdrawals

logger = logging.getLogger(__name__)


class Kept(NamedTuple):
    """What a restart must not forget: whether an endpoint waits, and when it was last let go."""

    waits: bool
    let_go: float | None


class Keeping:
    """Asks the budgets for every endpoint that verdicts are against and that is in service."""

    def __init__(
        self, plan: Plan, settings: Withdrawal | None = None, before: Keeping | None = None
    ) -> None:
        self._order = {id: number for number, id in enumerate(plan.endpoints)}
        self._withdrawals: Withdrawals = Withdrawals(
            _sizes(plan),
            settings.most if settings else None,
            settings.per if settings else 0.0,
            before._withdrawals if before else None,
        )
        serving = before._serving if before else set()
        self._serving: set[str] = serving & self._order.keys()
        self._turns: list[Turn] = []
        self._changed: set[str] = set()

    def serves(self, id: str, serving: bool) -> None:
        """Whether an endpoint is in service now."""
        (self._serving.add if serving else self._serving.discard)(id)

    def review(self, ids: Iterable[str], out: Callable[[str], bool], now: float) -> list[str]:
        """Ask for these in the plan's order; ``out`` is whether verdicts are against one.

        Returns those of which something else holds now, which may be others.
        """
        before = set(self._withdrawals.waiting())
        for id in sorted(ids, key=self._order.__getitem__):
            self._withdrawals.ask(id, out=out(id), free=id not in self._serving, now=now)
        let_go = self._withdrawals.settle(now)
        waiting = set(self._withdrawals.waiting())
        for id in sorted(waiting - before, key=self._order.__getitem__):
            self._tell(id, "kept", self.why(id))
        for id in let_go:
            if id in before:
                self._tell(id, "withdrawn", "it had to wait, and may go now")
        self._changed |= waiting ^ before | set(let_go)
        return [*(waiting ^ before), *let_go]

    def keeps(self, id: str) -> bool:
        """Whether verdicts are against an endpoint that stays in service all the same."""
        return self._withdrawals.keeps(id)

    def why(self, id: str) -> str:
        """Why it stays, for people."""
        return self._withdrawals.why(id)

    def waiting(self) -> list[str]:
        """All that are kept."""
        return self._withdrawals.waiting()

    def due(self) -> float | None:
        """When one of them may go, on the scale of ``now``; None: there is none."""
        return self._withdrawals.due()

    def turns(self) -> list[Turn]:
        """Who was kept, and who was let go later, since this was asked last."""
        found, self._turns = self._turns, []
        return found

    def changed(self) -> dict[str, Kept]:
        """What is to be remembered and was not told yet."""
        found = {id: self._withdrawals.standing(id) for id in self._changed}
        self._changed = set()
        return {id: Kept(*pair) for id, pair in found.items()}

    def recall(self, id: str, kept: Kept) -> None:
        """Go on from what an earlier process remembered."""
        if kept.waits:
            self._serving.add(id)
        if kept.let_go is not None:
            self._withdrawals.spend(id, kept.let_go)

    def _tell(self, id: str, became: str, reason: str) -> None:
        self._turns.append(Turn(id, became, reason, (id,), "guard"))
        told = "kept in service" if became == "kept" else "withdrawn late"
        logger.warning(f"endpoint is {told}", extra={"endpoints": id, "reason": reason})


def _sizes(plan: Plan) -> Mapping[str, Size]:
    """By capacity where all endpoints of a service have one, else by weight."""
    without = {e.service for e in plan.endpoints.values() if e.endpoint.capacity is None}
    return {
        id: Size(
            planned.service,
            planned.endpoint.weight
            if planned.service in without
            else planned.endpoint.capacity or 0.0,
        )
        for id, planned in plan.endpoints.items()
    }
