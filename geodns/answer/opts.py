"""What OPT records say, remembered: resolvers send the same ones again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from geodns.answer.client import Client
from geodns.answer.cookies import CookieJar
from geodns.answer.edns import (
    SUBNET_ADDRESS_AT,
    SUBNET_DATA_AT,
    EdnsRules,
    MalformedOptError,
    Opt,
    parse_opt,
    subnet_address,
    subnet_at,
)
from geodns.answer.moment import Moment

_MOST_OPTS = 60_000
_MOST_SHAPES = 1_000
_MOST_HELD = 20_000
"""Bounds of what is remembered; about 400 bytes each. A full table is emptied and fills again."""
_FOR_EVER = 1 << 62
_ANYONE = ""

_Table = TypeVar("_Table", bound=dict[Any, Any])
Known = tuple[Opt, Client | None, bytes]
"""What an OPT record says; and if it has a client subnet to locate: that client, and the address
bytes that end the reply's OPT record."""


class _Shape(NamedTuple):
    """What records say that differ in nothing but the address of their client subnet.

    With a cookie in it, it says that of one ``host`` alone, and before second ``until``.
    """

    opt: Opt
    host: str
    until: int


class OptTable:
    """Finds what a record from a host means. ``known`` holds what means the same from any host.

    ``maps`` is how many location maps there are; ``forget`` is given the clients that are about
    to be forgotten. One thread's own, like the engine.
    """

    def __init__(
        self,
        rules: EdnsRules,
        cookies: CookieJar | None,
        moment: Moment,
        maps: int,
        forget: Callable[[list[Client]], None] = lambda _: None,
    ) -> None:
        self.known: dict[bytes, Known] = {}
        self._rules = rules._replace(cookies=cookies is not None)
        self._cookies = cookies
        self._moment = moment
        self._maps = maps
        self._forget = forget
        self._shapes: dict[bytes, Opt] = {}
        self._other_shapes: dict[bytes, _Shape] = {}
        self._held: dict[bytes, tuple[str, int, Known]] = {}

    @property
    def rules(self) -> EdnsRules:
        return self._rules

    def clients(self) -> list[Client]:
        """All that are remembered. Another thread may ask."""
        known = [*self.known.values(), *(held[2] for held in list(self._held.values()))]
        return [client for _, client, _ in known if client is not None]

    def recall(self, record: bytes, host: str) -> Known | None:
        """What a record says that is not in ``known``, where little of it is new."""
        held = self._held.get(record)
        if held is not None:
            return held[2] if held[0] == host and self._moment.now < held[1] else None
        # A client subnet and nothing else: by far the most of those that are new.
        opt = self._shapes.get(record[:SUBNET_ADDRESS_AT])
        if opt is not None:
            return self._remember(record, SUBNET_DATA_AT, len(record), opt)
        at = subnet_at(record)
        if at < 0:
            return None
        end = _subnet_end(record, at)
        other = self._other_shapes.get(record[: at + 4] + record[end:])
        if other is None or (other.host and other.host != host) or self._moment.now >= other.until:
            return None
        return self._remember(record, at, end, other.opt, other)

    def learn(self, record: bytes, host: str) -> Opt | None:
        """What a record says; None where it is no OPT record, or one that needs an error."""
        known = self.known.get(record)
        # One that came with a client shares what it says with other subnets: it is read anew.
        if known is not None and known[1] is None:
            return known[0]
        try:
            opt = parse_opt(record, self._rules)
        except MalformedOptError:
            return None
        if opt is None or opt.version:
            return None
        opt, until = self._answer_cookie(opt, host)
        if opt.scoped:
            self._learn_shape(record, _Shape(opt, host if until < _FOR_EVER else _ANYONE, until))
        elif until < _FOR_EVER:
            self._hold(record, _MOST_HELD, (host, until, (opt, None, b"")))
        else:
            self._know(record, (opt, None, b""))
        return opt

    def finish(self, opt: Opt, host: str) -> Opt:
        """With the cookie for a host, if one is asked for."""
        return self._answer_cookie(opt, host)[0]

    def _answer_cookie(self, opt: Opt, host: str) -> tuple[Opt, int]:
        if opt.cookie is None or self._cookies is None:
            return opt, _FOR_EVER
        cookie = self._cookies.check(opt.cookie, host, self._moment.now)
        return opt.with_cookie(cookie.reply, proven=cookie.proven), cookie.until

    def _learn_shape(self, record: bytes, shape: _Shape) -> None:
        at = subnet_at(record)
        end = _subnet_end(record, at)
        if at == SUBNET_DATA_AT and end == len(record):
            # Subnets differ from query to query, all else of such records hardly ever does.
            bounded(self._shapes, _MOST_SHAPES)[record[:SUBNET_ADDRESS_AT]] = shape.opt
        else:
            # All lengths are in the key, so no two kinds of records are mixed up.
            bounded(self._other_shapes, _MOST_HELD)[record[: at + 4] + record[end:]] = shape

    def _remember(
        self, record: bytes, at: int, end: int, opt: Opt, held: _Shape | None = None
    ) -> Known | None:
        """What a record of a known shape says, its client subnet's data being from ``at``.

        ``held`` is the shape where it does not say the same to everyone for ever.
        """
        data = record[at:end]
        try:
            address = subnet_address(data)
        except MalformedOptError:
            return None
        if address is None:
            return None
        known = opt, Client(data[1], address, self._maps), data[4:]
        if held is not None and held.host:
            self._hold(record, _MOST_OPTS, (held.host, held.until, known))
        else:
            self._know(record, known)
        return known

    def _know(self, record: bytes, known: Known) -> None:
        if len(self.known) >= _MOST_OPTS:
            self._forget([client for _, client, _ in self.known.values() if client is not None])
            self.known.clear()
        self.known[record] = known

    def _hold(self, record: bytes, most: int, held: tuple[str, int, Known]) -> None:
        former = self._held.get(record)
        if former is not None and former[2][1] is not None:
            self._forget([former[2][1]])
        if len(self._held) >= most:
            each = (held[2][1] for held in self._held.values())
            self._forget([client for client in each if client is not None])
            self._held.clear()
        self._held[record] = held


def _subnet_end(record: bytes, at: int) -> int:
    return at + (record[at - 2] << 8 | record[at - 1])


def bounded(table: _Table, most: int) -> _Table:
    """The table, emptied if it is full."""
    if len(table) >= most:
        table.clear()
    return table
