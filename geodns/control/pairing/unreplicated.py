"""What a server had taken as the primary and the other is not known to have: kept in a file."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from geodns.control.pairing.content import unpacked
from geodns.control.pairing.kept import PairStore
from geodns.control.pairing.shared import Generation
from geodns.editor.write import WriteError, write_whole
from geodns.replication.pair.frames import Row
from geodns.replication.pair.manifest import Manifest
from geodns.replication.pair.standing import Epoch

logger = logging.getLogger(__name__)

_MOST = 100_000  # record sets
_SAVE_EVERY = 1.0  # seconds: how far the standby is, is written down no more often


class Acknowledged:
    """What the standby is known to have; of that, some is on disk, for a start after a crash."""

    def __init__(self, store: PairStore, state: Path, clock: Callable[[], float]) -> None:
        self._store = store
        self._state = state
        self._clock = clock
        self._known: dict[str, Any] = store.get("acked") or {}
        self._saved = self._known
        self._saved_at = float("-inf")

    def heard(
        self, number: int, orders: list[dict[str, Any]] | None, in_use: Generation | None
    ) -> None:
        """It has changes up to a number, these orders, and this in use; None: others than ours."""
        known = {**self._known, "number": number}
        if orders is not None:
            known["orders"] = orders
        if in_use is not None and known.get("id") != in_use.manifest.id:
            known["id"] = in_use.manifest.id
            files = {entry.path: entry.digest for entry in in_use.manifest.entries if entry.digest}
            self._store.put(acked_files=files)
        if known != self._saved and self._clock() >= self._saved_at + _SAVE_EVERY:
            self._store.put(acked=known)
            self._saved, self._saved_at = known, self._clock()
        self._known = known

    def keep_unreplicated(
        self, epoch: Epoch, orders: list[dict[str, Any]], files: Manifest | None
    ) -> None:
        """This server has stepped down: all that is only here goes into a file."""
        known = {**self._known, "files": self._store.get("acked_files")}
        file = write(self._state, self._store, epoch, known, orders, files)
        kept = self.unreplicated()
        if file is not None:
            kept = [*kept, str(file)]
            logger.warning(
                "the other server may not have all that was written here; see the file",
                extra={"file": str(file)},
            )
        self._known = self._saved = {}
        self._store.put(acked=None, acked_files=None, former=None, unreplicated=kept)

    def unreplicated(self) -> list[str]:
        """Those files; who has looked at one takes it away."""
        return [file for file in self._store.get("unreplicated") or [] if Path(file).exists()]


def write(
    state: Path,
    store: PairStore,
    epoch: Epoch,
    acked: dict[str, Any],
    orders: list[dict[str, Any]],
    files: Manifest | None,
) -> Path | None:
    """Keeps it in ``unreplicated-EPOCH.json``; None: there is nothing.

    ``acked`` is what the other was last known to have: ``number``, ``orders``, ``files``.
    """
    number = int(acked.get("number", 0))
    rows = store.logged(number, _MOST)
    others = {} if acked.get("orders", []) == orders else {"orders": orders}
    had = acked.get("files") or {}
    changed = [
        entry.path
        for entry in (() if files is None else files.entries)
        if entry.digest and had.get(entry.path) != entry.digest
    ]
    if not (rows or others or (had and changed)):
        return None
    content = {
        "epoch": list(epoch),
        "at": time.time(),
        "record_sets": [_in_words(row) for row in rows],
        "files": changed if had else [],
        **others,
    }
    file = state / f"unreplicated-{epoch.number}-{epoch.node}.json"
    try:
        write_whole(file, json.dumps(content, indent=1, ensure_ascii=False).encode())
    except WriteError as error:
        logger.error("what was not replicated can't be kept", extra={"reason": str(error)})  # noqa: TRY400 - the reason says it all
        return None
    return file


def _in_words(row: Row) -> dict[str, Any]:
    """A record set as a zone file has it."""
    owner, _ = dns.name.from_wire(row.owner, 0)
    zone, _ = dns.name.from_wire(row.zone, 0)
    rdclass, type = dns.rdataclass.IN, dns.rdatatype.RdataType.make(row.type)
    found = {"zone": zone.to_text(), "name": owner.to_text(), "type": dns.rdatatype.to_text(type)}
    if row.ttl is None:
        return {**found, "reset": True}
    wires = unpacked(row.rdatas)
    records = [dns.rdata.from_wire(rdclass, type, wire, 0, len(wire)).to_text() for wire in wires]
    return {**found, "ttl": row.ttl, "records": records}
