"""Bytes and a peer's address to bytes, by look-ups in an image: the path of every packet. No I/O.

One engine belongs to one thread. Nothing in it is locked, so a new availability is handed in by
the same thread, between two packets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import proxy

from geodns.answer.body import ANSWER
from geodns.answer.client import Client, client_of_host
from geodns.answer.cold import HAND_OVER, ColdQuery, Identity, error_reply, read_query
from geodns.answer.cookies import CookieJar
from geodns.answer.demand import (
    ByServices,
    Leftovers,
    Services,
    add_clients,
    services_by_map,
)
from geodns.answer.edns import LEAST_PAYLOAD, EdnsRules, Opt
from geodns.answer.entry import Entry
from geodns.answer.fit import MOST_BYTES, fitted
from geodns.answer.hints import HintsPlan, plan_for, steering_type
from geodns.answer.image import Image
from geodns.answer.limited import cut_short, find_opt, kind_of
from geodns.answer.limits import Bucket, Limiter, Verdict
from geodns.answer.location import NO_LOCATION
from geodns.answer.moment import Moment
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.opts import OptTable
from geodns.answer.plan import Plan
from geodns.answer.ready import QUERY_HEADS, Ready
from geodns.answer.records import without_last
from geodns.answer.resolve import FORMERR, GeoPart, Outcome, resolve
from geodns.answer.service import States

_MOST_QUESTIONS = 200_000
_MOST_PASSING = 10_000
_MOST_CLIENTS = 50_000
_MOST_STRANGERS = 5_000
"""Bounds of what is remembered; about 400 bytes each. A full table is emptied and fills again."""

Respond = Callable[[bytes, str], bytes | None]

_join = b"".join  # faster than a chain of additions
_BYTES = [bytes((number,)) for number in range(256)]

_EMPTY_OPT = b"\0\0\x29"
_CLASS_IN = b"\0\x01"
_ADDITIONAL = 11
_OPCODE = 0x78  # in the third byte
# A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, DS, DNSKEY, TLSA, SVCB, HTTPS, ANY, CAA
_USUAL_TYPES = frozenset((1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 48, 52, 64, 65, 255, 257))
_SPECIAL_TYPES = frozenset((41, 249, 250, 251, 252))  # OPT, TKEY, TSIG, IXFR, AXFR


@dataclass(slots=True)
class Counts:
    """What an engine did: (type, rcode) of queries, and who was answered from services and why.

    ``answers`` is by (service, region, AZ, reason); ``dropped`` by reason.
    """

    queries: Counter[tuple[int, int]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def take(self, replies: dict[int, Ready]) -> None:
        """Adds the counts of replies that are about to be forgotten, or are being looked at."""
        for ready in list(replies.values()):
            if ready.count:
                self.queries[ready.type, ready.rcode] += ready.count
                if ready.answered is not None:
                    self.answers[ready.answered] += ready.count

    def add(self, other: Counts) -> None:
        """Adds what another engine counted."""
        self.queries.update(other.queries)
        self.answers.update(other.answers)
        self.dropped.update(other.dropped)


class Handed(NamedTuple):
    """What is handed over: a packet and its host; ``reply`` is that to a signed query, unsigned."""

    packet: bytes
    host: str
    reply: bytes | None


class Engine:
    """Answers from one image. ``stream``: over TCP, where nothing has to be cut off.

    ``keepalive`` is how long an idle connection may stay, in units of 100 ms. Cookies and limits
    need a ``moment`` that someone keeps up to date; without a ``limiter`` there are no limits.
    Clients that it forgets are put in ``leftovers`` with what they have counted. If it
    ``hands_over``, what no table holds is answered with HAND_OVER, and stands in ``handed`` until
    the next packet.
    """

    def __init__(
        self,
        image: Image,
        identity: Identity,
        *,
        accept_client_subnet: bool = True,
        stream: bool = False,
        states: States | None = None,
        keepalive: int | None = None,
        cookies: CookieJar | None = None,
        limiter: Limiter | None = None,
        moment: Moment | None = None,
        leftovers: Leftovers | None = None,
        hands_over: bool = False,
    ) -> None:
        self.handed: Handed | None = None
        self._hands_over = hands_over
        self._image = image
        self._identity = identity
        self._stream = stream
        self._states: States = states if states is not None else {}
        self._questions: dict[bytes, Entry] = {}
        self._passing: dict[bytes, Entry] = {}
        self._clients: dict[str, Client] = {}
        self._plans: dict[tuple[int, int], Plan | HintsPlan] = {}
        self._maps = (*image.locations, NO_LOCATION)
        self._moment = moment if moment is not None else Moment()
        rules = EdnsRules(identity.nsid, accept_client_subnet, keepalive=keepalive)
        self._services = services_by_map(image)
        self._leave = _leaving(self._services, leftovers or Leftovers())
        self._strangers: list[Client] = []
        self._opt_table = OptTable(rules, cookies, self._moment, len(self._maps), self._leave)
        self._opts = self._opt_table.known
        self._limiter = limiter
        self._hosts = limiter.hosts if limiter is not None else None
        self._counts = Counts()
        self.fast: Respond = self._make_respond()
        """``respond`` without the detour, for who holds the engine for as long as it is used."""

    def respond(self, packet: bytes, host: str) -> bytes | None:
        """The reply to a packet from a host, or None for silence."""
        return self.fast(packet, host)

    def _make_respond(self) -> Respond:
        """The function that answers: what it looks at for every packet is at hand in its cells.

        It holds the engine weakly, since nobody takes a circle of references apart in a worker.
        """
        engine: Engine = proxy(self)
        stream, maps, hosts = self._stream, self._maps, self._hosts
        find_head, find_opt, find_entry = QUERY_HEADS.get, self._opts.get, self._questions.get
        find_client, recall = self._clients.get, self._opt_table.recall
        find_bucket = hosts.get if hosts is not None else None

        def respond(packet: bytes, host: str) -> bytes | None:
            if find_bucket is not None:
                bucket = find_bucket(host) or engine._admit(host)
                bucket.left -= 1
                if bucket.left < 0:
                    return engine._respond_limited(packet, host, bucket)
            head = packet[2:12]
            additional = find_head(head)
            client = None
            if additional == 0:
                question = packet[12:]
                limit = LEAST_PAYLOAD
                opt = None
            elif additional == 1:
                # The question ends where the OPT record starts. A name that holds these bytes
                # itself gives a question that is in no table, and so goes the slow way.
                end = packet.find(_EMPTY_OPT, 12)
                question = packet[12:end]
                record = packet[end:]
                known = find_opt(record) or recall(record, host)
                if known is None:
                    return engine._respond_slowly(packet, host)
                opt, client, address = known
                limit = opt.limit
            else:
                return engine._respond_slowly(packet, host)
            entry = find_entry(question.lower())
            if entry is None:
                # In lower case, type 65, HTTPS, reads as 97: such types stand under themselves.
                entry = find_entry(question[:-4].lower() + question[-4:])
                if entry is None:
                    return engine._respond_slowly(packet, host)
            ready = entry.ready
            scope = 0
            if ready is None:
                plan = entry.plan
                assert plan is not None
                if client is None:
                    client = find_client(host) or engine._remember_client(host)
                location = plan.location
                client.counts[location] += 1
                located = client.located[location] or client.locate(maps, location)
                number, slot, scope, split = located
                table = plan.tables[number] or plan.build(number)
                if len(table) == 1:
                    pick = table[0]
                else:
                    pick = table[slot]
                    scope = split
                ready = entry.replies.get(pick) or entry.make(pick)
            ready.count += 1
            if opt is None:
                reply = _join((packet[:2], ready.heads[head], question, ready.body))
            elif opt.scoped:
                fixed = ready.heads[head], question, ready.body, opt.before
                reply = _join((packet[:2], *fixed, _BYTES[scope], address))
            else:
                reply = _join((packet[:2], ready.heads[head], question, ready.body, opt.before))
            if len(reply) > limit and (not stream or len(reply) > MOST_BYTES):
                return fitted(reply, question, ready, MOST_BYTES if stream else limit)
            return reply

        return respond

    def _remember_client(self, host: str) -> Client:
        client = client_of_host(host, len(self._maps))
        client.resolver = self._image.resolvers.row(client.family, client.address)
        if len(self._clients) >= _MOST_CLIENTS:
            self._leave(self._clients.values())
            self._clients.clear()
        self._clients[host] = client
        return client

    def _stranger(self, family: int, address: int) -> Client:
        """A client that is not remembered, but counts."""
        if len(self._strangers) >= _MOST_STRANGERS:
            self._leave(self._strangers)
            self._strangers.clear()
        client = Client(family, address, len(self._maps))
        self._strangers.append(client)
        return client

    def _admit(self, host: str) -> Bucket:
        assert self._limiter is not None
        return self._limiter.admit(host, self._moment.now)

    def _respond_limited(self, packet: bytes, host: str, bucket: Bucket) -> bytes | None:
        """Answers a peer whose network has had many replies in this second."""
        limiter, now = self._limiter, self._moment.now
        assert limiter is not None
        hot = limiter.hot(bucket, now)
        bucket.left = max(bucket.left, 1)  # for this packet, which comes here only once
        reply = self.fast(packet, host)
        if not reply or not hot:
            return reply
        # The next one comes here again.
        bucket.left = 0
        opt = find_opt(packet, self._opt_table, host)
        # RFC 7873 5.2.5: a good server cookie shows that the address is not made up.
        if opt is not None and opt.proven:
            return reply
        verdict = limiter.judge(bucket, kind_of(reply, self._image), now)
        if verdict is Verdict.SEND:
            return reply
        if limiter.rules.log_only:
            self._counts.dropped["rate limit, log only"] += 1
            return reply
        if verdict is Verdict.DROP:
            self._counts.dropped["rate limit"] += 1
            return None
        self._counts.dropped["rate limit, slipped"] += 1
        return cut_short(reply, opt)

    def _respond_slowly(self, packet: bytes, host: str) -> bytes | None:
        """The first time that something is seen, and everything that is out of the ordinary."""
        if packet[2:12] in QUERY_HEADS:
            end = name_end(packet, HEADER_BYTES) + 4
            question = packet[HEADER_BYTES:end]
            if len(question) > 4 and question[-2:] == _CLASS_IN and _ordinary(question):
                if not packet[_ADDITIONAL] and len(packet) == end:
                    return self._answer_first(packet, host, question, None)
                if packet[_ADDITIONAL]:
                    opt = self._opt_table.learn(packet[end:], host)
                    if opt is not None:
                        return self._answer_first(packet, host, question, opt)
        return self._respond_cold(packet, host)

    def _answer_first(self, packet: bytes, host: str, question: bytes, opt: Opt | None) -> bytes:
        """Answers a well-formed query of one question, making its entry if need be."""
        # Of the name alone: in lower case, type 65, HTTPS, would be type 97.
        ready, scope = self._choose(self._entry(question[:-4].lower() + question[-4:]), opt, host)
        ready.count += 1
        reply = packet[:2] + ready.heads[packet[2:12]] + question + ready.body
        if opt is not None:
            reply += opt.record(scope, error=ready.error)
        limit = opt.limit if opt is not None else LEAST_PAYLOAD
        if len(reply) > limit and (not self._stream or len(reply) > MOST_BYTES):
            return fitted(reply, question, ready, MOST_BYTES if self._stream else limit)
        return reply

    def _choose(self, entry: Entry, opt: Opt | None, host: str) -> tuple[Ready, int]:
        """The reply for a client, and its scope."""
        if entry.access is not None and not entry.access.permits(host):
            return entry.refusal(), 0
        plan = entry.plan
        if plan is None:
            return entry.replies[0], 0
        if opt is not None and opt.scoped and opt.subnet is not None:
            client = self._stranger(opt.subnet.family, opt.subnet.address)
        else:
            client = self._clients.get(host) or self._remember_client(host)
        client.counts[plan.location] += 1
        located = client.located[plan.location] or client.locate(self._maps, plan.location)
        table = plan.tables[located.number] or plan.build(located.number)
        one = len(table) == 1
        pick = table[0 if one else located.slot]
        ready = entry.replies.get(pick) or entry.make(pick)
        return ready, located.scope if one else located.split_scope

    def _entry(self, question: bytes) -> Entry:
        entry = self._questions.get(question) or self._passing.get(question)
        if entry is not None:
            return entry
        outcome = resolve(self._image, question[:-4], int.from_bytes(question[-4:-2], "big"))
        entry = Entry(question, outcome, self._plan(question, outcome.geo))
        # Names that are in no zone come without end: they must not drive out those that are. Nor
        # may a type be found that another one becomes when the hot path puts it in lower case.
        # Nor may one that has an extended error: the hot path adds none. Nor one that only some
        # clients may have: the hot path asks nobody who they are.
        free = outcome.error is None and entry.access is None
        plain = free and question[-4:-2] == question[-4:-2].upper()
        # Nor do all the types that a name might have and has not, which are 65,536.
        lasting = outcome.exact and plain and _is_worth_keeping(question, outcome)
        table, most = (
            (self._questions, _MOST_QUESTIONS) if lasting else (self._passing, _MOST_PASSING)
        )
        if len(table) >= most:
            self._forget(table)
        table[question] = entry
        return entry

    def _plan(self, question: bytes, part: GeoPart | None) -> Plan | HintsPlan | None:
        if part is None:
            return None
        service = self._image.services[part.service]
        type = steering_type(service, int.from_bytes(question[-4:-2], "big"))
        plan = self._plans.get((part.service, type))
        if plan is None:
            plan = self._plans[part.service, type] = plan_for(service, type, self._states)
        return plan

    def _forget(self, table: dict[bytes, Entry]) -> None:
        for entry in table.values():
            self._counts.take(entry.replies)
        table.clear()

    def _respond_cold(self, packet: bytes, host: str) -> bytes | None:
        query = read_query(
            packet, host, self._identity, self._opt_table, hand_over=self._hands_over
        )
        if isinstance(query, str):
            self._counts.dropped[query] += 1
            return None
        if query is HAND_OVER:
            self.handed = Handed(packet, host, self._unsigned(packet, host))
            return HAND_OVER
        if isinstance(query, bytes):
            self._counts.queries[0, query[3] & 0x0F] += 1
            return query
        return self._answer_cold(packet, host, query)

    def _unsigned(self, packet: bytes, host: str) -> bytes | None:
        """The reply to a signed query as if it were not; whoever has the keys signs it."""
        question = packet[HEADER_BYTES : name_end(packet, HEADER_BYTES) + 4]
        if packet[2] & _OPCODE or not _ordinary(question):
            return None
        return self.fast(without_last(packet), host)

    def _answer_cold(self, packet: bytes, host: str, query: ColdQuery) -> bytes:
        """A good query in an unusual dress: it is answered as its ordinary form would be."""
        plain = packet[:2] + query.head + query.question
        try:
            return self._answer_first(plain, host, query.question, query.opt)
        except KeyError:  # pragma: no cover - read_query only makes heads that are in QUERY_HEADS
            return error_reply(packet, FORMERR)

    def set_states(self, states: States) -> None:
        """Takes a new availability. Called by the engine's own thread, between two packets."""
        before = self._states
        ids = before.keys() | states.keys()
        changed = frozenset(id for id in ids if before.get(id) != states.get(id))
        self._states = states
        worn = {plan for plan in self._plans.values() if plan.worn}
        if worn:
            self._drop(worn)
        for plan in self._plans.values():
            plan.set_states(states, changed)

    def _drop(self, worn: Set[Plan | HintsPlan]) -> None:
        """Forgets plans and the replies made from them; what is asked for again is made anew."""
        for table in (self._questions, self._passing):
            for question in [key for key, entry in table.items() if entry.plan in worn]:
                self._counts.take(table.pop(question).replies)
        self._plans = {key: plan for key, plan in self._plans.items() if plan not in worn}

    def counts(self) -> Counts:
        """What was counted so far. Another thread may ask; a number may then be a little old."""
        total = Counts()
        total.add(self._counts)
        for entry in [*self._questions.values(), *self._passing.values()]:
            total.take(entry.replies)
        return total

    def add_demand(self, sums: ByServices) -> None:
        """Adds what the remembered clients have counted. Another thread may ask, as above."""
        add_clients(sums, self._services, self._remembered())

    def leave(self) -> None:
        """Leaves all clients with their counts; the engine is not used again."""
        self._leave(self._remembered())

    def _remembered(self) -> list[Client]:
        # A copy of each table in one step: its own thread goes on filling it.
        hosts, strangers = list(self._clients.values()), list(self._strangers)
        return [*hosts, *strangers, *self._opt_table.clients()]


def _leaving(
    services: Sequence[Services], leftovers: Leftovers
) -> Callable[[Iterable[Client]], None]:
    """Puts clients that are forgotten aside.

    It knows nothing of the engine: a method would tie that and its image into a circle of
    references, which nobody takes apart in a worker.
    """

    def leave(clients: Iterable[Client]) -> None:
        leftovers.put(services, list(clients))

    return leave


def _is_worth_keeping(question: bytes, outcome: Outcome) -> bool:
    """Whether a type stands at the name, or is one that resolvers ask of any name."""
    type = int.from_bytes(question[-4:-2], "big")
    if type in _USUAL_TYPES:
        return True
    return any(section == ANSWER and found == type for section, _, found, _, _ in outcome.records)


def _ordinary(question: bytes) -> bool:
    return int.from_bytes(question[-4:-2], "big") not in _SPECIAL_TYPES
