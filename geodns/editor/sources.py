"""Zones from elsewhere: files in any format, and other servers by zone transfer."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

import dns.exception
import dns.name
import dns.query
import dns.rdatatype
import dns.xfr
import dns.zone

from geodns.problem import Problem
from geodns.socket_address import SocketAddress
from geodns.zone.draft import ContentError, Draft
from geodns.zone.editing.read_json import read_json
from geodns.zone.editing.records import EditError, Key, Records, RecordSet, records_of
from geodns.zone.load import MASTER_SUFFIXES, YAML_SUFFIXES, origin_of, read_zone
from geodns.zone.pending import Pending

Format = Literal["yaml", "master", "json"]
_SUFFIX = {"yaml": ".yaml", "master": ".zone"}
_TRANSFER = 300.0  # seconds
_PORT = 53
_NO_NS = "missing-ns"  # the server's own may take their place; the check of the whole says so


def format_of(file: Path) -> Format:
    """The format that a file's name tells. Raises EditError."""
    suffix = file.suffix.lower()
    if suffix in YAML_SUFFIXES:
        return "yaml"
    if suffix in MASTER_SUFFIXES:
        return "master"
    if suffix == ".json":
        return "json"
    raise EditError(
        f"{file.name} does not tell its format; say --format yaml, --format master or --format json"
    )


def read_foreign(
    file: Path, origin: dns.name.Name | None, format: Format | None
) -> tuple[dns.name.Name, Records, tuple[Problem, ...]]:
    """The zone in a file that need not be one of the server's: its name, records and warnings.

    Without ``origin`` the file names its zone. Raises EditError with every error in it.
    """
    kind = format or format_of(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise EditError(f"{file} can't be read: {error.strerror}") from error
    if kind == "json":
        try:
            named, records = read_json(data.decode("utf-8-sig"))
        except (EditError, UnicodeDecodeError) as error:
            raise EditError(f"{file}: {error}") from error
        if origin is not None and origin != named:
            raise EditError(f"{file} has the zone {named}, not {origin}")
        return named, records, ()
    name = origin or _named(file)
    # It is read under the name that its zone would have here; $INCLUDE reads what is beside it.
    stem = name.to_text(omit_final_dot=True) if name != dns.name.root else "root"
    place = file.absolute().with_name(f"{stem}{_SUFFIX[kind]}")
    draft, problems = read_zone(place, place.parent, None, Pending({place: data}))
    wrong = [item for item in problems if item.severity == "error" and item.id != _NO_NS]
    if draft is None or wrong:
        found = "\n".join(str(item).replace(str(place), str(file)) for item in wrong or problems)
        raise EditError(found)
    dynamic = dynamic_names(draft)
    if dynamic:
        raise EditError(
            f"{dynamic[0]} is a dynamic record of octoDNS, which no other format has;"
            f" put {file.name} into the zones folder as it is"
        )
    return name, records_in(draft, made_soa=False), tuple(problems)


def _named(file: Path) -> dns.name.Name:
    try:
        return origin_of(file)
    except ContentError as fault:
        raise EditError(
            f"{file.name} does not tell which zone it has ({fault.message}); say --zone NAME"
        ) from fault


def dynamic_names(draft: Draft) -> list[str]:
    """The names and types whose answers octoDNS's dynamic records decide: no format but its own
    YAML has these, and they are not among a zone's records here."""
    return [
        f"{owner} {record.type.name}"
        for owner, node in draft.nodes.items()
        for record in node.dynamic
    ]


def records_in(draft: Draft, *, made_soa: bool) -> Records:
    """A draft's records; without ``made_soa`` only an SOA that its file has."""
    records = records_of(draft.nodes)
    soa, ns = ((draft.origin, rdtype) for rdtype in (dns.rdatatype.SOA, dns.rdatatype.NS))
    # An SOA that the reader made stands where the NS does that it was made from.
    if not made_soa and soa in records and draft.spots.get(soa) == draft.spots.get(ns):
        del records[soa]
    return records


def transfer(server: str, origin: dns.name.Name) -> Records:
    """The records of a zone as another server has them (AXFR, RFC 5936). Raises EditError.

    ``server``: an address, perhaps with a port: 192.0.2.1:5300 or [2001:db8::1]:5300.
    """
    address = _address(server)
    zone = dns.zone.Zone(origin, relativize=False)
    try:
        query, _ = dns.xfr.make_query(zone)
        dns.query.inbound_xfr(address.host, zone, query, port=address.port, lifetime=_TRANSFER)
    except (dns.exception.DNSException, OSError) as error:
        reason = str(error) or type(error).__name__
        raise EditError(f"{server} does not transfer the zone {origin}: {reason}") from error
    found: dict[Key, RecordSet] = {}
    for owner, node in zone.nodes.items():
        for rdataset in node:
            key = owner.canonicalize(), rdataset.rdtype
            former = found[key].values if key in found else ()  # RRSIG, by covered type
            found[key] = RecordSet(rdataset.ttl, (*former, *rdataset))
    return found


def _address(text: str) -> SocketAddress:
    host, port = text, _PORT
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = int(rest[1:]) if rest[1:].isdecimal() else _PORT
    elif text.count(":") == 1:
        host, _, rest = text.partition(":")
        port = int(rest) if rest.isdecimal() else 0
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise EditError(
            f"{text!r} is not an address; write 192.0.2.1:53 or [2001:db8::1]:53"
        ) from error
    if not 0 < port < 2**16:
        raise EditError(f"{text!r} has no port from 1 to 65535")
    return SocketAddress(host, port)
