"""Control's part in replication: what is in use for transfers, and who is told of a new image."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import dns.name
import dns.tsig

from geodns.answer.cold import error_reply
from geodns.answer.resolve import NOTIMP
from geodns.config.replication import KeyFileError, Keys, Transfer, secret_of
from geodns.control import journal
from geodns.control.outcome import Loaded
from geodns.control.secondaries import Secondaries
from geodns.control.store import FILE
from geodns.control.updating import Updating
from geodns.replication.difference import DamagedError, Difference
from geodns.replication.notices import Notices
from geodns.replication.notify import News, Notifying
from geodns.replication.transfer import Basis, Transfers
from geodns.replication.tsig import Keyring, Request
from geodns.replication.zones import open_zone
from geodns.server.answering import HandedQuery
from geodns.sparing import Sparing
from geodns.zone.serial import Known

logger = logging.getLogger(__name__)


class Replicating:
    """``image`` gives the file descriptor of the image in use. In the event loop."""

    def __init__(
        self, image: Callable[[], int], updating: Updating, secondaries: Secondaries
    ) -> None:
        self._image = image
        self._secondaries = secondaries
        self._notices = Notices(secondaries.notified)
        self._updating = updating
        self._transfer = Transfer()
        self._keys: Keyring = {}
        self._told: dict[bytes, int] = {}
        self._notifying = Notifying()
        self._state: Path | None = None
        self._sparing = Sparing(time.monotonic)
        self._transfers = Transfers(
            lambda: Basis(self._image(), self._transfer, self._keys),
            self._difference,
            self._log_transfer,
            updating.answer,
            notice=self._notice,
        )

    def answer(self, query: HandedQuery) -> AsyncIterator[tuple[bytes, ...]]:
        """What a worker can't answer."""
        return self._transfers.answer(query)

    def renew(self, loaded: Loaded) -> None:
        """Take these settings. A key that can't be read is as if it were not there."""
        server = loaded.configuration.server
        if self._state is None:
            self._state = server.state  # only a restart can change it
        self._transfer = server.transfer
        self._updating.renew(server.update)
        self._keys = keyring(server.keys)
        self._secondaries.renew(loaded, self._keys)

    def notify(self, serials: Mapping[bytes, Known]) -> None:
        """Tell secondaries of the zones whose serials they were not told yet, by apex."""
        for apex, known in serials.items():
            if self._told.get(apex) != known.serial:
                self._told[apex] = known.serial
                self._notify(apex)
        for apex in self._told.keys() - serials.keys():
            del self._told[apex]

    def _log_transfer(self, zone: str, who: str, how: str) -> None:
        fields: dict[str, object] = {"zone": zone, "to": who, "outcome": how}
        if how == "refused":
            # Anybody can ask, as often as they like.
            held = self._sparing.passes((zone, who))
            if held is None:
                return
            fields |= {"more": held} if held else {}
        logger.info("zone transfer", extra=fields)

    async def close(self) -> None:
        """Tell nobody any more."""
        await self._notifying.close()

    def _notice(self, request: Request, query: HandedQuery) -> bytes:
        if not self._secondaries.are_there:
            return error_reply(query.packet, NOTIMP)
        return self._notices.answer(request, query)

    async def _difference(self, apex: bytes, since: int, until: int) -> Difference | None:
        """What the journal has; one that can't be read is as if it were not there, and told."""
        assert self._state is not None
        try:
            # To condense many changes of a large zone takes a while.
            return await asyncio.to_thread(journal.read, self._state / FILE, apex, since, until)
        except DamagedError as error:
            fields = {"zone": dns.name.from_wire(apex, 0)[0].to_text(), "reason": str(error)}
            logger.error("a zone is sent whole: its journal can't be read", extra=fields)  # noqa: TRY400 - the reason says it all
            return None

    def _notify(self, apex: bytes) -> None:
        name, _ = dns.name.from_wire(apex, 0)
        secondaries = self._transfer.notify_of(name.to_text())
        zone = open_zone(self._image(), apex) if secondaries else None
        if zone is None:
            return
        for secondary in secondaries:
            key = None
            if secondary.key is not None:
                key = self._keys.get(dns.name.from_text(secondary.key))
            where = secondary.socket_address
            self._notifying.send(News(name, zone.soa, zone.serial, where, key))


def keyring(keys: Keys) -> dict[dns.name.Name, dns.tsig.Key]:
    """The keys by name. One whose file can't be read is left out and told."""
    found: dict[dns.name.Name, dns.tsig.Key] = {}
    for text, key in keys.items():
        name = dns.name.from_text(text.lower())
        try:
            found[name] = dns.tsig.Key(name, secret_of(key), f"{key.algorithm}.")
        except KeyFileError as error:
            logger.error("a key can't be used", extra={"key": text, "reason": str(error)})  # noqa: TRY400 - the reason says it all
    return found
