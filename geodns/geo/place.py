"""What is known of where a client is."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Coordinates in degrees; ISO 3166 codes in upper case; None is unknown.

    ``continent`` is one of AF AN AS EU NA OC SA; ``subdivision`` is the part of ISO 3166-2 behind
    the hyphen (``CA`` of ``US-CA``).
    """

    latitude: float | None = None
    longitude: float | None = None
    continent: str | None = None
    country: str | None = None
    subdivision: str | None = None
    city: str | None = None
    asn: int | None = None


NOWHERE = Place()
