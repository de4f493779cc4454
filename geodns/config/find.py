"""Finds the server file when the command line doesn't name it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from geodns.errors import GeodnsError

VARIABLE = "GEODNS_CONFIG"
PLACES = (Path("config/geodns.yaml"), Path("/etc/geodns/geodns.yaml"))


class NoConfigurationError(GeodnsError):
    """There is no server file; the message lists where it was looked for."""


def find(
    named: Path | None, environment: Mapping[str, str], places: tuple[Path, ...] = PLACES
) -> Path:
    """The server file: the one that ``-c`` names, else GEODNS_CONFIG's, else the first place's.

    Raises NoConfigurationError. A file that is named is not replaced by another that exists.
    """
    if named is not None:
        return _existing(named, "-c")
    variable = environment.get(VARIABLE, "")
    if variable:
        return _existing(Path(variable), VARIABLE)
    for place in places:
        if place.is_file():
            return place
    tried = " nor ".join(map(str, places))
    raise NoConfigurationError(
        f"there is no configuration: {VARIABLE} is not set, and neither {tried} exists; "
        "name one with -c"
    )


def _existing(file: Path, source: str) -> Path:
    if file.is_dir():
        raise NoConfigurationError(f"{file}, named by {source}, is a folder; name the server file")
    if not file.exists():
        raise NoConfigurationError(f"{file}, named by {source}, does not exist")
    return file
