"""Makes up round-trip times: geography, detours, access networks, noise. None of it was measured.

    ms = last mile + detour * 2 * km / 200 + noise

- ``last mile`` is a client network's own: lognormal, median 9 ms;
- ``detour`` is how much longer the way is than the great circle: one factor for each country and
  region, lognormal around 1.6, on continents that are badly connected around 2.2, and one in
  twenty pairs goes by way of another continent (twice as long);
- ``noise`` is exponential, with a mean of 12% of the rest; two in a hundred three times as long.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.geo.distance import kilometres
from geodns.geo.locations import Locations

_BADLY_CONNECTED = ("AF", "SA", "OC")
_FIBRE = 200.0  # km per ms


class Measurements(NamedTuple):
    """n measurements: IPv4 addresses, regions' positions, ms, seconds since 1970."""

    address: NDArray[np.uint32]
    region: NDArray[np.int64]
    ms: NDArray[np.float64]
    time: NDArray[np.int64]


class World:
    """A made-up network between client networks and regions at (latitude, longitude)."""

    def __init__(
        self,
        locations: Locations,
        regions: NDArray[np.float64],
        rng: np.random.Generator,
        networks: int,
    ) -> None:
        starts = locations.v4.starts.astype(np.int64)
        ends = np.append(starts[1:], 2**32)
        places = locations.places
        usable = ~np.isnan(places.latitude[locations.v4.values])
        # A country's networks are as many as the root of its addresses, so that small ones count.
        sizes = np.where(usable, np.sqrt(ends - starts), 0.0)
        ranges = rng.choice(len(starts), size=networks, p=sizes / sizes.sum())
        inside = starts[ranges] + (rng.random(networks) * (ends - starts)[ranges]).astype(np.int64)
        self.network = np.unique(inside >> 8 << 8)  # the first address may be another range's
        at = np.searchsorted(starts, self.network, "right") - 1
        self.network = self.network[usable[at]]
        self.place = locations.v4.values[at[usable[at]]]
        country = places.country[self.place]
        self.km = kilometres(
            places.latitude[self.place][:, None],
            places.longitude[self.place][:, None],
            regions[:, 0],
            regions[:, 1],
        )
        shape = (len(places.countries), len(regions))
        detour = np.exp(rng.normal(np.log(1.6), 0.18, shape))
        far = np.array([name in _BADLY_CONNECTED for name in places.continents])
        by_country = np.zeros(len(places.countries), dtype=bool)
        by_country[places.country] = far[places.continent]
        detour[by_country] *= 2.2 / 1.6
        detour[rng.random(shape) < 0.05] *= 2
        self.detour = detour[country]
        self.last_mile = np.exp(rng.normal(np.log(9), 0.5, len(self.network)))

    def true_ms(self) -> NDArray[np.float64]:
        """The round-trip time without noise, shape (networks, regions)."""
        return np.asarray(self.last_mile[:, None] + self.detour * 2 * self.km / _FIBRE)

    def measure(self, n: int, rng: np.random.Generator, now: float, days: float) -> Measurements:
        """n measurements of random networks to random regions over the last days."""
        who = rng.integers(0, len(self.network), n)
        region = rng.integers(0, self.km.shape[1], n)
        ms = self.last_mile[who] + self.detour[who, region] * 2 * self.km[who, region] / _FIBRE
        ms *= 1 + rng.exponential(0.12, n)
        ms[rng.random(n) < 0.02] *= 3
        return Measurements(
            address=(self.network[who] + rng.integers(1, 255, n)).astype(np.uint32),
            region=region,
            ms=np.round(ms, 2),
            time=(now - rng.random(n) * days * 86_400).astype(np.int64),
        )
