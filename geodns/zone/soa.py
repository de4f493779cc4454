"""The SOA of a zone that has none, or not all of one: made from its name servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.NS

from geodns.zone.draft import ContentError, Draft
from geodns.zone.shapes import RECORD_TYPES
from geodns.zone.values import rdata_from_value


def file_serial(files: list[Path]) -> int:
    """A serial from when the newest of a zone's files was changed, in seconds since 1970.

    RFC 1982 3: serials are compared modulo 2^32, so the clock's wrap in 2106 is an increase too.
    Where the time goes back, what was served before decides (see ``serial``).
    """
    newest = 0.0
    for file in files:
        try:
            newest = max(newest, file.stat().st_mtime)
        except OSError:  # removed since it was read
            continue
    # 0 is avoided: there are secondaries that take it for "no serial yet"
    return int(newest) % 2**32 or 1


def fill_soa(draft: Draft, value: Mapping[str | int, Any], serial: int) -> dict[str | int, Any]:
    """A SOA value in which primary, hostmaster and serial have their defaults."""
    filled = dict(value)
    first = _first_name_server(draft)
    if first is not None and filled.get("mname") is None and filled.get("primary") is None:
        filled["mname"] = first.to_text()
    if filled.get("rname") is None and filled.get("hostmaster") is None:
        # RFC 2142 7: "HOSTMASTER" is the mailbox for DNS
        filled["rname"] = f"hostmaster.{draft.origin}".rstrip(".") + "."
    if filled.get("serial") is None:
        filled["serial"] = serial
        draft.automatic_serial = True
    return filled


def make_soa(draft: Draft, serial: int) -> dns.rdata.Rdata | None:
    """The SOA made from the first NS at the apex; None where there is no NS."""
    if _first_name_server(draft) is None:
        return None
    value = fill_soa(draft, {}, serial)
    try:
        return rdata_from_value(RECORD_TYPES["SOA"], dns.rdatatype.SOA, value, draft.origin)
    except (
        ContentError
    ) as fault:  # the zone's name is so long that hostmaster does not fit before it
        draft.problems.append(draft.spot(draft.origin).problem(fault.id, fault.message))
        return None


def _first_name_server(draft: Draft) -> dns.name.Name | None:
    node = draft.nodes.get(draft.origin)
    servers = node.rdatasets.get(dns.rdatatype.NS) if node else None
    for server in servers or ():
        assert isinstance(server, dns.rdtypes.ANY.NS.NS)
        return server.target
    return None
