"""Chains of filters over three regions, as tests of single filters write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geodns.answer.compile import compile_image
from geodns.answer.image import Image
from geodns.answer.plan import Plan
from geodns.answer.resolve import A
from geodns.answer.service import EndpointState
from geodns.config.settings import (
    Configuration,
    LatencyRow,
    Server,
    Service,
    Services,
    Topology,
)
from geodns.geo.locations import Locations
from geodns.geo.place import Place
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import whole_space
from geodns.steering.policy import Steering
from geodns.steering.units import Candidate

PLACES = {"eu": (50.11, 8.68), "us": (38.95, -77.45), "ap": (1.35, 103.82)}
BERLIN = Place(52.52, 13.405, "EU", "DE", "BE", "Berlin", 3320)
PARIS = Place(48.86, 2.35, "EU", "FR")
NEW_YORK = Place(40.71, -74.0, "NA", "US", "NY")
TOKYO = Place(35.68, 139.76, "AS", "JP", None, None, 2516)
AZS = ("a", "b")

Rows = Mapping[str, Mapping[str, float]]


def topology(**settings: Mapping[str, Any]) -> Topology:
    """Regions eu, us and ap with AZs eu-a, eu-b and so on; settings by region."""
    return Topology.model_validate(
        {
            "regions": {
                name: {
                    "location": where,
                    "availability_zones": {f"{name}-{az}": {} for az in AZS},
                    **settings.get(name, {}),
                }
                for name, where in PLACES.items()
            }
        }
    )


def chain(
    *stages: Any,
    rows: Rows | None = None,
    where: Topology | None = None,
    priorities: Mapping[str, int] | None = None,
) -> Steering:
    """A policy over two endpoints in each region; one stage that is no filter stands for itself."""
    own = priorities or {}
    return Steering(
        Service.model_validate({"steering": list(stages)}),
        where if where is not None else topology(),
        [
            Candidate(
                f"web@{region}-{az}", region, f"{region}-{az}", 100, own.get(f"{region}-{az}", 1)
            )
            for region in PLACES
            for az in AZS
        ],
        [LatencyRow(client, dict(figures)) for client, figures in (rows or {}).items()],
    )


def preset(name: str, rows: Rows | None = None, **options: Any) -> Steering:
    """A policy by its name."""
    made = chain("latency", rows=rows)
    service = Service.model_validate({"steering": {name: options}})
    found = [LatencyRow(client, dict(figures)) for client, figures in (rows or {}).items()]
    return Steering(service, topology(), made.candidates, found)


def image(
    steering: Any, place: Place, *, endpoints: Mapping[str, Mapping[str, Any]], **service: Any
) -> Image:
    """Compiled, with everybody at one place; ``endpoints`` by AZ (eu-a), each with one address."""
    azs = {
        name: {
            "location": PLACES[name],
            "availability_zones": {
                az: {"endpoints": {"web": {"addresses": [f"192.0.2.{number}"], **settings}}}
                for number, (az, settings) in enumerate(endpoints.items(), start=1)
                if az.startswith(name)
            },
        }
        for name in PLACES
    }
    return compile_image(
        Configuration(
            server=Server(),
            topology=Topology.model_validate({"regions": azs}),
            services=Services.model_validate(
                {"services": {"web": {"steering": steering, **service}}}
            ),
            latency=(),
            zones=(),
            files=(),
        ),
        Locations(whole_space(4, 0), whole_space(6, 0), PlaceTable.of([place])),
    )


def answers(made: Image, availability: Mapping[str, float] | None = None) -> list[tuple[str, ...]]:
    """The AZs in the answer of each slot, in order; empty for the fallback, or no data."""
    states = {f"web@{az}": EndpointState(each) for az, each in (availability or {}).items()}
    plan = Plan(made.services[0], A, states)
    table = plan.build(0)
    endpoints = plan.service.endpoints
    return [
        tuple(endpoints[one.endpoint].availability_zone for one in plan.picks[number].addresses)
        for number in table
    ]


def shares(made: Image, availability: Mapping[str, float] | None = None) -> dict[str, float]:
    """The part of clients that each AZ answers first; empty for the fallback, or no data."""
    found = [each[0] if each else "" for each in answers(made, availability)]
    return {az: found.count(az) / len(found) for az in sorted(set(found))}
