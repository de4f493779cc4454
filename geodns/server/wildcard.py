"""UDP on wildcard addresses: a reply leaves from the address that was asked.

The kernel tells a datagram's destination beside it, and takes a reply's source in the same way
(``ip(7)`` IP_PKTINFO, RFC 3542 6.1 and 6.2 for IPv6). A socket of one address needs none of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from geodns.server.face import Face
from geodns.server.proxy import Respond

_WILDCARDS = ("0.0.0.0", "::")
_IP_PKTINFO = 8  # Linux; the socket module names it from Python 3.14 on
_SPACE = socket.CMSG_SPACE(20)  # of struct in6_pktinfo, the larger one
_LINK_LOCAL = b"\xfe\x80"

Ancillary = list[tuple[int, int, bytes]]


def is_wildcard(bound: socket.socket) -> bool:
    """Whether a socket takes what is sent to any address of this machine."""
    return bound.getsockname()[0] in _WILDCARDS


def tell_destinations(bound: socket.socket) -> None:
    """Makes the kernel tell where datagrams were sent to: those that arrive from now on."""
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def tells_destinations(bound: socket.socket) -> bool:
    """Whether it does so. A wildcard socket that was connected, to end it, has one address."""
    if bound.family == socket.AF_INET6:
        return bool(bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO))
    return bool(bound.getsockopt(socket.IPPROTO_IP, _IP_PKTINFO))


def serve_wildcard(
    bound: socket.socket,
    responder: Callable[[], Respond],
    face: Face,
    longest: int,
) -> None:
    """Answers until the end of the socket; OSError and faults are the caller's.

    ``responder`` gives what answers, anew whenever the face has mail; ``longest`` is of a datagram
    in bytes.
    """
    mailbox = face.mailbox
    recvmsg, sendmsg = bound.recvmsg, bound.sendmsg
    respond = responder()
    while True:
        packet, told, _, peer = recvmsg(longest, _SPACE)
        if mailbox:
            respond = responder()
            recvmsg = end_of_wait if face.ended else recvmsg
        if not peer:
            return
        reply = respond(packet, peer[0])
        if reply:
            sendmsg((reply,), [_source(*one) for one in told], 0, peer)
        elif reply is not None:
            face.hand_over(partial(_send_from, sendmsg, [_source(*one) for one in told], peer))


def _send_from(
    sendmsg: Callable[..., int], source: Sequence[tuple[int, int, bytes]], peer: Any, reply: bytes
) -> None:
    sendmsg((reply,), source, 0, peer)


def end_of_wait(*_: int) -> NoReturn:
    """Stands in for receiving where no datagram is to be taken any more."""
    raise BlockingIOError


def _source(level: int, kind: int, told: bytes) -> tuple[int, int, bytes]:
    """A destination that the kernel told, as the source that it is to take.

    The interface is left to routing, as for any other reply; but a link-local address is one of
    its interface.
    """
    if level == socket.IPPROTO_IPV6:
        return level, kind, told if told.startswith(_LINK_LOCAL) else told[:16] + bytes(4)
    # struct in_pktinfo: interface, local address, destination. Local and destination differ for
    # broadcasts, which have no address to answer from.
    return level, kind, bytes(4) + told[4:8] + bytes(4)
