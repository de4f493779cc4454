"""What each database says of one address, for people: the record as it stands in the file."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import maxminddb
from geoip2.models import ASN, City, Country, Enterprise
from maxminddb import MODE_FILE, InvalidDatabaseError

from geodns.geo.database import databases_or_embedded
from geodns.geo.errors import GeoError
from geodns.geo.mmdb import read_metadata

_ISO_CODE = re.compile("[A-Z]{2}")
_NOTHING = "no data"
_LOCALES = ("en",)
# What flat records call their parts, in the order in which people write a place.
_PLACE_KEYS = (
    *("city", "state1", "region", "region_code", "subdivision"),
    *("country_name", "country", "country_code", "country_iso_code"),
    *("continent", "continent_code"),
)
_ASN_KEYS = ("autonomous_system_number", "asn", "as_number")
_HOLDER_KEYS = ("autonomous_system_organization", "as_name", "as_organization", "organization")
# A damaged file can also break the reader's own reads, text decoding, arithmetic and recursion.
_READER_ERRORS = (
    *(InvalidDatabaseError, OSError, struct.error),
    *(LookupError, TypeError, ValueError, ArithmeticError, RecursionError, MemoryError),
)


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """What one database says of an address.

    ``prefix`` is the network that the record is for; ``record`` holds what JSON can hold, and is
    empty where the database says nothing, of all of ``prefix``. ``summary`` is one line.
    """

    file: Path
    prefix: IPv4Network | IPv6Network
    record: dict[str, Any]
    summary: str


def look_up(databases: Sequence[Path], address: IPv4Address | IPv6Address) -> list[DatabaseRow]:
    """What each of the databases (none at all: the embedded one) says, in their order.

    An IPv6 address that carries an IPv4 address (NAT64, 6to4, ...) is looked up as it stands;
    whoever means the one inside passes that. Raises GeoError when a file can't be used.
    """
    return [_row(file, address) for file in databases_or_embedded(databases)]


def _row(file: Path, address: IPv4Address | IPv6Address) -> DatabaseRow:
    metadata = read_metadata(file)  # which says in a sentence what is wrong, as loading does
    try:
        # The extension in C crashes the process on some damaged files; one look-up can be slow.
        with maxminddb.open_database(file, MODE_FILE) as reader:
            if metadata.ip_version == 4 and address.version == 6:
                found, length = None, 0
            else:
                found, length = reader.get_with_prefix_len(address)
    except _READER_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise GeoError(file, f"can't be read at {address}: {reason or error}") from error
    # Where one record holds more than the IPv4 addresses, the reader counts IPv6 bits.
    length = max(0, min(length, address.max_prefixlen))
    record = {} if found is None else _plain(found)
    if not isinstance(record, dict):  # a database of bare values, such as a country code
        record = {"value": record}
    return DatabaseRow(
        file=file,
        prefix=ip_network((address, length), strict=False),
        record=record,
        summary=_summary(metadata.database_type, address, record),
    )


def _plain(value: object) -> Any:
    """The value in the types that JSON has; bytes as hexadecimal digits."""
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def _summary(database_type: str, address: IPv4Address | IPv6Address, record: dict[str, Any]) -> str:
    """One line, by MaxMind's models where the type is one of theirs and the record fits."""
    try:
        words = _by_model(database_type, address, record)
    except (TypeError, AttributeError, ValueError):
        # Other publishers use MaxMind's names of types for records of another shape.
        words = ""
    return words or _flat(record) or _NOTHING


def _by_model(
    database_type: str, address: IPv4Address | IPv6Address, record: dict[str, Any]
) -> str:
    if "Enterprise" in database_type:
        return _place(Enterprise(_LOCALES, **record))
    if "City" in database_type:
        return _place(City(_LOCALES, **record))
    if "Country" in database_type:
        return _place(Country(_LOCALES, **record))
    if "ASN" in database_type:
        system = ASN(address, **record)
        return _system(system.autonomous_system_number, system.autonomous_system_organization)
    return ""


def _place(model: Country) -> str:
    """As in ``Berlin, Land Berlin, Germany (DE), EU, within 20 km``."""
    parts: list[str | None] = []
    if isinstance(model, City):
        widest = model.subdivisions[0] if model.subdivisions else None
        parts = [model.city.name, (widest.name or widest.iso_code) if widest else None]
    country = _nation(model.country.name, model.country.iso_code)
    registered = _nation(model.registered_country.name, model.registered_country.iso_code)
    if country is None and registered is not None:
        country = f"registered in {registered}"
    parts += [country, model.continent.code]
    if isinstance(model, City):
        parts.append(_spot(model))
        traits = model.traits
        if traits.autonomous_system_number is not None:
            parts.append(
                _system(traits.autonomous_system_number, traits.autonomous_system_organization)
            )
    return ", ".join(str(part) for part in parts if part)


def _nation(name: str | None, code: str | None) -> str | None:
    # The embedded database writes "None" as the code of addresses that nobody holds.
    known = code if code and _ISO_CODE.fullmatch(code.upper()) else None
    return f"{name} ({known})" if name and known else name or known


def _spot(model: City) -> str | None:
    location = model.location
    if location.accuracy_radius is not None:
        return f"within {location.accuracy_radius} km"
    if location.latitude is None or location.longitude is None or model.city.name:
        return None
    return f"at {location.latitude:.4g}, {location.longitude:.4g}"


def _system(number: int | None, holder: str | None) -> str:
    return " ".join(filter(None, [None if number is None else f"AS{number}", holder]))


def _flat(record: dict[str, Any]) -> str:
    """The well-known parts of a record of any other shape, or else all of its simple ones."""
    texts = {key: str(value) for key, value in record.items() if isinstance(value, str | int)}
    # Several keys may say the same: a publisher repeats what another one calls differently.
    place = list(dict.fromkeys(texts[key] for key in _PLACE_KEYS if texts.get(key)))
    number = next((texts[key] for key in _ASN_KEYS if texts.get(key)), "")
    holder = next((texts[key] for key in _HOLDER_KEYS if texts.get(key)), "")
    if number.isdigit():
        number = f"AS{number}"
    system = " ".join(filter(None, [number, holder]))
    return ", ".join(filter(None, [*place, system])) or ", ".join(
        f"{key} {value}" for key, value in texts.items()
    )
