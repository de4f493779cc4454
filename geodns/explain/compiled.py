"""The part of an image that one question needs: its zones at once, one service's locations after.

Ranking every service over a city-size database takes seconds each; which service a question is for
is known from the zones alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import dns.name
import numpy as np

from geodns.answer.compile import compile_image
from geodns.answer.copied import CopiedZone
from geodns.answer.image import Image
from geodns.config.settings import Configuration, Services, with_branches
from geodns.geo.locations import Locations
from geodns.geo.place import NOWHERE
from geodns.geo.places import PlaceTable
from geodns.geo.ranges import map_values, whole_space


def zones_image(
    configuration: Configuration, name: dns.name.Name, copied: Iterable[CopiedZone] = ()
) -> Image:
    """The image of the zones that may hold a name; every client is nowhere in it.

    ``copied`` are those of them that come from primaries.
    """
    zones = tuple(zone for zone in configuration.zones if name.is_subdomain(zone.origin))
    everywhere = np.zeros(1, np.int32)
    nowhere = Locations(
        map_values(whole_space(4, 0), everywhere),
        map_values(whole_space(6, 0), everywhere),
        PlaceTable.of([NOWHERE]),
    )
    return compile_image(replace(configuration, zones=zones), nowhere, copied)


def with_service(
    image: Image, configuration: Configuration, number: int, locations: Locations
) -> Image:
    """The image with one of its services ranked over the real locations.

    For questions of that service, it answers as the image of the whole configuration does.
    """
    name = image.services[number].name
    services = configuration.services.services
    only = Services(services={each: services[each] for each in with_branches(services, name)})
    ranked = compile_image(replace(configuration, zones=(), services=only), locations)
    found = list(image.services)
    found[number] = ranked.services[0]
    return Image(image.zones, tuple(found), ranked.locations, image.resolvers)
