"""The ``all``, ``any`` and ``at_least`` checks: a verdict made of other checks' verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from geodns.config.base import Whole
from geodns.health.kits.kit import CheckSettings, Kit
from geodns.health.machine import State

_MOST_NAMED = 3


class CombinedCheck(CheckSettings):
    """Other checks of the same address, by name."""

    type: Literal["all", "any", "at_least"] = Field(description="how many must be up")
    checks: tuple[str, ...] = Field(min_length=1, description="the names of other checks")
    count: Whole | None = Field(None, ge=1, description="for at_least: how many must be up")

    @model_validator(mode="after")
    def _count_fits(self) -> Self:
        if (self.count is None) == (self.type == "at_least"):
            raise ValueError("write count: with type: at_least, and only there")
        if self.count is not None and self.count > len(self.checks):
            raise ValueError(f"count is {self.count}, but there are {len(self.checks)} checks")
        return self

    @property
    def needed(self) -> int:
        """How many of the checks must be up."""
        return {"all": len(self.checks), "any": 1}.get(self.type, self.count or 1)

    @property
    def interval(self) -> float:
        """For what follows a check's rhythm; the checks below have their own."""
        return 10.0

    @property
    def fast_interval(self) -> float | None:
        """None: nothing is probed."""
        return None

    @property
    def timeout(self) -> float:
        """Nothing is waited for."""
        return 0.0

    @property
    def rise(self) -> int:
        """The checks below have risen already."""
        return 1

    @property
    def fall(self) -> int:
        """The checks below have fallen already."""
        return 1


def combine(needed: int, parts: Sequence[tuple[str, State, str]]) -> tuple[State, str]:
    """The state of a combination, in words too. ``parts`` are (name, state, detail).

    Unknown while those that aren't known yet could still decide it.
    """
    up = sum(state is State.UP for _, state, _ in parts)
    unknown = sum(state is State.UNKNOWN for _, state, _ in parts)
    detail = f"{up} of {len(parts)} checks up, {needed} needed"
    down = [f"{name}: {said}" for name, state, said in parts if state is State.DOWN]
    if down:
        detail = "; ".join((detail, *down[:_MOST_NAMED]))
    if up >= needed:
        return State.UP, detail
    return (State.UNKNOWN if up + unknown >= needed else State.DOWN), detail


KIT = Kit(CombinedCheck, None, "as many of other checks up as needed", "nothing by itself")
