"""One thread's engine, and how new images and states reach it between two packets."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from geodns.answer.cold import Identity
from geodns.answer.cookies import CookieJar
from geodns.answer.demand import ByServices, Leftovers, add_clients, add_sums
from geodns.answer.engine import Counts, Engine
from geodns.answer.image import Image
from geodns.answer.limits import Limiter, LimitRules
from geodns.answer.moment import Moment
from geodns.answer.service import States
from geodns.server.channel import Transport
from geodns.server.handing import Handing, Query, Taker

logger = logging.getLogger(__name__)
_MOST_FAULTS_LOGGED = 10


@dataclass(frozen=True)
class EngineOptions:
    """What an engine is made with, besides the image.

    ``keepalive`` is how long an idle connection may stay, in units of 100 ms. Cookies and limits
    are judged at the ``moment``, which one for all keeps up to date. ``handing`` takes what no
    table holds; None: it is answered as what is not implemented, or not allowed.
    """

    identity: Identity
    accept_client_subnet: bool
    stream: bool
    keepalive: int | None = None
    cookies: CookieJar | None = None
    limits: LimitRules | None = None
    moment: Moment = field(default_factory=Moment)
    transport: Transport = "udp"
    handing: Handing | None = None


class Face:
    """Holds a thread's engine. ``post`` may be called by any thread, everything else by its own.

    A packet received after ``post`` returned is answered from what was posted: the mailbox, once
    something is in it, is empty again only when its thread has taken all.
    """

    def __init__(self, image: Image, options: EngineOptions) -> None:
        self.options = options
        self.mailbox: deque[Image | States] = deque()
        self.ended = False
        self._lock = threading.Lock()
        self._retired = Counts()
        self._leftovers = Leftovers()
        self._demand: ByServices = {}
        self._states: States = {}
        self._faults = 0
        # It outlives the engine: whom it limits, a reload doesn't change.
        self.limiter = Limiter(options.limits) if options.limits is not None else None
        self.engine = self._make(image)

    def post(self, news: Image | States) -> None:
        """Leaves a new image or states for the thread to take before the next packet.

        Only the newest of each are kept: a thread that no packet comes to takes nothing, and
        every image is a large file in memory.
        """
        with self._lock:
            self.mailbox.append(news)
            others = []
            while self.mailbox[0] is not news:
                earlier = self.mailbox.popleft()
                if isinstance(earlier, Image) is not isinstance(news, Image):
                    others.append(earlier)
            self.mailbox.extendleft(others[-1:])

    def end(self) -> None:
        """Has the thread end without shutting its socket, which other workers go on with.

        It ends after its next packet, or when it has waited for one in vain: none is lost.
        """
        self.ended = True
        self.mailbox.append(self._states)

    def take_mail(self) -> Engine:
        """Takes all that was posted; returns the engine to go on with."""
        with self._lock:
            taken = list(self.mailbox)
            self.mailbox.clear()
        for news in taken:
            if isinstance(news, Image):
                counts = self.engine.counts()
                self.engine.leave()
                self.engine = self._make(news)
                self._retired.add(counts)
            else:
                self._states = news
                self.engine.set_states(news)
        return self.engine

    def counts(self) -> Counts:
        """All that was counted, earlier images included. Any thread may ask."""
        total = Counts()
        total.add(self._retired)
        total.add(self.engine.counts())
        return total

    def settle(self) -> None:
        """Adds up the demand of clients that were forgotten. One thread, always the same, does."""
        for services, clients in self._leftovers.take():
            add_clients(self._demand, services, clients)

    def demand(self) -> ByServices:
        """Queries by services and client network since the start. For the thread of ``settle``."""
        self.settle()
        total: ByServices = {}
        add_sums(total, self._demand)
        self.engine.add_demand(total)
        return total

    def drop(self, reason: str) -> None:
        """Counts a packet that got no reply for a reason that is not the engine's."""
        self._retired.dropped[reason] += 1

    def hand_over(self, send: Callable[[bytes], None]) -> None:
        """Hands over what the engine has just left; each reply is sent by ``send``."""

        def take(messages: tuple[bytes, ...], more: bool) -> None:  # noqa: ARG001  UDP takes one
            for message in messages:
                send(message)

        self.hand(take)

    def hand(self, take: Taker) -> bool:
        """The same with ``take`` for the replies; False where too much is under way."""
        handing, handed = self.options.handing, self.engine.handed
        assert handing is not None
        assert handed is not None
        if handing.hand(Query(self.options.transport, handed, take)):
            return True
        self.drop("handed over limit")
        return False

    def fault(self) -> None:
        """Reports an exception on a packet's path: always a mistake of ours; logged boundedly."""
        self._retired.dropped["fault"] += 1
        self._faults += 1
        if self._faults <= _MOST_FAULTS_LOGGED:
            logger.exception("a packet could not be answered; please report this")

    def _make(self, image: Image) -> Engine:
        return Engine(
            image,
            self.options.identity,
            accept_client_subnet=self.options.accept_client_subnet,
            stream=self.options.stream,
            states=self._states,
            keepalive=self.options.keepalive,
            cookies=self.options.cookies,
            limiter=self.limiter,
            moment=self.options.moment,
            leftovers=self._leftovers,
            hands_over=self.options.handing is not None,
        )
