"""The named steering policies: each stands for a chain of filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from geodns.config.steering import (
    Chain,
    Failover,
    Limit,
    NearestFilter,
    Prefer,
    Preset,
    Stage,
    Sticky,
    Weight,
)


def chain_of(steering: Preset | Chain) -> Chain:
    """The chain that a service's steering stands for."""
    if isinstance(steering, Preset):
        return PRESETS[steering.name](steering.options)
    return steering


def chain_of_branches(steering: Preset | Chain) -> Chain:
    """The chain that steering stands for where a service has branches.

    These are in no one place: where a preset would go by distance, they follow in their own order.
    """
    in_order = Stage(failover=Failover())
    return tuple(in_order if stage.name == "nearest" else stage for stage in chain_of(steering))


def _nearest(options: NearestFilter) -> Chain:
    return (Stage(nearest=options),)


def _by_rules(options: Any) -> Chain:
    # Those that no rule tells apart are asked from near to far.
    return (
        Stage(prefer=Prefer(rules=options.rules, only=options.only)),
        Stage(nearest=NearestFilter()),
    )


PRESETS: Mapping[str, Callable[[Any], Chain]] = {
    "latency": lambda options: (Stage(latency=options),),
    "nearest": _nearest,
    "geo": _by_rules,
    "geoproximity": _nearest,
    "weighted": lambda options: (Stage(weight=Weight(of=options.of)),),
    "failover": lambda options: (Stage(failover=options),),
    "multivalue": lambda options: (
        Stage(limit=Limit(addresses=options.addresses)),
        Stage(sticky=Sticky(by="none")),
    ),
    "subnet": _by_rules,
}
