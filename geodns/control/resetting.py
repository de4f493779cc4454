"""Drops what dynamic updates wrote, where a person wants a zone's file to count again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import dns.exception
import dns.name
import dns.rdatatype
from dns.rdatatype import RdataType

from geodns.answer.image import RRset
from geodns.control.reloader import Reload
from geodns.control.state import StateError
from geodns.control.store import Event
from geodns.control.updating import Updating
from geodns.errors import GeodnsError
from geodns.replication.written import Written, rdata_of

MOST_UNFORCED = 10  # record sets: as many records as an edit removes without --force
_MOST_NAMED = 4  # in a line of the event log


class ResetError(GeodnsError):
    """Nothing is reset; the sentence says why."""


class Wish(NamedTuple):
    """What is to be reset in a zone: all, what is at a name, or a type at a name."""

    zone: dns.name.Name
    name: dns.name.Name | None
    type: RdataType | None
    force: bool


def read_wish(body: bytes) -> Wish:
    """``{"zone": NAME, "name": NAME, "type": TYPE, "force": false}``. Raises ResetError."""
    try:
        data = json.loads(body)
        name, type = data.get("name"), data.get("type")
        return Wish(
            dns.name.from_text(data["zone"]).canonicalize(),
            None if name is None else dns.name.from_text(name).canonicalize(),
            None if type is None else dns.rdatatype.from_text(type),
            data.get("force", False) is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError, dns.exception.DNSException) as error:
        raise ResetError('it is {"zone": NAME, "name": NAME, "type": TYPE}') from error


class Resetting:
    """``reload`` brings what is left into use, ``log`` writes down what was done."""

    def __init__(
        self,
        updating: Updating,
        reload: Callable[[], asyncio.Future[Reload]],
        log: Callable[[Event], None],
    ) -> None:
        self._updating = updating
        self._reload = reload
        self._log = log

    async def do(self, wish: Wish, author: str) -> dict[str, Any]:
        """Drops it, and returns when all workers answer from the file. Raises ResetError."""
        apex = wish.zone.to_digestable()
        # What updates make of a zone, they make of the image in use: it has to be the one without.
        async with self._updating.held(apex):
            chosen = _chosen(self._updating.written_in(apex), wish)
            count = sum(map(len, chosen.values()))
            if count > MOST_UNFORCED and not wish.force:
                raise ResetError(
                    f"this resets {count} record sets that updates wrote; if that is meant, say"
                    " --force"
                )
            if count:
                await self._drop(apex, chosen)
                what = ", ".join(_in_words(chosen, wish.zone))
                self._log(Event(time.time(), "reset", wish.zone.to_text(), what, author))
        return {"reset": [_plain(*each) for each in _each(chosen)]}

    async def _drop(self, apex: bytes, chosen: Written) -> None:
        try:
            self._updating.drop(apex, chosen)
        except StateError as error:
            raise ResetError(str(error)) from error
        result = await self._reload()
        if result.ok:
            return
        try:
            self._updating.keep(apex, chosen)
        except StateError as error:
            raise ResetError(f"{result.error}; and what was dropped is lost: {error}") from error
        raise ResetError(f"nothing was reset: {result.error}")


def _chosen(written: Written, wish: Wish) -> Written:
    wanted = None if wish.name is None else wish.name.to_digestable()
    chosen = {
        owner: {
            type: rrset for type, rrset in sets.items() if wish.type is None or type == wish.type
        }
        for owner, sets in written.items()
        if wanted in (None, owner)
    }
    return {owner: sets for owner, sets in chosen.items() if sets}


def _each(sets: Written) -> Iterable[tuple[dns.name.Name, RdataType, RRset]]:
    for owner, node in sets.items():
        for type, rrset in node.items():
            yield dns.name.from_wire(owner, 0)[0], RdataType.make(type), rrset


def _plain(owner: dns.name.Name, type: RdataType, rrset: RRset) -> dict[str, Any]:
    return {
        "name": owner.to_text(),
        "type": dns.rdatatype.to_text(type),
        "ttl": rrset.ttl,
        "values": [rdata_of(type, wire).to_text() for wire in rrset.rdatas],
    }


def _in_words(sets: Written, zone: dns.name.Name) -> Iterable[str]:
    every = list(_each(sets))
    for owner, type, _ in every[:_MOST_NAMED]:
        yield f"{owner.relativize(zone)} {dns.rdatatype.to_text(type)}"
    if len(every) > _MOST_NAMED:
        yield f"and {len(every) - _MOST_NAMED} more"
