"""Draws docs/pictures/world.svg: where the example sends every country, and what a failure changes.

Nothing in it is drawn by hand: the ranking is the program's own, of ``www.example.test`` with
config/*.yaml. Run it from the root of the clone: ``.venv/bin/python docs/pictures/world.py``.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geodns.geo
from geodns import yamlfile
from geodns.config.settings import Region, Service, Services, Topology
from geodns.geo.place import Place
from geodns.geo.places import PlaceTable
from geodns.latency.table import read_table
from geodns.steering.clients import Clients
from geodns.steering.policy import Steering
from geodns.steering.tiers import Candidate

ROOT = Path(__file__).resolve().parents[2]
COUNTRIES = Path(geodns.geo.__file__).parent / "data" / "country_centres.csv"
SERVICE = "web"
DOWN = "eu-central-1"  # the region that fails in the inset
INSET = "Frankfurt"
LABEL_SIDE = {"London": "end", "Frankfurt": "start", "Silicon Valley": "end", "Beijing": "end"}

STYLE = """
  .back { fill: #ffffff; stroke: #d0d7de }
  .inset { fill: #f6f8fa; stroke: #d0d7de }
  .label { fill: #1f2328; stroke: #ffffff; stroke-width: 3; stroke-linejoin: round;
           paint-order: stroke; font-weight: 600 }
  text { font-family: "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 12px }
  .title { font-size: 14px; font-weight: 600; fill: #1f2328 }
  .down { stroke: #d1242f; stroke-width: 3; stroke-linecap: round }
  .ring { stroke: #ffffff; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; stroke: #3d444d }
    .inset { fill: #151b23; stroke: #3d444d }
    .label { fill: #f0f6fc; stroke: #0d1117 }
    .title { fill: #f0f6fc }
    .ring { stroke: #0d1117 }
  }
"""


@dataclass(frozen=True)
class Country:
    """A country at its centre of population."""

    place: Place
    population: int


@dataclass(frozen=True)
class View:
    """A part of the world (degrees) in a part of the picture (pixels)."""

    west: float
    north: float
    scale: float  # pixels per degree of longitude
    left: float
    top: float

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Pixels; a degree of latitude is drawn 1.2 times as long, as it looks at 35 degrees."""
        x = self.left + (longitude - self.west) * self.scale
        return x, self.top + (self.north - latitude) * self.scale * 1.2


WORLD = View(west=-172, north=74, scale=2.62, left=8, top=34)
EUROPE = View(west=-24, north=69, scale=4.0, left=24, top=262)
EUROPE_BOX = (18, 236, 236, 196)  # x, y, width, height


def main() -> None:
    """Writes world.svg next to this file."""
    topology = Topology.model_validate(_read("topology.yaml"))
    services = Services.model_validate(_read("services.yaml"))
    countries = _countries()
    picture = "\n".join(_picture(topology, services.services[SERVICE], countries))
    Path(__file__).with_name("world.svg").write_text(picture + "\n", encoding="utf-8")


def _read(name: str) -> Any:
    data = yamlfile.read(ROOT / "config" / name)[0].data
    for region in data.get("regions", {}).values():
        for az in region["availability_zones"].values():
            az["endpoints"] = {
                service: {"addresses": endpoint} if isinstance(endpoint, list) else endpoint
                for service, endpoint in az["endpoints"].items()
            }
    return data


def _countries() -> list[Country]:
    with COUNTRIES.open(encoding="utf-8") as file:
        return [
            Country(
                Place(
                    float(row["latitude"]),
                    float(row["longitude"]),
                    row["continent"],
                    row["country"],
                ),
                int(row["population"]),
            )
            for row in csv.DictReader(file)
            if row["country"]  # the other rows are whole continents
        ]


def _chosen(
    topology: Topology, service: Service, countries: list[Country], down: str | None
) -> list[str]:
    """The best region for each country, where ``down`` is not there."""
    candidates = [
        Candidate(f"{SERVICE}@{name}", region, name, az.endpoints[SERVICE].weight)
        for region, about in topology.regions.items()
        for name, az in about.availability_zones.items()
        if SERVICE in az.endpoints and region != down
    ]
    rows, _ = read_table(ROOT / "config" / "latency.yaml", topology.regions)
    steering = Steering(service, topology, candidates, rows)
    places = PlaceTable.of(country.place for country in countries)
    best = steering.order(Clients.without_prefixes(places))[:, 0]
    return [steering.tiers[tier].name for tier in best]


def _picture(topology: Topology, service: Service, countries: list[Country]) -> Iterator[str]:
    regions = topology.regions
    hues = {name: round(360 * (i * 5 % 13) / 13) for i, name in enumerate(regions)}
    colours = {name: f"hsl({hue} 70% 48%)" for name, hue in hues.items()}
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 930 450" role="img">'
    yield "<title>Where the example sends every country</title>"
    yield f"<style>{STYLE}</style>"
    yield '<rect class="back" x="0.5" y="0.5" width="929" height="449" rx="8"/>'
    yield '<text class="title" x="18" y="26">dig www.example.test, from every country</text>'
    chosen = _chosen(topology, service, countries, None)
    yield from _clients(WORLD, countries, chosen, regions, colours)
    for name, region in regions.items():
        yield from _region(WORLD, region, colours[name], label=True)
    x, y, width, height = EUROPE_BOX
    yield f'<rect class="inset" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>'
    yield '<clipPath id="box">'
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/></clipPath>'
    yield '<g clip-path="url(#box)">'
    moved = _chosen(topology, service, countries, DOWN)
    yield from _clients(EUROPE, countries, moved, regions, colours)
    for name, region in regions.items():
        yield from _region(EUROPE, region, colours[name], label=name == "eu-west-1")
    yield from _cross(EUROPE, regions[DOWN])
    yield "</g>"
    yield f'<text class="label title" x="{x + 10}" y="{y + 20}">after {INSET} stops</text>'
    yield "</svg>"


def _clients(
    view: View,
    countries: list[Country],
    chosen: list[str],
    regions: dict[str, Region],
    colours: dict[str, str],
) -> Iterator[str]:
    zoom = view.scale / WORLD.scale
    for country, name in sorted(
        zip(countries, chosen, strict=True), key=lambda pair: -pair[0].population
    ):
        latitude, longitude = country.place.latitude, country.place.longitude
        if latitude is None or longitude is None:
            continue
        x, y = view.at(latitude, longitude)
        to_x, to_y = view.at(*regions[name].location)
        colour = colours[name]
        if abs(to_x - x) < 300 * zoom:  # a line the short way over the Pacific would cross the map
            yield (
                f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" '
                f'stroke="{colour}" stroke-opacity="0.45"/>'
            )
        radius = zoom * (1.5 + math.sqrt(country.population / 5e6) * 0.55)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}"/>'


def _region(view: View, region: Region, colour: str, *, label: bool) -> Iterator[str]:
    x, y = view.at(*region.location)
    yield (
        f'<rect class="ring" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" '
        f'transform="rotate(45 {x:.1f} {y:.1f})" fill="{colour}"/>'
    )
    if label:
        side = LABEL_SIDE.get(region.title or "", "start")
        offset = 10 if side == "start" else -10
        yield (
            f'<text class="label" x="{x + offset:.1f}" y="{y + 4:.1f}" text-anchor="{side}">'
            f"{region.title}</text>"
        )


def _cross(view: View, region: Region) -> Iterator[str]:
    x, y = view.at(*region.location)
    for sign in (1, -1):
        yield (
            f'<line class="down" x1="{x - 9:.1f}" y1="{y - 9 * sign:.1f}" '
            f'x2="{x + 9:.1f}" y2="{y + 9 * sign:.1f}"/>'
        )


if __name__ == "__main__":
    main()
