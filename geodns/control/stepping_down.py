"""The first thing a server does: make what only root can make, then become the configured user."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from geodns.config.paths import absolute
from geodns.config.settings import Server
from geodns.config.source import read_source
from geodns.control.privilege import (
    Identity,
    PrivilegeError,
    become,
    confine,
    give_folder,
    identity,
)

logger = logging.getLogger(__name__)

Names = tuple[str | None, str | None]
"""The settings ``user`` and ``group``."""

_LOW_PORTS = range(1, 1024)


def step_down(path: Path, *, has_sockets: bool) -> Names:
    """Become the user that the server file names; returns the user and group that it named.

    Sockets, state, compiler and workers come later, and are that user's. What only root can do,
    such as making folders in root's, is done here. A server file with errors has nothing done: the
    compiler will say what is wrong with it. ``has_sockets``: those to answer on are bound already.
    Raises PrivilegeError.
    """
    source = read_source(Server, path)
    if any(problem.severity == "error" for problem in source.problems):
        return None, None
    server = absolute(source.settings, path.parent)
    owner = identity(server.user, server.group)
    if owner is not None:
        _make_folders(server, owner)
        become(owner, bind_low_ports=_binds_low_ports(server, has_sockets))
        _must_read(path, owner)
    confine()
    return server.user, server.group


def must_be(named: Names, server: Server) -> None:
    """The whole configuration names the user that was become. Raises PrivilegeError."""
    if (server.user, server.group) != named:
        raise PrivilegeError("`user` changed while the configuration was read; start again")


def tell_of_root(server: Server) -> None:
    """A server that stays root without saying so is warned of."""
    if os.geteuid() == 0 and server.user is None:
        logger.warning("running as root; set `user` to one that has no other rights")


def _make_folders(server: Server, owner: Identity) -> None:
    give_folder(server.state, owner)
    if server.admin.socket is not None:
        give_folder(server.admin.socket.parent, owner)


def _binds_low_ports(server: Server, has_sockets: bool) -> bool:
    addresses = [] if has_sockets else [*server.listen]
    if server.tls is not None and not has_sockets:
        addresses += server.tls.listen
    if server.admin.http is not None:
        addresses.append(server.admin.http)
    if server.pair is not None:
        addresses.append(server.pair.listen)
    return any(address.port in _LOW_PORTS for address in addresses)


def _must_read(configuration: Path, owner: Identity) -> None:
    """What can't be done without is there for the user; the compiler reports all other files."""
    program = Path(sys.executable), Path(os.__file__), Path(__file__)
    for file in (configuration, *program):
        if not os.access(file, os.R_OK):
            raise PrivilegeError(
                f"the user {owner.user} can't read {file}: the configuration and the program, and"
                " the folders that they are in, must be readable by the user that the server runs"
                " as"
            )
