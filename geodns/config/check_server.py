"""Rules for the server's own settings: sockets that don't collide, files that are there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from geodns.config.probing import TlsSettings
from geodns.config.sources import Rule, Sources
from geodns.problem import Problem
from geodns.server.tls import TlsError, read_pem
from geodns.socket_address import SocketAddress
from geodns.wording import shown
from geodns.yamlfile import Document, Keys

_MOST_IDENTITY = 128
_MOST_SOCKET_PATH = 107


def repeated_listen(sources: Sources) -> Iterator[Problem]:
    """Each address and port is listened on once. Port 0 is a new one each time."""
    document, server = sources.server.document, sources.server.settings
    seen = set()
    places: list[tuple[SocketAddress, Keys]] = [
        (address, ("listen", index)) for index, address in enumerate(server.listen)
    ]
    if server.tls is not None:
        places += [
            (address, ("tls", "listen", index)) for index, address in enumerate(server.tls.listen)
        ]
    for address, path in places:
        if address in seen and address.port:
            yield document.problem("repeated-listen", f"{address} is listened on twice", path)
        seen.add(address)
    if server.admin.http is not None and server.admin.http in seen and server.admin.http.port:
        yield document.problem(
            "repeated-listen",
            f"{server.admin.http} is also where queries are taken; the admin API needs another",
            ("admin", "http"),
        )


def missing_files(sources: Sources) -> Iterator[Problem]:
    """Files that are used as they are, without being read here, exist."""
    server = sources.server
    for index, database in enumerate(server.settings.geoip.databases):
        yield from missing_file(database, server.document, ("geoip", "databases", index))
    for name, check in sources.services.settings.checks.items():
        if isinstance(check, TlsSettings) and check.ca is not None:
            yield from missing_file(check.ca, sources.services.document, ("checks", name, "ca"))


def too_long_identity(sources: Sources) -> Iterator[Problem]:
    """What every reply may have to carry fits, with all else, into 512 bytes, the least limit."""
    document, server = sources.server.document, sources.server.settings
    size = len((server.identity or "").encode())
    if size > _MOST_IDENTITY:
        message = f"this has {size} bytes; {_MOST_IDENTITY} are the most that replies have room for"
        yield document.problem("too-long", message, ("identity",))


def too_long_socket_path(sources: Sources) -> Iterator[Problem]:
    """The admin socket can be bound: unix(7) has room for 107 bytes of a path and a NUL."""
    server = sources.server
    path = server.settings.admin.socket
    size = len(os.fsencode(path)) if path is not None else 0
    if size > _MOST_SOCKET_PATH:
        yield server.document.problem(
            "too-long",
            f"{path} has {size} bytes; the path of a Unix socket has at most {_MOST_SOCKET_PATH}",
            ("admin", "socket"),
        )


def unusable_certificate(sources: Sources) -> Iterator[Problem]:
    """The certificate of DNS over TLS can be used, as far as this user may read it.

    A warning: the key may be for root alone, who has read it. And where a renewal has gone wrong,
    the server goes on with the last good one, and takes all other changes.
    """
    server = sources.server
    tls = server.settings.tls
    if tls is None or not server.sound(("tls",)):
        return
    try:
        read_pem(tls.certificate, tls.key)
    except TlsError as error:
        yield server.document.problem(
            "unusable-certificate", str(error), ("tls", "certificate"), severity="warning"
        )


def visible(file: Path) -> bool:
    """Whether this user can look for the file, be it there or not."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return True


def missing_file(file: Path, document: Document, path: Keys) -> Iterator[Problem]:
    """A finding where a file is named that isn't there."""
    try:
        if stat.S_ISDIR(file.stat().st_mode):
            yield document.problem("not-a-file", f"{file} is a folder; name a file", path)
    except (OSError, ValueError) as error:
        yield document.problem("missing-file", _why_not(file, error), path)


def missing_folder(folder: Path, document: Document, path: Keys) -> Iterator[Problem]:
    """A finding where a folder is named that isn't there."""
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            yield document.problem("not-a-folder", f"{folder} is a file; name a folder", path)
    except (OSError, ValueError) as error:
        yield document.problem("missing-folder", _why_not(folder, error), path)


def _why_not(path: Path, error: OSError | ValueError) -> str:
    """ValueError: a name that no file can have, with a NUL in it."""
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist"
    reason = error.strerror if isinstance(error, OSError) else error
    return f"{shown(str(path))} can't be used: {reason}"


SERVER_RULES: tuple[Rule, ...] = (
    repeated_listen,
    missing_files,
    too_long_identity,
    too_long_socket_path,
    unusable_certificate,
)
