"""What is wrong with a GeoIP database."""

from __future__ import annotations

from pathlib import Path

from geodns.errors import GeodnsError


class GeoError(GeodnsError):
    """A database can't be used; the sentence names the file and what is wrong with it."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason
