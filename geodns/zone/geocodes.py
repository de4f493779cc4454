"""octoDNS's geo codes, ``EU``, ``EU-DE`` and ``NA-US-CA``, as client keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from geodns.geo.countries import country_centre
from geodns.latency.client import CONTINENTS
from geodns.wording import shown
from geodns.zone.draft import ContentError

_CODE = re.compile(r"([A-Z]{2})(?:-([A-Z]{2})(?:-([A-Z0-9]{1,3}))?)?", re.ASCII)
_OF_OCTODNS = {"CX": "AS", "CY": "AS", "GS": "SA", "TL": "AS"}
"""Countries that octoDNS has on another continent than the tables of this program."""

# ISO 3166-2: the subdivisions that octoDNS knows.
_SUBDIVISIONS = {
    country: frozenset(codes.split())
    for country, codes in {
        "CA": "AB BC MB NB NL NS NT NU ON PE QC SK YT",
        "US": "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP"
        " MS MT NC ND NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY",
    }.items()
}


def client_key(code: str) -> str:
    """The client key (see ``latency.client``) that a geo code stands for. Raises ContentError.

    A country is found by its own code, so a client is in ``AS-CY`` wherever a database has Cyprus.
    """
    match = _CODE.fullmatch(code)
    if match is None:
        hint = f"write {code.upper()}" if _CODE.fullmatch(code.upper()) else None
        raise ContentError(
            "bad-geo", f"{shown(code)} is no geo code, as in EU, EU-DE or NA-US-CA", hint
        )
    continent, country, subdivision = match.groups()
    if continent not in CONTINENTS:
        raise ContentError(
            "bad-geo",
            f"{shown(code)} does not begin with a continent",
            f"one of {', '.join(CONTINENTS)}",
        )
    if country is None:
        return continent
    centre = country_centre(country)
    if centre is None:
        raise ContentError("bad-geo", f"{shown(code)}: no country has the code {country}")
    if continent not in (centre.continent, _OF_OCTODNS.get(country)):
        right = f"{centre.continent}{code[2:]}"
        raise ContentError(
            "bad-geo", f"{shown(code)}: {country} is in {centre.continent}", f"write {right}"
        )
    if subdivision is None:
        return f"{centre.continent}-{country}"
    if country in _SUBDIVISIONS and subdivision not in _SUBDIVISIONS[country]:
        raise ContentError(
            "bad-geo",
            f"{shown(code)}: {country} has no subdivision {subdivision}",
            "see ISO 3166-2",
        )
    return f"{centre.continent}-{country}-{subdivision}"


def around(code: str) -> Iterator[str]:
    """A geo code and those around it: ``NA-US-CA``, ``NA-US``, ``NA``."""
    parts = code.split("-")
    return ("-".join(parts[:length]) for length in range(len(parts), 0, -1))


def is_known_to_octodns(code: str) -> bool:
    """Whether octoDNS has the place; it knows subdivisions of Canada and the United States only."""
    parts = code.split("-")
    return len(parts) < 3 or parts[1] in _SUBDIVISIONS
