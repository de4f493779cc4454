"""What the primary has in use, ready for a standby: files by content, record sets, serials."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from geodns.answer.service import EndpointState, States
from geodns.config.basis import Basis
from geodns.config.pair import own_settings
from geodns.config.settings import Configuration
from geodns.control import stamps
from geodns.control.compiling import Compilation
from geodns.control.outcome import Loaded
from geodns.control.stamps import Stamp, Stamps
from geodns.replication.pair.manifest import Entry, Kind, Manifest, ManifestError, made

logger = logging.getLogger(__name__)

_BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class Generation:
    """Files, record sets up to ``number``, serials by apex and states that are in use together.

    ``paths`` says where a content is, by digest. ``id`` grows with each.
    """

    id: int
    manifest: Manifest
    paths: Mapping[str, Path]
    number: int
    serials: Mapping[bytes, int]
    states: list[Any]


class Files:
    """Makes manifests; what has not changed is not read again. In a thread, one at a time."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, Entry]] = {}

    def read(
        self, loaded: Loaded, basis: Basis, server_file: Path
    ) -> tuple[Manifest, dict[str, Path]] | None:
        """The files of a configuration in use, and where each content is.

        None: one of them is not what it was when it was loaded. Another reload will come of that.
        Raises ManifestError.
        """
        configuration = loaded.configuration
        root = basis.root(configuration.server.state) if basis.kind == "copy" else None
        server = str(server_file) if root is None else basis.server
        found: dict[Path, tuple[Stamp, Entry]] = {}
        for file, stamp in _shared(configuration, loaded.stamps, root, server_file):
            entry = self._entry(file, stamp, configuration)
            if entry is not None:
                found[file] = (stamp, entry)
        if stamps.take(found) != {file: stamp for file, (stamp, _) in found.items()}:
            return None
        self._known = found
        entries = {file: _within(entry, file, root) for file, (_, entry) in found.items()}
        paths = {entry.digest: file for file, entry in entries.items() if entry.digest}
        manifest = made(server, entries.values())
        _ = manifest.id  # here, where it holds nobody up
        return manifest, paths

    def _entry(self, file: Path, stamp: Stamp, configuration: Configuration) -> Entry | None:
        known = self._known.get(file)
        if known is not None and known[0] == stamp:
            return known[1]
        if file.is_dir():
            return Entry(str(file), "folder")
        databases = configuration.server.geoip.databases
        kind: Kind = "database" if file in databases else "file"
        try:
            status = file.stat()
            digest = _digest(file)
        except OSError:
            return None  # it isn't there, or is none: a warning said so
        mode = status.st_mode & 0o777
        return Entry(str(file), kind, digest, status.st_size, status.st_mtime_ns, mode)


class Shared(NamedTuple):
    """What is in use, and what it was made from."""

    compilation: Compilation
    states: States
    basis: Basis
    server_file: Path


class Sharing:
    """Makes generations of what is in use; ``told`` is called for each. In the event loop."""

    def __init__(self, told: Callable[[], None]) -> None:
        self.generation: Generation | None = None
        self._told = told
        self._files = Files()
        self._making: asyncio.Task[None] | None = None
        self._next: Shared | None = None

    def share(self, shared: Shared) -> None:
        """This is in use now."""
        self._next = shared
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make())

    async def manifest(
        self, loaded: Loaded | None, basis: Basis, server_file: Path
    ) -> Manifest | None:
        """The files that are in use; None: they are not known."""
        if self.generation is not None or loaded is None:
            return None if self.generation is None else self.generation.manifest
        read = await self._read(loaded, basis, server_file)
        return None if read is None else read[0]

    async def made(self) -> None:
        """Until the generation of what is in use is made."""
        if self._making is not None:
            await asyncio.wait({self._making})

    async def close(self) -> None:
        """Make no more."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    async def _make(self) -> None:
        while self._next is not None:
            shared, self._next = self._next, None
            loaded, compiled = shared.compilation.loaded, shared.compilation.compiled
            read = await self._read(loaded, shared.basis, shared.server_file)
            if read is None:
                continue
            # What other servers are the primary of, each of the pair copies for itself.
            copied = {zone.apex for zone in loaded.zones if zone.copied}
            serials = {a: known.serial for a, known in compiled.serials.items() if a not in copied}
            id = 1 if self.generation is None else self.generation.id + 1
            states = packed_states(shared.states)
            self.generation = Generation(id, *read, loaded.number, serials, states)
            self._told()

    async def _read(
        self, loaded: Loaded, basis: Basis, server_file: Path
    ) -> tuple[Manifest, dict[str, Path]] | None:
        try:
            return await asyncio.to_thread(self._files.read, loaded, basis, server_file)
        except ManifestError as error:
            logger.error("the files can't be sent to the standby", extra={"reason": str(error)})  # noqa: TRY400 - the reason says it all
            return None


def _shared(
    configuration: Configuration, taken: Stamps, root: Path | None, server_file: Path
) -> list[tuple[Path, Stamp]]:
    """All files but those of settings that each server has for itself."""
    server = configuration.server
    own: set[Path] = set()
    if server.tls is not None:
        own |= {server.tls.certificate, server.tls.key}
    if server.pair is not None and "geoip" in own_settings(server.pair):
        own.update(server.geoip.databases)
    if root is not None:
        own.add(server_file)
    return [(file, stamp) for file, stamp in taken.items() if file not in own]


def _within(entry: Entry, file: Path, root: Path | None) -> Entry:
    if root is None:
        return entry
    if not file.is_relative_to(root):
        raise ManifestError(f"{file} is not among the files of {root}")
    path = f"/{file.relative_to(root)}"
    return Entry(path, entry.kind, entry.digest, entry.size, entry.modified, entry.mode)


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def packed_states(states: States) -> list[Any]:
    """States of endpoints, ready for JSON: as much of them as transfers of zones depend on."""
    return [
        [id, state.availability, sorted(packed.hex() for packed in state.failing), state.factor]
        for id, state in states.items()
    ]


def read_states(packed: Any) -> dict[str, EndpointState]:
    """What ``packed_states`` made. Raises ValueError or TypeError."""
    return {
        str(id): EndpointState(
            float(availability), frozenset(map(bytes.fromhex, failing)), float(factor)
        )
        for id, availability, failing, factor in packed
    }
