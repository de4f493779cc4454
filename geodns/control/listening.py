"""The sockets that workers answer on: opened or inherited, one set for each worker."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

from geodns.config.settings import Server
from geodns.control.inherited import share
from geodns.control.retire import retire
from geodns.control.worker_options import worker_count
from geodns.server.sockets import Sockets, WorkerSockets, open_sockets

logger = logging.getLogger(__name__)


class Listening:
    """``inherited`` are sockets that were passed to this process; none: it opens its own."""

    def __init__(self, inherited: tuple[socket.socket, ...] = ()) -> None:
        self.inherited = inherited
        self._sockets: Sockets | None = None
        self._workers: list[WorkerSockets] = []

    @property
    def is_open(self) -> bool:
        """Whether they are there."""
        return self._sockets is not None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of UDP and TCP, as they are bound."""
        return tuple(map(str, self._sockets.addresses)) if self._sockets is not None else ()

    @property
    def tls_addresses(self) -> tuple[str, ...]:
        """Of TLS."""
        return tuple(map(str, self._sockets.tls)) if self._sockets is not None else ()

    def open(self, server: Server, *, beside_orphans: bool = False) -> None:
        """Raises GeodnsError where an address can't be had."""
        tls = server.tls.listen if server.tls is not None else ()
        workers = worker_count(server)
        if self.inherited:
            logger.info("listening on the sockets that were passed, in place of `listen`")
            self._sockets = share(self.inherited, workers, tls)
        else:
            self._sockets = open_sockets(
                server.listen, workers, tls=tls, beside_orphans=beside_orphans
            )
        self._workers = list(self._sockets.workers)

    def tell_what_is_left_out(self) -> None:
        """On a machine without IPv6."""
        if self._sockets is not None and self._sockets.left_out:
            logger.warning(
                "this machine has no IPv6; it is not listened on",
                extra={"addresses": list(map(str, self._sockets.left_out))},
            )

    def of(self, worker: int) -> WorkerSockets:
        """Those of a worker, by its number."""
        return self._workers[worker]

    def renew(self, worker: int) -> Callable[[bool], None]:
        """Other sockets, at the same addresses, for the next worker of this number.

        What is returned is to be told whether that one has taken over.
        """
        assert self._sockets is not None
        former = self._workers[worker]
        if former.shared:
            return lambda _replaced: None
        addresses, tls = self._sockets.addresses, self._sockets.tls
        beside = open_sockets(addresses, 1, tls=tls, beside_orphans=True)
        fresh = self._workers[worker] = beside.workers[0]

        def settle(taken_over: bool) -> None:
            if not taken_over:
                self._workers[worker] = former
            retire(former if taken_over else fresh)

        return settle

    def close(self) -> None:
        """Close all of them here; workers have theirs."""
        for sockets in self._workers:
            sockets.close()
