"""The settings of the guard: when the prober is suspected, and how much may be withdrawn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from geodns.config.base import Settings, Whole
from geodns.config.values import AddressText, Duration, Share


class MassFailure(Settings):
    """Too much that fails at once."""

    share: Share = Field(
        0.6, gt=0, description="freeze when at least this share of the targets that were up fail"
    )
    within: Duration = Field(30.0, gt=0, description="and have all begun to within so long")
    least: Whole = Field(10, ge=1, description="and are at least so many")


class Reference(Settings):
    """Addresses that answer whenever the prober can reach anything."""

    check: str = Field(description="the name of a check that probes")
    addresses: tuple[AddressText, ...] = Field(min_length=1, description="what it probes")


class Withdrawal(Settings):
    """How much of a service may be withdrawn by verdicts."""

    most: Share = Field(gt=0, description="at most this share of the capacity of a service")
    per: Duration = Field(600.0, gt=0, description="within so long")


class GuardSettings(Settings):
    """What is not believed at once."""

    mass_failure: Literal["off"] | MassFailure = Field(
        MassFailure(), description="how much that fails at once is put down to the prober"
    )
    references: tuple[Reference, ...] = Field(
        (), description="the prober's own reference targets, which no service relies on"
    )
    references_needed: Whole = Field(
        1, ge=1, description="freeze when fewer of the reference targets answer"
    )
    longest: Duration | None = Field(
        None, gt=0, description="a freeze is given up after so long; none: only by a person"
    )
    withdrawal: Withdrawal | None = Field(
        None, description="how much verdicts may withdraw; none: everything"
    )
