"""The settings of steering: filters, chains that they make, presets that stand for chains."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    model_validator,
)

from geodns.config.base import Flag, Number, Settings, Whole
from geodns.config.values import Duration, parse_share
from geodns.config.wording import Words
from geodns.latency.client import ClientKeyError, Level, parse_client
from geodns.wording import did_you_mean, shown

_TOLERANCE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|km|%)?", re.ASCII)


class Within(NamedTuple):
    """How far behind the best a candidate may be and still be as good.

    ``amount`` is in the unit of the cost, ``share`` a part of the best one's cost.
    """

    amount: float = 0.0
    share: float = 0.0

    def limit(self, best: float) -> float:
        """The highest cost that is as good as the best."""
        return best * (1 + self.share) + self.amount


def parse_within(value: Any, units: Collection[str] = ("ms", "s", "km")) -> Within:
    """``10ms``, ``200km``, ``15%`` or a bare number in the unit of the cost. Raises ValueError.

    ``units`` are those that the filter can take; its cost is in milliseconds, kilometres or none.
    """
    if isinstance(value, Within):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return Within(float(value))
    match = _TOLERANCE.fullmatch(value.strip()) if isinstance(value, str) else None
    number, unit = match.groups() if match is not None else ("", "")
    if unit == "%" and float(number) <= 100:
        return Within(share=parse_share(value))
    if number and unit in (None, *units):
        return Within(float(number) * (1000 if unit == "s" else 1))
    raise ValueError(f"{shown(value)} is no tolerance here; write it {_as_in(units)}")


def _as_in(units: Collection[str]) -> str:
    examples = {"ms": "10ms", "km": "200km"}
    return f"as in {next((examples[unit] for unit in units if unit in examples), '0.5')} or 15%"


def parse_client_text(value: str) -> str:
    """A client key of a latency table in its canonical form. Raises ValueError otherwise."""
    try:
        return parse_client(value).text
    except ClientKeyError as error:
        raise ValueError(f"{error}; {error.hint}" if error.hint else str(error)) from error


def _parse_subnet_text(value: str) -> str:
    text = parse_client_text(value)
    if parse_client(text).level not in (Level.PREFIX, Level.ASN, Level.DEFAULT):
        raise ValueError(
            f"{shown(value)} is no network; write a prefix, an AS number as in AS4134, or default"
        )
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _within_schema(*units: str) -> WithJsonSchema:
    pattern = rf"^\d+(\.\d+)?\s*({'|'.join((*units, '%'))})?$"
    return WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": pattern}, {"type": "number", "minimum": 0}]}
    )


_WRITTEN = PlainSerializer(lambda within: f"{within.share:.6%}" if within.share else within.amount)
WithinTime = Annotated[
    Within,
    BeforeValidator(partial(parse_within, units=("ms", "s"))),
    _WRITTEN,
    _within_schema("ms", "s"),
    Words("a tolerance as in 10ms or 15%"),
]
WithinDistance = Annotated[
    Within,
    BeforeValidator(partial(parse_within, units=("km",))),
    _WRITTEN,
    _within_schema("km"),
    Words("a tolerance as in 200km or 15%"),
]
WithinPrice = Annotated[
    Within,
    BeforeValidator(partial(parse_within, units=())),
    _WRITTEN,
    _within_schema(),
    Words("a tolerance as in 0.5 or 15%"),
]
ClientText = Annotated[
    str, AfterValidator(parse_client_text), Words("a client as in EU-DE, AS4134 or 192.0.2.0/24")
]
SubnetText = Annotated[
    str, AfterValidator(_parse_subnet_text), Words("a network as in 192.0.2.0/24, or AS4134")
]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
    Words("the name of a region or an AZ, or a list of them"),
]
"""Regions and AZs; a bare name stands for a list of one."""


def _one_by_one(value: Any) -> Any:
    """``"EU-DE, EU-FR": x`` is a row for each of both."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return value
    found: dict[str, Any] = {}
    for keys, row in value.items():
        for key in keys.split(","):
            text = key.strip() if "," in keys else key
            if text in found:
                raise ValueError(f"{shown(text)} has two rows")
            found[text] = row
    return found


class Fence(Settings):
    """Who may serve the clients of one row of a ``geofence``."""

    only: Names | None = Field(
        None, description="regions and AZs that may serve them, and no others; []: nobody"
    )
    never: Names = Field((), description="regions and AZs that may not serve them")


class Geofence(Settings):
    """Keeps clients to regions, or away from them, by the row that is most specific to a client."""

    rules: Annotated[dict[ClientText, Fence], BeforeValidator(_one_by_one)] = Field(
        {},
        description="by client (as in a latency table, or several with commas): who may serve it",
    )
    closed: Flag = Field(
        True, description="stays closed even when nothing inside is available; false: a last resort"
    )


class LatencyFilter(Settings):
    """Sorts by round-trip time: latency tables where they have a row, else an estimate."""

    within: WithinTime | None = Field(
        None, description="as good as the best, as in 10ms or 15%; none: only the best"
    )
    cost: Duration = Field(
        0.0, ge=0, description="time that one unit of a region's `cost` counts as, as in 20ms"
    )


class NearestFilter(Settings):
    """Sorts by great-circle distance, after each region's bias."""

    within: WithinDistance | None = Field(
        None, description="as good as the best, as in 200km or 15%; none: only the best"
    )
    bias: dict[str, Annotated[Whole, Field(ge=-99, le=99)]] = Field(
        {}, description="by region, in place of the topology's bias"
    )


class Prefer(Settings):
    """Explicit rules: the most specific row first, then wider ones."""

    rules: Annotated[dict[ClientText, Names], BeforeValidator(_one_by_one)] = Field(
        {}, description="by client: regions, AZs or branches, first choice first"
    )
    only: Flag = Field(
        False, description="nobody else serves a client that a rule names; false: they come behind"
    )


class SubnetRules(Settings):
    """Rules by the client's network alone: the longest prefix first, then its AS, then default."""

    rules: Annotated[dict[SubnetText, Names], BeforeValidator(_one_by_one)] = Field(
        {},
        description="by prefix, AS number or default: regions, AZs or branches, first choice first",
    )
    only: Flag = Field(
        False, description="nobody else serves a client that a rule names; false: they come behind"
    )


class Priority(Settings):
    """Sorts by number, lower first; equal numbers are equally good."""

    of: dict[str, Annotated[Whole, Field(ge=0, le=65535)]] = Field(
        {}, description="by region, AZ or branch, in place of the endpoints' `priority`"
    )


class Failover(Settings):
    """A fixed order, whoever asks."""

    order: tuple[str, ...] = Field(
        (), description="regions, AZs or branches, first choice first; default: file order"
    )


class Weight(Settings):
    """How those that are equally good share the clients."""

    by: Literal["weight", "load", "response_time", "equal"] = Field(
        "weight",
        description="the endpoints' weight, times: their free capacity as they report it (load), "
        "or their quickness as checks measure it (response_time); equal: all the same",
    )
    of: dict[str, Annotated[Number, Field(ge=0, le=1_000_000)]] = Field(
        {},
        description="by region, AZ or branch: its share; those that it leaves out come behind",
    )


class CostFilter(Settings):
    """Sorts by price."""

    of: dict[str, Annotated[Number, Field(ge=0)]] = Field(
        {}, description="by region, in place of the topology's cost"
    )
    within: WithinPrice | None = Field(
        None, description="as good as the cheapest, as in 10% or 0.5; none: only the cheapest"
    )


class Spread(Settings):
    """Which addresses stand in an answer of several."""

    by: Literal["availability_zone", "region", "none"] = Field(
        "availability_zone", description="none twice in an answer before each was once"
    )


class Sticky(Settings):
    """Whether a client keeps its answer."""

    by: Literal["subnet", "none"] = Field(
        "subnet",
        description="subnet: clients of a /24 or /48 keep theirs; none: answers take turns",
    )


class Limit(Settings):
    """Bounds of an answer."""

    tiers: Whole | None = Field(
        None, ge=1, description="only the best so many tiers ever serve a client"
    )
    addresses: Whole | None = Field(
        None, ge=1, le=64, description="addresses in one answer, in place of `answers`"
    )


class PlanFilter(Settings):
    """Follows a capacity plan: the row that is most specific to a client shares it out."""

    file: Path = Field(description="written by `geodns plan`, relative to this file")


class _OneOf(Settings):
    """A mapping with exactly one key; its bare name stands for that key with all defaults."""

    @property
    def name(self) -> str:
        """The key that is set."""
        return next(key for key in type(self).model_fields if getattr(self, key) is not None)

    @property
    def options(self) -> Any:
        """What stands behind it."""
        return getattr(self, self.name)

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, data: Any) -> Any:
        if isinstance(data, str):
            if data not in cls.model_fields:
                hint = did_you_mean(data, cls.model_fields)
                known = f"{shown(data)} is none of {', '.join(cls.model_fields)}"
                raise ValueError(f"{known}; {hint}" if hint else known)
            return {data: {}}
        if isinstance(data, dict):
            return {key: {} if value is None else value for key, value in data.items()}
        return data

    @model_validator(mode="after")
    def _exactly_one(self) -> _OneOf:
        if sum(getattr(self, key) is not None for key in type(self).model_fields) != 1:
            raise ValueError(f"write exactly one of {', '.join(type(self).model_fields)} here")
        return self


def _spread_by(data: Any) -> Any:
    return {"by": data} if isinstance(data, str) else data


def _sticky_by(data: Any) -> Any:
    if isinstance(data, bool):
        return {"by": "subnet" if data else "none"}
    return {"by": data} if isinstance(data, str) else data


def _weight_by(data: Any) -> Any:
    return {"by": data} if isinstance(data, str) else data


def _limit_addresses(data: Any) -> Any:
    return {"addresses": data} if isinstance(data, int) else data


WeightChoice = Annotated[Weight, BeforeValidator(_weight_by)]
SpreadChoice = Annotated[Spread, BeforeValidator(_spread_by)]
StickyChoice = Annotated[Sticky, BeforeValidator(_sticky_by)]
LimitChoice = Annotated[Limit, BeforeValidator(_limit_addresses)]


class Stage(_OneOf):
    """One filter of a chain: its name, or ``{name: {options}}``."""

    words = "a filter, as in latency or {latency: {within: 10ms}}"

    geofence: Geofence | None = Field(None, description="who may serve whom")
    prefer: Prefer | None = Field(None, description="explicit rules")
    latency: LatencyFilter | None = Field(None, description="lowest round-trip time first")
    nearest: NearestFilter | None = Field(None, description="nearest first")
    priority: Priority | None = Field(None, description="lowest number first")
    failover: Failover | None = Field(None, description="a fixed order")
    cost: CostFilter | None = Field(None, description="cheapest first")
    weight: WeightChoice | None = Field(None, description="how equals share")
    plan: PlanFilter | None = Field(None, description="shares of a capacity plan")
    spread: SpreadChoice | None = Field(None, description="which addresses stand beside each other")
    sticky: StickyChoice | None = Field(None, description="whether a client keeps its answer")
    limit: LimitChoice | None = Field(None, description="bounds of an answer")


class Multivalue(Settings):
    """Several addresses in each answer, in changing order."""

    addresses: Whole = Field(8, ge=1, le=64, description="addresses in one answer")


class Weighted(Settings):
    """Fixed shares, whoever asks."""

    of: dict[str, Annotated[Number, Field(ge=0, le=1_000_000)]] = Field(
        {}, description="by region, AZ or branch: its share; none: the endpoints' weights"
    )


class Preset(_OneOf):
    """A policy by its name, or ``{name: {options}}``; each stands for a chain."""

    words = (
        "latency, nearest, geo, geoproximity, weighted, failover, multivalue or subnet, such a "
        "name with options, or a chain of filters"
    )

    latency: LatencyFilter | None = Field(None, description="lowest round-trip time")
    nearest: NearestFilter | None = Field(None, description="nearest region")
    geo: Prefer | None = Field(None, description="by continent, country or subdivision")
    geoproximity: NearestFilter | None = Field(None, description="nearest region after bias")
    weighted: Weighted | None = Field(None, description="fixed shares")
    failover: Failover | None = Field(None, description="a fixed order")
    multivalue: Multivalue | None = Field(None, description="several healthy addresses")
    subnet: SubnetRules | None = Field(None, description="by the client's network")


def _preset_or_chain(value: Any) -> str:
    return "chain" if isinstance(value, list | tuple) else "Preset"


Chain: TypeAlias = tuple[Stage, ...]
SteeringChoice = Annotated[
    Annotated[Preset, Tag("Preset")] | Annotated[Chain, Tag("chain"), Field(min_length=1)],
    Discriminator(_preset_or_chain),
]


def _same_shares(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        twice = next((name for at, name in enumerate(value) if name in value[:at]), None)
        if twice is not None:
            raise ValueError(f"{shown(twice)} stands in this list twice; {{{twice}: 2}} is a share")
        return dict.fromkeys(value, 1.0)
    return value


Branches = Annotated[
    dict[str, Annotated[Number, Field(ge=0, le=1_000_000)]],
    BeforeValidator(_same_shares),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
            ]
        }
    ),
    Words("a list of services, or a mapping of services to shares"),
]
"""Services by name, in order, each with its share among equals."""


def names_in(stage: Stage | Preset) -> Iterator[tuple[str, tuple[str | int, ...], bool]]:
    """The regions, AZs and branches that a stage or preset names: (name, path, is it a key).

    Paths lead from the mapping that holds the stage. A bare name has the same path as a list of it,
    with an index behind.
    """
    options = stage.options
    if isinstance(options, Geofence):
        for client, fence in options.rules.items():
            for kind in ("only", "never"):
                for index, name in enumerate(getattr(fence, kind) or ()):
                    yield name, (stage.name, "rules", client, kind, index), False
    elif isinstance(options, Prefer | SubnetRules):
        for client, names in options.rules.items():
            for index, name in enumerate(names):
                yield name, (stage.name, "rules", client, index), False
    elif isinstance(options, Failover):
        for index, name in enumerate(options.order):
            yield name, (stage.name, "order", index), False
    elif isinstance(options, NearestFilter):
        for name in options.bias:
            yield name, (stage.name, "bias", name), True
    elif isinstance(options, Priority | Weight | Weighted | CostFilter):
        for name in options.of:
            yield name, (stage.name, "of", name), True
