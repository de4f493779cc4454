"""Demand by client, as the admin API shows it: what the workers counted, put on the map.

Expanding locations takes seconds and much memory with a city database, so that a process of its
own does it, as with a compile; the event loop stays free.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geodns.answer.demand import Services
from geodns.control.location_cache import locate
from geodns.errors import GeodnsError
from geodns.planning.networks import NOTHING, By, Counted, by_client
from geodns.server.channel import Demand

_COMMAND = (sys.executable, "-P", "-m", "geodns.control.demand")
_PATIENCE = 60.0  # seconds; expanding the largest city database takes a few
_MOST_OUTPUT = 1000  # characters of what a process that broke had to say
_NICE = 5  # answers come first

Groups = dict[Services, dict[int, Counted]]


class DemandError(GeodnsError):
    """The demand can't be put on the map."""


@dataclass(frozen=True)
class _Request:
    by: By
    databases: tuple[Path, ...]
    state: Path
    groups: Groups


def merge(demands: Iterable[Demand]) -> Groups:
    """What all workers counted. Rates are over the time that each has run."""
    groups: Groups = {}
    for demand in demands:
        for services, counts in demand.queries.items():
            group = groups.setdefault(services, {})
            for code, queries in counts.items():
                counted = Counted(queries, queries / max(demand.seconds, 1.0))
                group[code] = group.get(code, NOTHING).plus(counted)
    return {services: counts for services, counts in groups.items() if counts and services}


def answered(answers: Mapping[tuple[str, str, str, str], int]) -> dict[str, int]:
    """Answers by service, of those by (service, region, AZ, reason)."""
    sums: dict[str, int] = {}
    for (service, *_), count in answers.items():
        sums[service] = sums.get(service, 0) + count
    return sums


async def on_the_map(
    groups: Groups, by: By, databases: Sequence[Path], state: Path
) -> list[dict[str, Any]]:
    """The groups with their clients, as JSON has them. Raises DemandError."""
    request = _Request(by, tuple(databases), state, groups)
    if by == "network" or not groups:
        return _as_json(request)
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the control process alone
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            output, told = await process.communicate(pickle.dumps(request))
    except TimeoutError:
        raise DemandError(f"the locations could not be read within {_PATIENCE:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = told.decode(errors="replace").strip()[-_MOST_OUTPUT:]
        raise DemandError(f"the demand can't be put on the map: {reason}")
    found: list[dict[str, Any]] = json.loads(output)
    return found


def _as_json(request: _Request) -> list[dict[str, Any]]:
    locations = None
    if request.by != "network" and request.groups:
        locations = locate(request.databases, request.state, keep=False).locations
    return [
        {
            "services": list(services),
            "clients": [
                {"client": client, "queries": counted.queries, "rate": round(counted.rate, 6)}
                for client, counted in by_client(counts, request.by, locations).items()
            ],
        }
        for services, counts in request.groups.items()
    ]


def main() -> None:
    """Run as the process of ``on_the_map``: a pickle comes in, from our parent alone."""
    os.nice(_NICE)
    request: _Request = pickle.load(sys.stdin.buffer)
    try:
        print(json.dumps(_as_json(request)))
    except GeodnsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
