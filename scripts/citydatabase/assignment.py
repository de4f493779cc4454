"""Which record each network has: countries in runs of neighbouring blocks, cities by popularity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from citydatabase.networks import Networks

_RUN = 4  # neighbouring blocks (/16 of IPv4, /32 of IPv6) that are in one country
_REDRAWS = 20


def assign(
    networks: list[Networks],
    weights: NDArray[np.float64],
    records: int,
    chance: np.random.Generator,
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Records for the networks of each family, and how many records each country has.

    ``weights`` are the countries' shares of the address space. Records are numbered country by
    country; each is used at least once, and neighbours differ where their country has a choice.
    """
    country = np.concatenate([_countries(family, weights, chance) for family in networks])
    if len(country) < records:
        raise ValueError(f"{records} records are more than the {len(country)} networks can use")
    per_country = _apportion(np.bincount(country, minlength=len(weights)), records)
    numbers = _draw(country, per_country, chance)
    first = np.cumsum(per_country) - per_country
    used = np.bincount(numbers, minlength=records)
    for _ in range(_REDRAWS):
        again = np.flatnonzero((numbers[1:] == numbers[:-1]) & (used[numbers[1:]] > 2)) + 1
        if not len(again):
            break
        where = country[again]
        numbers[again] = first[where] + (chance.random(len(again)) * per_country[where]).astype(int)
    used = np.bincount(numbers, minlength=records)
    if not used.all():
        raise AssertionError("a record is used by no network")
    return list(np.split(numbers, np.cumsum([len(family.starts) for family in networks])[:-1])), (
        per_country
    )


def _countries(
    family: Networks, weights: NDArray[np.float64], chance: np.random.Generator
) -> NDArray[np.int64]:
    blocks = family.starts >> np.uint64(family.bits // 2)
    # Blocks are sorted, so that equal ones stand together.
    number = np.cumsum(np.append(False, blocks[1:] != blocks[:-1])) // _RUN
    chosen = chance.choice(len(weights), size=int(number[-1]) + 1, p=weights / weights.sum())
    of_each: NDArray[np.int64] = chosen[number]
    return of_each


def _apportion(networks: NDArray[np.int64], records: int) -> NDArray[np.int64]:
    """Records for each country, in proportion to its networks: one at least, at most as many."""
    scaled = np.where(networks > 0, np.maximum(networks * (records / networks.sum()), 1), 0)
    counts = np.minimum(scaled.astype(np.int64), networks)
    while (missing := records - int(counts.sum())) != 0:
        step = 1 if missing > 0 else -1
        open_ = np.flatnonzero(counts < networks if step > 0 else counts > 1)
        if not len(open_):
            raise ValueError(f"{records} records are too few for the countries in use")
        # Large countries first, which notice it least.
        open_ = open_[np.argsort(-networks[open_], kind="stable")][: abs(missing)]
        counts[open_] += step
    return counts


def _draw(
    country: NDArray[np.int64], per_country: NDArray[np.int64], chance: np.random.Generator
) -> NDArray[np.int64]:
    first = np.cumsum(per_country) - per_country
    # Squares of even chances: a country's first cities have most of its networks.
    skewed = np.square(chance.random(len(country)))
    numbers = first[country] + (skewed * per_country[country]).astype(np.int64)
    # One network for each record, at random among those of its country.
    order = chance.permutation(len(country))
    order = order[np.argsort(country[order], kind="stable")]
    sizes = np.bincount(country, minlength=len(per_country))
    begins = np.cumsum(sizes) - sizes
    rank = np.arange(len(order)) - begins[country[order]]
    chosen = rank < per_country[country[order]]
    numbers[order[chosen]] = (first[country[order]] + rank)[chosen]
    return numbers
