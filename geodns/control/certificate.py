"""The certificate of DNS over TLS: read while root, read anew at reloads, told to every worker."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from weakref import WeakSet

from geodns.config.paths import absolute
from geodns.config.settings import Server
from geodns.config.source import read_source
from geodns.server.tls import TlsError, read_pem

logger = logging.getLogger(__name__)


class Worker(Protocol):
    """A worker process, as ``geodns.server.handle.WorkerHandle`` is one."""

    def send_certificate(self, pem: bytes) -> None: ...


class Certificate:
    """The last good certificate and key, and the workers that have to know it.

    The files are read here, not by workers: a key is often for root alone, and what a worker has
    never read, nobody can make it read.
    """

    def __init__(self) -> None:
        self._pem: bytes | None = None
        self._workers: WeakSet[Worker] = WeakSet()

    def read_early(self, path: Path) -> None:
        """Reads what the server file at ``path`` names, before root is given up.

        Whatever is wrong is said later, by ``require`` or by the compiler.
        """
        server = absolute(read_source(Server, path).settings, path.parent)
        if server.tls is not None:
            with suppress(TlsError):
                self._pem = read_pem(server.tls.certificate, server.tls.key)

    def require(self, server: Server) -> None:
        """At a start, TLS is there where it is configured. Raises TlsError in one sentence."""
        if server.tls is not None and self._pem is None:
            self._pem = read_pem(server.tls.certificate, server.tls.key)

    def greet(self, worker: Worker) -> None:
        """Tells a new worker, and from now on all that changes."""
        self._workers.add(worker)
        if self._pem is not None:
            worker.send_certificate(self._pem)

    def renew(self, server: Server) -> None:
        """Reads the files again; what can't be used is reported, and the last good one stays."""
        if server.tls is None:
            return
        try:
            pem = read_pem(server.tls.certificate, server.tls.key)
        except TlsError as error:
            logger.error(  # noqa: TRY400 - the sentence says it all
                "the certificate can't be used, the last good one stays",
                extra={"reason": str(error)},
            )
            return
        if pem == self._pem:
            return
        self._pem = pem
        for worker in self._workers:
            worker.send_certificate(pem)
        logger.info("certificate renewed", extra={"file": str(server.tls.certificate)})
