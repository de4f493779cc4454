"""Distinct rows of large tables of whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, odd


def distinct_rows(
    rows: NDArray[np.signedinteger[Any]],
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Distinct rows, shape (k, m), and for each row its position among them.

    Sorting one hash a row is many times faster than sorting rows; a collision would be noticed.
    """
    hashes = np.zeros(len(rows), dtype=np.uint64)
    for column in range(rows.shape[1]):
        # Modulo 2^64, as unsigned arrays count.
        hashes = (hashes + rows[:, column].astype(np.uint64) + np.uint64(1)) * _MULTIPLIER
        hashes ^= hashes >> np.uint64(29)
    _, first, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    distinct = rows[first]
    if np.array_equal(distinct[numbers], rows):
        return distinct, numbers.astype(np.int64)
    distinct, numbers = np.unique(rows, axis=0, return_inverse=True)
    return distinct, numbers.reshape(-1).astype(np.int64)
