"""What a server's configuration is made from: its own files, or those that it has of the primary.

Of a pair, the one that stands by reads its server file for what is its own, and everything else
from a copy of the primary's files, which stand below a folder with the paths that they have there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from geodns.config.pair import own_settings
from geodns.config.paths import absolute, rooted
from geodns.config.settings import Server
from geodns.config.source import Source, read_source
from geodns.errors import GeodnsError
from geodns.problem import Problem
from geodns.yamlfile import Document, Keys

STATE_FILE = "state.db"
REPLICA = "replica"
_FILES = "files"


class BasisError(GeodnsError):
    """It can't be found out what the configuration is made from."""


@dataclass(frozen=True, slots=True)
class Basis:
    """``own``: the server's own files; ``none``: nothing came yet; ``copy``: those in ``folder``,
    a name within the folder ``replica`` of the state folder; ``server`` is the server file there.
    """

    kind: Literal["own", "none", "copy"]
    folder: str = ""
    server: str = ""

    def as_dict(self) -> dict[str, str]:
        """Ready for JSON."""
        return {"kind": self.kind, "folder": self.folder, "server": self.server}

    def root(self, state: Path) -> Path:
        """The folder below which the primary's paths stand."""
        return state / REPLICA / self.folder / _FILES


@dataclass(frozen=True)
class ServerFiles:
    """The server's settings, absolute; where paths lead below; the files that they are from."""

    source: Source[Server]
    root: Path | None = None
    files: tuple[Path, ...] = ()


def read_server(path: Path, *, candidate: bool = False) -> ServerFiles:
    """What the server file at an absolute path says, with what comes from the primary.

    ``candidate``: with what came from the primary last, where it was not in use yet.
    """
    local = read_source(Server, path)
    own = replace(local, settings=absolute(local.settings, path.parent))
    if own.settings.pair is None:
        return ServerFiles(own, files=(path,))
    try:
        basis = basis_of(own.settings, candidate=candidate)
    except BasisError as error:
        problem = Problem("state-unreadable", str(error), path)
        return ServerFiles(replace(own, problems=(*own.problems, problem)), files=(path,))
    if basis.kind == "own":
        return ServerFiles(own, files=(path,))
    if basis.kind == "none":
        return ServerFiles(_merged(own, Source(Document(path), Server())), files=(path,))
    root = basis.root(own.settings.state)
    file = rooted(Path(basis.server), root)
    theirs = read_source(Server, file)
    theirs = replace(theirs, settings=absolute(theirs.settings, file.parent, root))
    return ServerFiles(_merged(own, theirs), root, (path, file))


def basis_of(server: Server, *, candidate: bool = False) -> Basis:
    """What the configuration is made from, as the state folder has it. Raises BasisError."""
    assert server.pair is not None
    names = ("candidate", "basis") if candidate else ("basis",)
    for name in names:
        found = read_kept(server.state, name)
        if found is not None:
            return Basis(**(found["basis"] if name == "candidate" else found))
    return first_basis(server.pair.begins_as)


def first_basis(begins_as: str) -> Basis:
    """That of a server that has never been started."""
    return Basis("own" if begins_as == "primary" else "none")


def read_kept(state: Path, name: str) -> Any:
    """What is kept of the pair under a name, for any process; None: nothing. Raises BasisError."""
    file = state / STATE_FILE
    try:
        if not file.exists():
            return None
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            if not database.execute("PRAGMA table_info(pair)").fetchall():
                return None
            query = "SELECT content FROM pair WHERE name = ?"
            row = database.execute(query, (name,)).fetchone()
    except (OSError, sqlite3.OperationalError) as error:
        raise BasisError(f"the state in {file} can't be read: {error}") from error
    except sqlite3.DatabaseError:
        return None  # its owner tells of that, and begins it anew
    return None if row is None else json.loads(row[0])


def _merged(own: Source[Server], theirs: Source[Server]) -> Source[Server]:
    assert own.settings.pair is not None
    names = own_settings(own.settings.pair)
    settings = theirs.settings.model_copy(
        update={name: getattr(own.settings, name) for name in names}
    )
    broken = {path for path in own.broken if path[:1] and path[0] in names}
    broken |= {path for path in theirs.broken if not path or path[0] not in names}
    document = _TwoFiles(theirs.document, own.document, names)
    problems = (*own.problems, *_about_others(theirs, names))
    readable = own.readable and theirs.readable
    return Source(document, settings, problems, frozenset(broken), readable)


def _about_others(theirs: Source[Server], names: frozenset[str]) -> Iterable[Problem]:
    """Of the primary's server file, what is wrong with the settings that are taken from it.

    What is set for the primary alone may be wrong here, where its files are not.
    """
    places = {
        position
        for path, position in (*theirs.document.keys.items(), *theirs.document.values.items())
        if path and path[0] in names
    }
    return (item for item in theirs.problems if (item.line, item.column) not in places)


class _TwoFiles(Document):
    """The primary's server file, but for the settings that are this server's own."""

    def __init__(self, theirs: Document, own: Document, names: frozenset[str]) -> None:
        super().__init__(theirs.file, _data(theirs, own, names), theirs.keys, theirs.values)
        self._own = own
        self._names = names

    def problem(
        self, id: str, message: str, path: Keys, *, key: bool = False, **more: Any
    ) -> Problem:
        """A finding, in the file that it is about."""
        if path and path[0] in self._names:
            return self._own.problem(id, message, path, key=key, **more)
        return super().problem(id, message, path, key=key, **more)


def _data(theirs: Document, own: Document, names: frozenset[str]) -> dict[str, Any]:
    one, other = (d.data if isinstance(d.data, dict) else {} for d in (theirs, own))
    kept = {name: value for name, value in one.items() if name not in names}
    return kept | {name: value for name, value in other.items() if name in names}
