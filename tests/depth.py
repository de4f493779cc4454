"""How many random cases tests play: what fits into a short run, or more where that is asked."""

from __future__ import annotations

import os

DEPTH = float(os.environ.get("GEODNS_DEPTH", "1"))


def many(count: int) -> range:
    """Seeds for ``count`` random cases, times what GEODNS_DEPTH says."""
    return range(max(1, round(count * DEPTH)))
