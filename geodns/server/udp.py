"""UDP: one blocking loop per socket, nothing between the kernel and the engine."""

from __future__ import annotations

import socket
from contextlib import suppress

from geodns.server.face import Face

_WILDCARDS = ("0.0.0.0", "::")
_MOST_DATAGRAM = 4096
"""A query of a question, an OPT record and a TSIG is below 1,000 bytes; what is longer is cut, and
a record that this tears apart is answered with FORMERR."""


def serve_udp(bound: socket.socket, face: Face) -> None:
    """Answers until the socket is shut down for reading and what had arrived is answered."""
    while not _serve(bound, face):
        pass


def _serve(bound: socket.socket, face: Face) -> bool:
    """The loop itself; returns True at the end of the socket, False after a fault."""
    recvfrom, sendto = bound.recvfrom, bound.sendto
    mailbox = face.mailbox
    respond = face.take_mail().respond
    try:
        while True:
            packet, peer = recvfrom(_MOST_DATAGRAM)
            if mailbox:
                respond = face.take_mail().respond
            if peer is None:
                # A datagram has a sender, even an empty one: this is the end (see `end_udp`).
                return True
            reply = respond(packet, peer[0])
            if reply is not None:
                sendto(reply, peer)
    except OSError:
        # sendto: no route, a source port of 0, a full queue: the resolver asks again.
        if bound.fileno() < 0:
            return True
        face.drop("send")
    # A packet must never end the worker, whatever is wrong with it or with us.
    except Exception:  # noqa: BLE001
        face.fault()
    return False


def end_udp(bound: socket.socket) -> None:
    """Makes `serve_udp` return once the datagrams that have arrived are answered.

    Linux wakes readers of a UDP socket on shutdown; they then get what is queued, and at last
    nothing at all. Before that, the socket is connected to itself: the kernel deals no more
    queries to it while others listen at the same address. On a wildcard address that would change
    the address that replies come from, so there it isn't done.
    """
    with suppress(OSError):
        host, port = bound.getsockname()[:2]
        if host not in _WILDCARDS:
            bound.connect((host, port))
    with suppress(OSError):
        bound.shutdown(socket.SHUT_RD)
