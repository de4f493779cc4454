"""Opens the sockets of all workers: control binds them, so that none is lost with a worker."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geodns.config.settings import SocketAddress
from geodns.errors import GeodnsError

_BACKLOG = 512
_RECEIVE_BUFFER = 4 << 20  # some 4,000 waiting queries: a burst while a worker is restarted
_FREE_PORT_TRIES = 20


class ListenError(GeodnsError):
    """An address can't be listened on."""


@dataclass(frozen=True)
class WorkerSockets:
    """One worker's sockets: ``udp`` and ``tcp``, one each for every address listened on."""

    udp: tuple[socket.socket, ...]
    tcp: tuple[socket.socket, ...]

    def close(self) -> None:
        """Closes this process's copies."""
        for each in (*self.udp, *self.tcp):
            each.close()


@dataclass(frozen=True)
class Sockets:
    """The sockets of all workers, and the addresses that they are really bound to.

    ``left_out`` are IPv6 addresses that a machine without IPv6 can't have.
    """

    workers: tuple[WorkerSockets, ...]
    addresses: tuple[SocketAddress, ...]
    left_out: tuple[SocketAddress, ...] = ()

    def close(self) -> None:
        """Closes this process's copies."""
        for worker in self.workers:
            worker.close()


def open_sockets(
    listen: Sequence[SocketAddress],
    workers: int,
    *,
    beside_orphans: bool = False,
    has_ipv6: Callable[[], bool] | None = None,
) -> Sockets:
    """Binds UDP and TCP sockets for every worker; a port 0 becomes one free port for all.

    On a machine without IPv6, as many containers are, IPv6 addresses are left out beside others.
    ``beside_orphans``: workers of an earlier control process may still listen here, and that is
    well. Raises ListenError in one sentence otherwise.
    """
    left_out = (
        () if (has_ipv6 or _machine_has_ipv6)() else tuple(a for a in listen if ":" in a.host)
    )
    if len(left_out) == len(listen):
        left_out = ()
    opened: list[socket.socket] = []
    addresses: list[SocketAddress] = []
    udp: list[list[socket.socket]] = [[] for _ in range(workers)]
    tcp: list[list[socket.socket]] = [[] for _ in range(workers)]
    try:
        for wanted in listen:
            if wanted in left_out:
                continue
            address = _claim(wanted, beside_orphans)
            addresses.append(address)
            for number in range(workers):
                for kind, into in ((socket.SOCK_DGRAM, udp), (socket.SOCK_STREAM, tcp)):
                    bound = _bind(address, kind)
                    opened.append(bound)
                    into[number].append(bound)
    except OSError as error:
        for each in opened:
            each.close()
        raise ListenError(_sentence(wanted, error)) from error
    except ListenError:
        for each in opened:
            each.close()
        raise
    both = zip(udp, tcp, strict=True)
    made = tuple(WorkerSockets(tuple(u), tuple(t)) for u, t in both)
    return Sockets(made, tuple(addresses), left_out)


def _machine_has_ipv6() -> bool:
    """Whether this machine can have IPv6 sockets at all: then it has the loopback address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _claim(wanted: SocketAddress, beside_orphans: bool) -> SocketAddress:
    """The address with a port that is free for UDP and TCP.

    SO_REUSEPORT would let a second server of the same user share the port in silence; so each is
    first bound without it.
    """
    if wanted.port and beside_orphans:
        return wanted
    for _ in range(_FREE_PORT_TRIES):
        with _socket(wanted, socket.SOCK_DGRAM) as udp, _socket(wanted, socket.SOCK_STREAM) as tcp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            udp.bind(wanted)
            port = udp.getsockname()[1]
            try:
                tcp.bind((wanted.host, port))
            except OSError:
                if wanted.port:
                    raise
                continue
            return SocketAddress(wanted.host, port)
    raise ListenError(f"no port of {wanted.host} is free for both UDP and TCP")


def _socket(address: SocketAddress, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, kind)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


def _bind(address: SocketAddress, kind: socket.SocketKind) -> socket.socket:
    made = _socket(address, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    if kind == socket.SOCK_STREAM:
        made.listen(_BACKLOG)
        made.setblocking(False)
    else:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        _never_fragment_by_hearsay(made)
    return made


def _never_fragment_by_hearsay(made: socket.socket) -> None:
    """Ignores path MTU that ICMP claims: forged, it would make replies fragment, for poisoning.

    IP_PMTUDISC_OMIT (5 on Linux, both families); kernels that lack it keep their default.
    """
    level, option = socket.IPPROTO_IP, 10
    if made.family == socket.AF_INET6:
        level, option = socket.IPPROTO_IPV6, 23
    try:
        made.setsockopt(level, option, 5)
    except OSError:
        return


def _sentence(address: SocketAddress, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is taken: another program listens there; stop it or change `listen`"
    if error.errno == errno.EACCES:
        return f"{address} needs more rights: ports below 1024 are for root or CAP_NET_BIND_SERVICE"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"{address} is not an address of this machine; change `listen`"
    return f"{address} can't be listened on: {os.strerror(error.errno or 0)}"
