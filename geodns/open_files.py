"""How many files this process may have open at once: connections, sockets and pipes are files."""

from __future__ import annotations

import resource


def raise_limit(most: int | None = None) -> int:
    """Raise the soft limit as far as allowed, or to ``most``; returns what holds then.

    A limit that is higher already stays. RLIM_INFINITY where there is none.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if most is None else _least(most, hard)
    if _least(soft, wanted) == wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _least(one: int, other: int) -> int:
    return min(
        (one, other), key=lambda limit: float("inf") if limit == resource.RLIM_INFINITY else limit
    )
