"""What each slot of each class is answered: the engine's own tables, with endpoints by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodns.answer.image import EndpointImage, Image, ServiceImage
from geodns.answer.location import NO_LOCATION
from geodns.answer.plan import Plan
from geodns.answer.resolve import AAAA
from geodns.answer.service import States, too_few
from geodns.answer.shares import SLOTS
from geodns.simulation.kinds import Kinds


class Target(NamedTuple):
    """Whom clients are sent to: an endpoint, or else what ``id`` says, without region and AZ.

    ``answer`` is the first address that is answered, or the alias, as in a record.
    """

    id: str
    region: str = ""
    availability_zone: str = ""
    answer: bytes = b""


NOTHING = Target("no answer")
_FALLBACK = "when_down"


def has_moved(before: Target, after: Target) -> bool:
    """Whether a client notices: another endpoint, and another answer.

    An endpoint whose address changes is the same one; two that have one address are as one.
    """
    return before.id != after.id and before.answer != after.answer


class Targets:
    """Targets by number, those of both sides together: equal ones are one."""

    def __init__(self) -> None:
        self.all: list[Target] = []
        self._numbers: dict[Target, int] = {}

    def number(self, target: Target) -> int:
        found = self._numbers.setdefault(target, len(self.all))
        if found == len(self.all):
            self.all.append(target)
        return found


class Table(NamedTuple):
    """The target of each slot, int32 of shape (SLOTS,), and the share that ``when_down`` decides.

    A slot's target is the endpoint that its answer names first.
    """

    targets: NDArray[np.int32]
    forced: float


class Answers:
    """One side of a comparison, for one service and type."""

    def __init__(
        self, image: Image, name: str, type: int, states: States, targets: Targets
    ) -> None:
        service = next(each for each in image.services if each.name == name)
        self._plan = Plan(service, type, states)
        self._enough = _Enough(service, type, states)
        self._by_order: dict[tuple[int, ...], int] = {}
        self._location = (*image.locations, NO_LOCATION)[self._plan.location]
        self._targets = targets
        self.tables: list[Table] = []
        self._by_content: dict[tuple[int, ...], int] = {}
        self._known: dict[int, tuple[int, bool]] = {}

    def number(self, kinds: Kinds, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """The number of the table that the kinds at these positions are answered by."""
        if self._plan.location < 0:
            return np.full(len(rows), self._table(0), dtype=np.int64)
        classes = kinds.classes(self._location, rows)
        distinct, inverse = np.unique(classes, return_inverse=True)
        numbers = [self._table(number) for number in distinct.tolist()]
        return np.array(numbers, dtype=np.int64)[inverse.reshape(-1)]

    def _table(self, class_number: int) -> int:
        order = self._enough.asked(self._plan.service.classes[class_number])
        if order not in self._by_order:
            self._by_order[order] = self._build(class_number)
        return self._by_order[order]

    def _build(self, class_number: int) -> int:
        content = tuple(self._plan.build(class_number))
        number = self._by_content.setdefault(content, len(self.tables))
        if number == len(self.tables):
            self.tables.append(self._read(content))
        return number

    def _read(self, content: Sequence[int]) -> Table:
        numbers, slots, counts = np.unique(
            np.array(content), return_inverse=True, return_counts=True
        )
        picks = [self._pick(number) for number in numbers.tolist()]
        targets = np.array([target for target, _ in picks], dtype=np.int32)[slots]
        forced = float(counts @ [forced for _, forced in picks]) / len(content)
        return Table(np.broadcast_to(targets, SLOTS), forced)

    def _pick(self, number: int) -> tuple[int, bool]:
        """The target of a pick, and whether ``when_down`` decided."""
        if number not in self._known:
            pick = self._plan.picks[number]
            self._known[number] = (
                self._targets.number(self._target(number)),
                (pick.reason == "forced"),
            )
        return self._known[number]

    def _target(self, number: int) -> Target:
        pick, plan = self._plan.picks[number], self._plan
        found = plan.found(number, plan.type)
        if found is None:
            return NOTHING
        if not pick.addresses:
            return Target(_FALLBACK, answer=found.rdatas[0])
        endpoint = plan.service.endpoints[pick.addresses[0].endpoint]
        return Target(endpoint.id, endpoint.region, endpoint.availability_zone, found.rdatas[0])


class _Enough:
    """Finds how much of a ranking matters: nobody asks behind a tier that takes everybody.

    There may be thousands of rankings, and few that differ before that tier.
    """

    def __init__(self, service: ServiceImage, type: int, states: States) -> None:
        self._service = service
        short = too_few(service, type, states)
        self._whole = [
            at not in short and _takes_all(endpoint, type, states)
            for at, endpoint in enumerate(service.endpoints)
        ]
        self._known: dict[int, bool] = {}

    def asked(self, order: tuple[int, ...]) -> tuple[int, ...]:
        """The tiers of a ranking that can matter."""
        end = next((at for at, tier in enumerate(order, 1) if self._is_enough(tier)), len(order))
        return order[:end]

    def _is_enough(self, number: int) -> bool:
        if number not in self._known:
            tier = self._service.tiers[number]
            within = (each for branch in tier.branches for each in branch.tiers)
            self._known[number] = any(self._whole[at] for at in tier.endpoints) or any(
                self._is_enough(each) for each in within
            )
        return self._known[number]


def _takes_all(endpoint: EndpointImage, type: int, states: States) -> bool:
    """Whether it takes all that it gets; where in doubt, not."""
    state = states.get(endpoint.id)
    whole = state is None or (state.availability >= 1 and not state.failing)
    held = endpoint.v6 if type == AAAA else endpoint.v4
    return whole and (endpoint.cname is not None or bool(held))
