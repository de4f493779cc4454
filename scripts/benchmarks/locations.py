"""How fast databases become location maps, and in how much memory."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import serving
from benchmarks.errors import BenchError
from benchmarks.locating import EMBEDDED
from benchmarks.many_regions import many_regions

ROUNDS = 3
NETWORKS, RECORDS = 6_300_000, 425_000
_ROOT = Path(__file__).resolve().parents[2]
_MAKE = _ROOT / "scripts" / "make-city-database"
_EXAMPLE = _ROOT / "config" / "geodns.yaml"
_PATIENCE = 600  # seconds


class Limits(NamedTuple):
    """What is expected of a database: seconds until it is ready to rank, and bytes."""

    seconds: float
    peak: int | None


LIMITS = {"country": Limits(1.0, None), "city": Limits(10.0, 1_500_000_000)}


@dataclass(frozen=True)
class Case:
    """A database, ``country`` or ``city``, and what is compiled on top of it, if anything."""

    database: str
    configuration: str | None
    runs: tuple[dict[str, Any], ...]

    def median(self, key: str) -> float:
        """Over all runs; ``load`` and ``compile`` are seconds, ``peak`` is bytes."""
        return float(statistics.median(run[key] for run in self.runs))

    @property
    def met(self) -> bool:
        """Whether loading the database was as fast and as small as expected."""
        limits = LIMITS[self.database]
        small = limits.peak is None or self.median("peak") < limits.peak
        return small and self.median("load") < limits.seconds


@dataclass(frozen=True)
class Figures:
    """Everything that was measured. ``making`` is seconds, None for a database that was given."""

    cases: tuple[Case, ...]
    served: serving.Serving
    database: str
    making: float | None


def measure(city: Path | None, progress: Callable[[str], None]) -> Figures:
    """Measure with a city database; None: one is made. Raises BenchError if a step fails."""
    with tempfile.TemporaryDirectory(prefix="geodns-bench-") as name:
        folder = Path(name)
        database = folder / "city.mmdb"
        making = None
        if city is None:
            progress("making a city database")
            making = _make(database)
        else:
            shutil.copyfile(city, database)
        many = folder / "many"
        _write(many)
        files = {"country": EMBEDDED, "city": str(database)}
        configurations = {None: None, "example": _EXAMPLE, "40 regions": many / "geodns.yaml"}
        plan = [
            *(("country", None), ("country", "example")),
            *(("city", None), ("city", "example"), ("city", "40 regions")),
        ]
        runs: dict[tuple[str, str | None], list[dict[str, Any]]] = {case: [] for case in plan}
        for number in range(1, ROUNDS + 1):
            for kind, what in plan:
                progress(f"round {number} of {ROUNDS}: {kind} database, {what or 'locations'}")
                runs[kind, what].append(_run(files[kind], configurations[what]))
        cases = tuple(Case(kind, what, tuple(found)) for (kind, what), found in runs.items())
        served = serving.measure(database, folder / "server", progress)
    return Figures(cases, served, city.name if city else _MAKE.name, making)


def _make(database: Path) -> float:
    options = ["--networks", str(NETWORKS), "--records", str(RECORDS)]
    return _timed([sys.executable, str(_MAKE), str(database), *options])[0]


def _run(database: str, configuration: Path | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.locating", database]
    if configuration is not None:
        command.append(str(configuration))
    found: dict[str, Any] = json.loads(_timed(command)[1])
    return found


def _timed(command: list[str]) -> tuple[float, str]:
    """Seconds, and what was printed."""
    begun = time.perf_counter()
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
        cwd=_ROOT / "scripts",
    )
    if result.returncode != 0:
        raise BenchError(f"{command[1]} failed: {result.stderr.strip()[-300:]}")
    return time.perf_counter() - begun, result.stdout


def _write(folder: Path) -> None:
    for name, text in many_regions().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
