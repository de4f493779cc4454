"""Good clients of the day: resolvers that ask what they know the answer of, and check it."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
from day_world import COUNTRIES, HOSTS, MOVING, TEXTS, ZONE_NAME, History, World, host_address

# Seconds for each attempt; a resolver asks again, and we count it. A busy machine is only slow.
_TIMEOUTS = (10.0, 20.0, 60.0)
_PIPELINED = 3
_PER_CONNECTION = 30
_NETWORKS = (*COUNTRIES, MOVING)

# What an answer has to be in a world: the rcode, and the records one of which must be answered.
Right = Callable[[World], tuple[dns.rcode.Rcode, frozenset[tuple[str, ...]]]]


@dataclass(frozen=True)
class Question:
    """What is asked, and what is right; ``network`` is the second number of the client's subnet."""

    name: str
    type: str
    right: Right
    network: int | None = None
    large: bool = False


@dataclass
class Report:
    """What good clients saw. ``retries`` are (begin, end) of attempts that had no answer."""

    answered: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    retries: list[tuple[str, float, float]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Take in what another client saw."""
        self.answered.update(other.answered)
        self.wrong += other.wrong
        self.retries += other.retries
        self.lost += other.lost


class GoodClient(threading.Thread):
    """Asks about ``rate`` questions per second until ``stop`` is set."""

    def __init__(
        self,
        number: int,
        server: tuple[str, int],
        history: History,
        stop: threading.Event,
        *,
        rate: float,
    ) -> None:
        super().__init__(daemon=True)
        self.report = Report()
        self.error: Exception | None = None
        self._host = f"127.1.{number}."
        self._server = server
        self._history = history
        self._stop_asking = stop
        self._rate = rate
        self._random = random.Random(number)

    def run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop_asking.is_set():
                due += self.ask() / self._rate
                now = time.monotonic()
                due = max(due, now - 1.0)  # what a slow moment cost is not made up for in a burst
                time.sleep(max(0.0, due - now))
        except Exception as error:  # noqa: BLE001 - the test reports it
            self.error = error

    def ask(self) -> int:
        """Ask something; how many questions it was."""
        raise NotImplementedError

    def question(self) -> Question:
        """Something to ask."""
        return _QUESTIONS[self._random.randrange(len(_QUESTIONS))](self._random)

    def query(self, question: Question) -> dns.message.Message:
        """A query for it, as resolvers send them: with EDNS or without, with mixed case."""
        name = "".join(self._random.choice((c, c.upper())) for c in question.name)
        options: list[dns.edns.Option] = []
        if question.network is not None:
            third = self._random.randrange(256)
            options.append(dns.edns.ECSOption(f"20.{question.network}.{third}.0", 24))
        edns = 0 if options or self._random.randrange(2) else -1
        query = dns.message.make_query(name, question.type, use_edns=edns, options=options)
        query.id = self._random.randrange(65536)
        query.flags = dns.flags.Flag(0)
        return query

    def judge(
        self,
        question: Question,
        query: dns.message.Message,
        wire: bytes,
        begin: float,
    ) -> None:
        """Count an answer, or say why it is wrong."""
        worlds = self._history.between(begin, time.monotonic())
        fault = _fault(question, query, wire, worlds)
        if fault is None:
            self.report.answered[type(self).__name__] += 1
        elif len(self.report.wrong) < 20:
            self.report.wrong.append(f"{question.name} {question.type}: {fault}")

    def _source(self) -> tuple[str, int]:
        return self._host + str(self._random.randrange(1, 255)), 0


class UdpClient(GoodClient):
    """One socket for each attempt, so that the kernel hands queries to every worker."""

    def ask(self) -> int:
        question = self.question()
        query = self.query(question)
        wire = query.to_wire()
        for timeout in _TIMEOUTS:
            begin = time.monotonic()
            reply = self._attempt(wire, timeout)
            if reply is None:
                self.report.retries.append(("udp", begin, time.monotonic()))
                continue
            if question.large or reply[2] & 2:
                self._by_tcp(question, query, wire, reply)
            else:
                self.judge(question, query, reply, begin)
            return 1
        self.report.lost.append(f"{question.name} {question.type} over UDP")
        return 1

    def _attempt(self, wire: bytes, timeout: float) -> bytes | None:
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.bind(self._source())
            client.connect(self._server)
            client.settimeout(timeout)
            client.send(wire)
            try:
                reply = client.recv(65535)
            except TimeoutError:
                return None
            assert reply[:2] == wire[:2]
            return reply

    def _by_tcp(
        self, question: Question, query: dns.message.Message, wire: bytes, truncated: bytes
    ) -> None:
        """RFC 7766 5: what does not fit is asked again over TCP."""
        assert truncated[2] & 2, "a large answer came whole over UDP"
        for _ in _TIMEOUTS:
            begin = time.monotonic()
            try:
                with socket.create_connection(self._server, 60, self._source()) as connection:
                    connection.sendall(_framed(wire))
                    self.judge(question, query, _frame(connection), begin)
                    return
            except ConnectionError:
                self.report.retries.append(("tcp", begin, time.monotonic()))
        self.report.lost.append(f"{question.name} {question.type} over TCP after UDP")


class TcpClient(GoodClient):
    """Several queries at once on a connection that is kept for a while."""

    _connection: socket.socket | None = None
    _asked = 0

    def ask(self) -> int:
        questions = [self.question() for _ in range(_PIPELINED)]
        queries = {number: self.query(each) for number, each in enumerate(questions)}
        for number, query in queries.items():
            query.id = number + 16 * self._random.randrange(4096)
        for _ in _TIMEOUTS:
            begin = time.monotonic()
            try:
                replies = self._exchange([query.to_wire() for query in queries.values()])
            except ConnectionError:
                self.report.retries.append(("tcp", begin, time.monotonic()))
                self._hang_up()
                continue
            for reply in replies:
                number = reply[1] & 15
                self.judge(questions[number], queries.pop(number), reply, begin)
            return _PIPELINED
        self.report.lost += [f"{each.name} {each.type} over TCP" for each in questions]
        return _PIPELINED

    def run(self) -> None:
        super().run()
        self._hang_up()

    def _exchange(self, wires: Iterable[bytes]) -> list[bytes]:
        if self._connection is None or self._asked >= _PER_CONNECTION:
            self._hang_up()
            self._connection = socket.create_connection(self._server, 60, self._source())
            self._asked = 0
        self._asked += _PIPELINED
        self._connection.sendall(b"".join(map(_framed, wires)))
        # RFC 7766 6.2.1.1: answers may come in any order.
        return [_frame(self._connection) for _ in range(_PIPELINED)]

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2, "big") + wire


def _frame(connection: socket.socket) -> bytes:
    return _exactly(connection, int.from_bytes(_exactly(connection, 2), "big"))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionResetError("the server closed the connection before it answered")
        data += more
    return data


def _fault(
    question: Question, query: dns.message.Message, wire: bytes, worlds: frozenset[World]
) -> str | None:
    """What is wrong with a reply, None where nothing is."""
    try:
        reply = dns.message.from_wire(wire)
    except Exception as error:  # noqa: BLE001 - whatever it is, the server sent it
        return f"can't be read: {error!r}"
    if reply.id != query.id or reply.question != query.question:
        return "is of another question"
    if str(reply.question[0].name) != str(query.question[0].name):
        return "has lost the case of the question"
    if not reply.flags & dns.flags.AA or reply.flags & dns.flags.TC:
        return f"has the flags {dns.flags.to_text(reply.flags)}"
    # Compressed, a target takes the case of the question.
    answer = tuple(sorted(str(rdata).lower() for rrset in reply.answer for rdata in rrset))
    if not any(
        reply.rcode() == rcode and answer in answers
        for rcode, answers in (question.right(world) for world in worlds)
    ):
        return f"is {dns.rcode.to_text(reply.rcode())} {answer}, right in none of {worlds}"
    if not answer and [rrset.rdtype for rrset in reply.authority] != [dns.rdatatype.SOA]:
        return "has no SOA record beside no answer"
    return _fault_of_subnet(question, query, reply, worlds)


def _fault_of_subnet(
    question: Question,
    query: dns.message.Message,
    reply: dns.message.Message,
    worlds: frozenset[World],
) -> str | None:
    # RFC 7871 7.2.1: FAMILY, SOURCE PREFIX-LENGTH and ADDRESS must match those of the query.
    sent, came = (
        [option for option in message.options if isinstance(option, dns.edns.ECSOption)]
        for message in (query, reply)
    )
    if [(each.address, each.srclen) for each in sent] != [
        (each.address, each.srclen) for each in came
    ]:
        return f"has the client subnet {came} for {sent}"
    if question.network is not None:
        network, scope = question.network, int(came[0].scopelen)
        if scope > 24 or all(_too_wide(network, scope, world) for world in worlds):
            return f"has the scope {scope} for 20.{network}.0.0/16"
    return None


def _too_wide(network: int, scope: int, world: World) -> bool:
    """Whether a scope, which starts before the third number, takes in clients of elsewhere."""
    around = max(0, 16 - scope)
    return any(
        other >> around == network >> around and world.country(other) != world.country(network)
        for other in _NETWORKS
    )


def _same(*records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> Right:
    right = rcode, frozenset({tuple(sorted(records))})
    return lambda _world: right


def _of_service(network: int, *before: str) -> Right:
    def right(world: World) -> tuple[dns.rcode.Rcode, frozenset[tuple[str, ...]]]:
        addresses = world.addresses(network)
        return dns.rcode.NOERROR, frozenset(tuple(sorted((*before, one))) for one in addresses)

    return right


def _host(random: random.Random) -> Question:
    number = random.randrange(HOSTS)
    return Question(f"host-{number}.{ZONE_NAME}", "A", _same(host_address(number)))


def _www(random: random.Random) -> Question:
    network = random.choice(_NETWORKS)
    return Question(f"www.{ZONE_NAME}", "A", _of_service(network), network)


def _alias(random: random.Random) -> Question:
    network = random.choice(_NETWORKS)
    return Question(f"alias.{ZONE_NAME}", "A", _of_service(network, f"www.{ZONE_NAME}"), network)


def _app(random: random.Random) -> Question:
    network = random.choice(_NETWORKS)
    return Question(f"a{random.randrange(50)}.apps.{ZONE_NAME}", "A", _of_service(network), network)


def _wild(random: random.Random) -> Question:
    return Question(f"w{random.randrange(10**6)}.wild.{ZONE_NAME}", "A", _same("192.0.2.99"))


def _missing(random: random.Random) -> Question:
    name = f"no{random.randrange(10**6)}.{ZONE_NAME}"
    return Question(name, "A", _same(rcode=dns.rcode.NXDOMAIN))


def _no_data(random: random.Random) -> Question:
    return Question(f"host-{random.randrange(HOSTS)}.{ZONE_NAME}", "MX", _same())


def _edition(_random: random.Random) -> Question:
    return Question(
        f"edition.{ZONE_NAME}",
        "TXT",
        lambda world: (dns.rcode.NOERROR, frozenset({(f'"edition {world.edition}"',)})),
    )


def _many(_random: random.Random) -> Question:
    texts = (f'"{number:03d}{"x" * 200}"' for number in range(TEXTS))
    return Question(f"many.{ZONE_NAME}", "TXT", _same(*texts), large=True)


_QUESTIONS: tuple[Callable[[random.Random], Question], ...] = (
    *(_host, _host, _www, _www, _www, _www, _alias, _app),
    *(_wild, _missing, _no_data, _edition, _edition, _many),
)
