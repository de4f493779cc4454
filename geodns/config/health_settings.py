"""The settings of verdicts: when AZs and regions are withdrawn, how endpoints come back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from geodns.config.base import Number, Settings
from geodns.config.guard_settings import GuardSettings
from geodns.config.values import Duration, Share, parse_share


class Thresholds(Settings):
    """When too little of a group is healthy to keep it in service, and when it comes back."""

    withdraw_below: Share = Field(
        0.5, description="withdrawn when a smaller share of it is healthy"
    )
    restore_above: Share = Field(
        0.8, description="restored when at least this share is healthy; never below withdraw_below"
    )
    hold: Duration = Field(
        60.0, ge=0, description="how long it must stay above before it is restored"
    )


_AZ_THRESHOLDS = Thresholds(withdraw_below=0.5, restore_above=0.8, hold=60.0)
_REGION_THRESHOLDS = Thresholds(withdraw_below=0.01, restore_above=0.01, hold=0.0)


class Recovery(Settings):
    """How an endpoint that was down comes back, and how flapping is damped (RFC 2439's model)."""

    hold: Duration = Field(0.0, ge=0, description="how long it must be up before it comes back")
    slow_start: Duration = Field(
        0.0, ge=0, description="how long it then takes from nothing to its whole share"
    )
    suppress: Annotated[Number, Field(ge=1)] | None = Field(
        None, description="held out from this penalty on, 1 for each failure; none: not damped"
    )
    reuse: Number = Field(
        1.0, gt=0, description="back when the penalty has decayed to this; less than suppress"
    )
    half_life: Duration = Field(300.0, gt=0, description="in which the penalty halves")
    longest: Duration = Field(
        1800.0, gt=0, description="it is not held out for longer than this after it is up"
    )


class Health(Settings):
    """Verdicts above single endpoints. What a group's mapping leaves out keeps its default."""

    availability_zone: Thresholds = Field(
        _AZ_THRESHOLDS, description="when a whole AZ is withdrawn and restored"
    )
    region: Thresholds = Field(
        _REGION_THRESHOLDS, description="when a whole region is withdrawn and restored"
    )

    recovery: Recovery = Field(
        Recovery(), description="how endpoints come back after they were down"
    )
    guard: GuardSettings = Field(
        GuardSettings(), description="when the prober is suspected in place of what it probes"
    )

    unknown: Literal["withhold", "serve"] = Field(
        "withhold",
        description="what becomes of an endpoint of which nothing is known yet; serve: it counts "
        "as healthy",
    )
    keep: Duration = Field(
        3600.0,
        ge=0,
        description="how old the last verdicts may be that are taken over after a restart",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: _completed(cls.model_fields, key, value) for key, value in data.items()}


def _completed(fields: dict[str, Any], key: str, value: Any) -> Any:
    """A group's mapping with the group's own defaults.

    Without ``restore_above``, a group comes back where it was withdrawn if that is higher.
    """
    if not isinstance(value, dict) or not isinstance(
        fields[key].default if key in fields else None, Thresholds
    ):
        return value
    default: Thresholds = fields[key].default
    full = {**default.model_dump(), **{name: v for name, v in value.items() if v is not None}}
    if value.get("restore_above") is None and value.get("withdraw_below") is not None:
        try:
            full["restore_above"] = max(default.restore_above, parse_share(full["withdraw_below"]))
        except ValueError:  # reported where withdraw_below is validated
            return full
    return full
