"""Sockets that systemd has bound (sd_listen_fds(3)): used in place of binding them here.

There is one socket for each address, which all workers share: each waits for the next datagram or
connection, and the kernel wakes one. So it is open for as long as systemd wants, also between the
end of one server and the start of the next, and no worker may shut it down.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping, Sequence

from geodns.errors import GeodnsError
from geodns.server.sockets import Sockets, WorkerSockets, adopt
from geodns.socket_address import SocketAddress

_FIRST = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class InheritedError(GeodnsError):
    """A socket that was passed to this process is not one to answer queries on."""


def take_inherited(
    environment: MutableMapping[str, str] = os.environ, first: int = _FIRST
) -> tuple[socket.socket, ...]:
    """The sockets that were passed to this process, none if it wasn't passed any.

    The variables are taken out of ``environment``: these sockets are not for the processes that
    this one starts. Their names don't matter. Raises InheritedError.
    """
    told = {name: environment.pop(name, "") for name in _VARIABLES}
    if told["LISTEN_PID"] != str(os.getpid()) or not told["LISTEN_FDS"].isdecimal():
        return ()
    numbers = range(first, first + int(told["LISTEN_FDS"]))
    for number in numbers:
        try:
            os.set_inheritable(number, False)
        except OSError as error:
            raise InheritedError(f"LISTEN_FDS names {number}, which is not open") from error
    return tuple(_checked(number) for number in numbers)


def share(
    inherited: Sequence[socket.socket], workers: int, tls: Sequence[SocketAddress] = ()
) -> Sockets:
    """The sockets of all workers, the same for each; they are made ready to answer on.

    ``tls`` are the addresses for DNS over TLS; what listens at their ports is for it. Raises
    InheritedError where there is none for UDP, TCP or one of these.
    """
    ports = {address.port for address in tls}
    udp = tuple(each for each in inherited if each.type == socket.SOCK_DGRAM)
    streams = tuple(each for each in inherited if each.type == socket.SOCK_STREAM)
    secure = tuple(each for each in streams if _address(each).port in ports)
    plain = tuple(each for each in streams if each not in secure)
    _must_have(udp, "UDP", "ListenDatagram=")
    _must_have(plain, "TCP", "ListenStream=")
    for port in sorted(ports):
        here = [each for each in secure if _address(each).port == port]
        _must_have(here, "DNS over TLS", f"ListenStream= for port {port}")
    for each in inherited:
        adopt(each)
    return Sockets(
        (WorkerSockets(udp, plain, secure, shared=True),) * workers,
        tuple(dict.fromkeys(map(_address, (*udp, *plain)))),
        tls=tuple(map(_address, secure)),
    )


def _must_have(found: Sequence[socket.socket], kind: str, line: str) -> None:
    # RFC 7766 5: a server must support both UDP and TCP.
    if not found:
        raise InheritedError(
            f"there is no socket for {kind} among those that were passed; add {line} to the socket"
            " unit"
        )


def _address(bound: socket.socket) -> SocketAddress:
    return SocketAddress(*bound.getsockname()[:2])


def _checked(number: int) -> socket.socket:
    try:
        made = socket.socket(fileno=number)
    except OSError as error:
        raise InheritedError(f"file descriptor {number} of LISTEN_FDS is not a socket") from error
    if made.family not in _FAMILIES or made.type not in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        raise InheritedError(f"the socket {number} of LISTEN_FDS is neither UDP nor TCP")
    listens = made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if made.type == socket.SOCK_STREAM and not listens:
        raise InheritedError(
            f"the socket {number} of LISTEN_FDS is a connection; use Accept=no in the socket unit"
        )
    if made.family == socket.AF_INET6 and _address(made).host == "::":
        # Clients of IPv4 would come with IPv6 addresses, all of one network for every limit.
        only = made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        if not only:
            raise InheritedError(
                f"the socket {number} of LISTEN_FDS takes IPv4 as IPv6; use BindIPv6Only=ipv6-only"
                " in the socket unit, and a line with 0.0.0.0 beside the one with [::]"
            )
    return made
