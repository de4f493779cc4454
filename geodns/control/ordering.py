"""Takes orders of people: drains, forces, trust, and their ends. They are kept, then told."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from geodns.config.settings import Configuration, Service
from geodns.control.store import Event, Store
from geodns.errors import GeodnsError
from geodns.health.monitor import Monitor, Moved
from geodns.health.orders import GUARD, Kind, Order, Orders, endpoints_of, in_words
from geodns.health.plan import Plan
from geodns.wording import shown

Verb = Literal["drain", "undrain", "force", "unforce", "trust", "untrust"]
_ENDED: Mapping[Verb, Kind] = {"undrain": "drain", "unforce": "force", "untrust": "trust"}
_ENDED_IN_WORDS = {"undrain": "undrained", "unforce": "unforced", "untrust": "is on duty again"}
_NOT_STANDING: Mapping[Kind, str] = {
    "drain": "{} is not drained by itself",
    "force": "{} is not forced by itself",
    "trust": "the {} is not told to trust the probes",
}
_LONGEST_REASON = 200  # characters: a line on a terminal or two
_KEYS = {"id", "over", "until", "reason", "dry_run"}


class OrderError(GeodnsError):
    """The order makes no sense here; the message says why."""


class Wish(NamedTuple):
    """What is asked for. ``over`` is in seconds, ``until`` in seconds since 1970."""

    id: str
    over: float = 0.0
    until: float | None = None
    reason: str = ""
    dry_run: bool = False


class Basis(NamedTuple):
    """What is known of the configuration in use; ``ttls`` as in ``outcome.Loaded``."""

    configuration: Configuration
    ttls: Mapping[str, float]


def read_wish(body: bytes) -> Wish:
    """``{"id": "eu-a", "over": 600, "until": …, "reason": "…", "dry_run": false}``.

    Raises OrderError where it is something else.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OrderError("the body is not JSON") from error
    if not isinstance(data, dict) or not {"id"} <= data.keys() <= _KEYS:
        raise OrderError('write {"id": ID} and, as needed, "over", "until", "reason", "dry_run"')
    reason = str(data.get("reason") or "")
    if len(reason) > _LONGEST_REASON:
        raise OrderError(f"the reason has {len(reason)} characters; 200 is the most")
    until = data.get("until")
    return Wish(
        str(data["id"]),
        _seconds("over", data.get("over") or 0.0),
        None if until is None else _seconds("until", until),
        " ".join("".join(c if c.isprintable() else " " for c in reason).split()),
        bool(data.get("dry_run")),
    )


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OrderError(f"{name} is a number of seconds, not {shown(value)}")
    if not (math.isfinite(value) and 0 <= value < 1e11):
        raise OrderError(f"{name} is a number of seconds from 0 on, not {value!r}")
    return float(value)


@dataclass
class Ordering:
    """All orders of this node. ``basis`` gives what is in use, ``wall`` the time of day."""

    store: Store
    monitor: Monitor
    basis: Callable[[], Basis]
    wall: Callable[[], float]

    def __post_init__(self) -> None:
        self._orders = self.store.orders().current(self.wall())

    def resume(self) -> None:
        """Hand the monitor what an earlier process kept."""
        self.monitor.order(self._orders)

    def do(self, verb: Verb, wish: Wish, author: str) -> dict[str, Any]:
        """Carry out an order, or only say what would follow. Raises OrderError or StateError."""
        wall = self.wall()
        plan = self.monitor.plan
        if verb in {"trust", "untrust"} and wish.id != GUARD:
            raise OrderError(f"only the guard can trust the probes: write {GUARD} as the id")
        # That of an id that is gone is ended, too.
        if verb in {"drain", "force"} and not endpoints_of(plan, wish.id):
            raise OrderError(_unknown(plan, wish.id))
        if wish.until is not None and wish.until <= wall:
            raise OrderError("until is in the past")
        orders = self._orders.current(wall)
        order, orders = _carried_out(orders, verb, wish, author, wall)
        moved: Moved = {}
        if not wish.dry_run:
            self.store.keep(orders)
            self._orders = orders
            moved = self.monitor.order(orders)
            said = _ENDED_IN_WORDS.get(verb) or in_words(order, wall)
            self.store.add(Event(wall, verb, wish.id, said, author, wish.reason, moved))
        return self._told(verb, order, author, wish) | {
            "moved": {id: list(pair) for id, pair in moved.items()}
        }

    def shared(self) -> list[dict[str, Any]]:
        """The drains and forces, ready for JSON: what both servers of a pair have."""
        return [asdict(order) for order in self._orders.all.values() if order.kind != "trust"]

    def follow(self, orders: list[dict[str, Any]], primary: str) -> None:
        """Take another server's drains and forces in place of those here; trust is of this one.

        Raises TypeError where they are none, or StateError.
        """
        own = [order for order in self._orders.all.values() if order.kind == "trust"]
        before, wall = self._orders, self.wall()
        fresh = Orders([*own, *(Order(**order) for order in orders)])
        if fresh.all == before.all:
            return
        self.store.keep(fresh)
        self._orders = fresh
        self.monitor.order(fresh)
        for key in {**before.all, **fresh.all}:
            was, now = before.all.get(key), fresh.all.get(key)
            if was != now:
                self.store.add(_followed(was, now, primary, wall))

    def list(self) -> list[dict[str, Any]]:
        """The orders that stand, for the status."""
        wall = self.wall()
        return [self._described(order, wall) for order in self._orders.current(wall).all.values()]

    def _described(self, order: Order, wall: float) -> dict[str, Any]:
        described: dict[str, Any] = {
            "kind": order.kind,
            "id": order.id,
            "author": order.author,
            "reason": order.reason,
            "since": order.since,
            "until": order.until,
            "over": order.over,
            "factor": order.factor(wall),
            "text": in_words(order, wall),
            "safe_at": None,
        }
        if order.kind == "drain":
            described["safe_at"] = self._safe_at(order)
        return described

    def _told(self, verb: Verb, order: Order, author: str, wish: Wish) -> dict[str, Any]:
        wall = self.wall()
        endpoints = endpoints_of(self.monitor.plan, order.id)
        now = self.monitor.availability.endpoints
        warnings = list(self._warnings(endpoints)) if verb == "drain" else []
        return self._described(order, wall) | {
            "verb": verb,
            "author": author,
            "dry_run": wish.dry_run,
            "ttl": self._ttl(endpoints),
            "warnings": warnings,
            "endpoints": {id: now[id].availability for id in endpoints},
        }

    def _safe_at(self, order: Order) -> float | None:
        """When no cache holds its addresses any more; None: never, as things stand."""
        endpoints = endpoints_of(self.monitor.plan, order.id)
        drained = order.drained_at()
        ends = order.until is not None and order.until <= drained
        if ends or any(self._warnings(endpoints)):
            return None
        return drained + self._ttl(endpoints)

    def _ttl(self, endpoints: Collection[str]) -> float:
        """The longest of the answers that name these."""
        plan, basis = self.monitor.plan, self.basis()
        return max((basis.ttls.get(plan.endpoints[id].service, 0.0) for id in endpoints), default=0)

    def _warnings(self, gone: Collection[str]) -> Iterator[str]:
        """Services that answer with these endpoints although they are drained."""
        plan, services = self.monitor.plan, self.basis().configuration.services.services
        without = set(gone)
        for service in dict.fromkeys(plan.endpoints[id].service for id in gone):
            settings = services.get(service)
            if settings is None or settings.when_down != "serve_all":
                continue
            if not self._enough(service, settings, without):
                yield (
                    f"{service} has not enough other endpoints in service: its answers go on naming"
                    " the drained ones (when_down: serve_all)"
                )

    def _enough(self, service: str, settings: Service, without: set[str]) -> bool:
        every = [e.id for e in self.monitor.plan.endpoints.values() if e.service == service]
        now = self.monitor.availability.endpoints
        left = sum(id not in without and now[id].availability > 0 for id in every)
        least = settings.min_available or 1
        needed = least if isinstance(least, int) else math.ceil(least * len(every))
        return left >= max(1, needed)


def _followed(was: Order | None, now: Order | None, primary: str, wall: float) -> Event:
    """What an order, or its end, on the primary is in the log of the standby."""
    order = now or was
    assert order is not None
    if now is None:
        verb = "undrain" if order.kind == "drain" else "unforce"
        return Event(wall, verb, order.id, _ENDED_IN_WORDS[verb], f"on {primary}")
    said = in_words(order, wall)
    return Event(wall, order.kind, order.id, said, f"{order.author} on {primary}", order.reason)


def _carried_out(
    orders: Orders, verb: Verb, wish: Wish, author: str, wall: float
) -> tuple[Order, Orders]:
    if verb == "drain":
        former = orders.get("drain", wish.id)
        begin = 1.0 if former is None else former.factor(wall)
        order = Order(
            wish.id, "drain", wall, author, wish.reason, wish.until, wish.over, wish.over, begin
        )
        return order, orders.put(order)
    if verb in {"force", "trust"}:
        kind: Kind = "force" if verb == "force" else "trust"
        order = Order(wish.id, kind, wall, author, wish.reason, wish.until)
        return order, orders.put(order)
    kind = _ENDED[verb]
    standing = orders.get(kind, wish.id)
    if standing is None:
        raise OrderError(_NOT_STANDING[kind].format(wish.id))
    if verb == "undrain" and wish.over > 0:
        order = standing.ended(wall, wish.over)
        return order, orders.put(order)
    return standing.ended(wall), orders.drop(kind, wish.id)


def _unknown(plan: Plan, id: str) -> str:
    known = [*plan.regions, *plan.availability_zones, *plan.endpoints]
    if id in known:
        return f"{id} has no endpoint"
    return f"there is no region, availability zone or endpoint (service@az) {shown(id)}"
