"""One measurement, in a process of its own: ``python -m benchmarks.locating DATABASE [CONFIG]``.

Loads the locations of a database (``embedded``: the one that comes with the server), compiles the
image of a configuration on top if one is given, and prints what that took as JSON.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from geodns.answer.compile import compile_image
from geodns.answer.image import Image
from geodns.config.load import load
from geodns.geo.database import load_locations
from geodns.geo.locations import Locations

EMBEDDED = "embedded"


def peak_memory(pid: int | str = "self") -> int:
    """The most memory, in bytes, that a process has had resident at once; 0 if it has ended.

    From /proc/PID/status (proc(5)), since what getrusage says starts at the memory of the process
    that this one was forked from.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def measure(database: str, config: Path | None) -> dict[str, Any]:
    """Seconds, bytes and counts."""
    configuration = load(config)[0] if config is not None else None
    begun = time.perf_counter()
    locations = load_locations([] if database == EMBEDDED else [Path(database)])
    found = {"load": time.perf_counter() - begun, **_size(locations)}
    if configuration is not None:
        begun = time.perf_counter()
        image = compile_image(configuration, locations)
        found["compile"] = time.perf_counter() - begun
        found["maps"] = _maps(image)
    return found | {"peak": peak_memory()}


def _size(locations: Locations) -> dict[str, Any]:
    return {
        "v4_ranges": len(locations.v4.starts),
        "v6_ranges": len(locations.v6.starts),
        "places": len(locations.places),
    }


def _maps(image: Image) -> list[dict[str, Any]]:
    return [
        {
            "services": [one.name for one in image.services if one.location == number],
            "classes": max(len(one.classes) for one in image.services if one.location == number),
            "v4_ranges": len(location.v4_starts),
            "v6_ranges": len(location.v6_high),
        }
        for number, location in enumerate(image.locations)
    ]


def main(arguments: list[str]) -> None:
    """Print one measurement."""
    database, *config = arguments
    print(json.dumps(measure(database, Path(config[0]) if config else None)))


if __name__ == "__main__":
    main(sys.argv[1:])
