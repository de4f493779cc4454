"""The estimate of round-trip time from distance."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest

from geodns.geo.distance import kilometres
from geodns.latency.estimate import LAST_MILE_MS, milliseconds

# Averages between regions of a public cloud, in ms, as its users published them in 2017.
PLACES = {
    "Virginia": (38.95, -77.45),
    "Oregon": (45.84, -119.70),
    "Ireland": (53.35, -6.26),
    "Frankfurt": (50.11, 8.68),
    "Tokyo": (35.68, 139.69),
    "Singapore": (1.35, 103.82),
}
MEASURED = {
    ("Virginia", "Oregon"): 87,
    ("Virginia", "Ireland"): 81,
    ("Virginia", "Frankfurt"): 89,
    ("Virginia", "Tokyo"): 145,
    ("Oregon", "Ireland"): 137,
    ("Oregon", "Tokyo"): 89,
    ("Ireland", "Frankfurt"): 20,
    ("Frankfurt", "Tokyo"): 237,
    ("Tokyo", "Singapore"): 74,
}


def test_the_estimate_is_the_last_mile_and_the_stretched_way_there_and_back() -> None:
    # 1000 km: 1.7 times as far by cable, there and back, at 200 km per ms.
    assert milliseconds(0.0) == LAST_MILE_MS
    assert milliseconds(1000.0) == pytest.approx(5 + 17)


def test_it_keeps_shape_and_unknowns() -> None:
    estimate = milliseconds(np.array([[0.0, np.nan], [100.0, 200.0]]))
    assert estimate.shape == (2, 2)
    assert math.isnan(estimate[0, 1])


def test_it_is_close_to_published_measurements() -> None:
    errors = [
        abs(float(milliseconds(kilometres(*PLACES[one], *PLACES[other]))) - ms) / ms
        for (one, other), ms in MEASURED.items()
    ]
    assert median(errors) < 0.3
