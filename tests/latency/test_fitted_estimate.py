"""The fit of the estimate: lines by hand, and what is held out is not learnt from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from geodns.latency.fit import LEAST_SPOTS, Points, fit, validate


def points(km: NDArray[np.float64], ms: NDArray[np.float64]) -> Points:
    """Each of another place, on one continent, to one region."""
    n = len(km)
    zeros = np.zeros(n, dtype=np.int64)
    return Points(km, ms, np.arange(n), zeros + 1, zeros, (None, "EU"), ("near",))


KM = np.linspace(100, 9000, 40)


def test_a_line_is_found_and_odd_places_do_not_move_it() -> None:
    ms = 8 + 0.02 * KM
    ms[[3, 20]] *= 5
    estimate = fit(points(KM, ms))
    assert estimate is not None
    assert estimate.everywhere.base == pytest.approx(8, abs=0.3)
    assert estimate.everywhere.per_km == pytest.approx(0.02, rel=0.02)


def test_figures_that_fall_with_distance_make_a_flat_line() -> None:
    estimate = fit(points(KM, 100 - 0.01 * KM))
    assert estimate is not None
    assert estimate.everywhere.per_km == 0


def test_too_few_places_make_no_fit() -> None:
    few = points(KM[: LEAST_SPOTS - 1], KM[: LEAST_SPOTS - 1])
    assert fit(few) is None
    assert validate(few) is None


def test_on_a_line_nothing_is_wrong_and_the_default_is() -> None:
    checked = validate(points(KM, 8 + 0.03 * KM))
    assert checked is not None
    assert (checked.points, checked.spots) == (40, 40)
    assert checked.fitted.p90_share < 0.01
    # By hand: the default is 5 + 0.017 km, so 3 + 0.013 km too little; half way, 4550 km.
    assert checked.default.median_ms == pytest.approx(3 + 0.013 * 4550)


def test_a_place_is_held_out_with_all_of_its_figures() -> None:
    # One far place with as many figures as all near ones: a fit that saw some is drawn there.
    km = np.concatenate([np.linspace(500, 1500, 40), np.full(40, 15000.0)])
    ms = np.concatenate([0.028 * km[:40], np.full(40, 900.0)])
    spot = np.concatenate([np.arange(40), np.full(40, 40)])
    apart = replace(points(km, ms), spot=spot)
    together = replace(apart, spot=np.arange(80))
    judged, told = validate(apart), validate(together)
    assert judged is not None
    assert told is not None
    assert told.fitted.p90_ms < 300
    assert judged.fitted.p90_ms == pytest.approx(900 - 0.028 * 15000)
