"""The contents of files as a standby gets them: those of a list that it lacks, one by one."""

from __future__ import annotations

import asyncio
from typing import Any

from geodns.config.basis import Basis
from geodns.control.pairing.copies import Copies, Incoming
from geodns.replication.pair.frames import Message, PeerError
from geodns.replication.pair.manifest import Manifest, ManifestError, read_manifest, wanted


class Contents:
    """What comes for the last list of files, ``files``, with the id that the primary gave it.

    ``missing`` are the digests that have not come yet. Another list may come at any time; what was
    asked for before and comes after it is passed over.
    """

    def __init__(self, copies: Copies, *, with_databases: bool) -> None:
        self.files: tuple[str, Manifest] | None = None
        self.missing: set[str] = set()
        self._copies = copies
        self._with_databases = with_databases
        self._sizes: dict[str, int] = {}
        self._coming: tuple[str, Incoming] | None = None

    async def expect(self, id: str, message: dict[str, Any], basis: Basis) -> Message:
        """A list of files: the message that asks for what is not here. Raises PeerError."""
        try:
            manifest = await asyncio.to_thread(read_manifest, message)
        except ManifestError as error:
            raise PeerError(str(error)) from error
        if not self._with_databases:
            manifest = manifest.without("database")
        self.drop()
        self.files = id, manifest
        held = await asyncio.to_thread(self._copies.held, basis)
        self._sizes = wanted(manifest, held)
        self.missing = set(self._sizes)
        return {"type": "want", "digests": list(self._sizes)}

    def begin(self, digest: str) -> None:
        """A content begins."""
        self.drop()
        if digest in self.missing:
            self._coming = digest, self._copies.receive(digest, self._sizes[digest])

    def add(self, piece: bytes) -> None:
        """A piece of it."""
        if self._coming is not None and not self._coming[1].add(piece):
            self.drop()

    async def end(self) -> None:
        """It has ended. A file that changed while it was sent is not what it was said to be."""
        coming, self._coming = self._coming, None
        if coming is not None and await asyncio.to_thread(coming[1].finish):
            self.missing.discard(coming[0])

    def drop(self) -> None:
        """What comes is not wanted any more."""
        if self._coming is not None:
            self._coming[1].close()
        self._coming = None
