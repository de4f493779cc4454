"""Takes a worker's sockets out of service without losing what has arrived on them."""

from __future__ import annotations

from contextlib import suppress

from geodns.server.sockets import WorkerSockets


def retire(sockets: WorkerSockets) -> None:
    """Let the kernel hand new datagrams to the other sockets of the same address; close ours.

    Linux picks no connected socket from a SO_REUSEPORT group, so connecting one (to itself) takes
    it out, while its worker still answers what is queued. Just closing it loses the datagrams that
    come between the worker's last look and the end of the worker.
    """
    for udp in sockets.udp:
        with suppress(OSError):
            udp.connect(udp.getsockname())
    sockets.close()
