"""The primary's files on a standby: whole generations, each in a folder of its own.

``replica/1``, ``replica/2`` and so on in the state folder; pieces that come are in ``incoming``.
A generation is written beside them and gets its name when it is on the disk as a whole. Files that
have not changed are links to those of the generation before.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from geodns.config.basis import REPLICA, Basis
from geodns.config.paths import rooted
from geodns.control.state import StateError
from geodns.editor.write import sync_folder
from geodns.replication.pair.manifest import Entry, Manifest, ManifestError, read_manifest

_MANIFEST = "manifest.json"
_FRESH = ".new"
_PRIMARY = "primary-"
_MOST_FORMER = 3
_OTHERS_MAY_NOT_WRITE = 0o640
_BLOCK = 1 << 20  # bytes
_AT_A_TIME = 16  # files that are being written to the disk


class Copies:
    """Nothing here is for the event loop but ``receive``: it is called in threads."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._folder = state / REPLICA
        self._incoming = self._folder / "incoming"
        # A thread goes on when nobody waits for it any more: they must not meet in the folder.
        self._changing = threading.Lock()

    def manifest(self, basis: Basis) -> Manifest | None:
        """The files of a copy as they came; None: it is none, or what is there can't be read."""
        if basis.kind != "copy":
            return None
        try:
            text = (self._folder / basis.folder / _MANIFEST).read_text(encoding="utf-8")
            return read_manifest(json.loads(text))
        except (OSError, ValueError, ManifestError):
            return None

    def held(self, basis: Basis) -> set[str]:
        """The digests of contents that need not come again."""
        found = {entry.digest for entry, _ in self._unchanged(basis)}
        with suppress(OSError):
            found |= {file.name for file in self._incoming.iterdir() if not file.suffix}
        return found

    def receive(self, digest: str, size: int) -> Incoming:
        """A content that is about to come. Raises StateError."""
        try:
            self._incoming.mkdir(mode=0o750, parents=True, exist_ok=True)
            return Incoming(self._incoming / digest, size)
        except OSError as error:
            raise _unusable(self._incoming, error) from error

    def build(self, manifest: Manifest, before: Basis) -> Basis:
        """A folder with exactly these files, on the disk. Raises StateError."""
        with self._changing:
            try:
                number = 1 + max((int(f.name) for f in self._numbered()), default=0)
                unfinished = self._folder / f"{number}{_FRESH}"
                shutil.rmtree(unfinished, ignore_errors=True)
                self._fill(unfinished, manifest, before)
                unfinished.rename(self._folder / str(number))
                sync_folder(self._folder)
            except OSError as error:
                raise _unusable(self._folder, error) from error
        return Basis("copy", str(number), manifest.server)

    def keep_as_primary(self, basis: Basis, epoch: str) -> Basis:
        """The same files for this server to go on with, in a folder that nothing else changes."""
        name = f"{_PRIMARY}{epoch}"
        source, target = self._folder / basis.folder, self._folder / name
        with self._changing:
            self._copy_whole(source, target)
        return Basis("copy", name, basis.server)

    def _copy_whole(self, source: Path, target: Path) -> None:
        try:
            unfinished = target.with_name(f"{target.name}{_FRESH}")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(source, unfinished)
            walked = list(os.walk(unfinished))
            copied = [Path(folder, file) for folder, _, files in walked for file in files]
            _sync_all(copied, [Path(folder) for folder, _, _ in walked])
            if target.exists():
                shutil.rmtree(target)
            unfinished.rename(target)
            sync_folder(self._folder)
        except OSError as error:
            raise _unusable(target, error) from error

    def clean(self, wanted: Collection[str]) -> None:
        """Remove generations that nobody needs any more, and what came for them.

        Of the files of former times as the primary, the last ones stay.
        """
        with self._changing:
            self._clean(wanted)

    def _clean(self, wanted: Collection[str]) -> None:
        latest = max((int(name) for name in wanted if name.isdecimal()), default=0)
        former = sorted(self._folder.glob(f"{_PRIMARY}*"), key=_epoch)
        # Later ones came while this waited for its turn.
        before = (folder for folder in self._numbered() if int(folder.name) < latest)
        for folder in (*before, *former[:-_MOST_FORMER]):
            if folder.name not in wanted:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in self._folder.glob(f"*{_FRESH}"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._incoming, ignore_errors=True)

    def _numbered(self) -> list[Path]:
        with suppress(OSError):
            return [folder for folder in self._folder.iterdir() if folder.name.isdecimal()]
        return []

    def _unchanged(self, basis: Basis) -> list[tuple[Entry, Path]]:
        """The files of a copy that are as they came."""
        manifest = self.manifest(basis)
        root = basis.root(self._state)
        found = []
        for entry in () if manifest is None else manifest.entries:
            file = rooted(Path(entry.path), root)
            with suppress(OSError):
                status = file.stat()
                if (status.st_size, status.st_mtime_ns) == (entry.size, entry.modified):
                    found.append((entry, file))
        return [pair for pair in found if pair[0].kind != "folder"]

    def _fill(self, folder: Path, manifest: Manifest, before: Basis) -> None:
        """Writes a generation, on the disk when this returns."""
        root = folder / "files"
        root.mkdir(mode=0o750, parents=True)
        known = self._unchanged(before)
        same = {(entry.path, entry.digest, entry.modified): file for entry, file in known}
        contents = {entry.digest: file for entry, file in known}
        folders, fresh = {root, folder}, []
        for entry in manifest.entries:
            file = rooted(Path(entry.path), root)
            parent = file if entry.kind == "folder" else file.parent
            parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            folders.update(one for one in (parent, *parent.parents) if one.is_relative_to(root))
            if entry.kind == "folder":
                continue
            link = same.get((entry.path, entry.digest, entry.modified))
            if link is not None:
                os.link(link, file)
            else:
                _copy(self._incoming / entry.digest, contents.get(entry.digest), file, entry)
                fresh.append(file)
        text = json.dumps(manifest.as_dict())
        (folder / _MANIFEST).write_text(text, encoding="utf-8")
        _sync_all((*fresh, folder / _MANIFEST), folders)


class Incoming:
    """A content as it comes, piece by piece; it has its name once it is whole and right."""

    def __init__(self, file: Path, size: int) -> None:
        self._file = file
        self._left = size
        self._hash = hashlib.sha256()
        self._part = file.with_name(f"{file.name}.part")
        self._stream = self._part.open("wb")

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing any more."""
        return self._left == 0

    def add(self, piece: bytes) -> bool:
        """The next piece; False: it is more than there is to come."""
        self._left -= len(piece)
        if self._left < 0:
            return False
        self._hash.update(piece)
        self._stream.write(piece)
        return True

    def finish(self) -> bool:
        """Keep it; False: it is not what it was said to be, and gone.

        Whether it is on the disk doesn't matter: it is read again before it counts.
        """
        try:
            self._stream.close()
            if self._hash.hexdigest() != self._file.name:
                self._part.unlink()
                return False
            self._part.rename(self._file)
        except OSError as error:
            raise _unusable(self._file, error) from error
        finally:
            self._stream.close()
        return True

    def close(self) -> None:
        """It is not wanted any more."""
        self._stream.close()


def _epoch(folder: Path) -> int:
    """The number of the epoch in the name of a folder, as ``keep_as_primary`` gives it."""
    number = folder.name.removeprefix(_PRIMARY).partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _copy(incoming: Path, known: Path | None, file: Path, entry: Entry) -> None:
    """Raises OSError, also where the content is not what it was: then it has to come again."""
    source = known if known is not None and not incoming.exists() else incoming
    digest = hashlib.sha256()
    with source.open("rb") as reading, file.open("xb") as writing:
        while block := reading.read(_BLOCK):
            digest.update(block)
            writing.write(block)
        os.fchmod(writing.fileno(), entry.mode & _OTHERS_MAY_NOT_WRITE | 0o600)
        writing.flush()
        os.utime(writing.fileno(), ns=(entry.modified, entry.modified))
    if digest.hexdigest() != entry.digest:
        if source == incoming:
            incoming.unlink()
        raise OSError(0, f"{source} is not what it was")


def _sync_all(files: Iterable[Path], folders: Iterable[Path]) -> None:
    """Many at a time: a file system writes them together."""
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        for _ in threads.map(_sync, files):
            pass
    for folder in folders:
        sync_folder(folder)


def _sync(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _unusable(path: Path, error: OSError) -> StateError:
    return StateError(f"the primary's files can't be kept in {path}: {error.strerror or error}")
