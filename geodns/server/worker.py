"""The worker process: holds the image and the present states, and answers.

Its main thread waits on control's channel, TCP and TLS; one thread for each UDP socket does nothing
but answer. When control is gone, it answers on with what it has.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import resource
import selectors
import signal
import socket
import ssl
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from geodns import log
from geodns.answer.cold import Identity
from geodns.answer.cookies import CookieJar
from geodns.answer.demand import ByServices, add_sums
from geodns.answer.engine import Counts
from geodns.answer.image import Image
from geodns.answer.limits import Limiter
from geodns.answer.moment import Moment
from geodns.answer.service import States
from geodns.answer.store import bases_of, read_image
from geodns.open_files import raise_limit
from geodns.server.channel import (
    Acknowledge,
    AskDemand,
    AskStatistics,
    Decoder,
    Demand,
    Message,
    NewCertificate,
    NewImage,
    NewSecrets,
    NewStates,
    Replies,
    Statistics,
    Stop,
    Transport,
    encode,
)
from geodns.server.connections import ConnectionLimits
from geodns.server.face import EngineOptions, Face
from geodns.server.handing import Handing
from geodns.server.options import WorkerOptions
from geodns.server.proxy import Balancers
from geodns.server.sockets import WorkerSockets
from geodns.server.tcp import TcpServer
from geodns.server.ticking import Ticker
from geodns.server.tls import TlsError, context
from geodns.server.udp import end_udp, serve_udp

logger = logging.getLogger(__name__)
_GRACE = 5.0
_SHORT_GRACE = 0.5
_OWN_FILES = 64
"""Files that a worker needs for more than TCP: sockets, channels, the image that comes."""
_SWITCH_SECONDS = 0.0005
"""A thread that computes lets a waiting one in after this, so that answers hardly wait for it."""


class Worker:
    """Everything of a worker but the process. Answers begin with the first image."""

    def __init__(
        self,
        channel: socket.socket,
        sockets: WorkerSockets,
        options: WorkerOptions,
    ) -> None:
        self._channel = channel
        self._sockets = sockets
        self._options = options
        self._decoder = Decoder()
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._loaded: deque[tuple[int, Image]] = deque()
        self._faces: dict[str, list[Face]] = {"udp": [], "tcp": [], "tls": []}
        self._threads: list[threading.Thread] = []
        self._server: TcpServer | None = None
        self._context: ssl.SSLContext | None = None
        self._cookies: CookieJar | None = None
        self._moment = Moment(int(time.time()))
        self._ticker = Ticker(self._moment, time.time, self._limiters)
        self._states: States = {}
        self._handing = Handing(self._send, self._wake) if options.hands_over else None
        self._image: Image | None = None
        self._image_generation = 0
        self._states_generation = 0
        self._begun = time.monotonic()
        self._stop_at: float | None = None
        self._orphaned = False

    def run(self) -> None:
        """Serves until told to stop."""
        self._channel.setblocking(False)
        self._wake_reader.setblocking(False)
        self._selector.register(self._channel, selectors.EVENT_READ, self._on_channel)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._on_wake)
        while not self._done():
            for key, mask in self._selector.select(self._patience()):
                key.data(mask)
        if self._server is not None:
            self._server.close()

    def wake_to_stop(self) -> None:
        """Begins a clean stop; may be called from a signal handler, and by any thread.

        While control lives, a successor is started on the same sockets: it is not kept waiting.
        """
        grace = _GRACE if self._orphaned else _SHORT_GRACE
        self._stop_at = self._stop_at or time.monotonic() + grace
        self._wake_writer.send(b"s")

    def _wake(self) -> None:
        """Has the main thread look at what others left for it; any thread may call it."""
        self._wake_writer.send(b"w")

    def _patience(self) -> float | None:
        """Seconds to wait for events; None is for ever."""
        idle = self._server.close_idle() if self._server is not None else None
        if self._cookies is not None or self._options.limits is not None:
            tick = self._ticker.tick()
            idle = min(idle, tick) if idle is not None else tick
        if self._stop_at is None:
            return idle
        return max(0.0, min(0.02, self._stop_at - time.monotonic()))

    def _done(self) -> bool:
        if self._stop_at is None:
            return False
        busy = any(thread.is_alive() for thread in self._threads) or bool(self._server)
        return not busy or time.monotonic() >= self._stop_at

    def _on_wake(self, _mask: int) -> None:
        self._wake_reader.recv(4096)
        while self._loaded:
            self._take_image(*self._loaded.popleft())
        if self._handing is not None:
            self._handing.send_on()
        if self._stop_at is not None:
            self._stop(others_go_on=not self._orphaned)

    def _on_channel(self, _mask: int) -> None:
        try:
            messages = self._decoder.receive(self._channel)
        except BlockingIOError:
            return
        except ConnectionError:
            messages = None
        if messages is None:
            # Control has died. Its successor brings workers of its own and ends this one.
            self._selector.unregister(self._channel)
            self._orphaned = True
            if self._handing is not None:
                self._handing.orphan()
            logger.warning("control is gone; answering on with the last state")
            return
        for message in messages:
            self._on_message(message)

    def _on_message(self, message: Message) -> None:
        match message:
            case NewImage() if not self._decoder.files:
                # The kernel drops a file that finds no free descriptor.
                logger.error("too many files are open to take an image; ending for a fresh start")
                self.wake_to_stop()
            case NewImage(generation):
                file = os.fdopen(self._decoder.files.popleft(), "rb")
                threading.Thread(target=self._load, args=(generation, file), daemon=True).start()
            case NewStates(generation, states):
                self._states, self._states_generation = states, generation
                for face in self._all_faces():
                    face.post(states)
                self._acknowledge()
            case NewSecrets(secrets):
                self._cookies = CookieJar(secrets)
            case NewCertificate(pem):
                self._take_certificate(pem)
            case AskStatistics(number):
                connections = len(self._server) if self._server is not None else 0
                self._send(Statistics(number, self._counts(), connections))
                for face in self._all_faces():
                    face.settle()
            case AskDemand(number):
                self._send(Demand(number, time.monotonic() - self._begun, self._demand()))
            case Replies() if self._handing is not None:
                self._handing.replied(message)
            case Stop(grace):
                self._stop_at = time.monotonic() + grace
                self._stop(others_go_on=False)

    def _load(self, generation: int, file: IO[bytes]) -> None:
        """Reads an image beside the answering, in a thread of its own."""
        try:
            with file:
                known = {} if self._image is None else bases_of(self._image)
                image = read_image(file, known)
        # Whatever it is: another version's image after an upgrade beneath us, no memory.
        except Exception:
            logger.exception("an image can't be read; restart geodns if it was upgraded")
            if not self._faces["tcp"]:
                self.wake_to_stop()  # it can't answer at all: control starts another, or says so
            return
        self._loaded.append((generation, image))
        self._wake_writer.send(b"i")

    def _take_image(self, generation: int, image: Image) -> None:
        if generation < self._image_generation:
            return
        self._image, self._image_generation = image, generation
        if self._server is not None:
            for face in self._all_faces():
                face.post(image)
            for face in (*self._faces["tcp"], *self._faces["tls"]):
                face.take_mail()  # this thread's own; without a connection it would keep the old
        else:
            self._begin(image)
        # What lives as long as the image is no work for the collector (it would stall answers).
        # Only now: what the former image has left behind would be kept for ever.
        gc.collect()
        gc.freeze()
        self._acknowledge()

    def _begin(self, image: Image) -> None:
        identity = Identity(self._options.identity, self._options.version)
        balancers = Balancers(self._options.balancers)
        for bound in self._sockets.udp:
            face = self._face(image, identity, "udp")
            given = (bound, face, balancers)
            thread = threading.Thread(target=serve_udp, args=given, daemon=True)
            self._faces["udp"].append(face)
            self._threads.append(thread)
            thread.start()
        self._server = TcpServer(self._selector, time.monotonic, self._limits(), balancers)
        self._server.context = self._context
        streams: tuple[tuple[Transport, tuple[socket.socket, ...]], ...] = (
            ("tcp", self._sockets.tcp),
            ("tls", self._sockets.tls),
        )
        for name, sockets in streams:
            if sockets:
                face = self._face(image, identity, name)
                self._faces[name].append(face)
                for listening in sockets:
                    self._server.listen(listening, face, tls=name == "tls")

    def _limits(self) -> ConnectionLimits:
        return ConnectionLimits(
            most=self._options.tcp_connections,
            per_client=self._options.tcp_per_client,
            handshake=self._options.tls_handshake,
            first_query=self._options.tcp_first_query,
            idle=self._options.tcp_idle,
        )

    def _take_certificate(self, pem: bytes) -> None:
        try:
            self._context = context(pem)
        except TlsError as error:
            # Control has tried it: this is another OpenSSL, or no memory. The former one stays.
            logger.error("a certificate can't be used", extra={"reason": str(error)})  # noqa: TRY400
            return
        if self._server is not None:
            self._server.context = self._context

    def _face(self, image: Image, identity: Identity, transport: Transport) -> Face:
        stream = transport != "udp"
        options = EngineOptions(
            identity,
            self._options.accept_client_subnet,
            stream,
            keepalive=min(int(self._options.tcp_idle * 10), 65535) if stream else None,
            cookies=self._cookies,
            # What comes over TCP comes from where it says.
            limits=None if stream else self._options.limits,
            moment=self._moment,
            transport=transport,
            handing=self._handing,
        )
        face = Face(image, options)
        face.post(self._states)
        return face

    def _limiters(self) -> list[Limiter]:
        return [face.limiter for face in self._faces["udp"] if face.limiter is not None]

    def _stop(self, *, others_go_on: bool) -> None:
        """Ends all serving; where others go on with the same sockets, those are left as they are.

        A socket that was shut down can't be opened again: a successor would be deaf on it.
        """
        if self._sockets.shared or others_go_on:
            for face in self._faces["udp"]:
                face.end()
        else:
            for bound in self._sockets.udp:
                end_udp(bound)
        if self._server is not None:
            self._server.stop_listening()

    def _all_faces(self) -> list[Face]:
        return [face for faces in self._faces.values() for face in faces]

    def _counts(self) -> dict[str, Counts]:
        counts = {}
        for transport, faces in self._faces.items():
            total = counts[transport] = Counts()
            for face in faces:
                total.add(face.counts())
        return counts

    def _demand(self) -> ByServices:
        total: ByServices = {}
        for face in self._all_faces():
            add_sums(total, face.demand())
        return total

    def _acknowledge(self) -> None:
        self._send(Acknowledge(self._image_generation, self._states_generation))

    def _send(self, message: Message) -> None:
        """Control reads without delay; if it is gone or stuck, the worker doesn't wait for it."""
        self._channel.settimeout(1.0)
        try:
            self._channel.sendall(encode(message))
        except OSError:
            logger.debug("control does not listen")
        finally:
            self._channel.setblocking(False)


def main(arguments: list[str]) -> None:
    """The process: file descriptors and options come on the command line, from control alone."""
    parser = argparse.ArgumentParser(prog="geodns.server.worker")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--udp", type=int, nargs="*", default=[])
    parser.add_argument("--tcp", type=int, nargs="*", default=[])
    parser.add_argument("--tls", type=int, nargs="*", default=[])
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--options", required=True)
    given = parser.parse_args(arguments)
    given_options = WorkerOptions.from_json(given.options)
    options = _within_files(given_options, raise_limit())
    log.configure(options.log)
    gc.disable()
    sys.setswitchinterval(_SWITCH_SECONDS)
    worker = Worker(
        socket.socket(fileno=given.channel),
        WorkerSockets(
            *(
                tuple(socket.socket(fileno=number) for number in numbers)
                for numbers in (given.udp, given.tcp, given.tls)
            ),
            shared=given.shared,
        ),
        options,
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: worker.wake_to_stop())
    worker.run()


def _within_files(options: WorkerOptions, most: int) -> WorkerOptions:
    """Options with no more connections than there may be files, if these are bounded."""
    if most == resource.RLIM_INFINITY:
        return options
    connections = min(options.tcp_connections, max(1, most - _OWN_FILES))
    return replace(options, tcp_connections=connections)


if __name__ == "__main__":
    with suppress(OSError):  # a name for people; where /proc can't be written to, there is none
        Path("/proc/self/comm").write_text("geodns-worker")
    main(sys.argv[1:])
