"""What GEO names and dynamic records are transferred as: the answer to one client at one moment.

Secondaries know nothing of places and health. They get what the default client would be told, so
that they serve something sensible; all else of steering is lost there.
"""

from __future__ import annotations

from geodns.answer.client import Client, client_of_host
from geodns.answer.hints import plan_for, steering_type
from geodns.answer.image import GEO, GeoRRset, Image, Node, RRset, ZoneImage
from geodns.answer.layered import Layered
from geodns.answer.location import NO_LOCATION
from geodns.answer.plan import Found
from geodns.answer.resolve import AAAA, CNAME, HTTPS, A
from geodns.answer.service import States

UNKNOWN_PLACE = "192.0.2.1"
"""RFC 5737: an address that is nowhere."""
_BESIDE_ALIAS = frozenset((GEO, 46, 47))  # RFC 4035 2.5: RRSIG and NSEC


class Transferred:
    """``client`` is whose answers stand for all, ``states`` how available endpoints are."""

    def __init__(self, image: Image, states: States, client: str = UNKNOWN_PLACE) -> None:
        self._image = image
        self._states = states
        self._maps = (*image.locations, NO_LOCATION)
        self._client: Client = client_of_host(client, len(self._maps))
        self._found: dict[tuple[int, int], Found | None] = {}

    def of(self, zone: ZoneImage) -> dict[bytes, Node]:
        """By owner, the records that stand for the GEO names of a zone."""
        nodes: dict[bytes, Node] = {}
        # Nothing of a base is answered from a service.
        there = zone.nodes.top if isinstance(zone.nodes, Layered) else zone.nodes
        for owner, node in there.items():
            if node is None:
                continue
            geo = node.get(GEO)
            found = self._records(geo, node) if isinstance(geo, GeoRRset) else {}
            found.update(self._dynamic(node))
            if found:
                nodes[owner] = found
        return nodes

    def _dynamic(self, node: Node) -> Node:
        """Of dynamic records, each of which answers one type."""
        records: Node = {}
        for type, rrset in node.items():
            if type == GEO or not isinstance(rrset, GeoRRset):
                continue
            found = self._answer(rrset.service, A if type == CNAME else type)
            if found is not None and found.type == type:
                records[type] = RRset(rrset.ttl, found.rdatas)
        return records

    def _records(self, geo: GeoRRset, node: Node) -> Node:
        records: Node = {}
        for type in (A, AAAA, HTTPS):
            if type in node or (type == HTTPS and self._image.services[geo.service].https is None):
                continue
            found = self._answer(geo.service, type)
            if found is None:
                continue
            if found.type == CNAME:
                # RFC 1034 3.6.2: an alias stands alone; beside other records it is left out.
                alone = node.keys() <= _BESIDE_ALIAS
                return {CNAME: RRset(geo.ttl, found.rdatas)} if alone else {}
            records[found.type] = RRset(geo.ttl, found.rdatas)
        return records

    def _answer(self, number: int, type: int) -> Found | None:
        key = number, type
        if key not in self._found:
            service = self._image.services[number]
            plan = plan_for(service, steering_type(service, type), self._states)
            located = self._client.locate(self._maps, plan.location)
            table = plan.build(located.number)
            pick = table[0] if len(table) == 1 else list(table)[located.slot]
            self._found[key] = plan.found(pick, type)
        return self._found[key]
