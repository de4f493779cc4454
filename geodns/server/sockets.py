"""Opens the sockets of all workers: control binds them, so that none is lost with a worker."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from geodns.errors import GeodnsError
from geodns.server.wildcard import is_wildcard, tell_destinations
from geodns.socket_address import SocketAddress

_BACKLOG = 512
_RECEIVE_BUFFER = 4 << 20  # some 4,000 waiting queries: a burst while a worker is restarted
_FREE_PORT_TRIES = 20
_TIMEVAL = "@ll"  # struct timeval: seconds, microseconds
_WAIT = struct.pack(_TIMEVAL, 2, 0)
"""So long does a thread wait for a datagram before it looks at its mail: until then, a worker that
nobody asks keeps the former image, which may be hundreds of megabytes."""
_SHARED_WAIT = struct.pack(_TIMEVAL, 0, 500_000)
"""So long may a worker take to notice that it is to end, where it may not shut the socket."""


class ListenError(GeodnsError):
    """An address can't be listened on."""


@dataclass(frozen=True)
class WorkerSockets:
    """One worker's sockets: ``udp`` and ``tcp``, one each for every address listened on.

    ``tls`` are those of the addresses for DNS over TLS. ``shared``: other workers have the same.
    """

    udp: tuple[socket.socket, ...]
    tcp: tuple[socket.socket, ...]
    tls: tuple[socket.socket, ...] = ()
    shared: bool = field(default=False, kw_only=True)

    def close(self) -> None:
        """Closes this process's copies."""
        for each in (*self.udp, *self.tcp, *self.tls):
            each.close()


@dataclass(frozen=True)
class Sockets:
    """The sockets of all workers, and the addresses that they are really bound to.

    ``left_out`` are IPv6 addresses that a machine without IPv6 can't have; ``tls`` are the
    addresses for DNS over TLS.
    """

    workers: tuple[WorkerSockets, ...]
    addresses: tuple[SocketAddress, ...]
    left_out: tuple[SocketAddress, ...] = ()
    tls: tuple[SocketAddress, ...] = ()

    def close(self) -> None:
        """Closes this process's copies."""
        for worker in self.workers:
            worker.close()


def open_sockets(
    listen: Sequence[SocketAddress],
    workers: int,
    *,
    tls: Sequence[SocketAddress] = (),
    beside_orphans: bool = False,
    has_ipv6: Callable[[], bool] | None = None,
) -> Sockets:
    """Binds UDP and TCP sockets for every worker; a port 0 becomes one free port for all.

    At the addresses of ``tls``, only TCP is bound.
    On a machine without IPv6, as many containers are, IPv6 addresses are left out beside others.
    ``beside_orphans``: workers of an earlier control process may still listen here, and that is
    well. Raises ListenError in one sentence otherwise.
    """
    left_out: tuple[SocketAddress, ...] = ()
    if not (has_ipv6 or _machine_has_ipv6)():
        left_out = tuple(address for address in (*listen, *tls) if ":" in address.host)
    if set(listen) <= set(left_out):
        left_out = ()
    opening = _Opening(workers, beside_orphans)
    try:
        for wanted in listen:
            if wanted not in left_out:
                opening.open(wanted, udp=opening.udp, tcp=opening.tcp)
        plain = len(opening.addresses)
        for wanted in tls:
            if wanted not in left_out:
                opening.open(wanted, udp=None, tcp=opening.tls)
    except ListenError:
        opening.close()
        raise
    each = zip(opening.udp, opening.tcp, opening.tls, strict=True)
    made = tuple(WorkerSockets(*map(tuple, kinds)) for kinds in each)
    addresses = tuple(opening.addresses)
    return Sockets(made, addresses[:plain], left_out, addresses[plain:])


def adopt(inherited: socket.socket) -> None:
    """Makes a socket that another program has bound ready for all workers to wait on."""
    if inherited.type == socket.SOCK_STREAM:
        inherited.setblocking(False)
        return
    inherited.setblocking(True)
    _prepare_udp(inherited, _SHARED_WAIT)


class _Opening:
    """What has been opened so far, by worker."""

    def __init__(self, workers: int, beside_orphans: bool) -> None:
        self.addresses: list[SocketAddress] = []
        self.udp: list[list[socket.socket]] = [[] for _ in range(workers)]
        self.tcp: list[list[socket.socket]] = [[] for _ in range(workers)]
        self.tls: list[list[socket.socket]] = [[] for _ in range(workers)]
        self._beside_orphans = beside_orphans
        self._opened: list[socket.socket] = []

    def open(
        self,
        wanted: SocketAddress,
        *,
        udp: list[list[socket.socket]] | None,
        tcp: list[list[socket.socket]],
    ) -> None:
        """Opens an address for every worker. Raises ListenError."""
        kinds = [(socket.SOCK_STREAM, tcp)]
        if udp is not None:
            kinds.insert(0, (socket.SOCK_DGRAM, udp))
        try:
            address = wanted
            if not (wanted.port and self._beside_orphans):
                address = _claim(wanted, udp=udp is not None)
            self.addresses.append(address)
            for kind, into in kinds:
                for sockets in into:
                    bound = _bind(address, kind)
                    self._opened.append(bound)
                    sockets.append(bound)
        except OSError as error:
            raise ListenError(_sentence(wanted, error)) from error

    def close(self) -> None:
        """Closes everything again."""
        for each in self._opened:
            each.close()


def _machine_has_ipv6() -> bool:
    """Whether this machine can have IPv6 sockets at all: then it has the loopback address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _claim(wanted: SocketAddress, *, udp: bool) -> SocketAddress:
    """The address with a port that is free for TCP, and for UDP where that is wanted, too.

    SO_REUSEPORT would let a second server of the same user share the port in silence; so each is
    first bound without it.
    """
    for _ in range(_FREE_PORT_TRIES):
        with (
            _socket(wanted, socket.SOCK_DGRAM) as datagrams,
            _socket(wanted, socket.SOCK_STREAM) as stream,
        ):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = wanted.port
            if udp:
                datagrams.bind(wanted)
                port = datagrams.getsockname()[1]
            try:
                stream.bind((wanted.host, port))
            except OSError:
                if wanted.port:
                    raise
                continue
            return SocketAddress(wanted.host, stream.getsockname()[1])
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
        _prepare_udp(made, _WAIT)
    return made


def _prepare_udp(made: socket.socket, wait: bytes) -> None:
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
    if is_wildcard(made):
        tell_destinations(made)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    _never_fragment_by_hearsay(made)


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
