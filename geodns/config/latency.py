"""Settings of latency tables: their shape in YAML, and how old a measurement may be."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from geodns.config.base import Number, Settings, Whole
from geodns.config.values import Duration, Share

_DAY = 86_400.0
_Milliseconds = Annotated[Number, Field(ge=0, le=100_000)]
_Slope = Annotated[Number, Field(ge=0, le=1000)]


class LatencyAge(Settings):
    """How old a figure of a latency table may be. One that gives no date has no age."""

    warn: Duration = Field(
        90 * _DAY, ge=0, description="figures older than this are used with a warning; 0: always"
    )
    drop: Duration = Field(
        365 * _DAY,
        ge=0,
        description="figures older than this are not used, as if they were not there; 0: never so",
    )


class LatencyFigure(Settings):
    """A figure with what is known of it. A bare number in YAML stands for ``{ms: N}``."""

    words = "a number of milliseconds, or a mapping"

    ms: _Milliseconds = Field(description="the round-trip time")
    samples: Whole | None = Field(None, ge=0, description="measurements that it was made from")
    measured: date | None = Field(None, description="when; without it, the table's date")
    confidence: Share | None = Field(None, description="how far to trust it")

    @model_validator(mode="before")
    @classmethod
    def _number_means_ms(cls, data: Any) -> Any:
        return {"ms": data} if isinstance(data, int | float) else data

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        mapping = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [mapping["properties"]["ms"], mapping]}


class EstimateLine(Settings):
    """A straight line from distance to milliseconds."""

    base: _Milliseconds = Field(description="ms at no distance")
    per_1000_km: _Slope = Field(description="ms for each 1000 km of great circle")


class TableEstimate(EstimateLine):
    """What `geodns latency build` fitted, for clients and regions without a figure."""

    continents: dict[str, dict[str, EstimateLine]] = Field(
        {}, description="by continent of the client, then region: a line of their own"
    )


class LatencyTable(Settings):
    """A latency table in YAML: client → region → milliseconds."""

    measured: date | None = Field(None, description="when, as in 2026-11-01")
    estimate: TableEstimate | None = Field(
        None, description="in place of the default estimate; of several tables, the first's"
    )
    latency: dict[str, dict[str, LatencyFigure]] = Field(
        {},
        description="by client (prefix, AS number in a country, AS number, subdivision, country, "
        "continent or default): milliseconds by region",
    )
