"""UDP: one blocking loop per socket, nothing between the kernel and the engine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from geodns.server.face import Face
from geodns.server.proxy import Balancers, Respond
from geodns.server.wildcard import (
    end_of_wait,
    is_wildcard,
    serve_wildcard,
    tell_destinations,
    tells_destinations,
)

_MOST_DATAGRAM = 4096
"""A query of a question, an OPT record and a TSIG is below 1,000 bytes; what is longer is cut, and
a record that this tears apart is answered with FORMERR."""


def serve_udp(bound: socket.socket, face: Face, balancers: Balancers | None = None) -> None:
    """Answers until the socket is shut down for reading and what had arrived is answered.

    Or until the face is ended, where other workers go on with the socket.
    """
    responder = _responder(face, balancers)
    serve = _serve
    if is_wildcard(bound):
        tell_destinations(bound)
    if tells_destinations(bound):
        serve = _serve_wildcard
    while not face.ended and not _guarded(serve, bound, face, responder):
        pass


def _responder(face: Face, balancers: Balancers | None) -> Callable[[], Respond]:
    """What gives the function that answers, after taking what was posted."""
    if not balancers:
        return lambda: face.take_mail().fast  # the face holds the engine
    return lambda: balancers.unwrapping(face.take_mail().fast, face.drop)


def _guarded(
    serve: Callable[[socket.socket, Face, Callable[[], Respond]], None],
    bound: socket.socket,
    face: Face,
    responder: Callable[[], Respond],
) -> bool:
    """Runs a loop; returns True at the end of the socket, False after a fault."""
    try:
        serve(bound, face, responder)
    except BlockingIOError:
        # Nobody has asked for a while (`sockets.py` says how long): mail is taken nevertheless.
        return face.ended
    except OSError:
        # sendto: no route, a source port of 0, a full queue: the resolver asks again.
        if bound.fileno() < 0:
            return True
        face.drop("send")
    # A packet must never end the worker, whatever is wrong with it or with us.
    except Exception:  # noqa: BLE001
        face.fault()
    else:
        return True
    return False


def _serve(bound: socket.socket, face: Face, responder: Callable[[], Respond]) -> None:
    """The loop itself, for a socket of one address."""
    recvfrom, sendto = bound.recvfrom, bound.sendto
    mailbox = face.mailbox
    respond = responder()
    while True:
        packet, peer = recvfrom(_MOST_DATAGRAM)
        if mailbox:
            respond = responder()
            recvfrom = end_of_wait if face.ended else recvfrom
        if peer is None:
            # A datagram has a sender, even an empty one: this is the end (see `end_udp`).
            return
        reply = respond(packet, peer[0])
        if reply:
            sendto(reply, peer)
        elif reply is not None:
            face.hand_over(partial(_send_to, sendto, peer))


def _send_to(sendto: Callable[[bytes, Any], int], peer: Any, reply: bytes) -> None:
    sendto(reply, peer)


def _serve_wildcard(bound: socket.socket, face: Face, responder: Callable[[], Respond]) -> None:
    serve_wildcard(bound, responder, face, _MOST_DATAGRAM)


def end_udp(bound: socket.socket) -> None:
    """Makes `serve_udp` return once the datagrams that have arrived are answered.

    Linux wakes readers of a UDP socket on shutdown; they then get what is queued, and at last
    nothing at all. Before that, the socket is connected to itself: the kernel deals no more
    queries to it while others listen at the same address. A wildcard socket's replies go on
    leaving from the address that was asked, since each says it itself.
    """
    with suppress(OSError):
        bound.connect(bound.getsockname()[:2])
    with suppress(OSError):
        bound.shutdown(socket.SHUT_RD)
