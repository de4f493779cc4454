"""Bytes and a peer's address to bytes, by look-ups in an image: the path of every packet. No I/O.

One engine belongs to one thread. Nothing in it is locked, so a new availability is handed in by
the same thread, between two packets.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

from geodns.answer.client import Client, client_of_host
from geodns.answer.cold import ColdQuery, Identity, error_reply, read_query
from geodns.answer.edns import (
    LEAST_PAYLOAD,
    SUBNET_ADDRESS_AT,
    SUBNET_DATA_AT,
    MalformedOptError,
    Opt,
    only_client_subnet,
    parse_opt,
    subnet_address,
)
from geodns.answer.entry import Entry
from geodns.answer.hints import HintsPlan, plan_for, steering_type
from geodns.answer.image import Image
from geodns.answer.location import NO_LOCATION
from geodns.answer.names import HEADER_BYTES, name_end
from geodns.answer.plan import Plan
from geodns.answer.ready import QUERY_HEADS, Ready
from geodns.answer.resolve import FORMERR, GeoPart, resolve
from geodns.answer.service import States

_MOST_QUESTIONS = 200_000
_MOST_PASSING = 10_000
_MOST_CLIENTS = 50_000
_MOST_OPTS = 60_000
_MOST_SHAPES = 1_000
"""Bounds of what is remembered; about 400 bytes each. A full table is emptied and fills again."""

_Table = TypeVar("_Table", bound=dict[Any, Any])
Known = tuple[Opt, Client | None]
"""What an OPT record says, and the client of its client subnet, if there is one to locate."""

_join = b"".join  # faster than a chain of additions
_BYTES = [bytes((number,)) for number in range(256)]

_EMPTY_OPT = b"\0\0\x29"
_CLASS_IN = b"\0\x01"
_ADDITIONAL = 11
_TC = 0x02
_MOST_TCP = 65535
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


class Engine:
    """Answers from one image. ``stream``: over TCP, where nothing has to be cut off."""

    def __init__(
        self,
        image: Image,
        identity: Identity,
        *,
        accept_client_subnet: bool = True,
        stream: bool = False,
        states: States | None = None,
    ) -> None:
        self._image = image
        self._identity = identity
        self._accept_client_subnet = accept_client_subnet
        self._stream = stream
        self._states: States = states if states is not None else {}
        self._questions: dict[bytes, Entry] = {}
        self._passing: dict[bytes, Entry] = {}
        self._opts: dict[bytes, Known] = {}
        self._subnet_opts: dict[bytes, Opt] = {}
        self._clients: dict[str, Client] = {}
        self._plans: dict[tuple[int, int], Plan | HintsPlan] = {}
        self._maps = (*image.locations, NO_LOCATION)
        self._counts = Counts()

    def respond(self, packet: bytes, host: str) -> bytes | None:
        """The reply to a packet from a host, or None for silence."""
        head = packet[2:12]
        additional = QUERY_HEADS.get(head)
        client = None
        if additional == 0:
            question = packet[12:]
            limit = LEAST_PAYLOAD
            opt = None
        elif additional == 1:
            # The question ends where the OPT record starts. A name that holds these bytes itself
            # gives a question that is in no table, and so goes the slow way.
            end = packet.find(_EMPTY_OPT, 12)
            question = packet[12:end]
            record = packet[end:]
            known = self._opts.get(record) or self._remember_subnet(record)
            if known is None:
                return self._respond_slowly(packet, host)
            opt, client = known
            limit = opt.limit
        else:
            return self._respond_slowly(packet, host)
        entry = self._questions.get(question.lower())
        if entry is None:
            # In lower case, type 65, HTTPS, reads as 97: such types stand under themselves.
            entry = self._questions.get(question[:-4].lower() + question[-4:])
            if entry is None:
                return self._respond_slowly(packet, host)
        ready = entry.ready
        scope = 0
        if ready is None:
            plan = entry.plan
            assert plan is not None
            if client is None:
                client = self._clients.get(host) or self._remember_client(host)
            location = plan.location
            located = client.located[location] or client.locate(self._maps, location)
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
            after = record[SUBNET_ADDRESS_AT:]
            fixed = ready.heads[head], question, ready.body, opt.before
            reply = _join((packet[:2], *fixed, _BYTES[scope], after))
        else:
            reply = _join((packet[:2], ready.heads[head], question, ready.body, opt.before))
        if len(reply) > limit and not self._stream:
            return _truncated(reply, question, ready)
        return reply

    def _remember_client(self, host: str) -> Client:
        client = client_of_host(host, len(self._maps))
        _bounded(self._clients, _MOST_CLIENTS)[host] = client
        return client

    def _remember_subnet(self, record: bytes) -> Known | None:
        """What an OPT record says that differs from known ones only in its client subnet."""
        opt = self._subnet_opts.get(record[:SUBNET_ADDRESS_AT])
        if opt is None:
            return None
        data = record[SUBNET_DATA_AT:]
        try:
            address = subnet_address(data)
        except MalformedOptError:
            return None
        if address is None:
            return None
        if len(self._opts) >= _MOST_OPTS:
            self._opts.clear()
        known = self._opts[record] = opt, Client(data[1], address, len(self._maps))
        return known

    def _respond_slowly(self, packet: bytes, host: str) -> bytes | None:
        """The first time that something is seen, and everything that is out of the ordinary."""
        if packet[2:12] in QUERY_HEADS:
            end = name_end(packet, HEADER_BYTES) + 4
            question = packet[HEADER_BYTES:end]
            if len(question) > 4 and question[-2:] == _CLASS_IN and _ordinary(question):
                if not packet[_ADDITIONAL] and len(packet) == end:
                    return self._answer_first(packet, host, question, None)
                if packet[_ADDITIONAL]:
                    opt = self._learn_opt(packet[end:])
                    if opt is not None:
                        return self._answer_first(packet, host, question, opt)
        return self._respond_cold(packet, host)

    def _learn_opt(self, record: bytes) -> Opt | None:
        """What an OPT record asks for; None where it is none, or one that needs an error."""
        known = self._opts.get(record)
        # One that came with a client shares what it says with other subnets: it is read anew.
        if known is not None and known[1] is None:
            return known[0]
        try:
            opt = parse_opt(record, self._identity.nsid, self._accept_client_subnet)
        except MalformedOptError:
            return None
        if opt is None or opt.version:
            return None
        if only_client_subnet(record, opt):
            # Subnets differ from query to query, all else of such records hardly ever does.
            _bounded(self._subnet_opts, _MOST_SHAPES)[record[:SUBNET_ADDRESS_AT]] = opt
        elif not opt.scoped:
            _bounded(self._opts, _MOST_OPTS)[record] = opt, None
        return opt

    def _answer_first(self, packet: bytes, host: str, question: bytes, opt: Opt | None) -> bytes:
        """Answers a well-formed query of one question, making its entry if need be."""
        # Of the name alone: in lower case, type 65, HTTPS, would be type 97.
        ready, scope = self._choose(self._entry(question[:-4].lower() + question[-4:]), opt, host)
        ready.count += 1
        reply = packet[:2] + ready.heads[packet[2:12]] + question + ready.body
        if opt is not None:
            reply += opt.record(scope)
        limit = opt.limit if opt is not None else LEAST_PAYLOAD
        if len(reply) > limit and not self._stream:
            return _truncated(reply, question, ready)
        return reply

    def _choose(self, entry: Entry, opt: Opt | None, host: str) -> tuple[Ready, int]:
        """The reply for a client, and its scope."""
        plan = entry.plan
        if plan is None:
            return entry.replies[0], 0
        if opt is not None and opt.scoped and opt.subnet is not None:
            client = Client(opt.subnet.family, opt.subnet.address, len(self._maps))
        else:
            client = self._clients.get(host) or self._remember_client(host)
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
        lasting = outcome.exact and question[-4:-2] == question[-4:-2].upper()
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
        query = read_query(packet, self._identity, self._accept_client_subnet)
        if isinstance(query, str):
            self._counts.dropped[query] += 1
            return None
        if isinstance(query, bytes):
            self._counts.queries[0, query[3] & 0x0F] += 1
            return query
        return self._answer_cold(packet, host, query)

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
        for plan in self._plans.values():
            plan.set_states(states, changed)

    def counts(self) -> Counts:
        """What was counted so far. Another thread may ask; a number may then be a little old."""
        total = Counts()
        total.add(self._counts)
        for entry in [*self._questions.values(), *self._passing.values()]:
            total.take(entry.replies)
        return total


def _bounded(table: _Table, most: int) -> _Table:
    """The table, emptied if it is full."""
    if len(table) >= most:
        table.clear()
    return table


def _ordinary(question: bytes) -> bool:
    return int.from_bytes(question[-4:-2], "big") not in _SPECIAL_TYPES


def _truncated(reply: bytes, question: bytes, ready: Ready) -> bytes:
    """RFC 2181 9: a reply with TC set needs no part of the answer; the client comes back by TCP."""
    flags = bytes((reply[2] | _TC, reply[3]))
    opt = reply[HEADER_BYTES + len(question) + len(ready.body) :]
    counts = b"\0\x01\0\0\0\0\0" + (b"\x01" if opt else b"\0")
    return reply[:2] + flags + counts + question + opt
