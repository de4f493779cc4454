"""Zones of this server that are copied from primaries, as commands show them."""

from __future__ import annotations

import time
from typing import Any

import dns.name
import dns.rdataclass
import dns.rdataset
import dns.set
from dns.rdatatype import RdataType

from geodns.answer.image import Node as WireNode
from geodns.answer.image import RRset
from geodns.control import client
from geodns.control.copies_file import Summary, read_copies, read_summaries
from geodns.editor.copied_from import CopiedFrom
from geodns.editor.site import Site
from geodns.replication.written import rdata_of
from geodns.zone.content import Node
from geodns.zone.editing.records import EditError, Records, records_of


def copied_rows(site: Site) -> list[dict[str, Any]]:
    """A row for each zone that is copied: as the running server has it, or else from the disk."""
    wanted = site.copied_from()
    if not wanted:
        return []
    live = _live(site)
    kept = read_summaries(site.state)
    now = time.time()
    return [
        _row(apex, source, kept.get(apex), now) | live.get(apex, {})
        for apex, source in wanted.items()
    ]


def copied_records(site: Site, origin: dns.name.Name) -> Records | None:
    """The records of a zone that is copied; None: it is not.

    Raises EditError where there is nothing to show.
    """
    apex = origin.to_digestable()
    source = site.copied_from().get(apex)
    if source is None:
        return None
    nodes = read_copies(site.state, {apex}, 0.0).nodes.get(apex)
    if nodes is None:
        raise EditError(f"nothing is kept of the zone {origin} of {source}")
    return records_of({dns.name.from_wire(o, 0)[0]: _node(node) for o, node in nodes.items()})


def _live(site: Site) -> dict[bytes, dict[str, Any]]:
    try:
        status = client.ask(site.admin, "/v1/status")
    except client.NoServerError:
        return {}
    return {_apex(row["zone"]): row for row in status.get("secondaries", [])}


def _row(apex: bytes, source: CopiedFrom, kept: Summary | None, now: float) -> dict[str, Any]:
    """Of the same form as ``Secondaries.status`` has."""
    standing = "never had" if kept is None else "kept" if kept.expires > now else "expired"
    return {
        "zone": _text(apex),
        "is_catalog": False,
        "catalog": None if source.catalog is None else _text(source.catalog),
        "primaries": [str(each.socket_address) for each in source.primaries],
        "primary": None,
        "standing": standing,
        "now": None,
        "serial": None if kept is None else kept.serial,
        "checked": None if kept is None else kept.checked,
        "expires": None if kept is None else kept.expires,
        "next_check": None,
        "error": None,
        "records": None if kept is None else kept.records,
    }


def _node(node: WireNode) -> Node:
    made = Node()
    for type, rrset in node.items():
        assert isinstance(rrset, RRset)
        rdtype = RdataType.make(type)
        rdataset = dns.rdataset.Rdataset(dns.rdataclass.IN, rdtype, ttl=rrset.ttl)
        for wire in rrset.rdatas:
            # Set.add, as where files are read: all RRSIGs of a name are one set here.
            dns.set.Set.add(rdataset, rdata_of(type, wire))  # type: ignore[no-untyped-call]
        made.rdatasets[rdtype] = rdataset
    return made


def _apex(name: str) -> bytes:
    return dns.name.from_text(name).to_digestable()


def _text(apex: bytes) -> str:
    return dns.name.from_wire(apex, 0)[0].to_text()
