"""Control's side of one worker: starting it, what it is told, what it says."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import dns.rcode
import dns.rdatatype

from geodns.answer.service import EndpointState, States
from geodns.health.availability import Availability
from geodns.server.answering import Answer, Answering, HandedQuery
from geodns.server.channel import (
    Acknowledge,
    AskDemand,
    AskStatistics,
    Decoder,
    Demand,
    Gone,
    Handed,
    Message,
    More,
    NewCertificate,
    NewImage,
    NewSecrets,
    NewStates,
    Replies,
    Statistics,
    Stop,
    encode,
)
from geodns.server.options import WorkerOptions
from geodns.server.sockets import WorkerSockets

logger = logging.getLogger(__name__)
_ANSWER_SECONDS = 5.0
_ENDED = "the worker has ended"
_UNREAD = "-"  # the type of a query that was too broken to have one
_OTHER = "other"


@dataclass(frozen=True)
class WorkerStatistics:
    """What a worker counted since it was started.

    ``queries`` by (transport, type, rcode), ``answers`` by (service, region, AZ, reason),
    ``dropped`` by reason; ``connections`` is how many TCP connections are open now, TLS
    included.
    """

    queries: dict[tuple[str, str, str], int]
    answers: dict[tuple[str, str, str, str], int]
    dropped: dict[str, int]
    connections: int


class WorkerHandle:
    """One worker process. Everything is called from the event loop that started it."""

    def __init__(self, number: int, process: Process, channel: socket.socket) -> None:
        self.number = number
        self.pid = process.pid
        self.image_generation = 0
        self.availability_generation = 0
        self.on_acknowledge: Callable[[], None] = lambda: None
        self.answer: Answer | None = None
        self._answering: dict[int, Answering] = {}
        self._process = process
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._writing = False
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._loop.add_reader(channel.fileno(), self._on_readable)

    @classmethod
    async def start(
        cls, number: int, sockets: WorkerSockets, options: WorkerOptions
    ) -> WorkerHandle:
        """Starts a worker; it answers as soon as it has been sent an image."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        udp = [each.fileno() for each in sockets.udp]
        tcp = [each.fileno() for each in sockets.tcp]
        tls = [each.fileno() for each in sockets.tls]
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "geodns.server.worker"),
                *("--channel", str(theirs.fileno())),
                *("--udp", *map(str, udp)),
                *("--tcp", *map(str, tcp)),
                *("--tls", *map(str, tls)),
                *(("--shared",) if sockets.shared else ()),
                *("--options", options.to_json()),
                stdin=DEVNULL,
                pass_fds=(theirs.fileno(), *udp, *tcp, *tls),
                # A session of its own: Ctrl-C reaches control alone, which then stops workers.
                start_new_session=True,
            )
        handle = cls(number, process, ours)
        # Not on the command line, which everybody on the machine can read.
        if options.cookie_secrets:
            handle._send(NewSecrets(options.cookie_secrets), [])
        return handle

    def send_image(self, fd: int, generation: int) -> None:
        """Hands over the file of an image; the descriptor may be closed when the worker has it.

        The worker reads it in its own time: keep ``fd`` open until the generation is acknowledged.
        """
        self._send(NewImage(generation), [fd])

    def send_certificate(self, pem: bytes) -> None:
        """Hands over the certificate and key of TLS; before the first image, or TLS is not there.

        It never touches a disk or a command line. Connections that are open keep the former one.
        """
        self._send(NewCertificate(pem), [])

    def send_availability(self, availability: Availability) -> None:
        """Tells how much of each endpoint is available."""
        self._send(NewStates(availability.generation, states_of(availability)), [])

    async def statistics(self) -> WorkerStatistics:
        """What it has counted. Raises TimeoutError or ConnectionError when it doesn't say."""
        return _readable(await self._ask(AskStatistics))

    async def demand(self) -> Demand:
        """Whose queries it has answered from services. Raises as ``statistics`` does."""
        answer: Demand = await self._ask(AskDemand)
        return answer

    async def stop(self, grace: float) -> int:
        """Lets it answer what is in flight, and waits; kills it after the grace. Exit status."""
        self._send(Stop(grace), [])
        try:
            async with asyncio.timeout(grace + 1.0):
                return await self.wait()
        except TimeoutError:
            self._process.kill()
            return await self.wait()

    async def wait(self) -> int:
        """The exit status, once it has ended; negative for a signal."""
        status = await self._process.wait()
        self._close()
        return status

    def _on_readable(self) -> None:
        try:
            messages = self._decoder.receive(self._channel)
        except BlockingIOError:
            return
        except ConnectionError:
            messages = None
        if messages is None:
            self._close()
            return
        for message in messages:
            self._on_message(message)

    def _on_message(self, message: Message) -> None:
        match message:
            case Acknowledge(image, states):
                self.image_generation = image
                self.availability_generation = states
                self.on_acknowledge()
            case Statistics(number) | Demand(number):
                waiting = self._requests.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            case Handed(number) if self.answer is not None:
                query = HandedQuery(message.transport, message.packet, message.host, message.reply)
                reply = partial(self._reply, number)
                self._answering[number] = Answering(query, self.answer, reply)
            case More(number) if number in self._answering:
                self._answering[number].go_on()
            case Gone(number) if number in self._answering:
                self._answering.pop(number).stop()

    def _reply(self, number: int, messages: tuple[bytes, ...], more: bool) -> None:
        if not more:
            self._answering.pop(number, None)
        self._send(Replies(number, messages, more), [])

    async def _ask(self, question: type[AskStatistics] | type[AskDemand]) -> Any:
        """The answer to a question. Raises TimeoutError or ConnectionError when there is none."""
        if self._channel.fileno() < 0:
            raise ConnectionError(_ENDED)
        number = next(self._numbers)
        waiting = self._requests[number] = self._loop.create_future()
        self._send(question(number), [])
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await waiting
        finally:
            self._requests.pop(number, None)

    def _send(self, message: Message, files: list[int]) -> None:
        if self._channel.fileno() >= 0:
            self._unsent.append((encode(message), files))
            self._flush()

    def _flush(self) -> None:
        """Sends what fits now; the rest when there is room. Files go with a frame's first bytes."""
        while self._unsent:
            data, files = self._unsent[0]
            try:
                sent = socket.send_fds(self._channel, [data], files)
            except BlockingIOError:
                break
            except OSError:
                self._close()
                return
            if sent == len(data):
                self._unsent.popleft()
            else:
                self._unsent[0] = data[sent:], []
        if bool(self._unsent) != self._writing:
            self._writing = bool(self._unsent)
            if self._writing:
                self._loop.add_writer(self._channel.fileno(), self._flush)
            else:
                self._loop.remove_writer(self._channel.fileno())

    def _close(self) -> None:
        if self._channel.fileno() < 0:
            return
        self._loop.remove_reader(self._channel.fileno())
        self._loop.remove_writer(self._channel.fileno())
        self._channel.close()
        self._unsent.clear()
        for answering in self._answering.values():
            answering.stop()
        self._answering.clear()
        for waiting in self._requests.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError(_ENDED))


def states_of(availability: Availability) -> States:
    """What the engine needs to know of availability."""
    return {
        id: EndpointState(endpoint.availability, endpoint.failing, endpoint.factor, endpoint.steady)
        for id, endpoint in availability.endpoints.items()
    }


def _type_name(type: int) -> str:
    """A type's name; those without one count together, since anybody can ask for thousands."""
    name = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(type)) if type else _UNREAD
    return _OTHER if name.startswith("TYPE") else name


def _readable(statistics: Statistics) -> WorkerStatistics:
    queries: dict[tuple[str, str, str], int] = {}
    answers: dict[tuple[str, str, str, str], int] = {}
    dropped: dict[str, int] = {}
    for transport, counts in statistics.counts.items():
        for (type, rcode), count in counts.queries.items():
            name = _type_name(type)
            key = transport, name, dns.rcode.to_text(dns.rcode.Rcode.make(rcode))
            queries[key] = queries.get(key, 0) + count
        for labels, count in counts.answers.items():
            answers[labels] = answers.get(labels, 0) + count
        for reason, count in counts.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return WorkerStatistics(queries, answers, dropped, statistics.connections)
