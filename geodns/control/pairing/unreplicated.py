"""What a server had taken as the primary and the other is not known to have: kept in a file."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from geodns.control.pairing.kept import PairStore, unpacked
from geodns.editor.write import WriteError, write_whole
from geodns.replication.pair.frames import Row
from geodns.replication.pair.manifest import Manifest
from geodns.replication.pair.standing import Epoch

logger = logging.getLogger(__name__)

_MOST = 100_000  # record sets


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
    others = {} if acked.get("orders") == orders else {"orders": orders}
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
