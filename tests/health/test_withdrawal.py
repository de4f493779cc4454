"""What may be withdrawn, against a count of the whole history, over thousands of random ones."""

from __future__ import annotations

from random import Random

import pytest

from geodns.health.withdrawal import Size, Withdrawals


class Ledger:
    """Every time that an endpoint was let go, and what of it lies within a window."""

    def __init__(self, sizes: dict[str, Size], most: float, per: float) -> None:
        self.sizes, self.most, self.per = sizes, most, per
        self.let_go: list[tuple[float, str]] = []

    def budget(self, service: str) -> float:
        return self.most * sum(s.amount for s in self.sizes.values() if s.service == service)

    def within(self, service: str, now: float) -> set[str]:
        """Those of a service that were let go in the window that ends now."""
        found = {id for at, id in self.let_go if now < at + self.per}
        return {id for id in found if self.sizes[id].service == service}

    def used(self, ids: set[str]) -> float:
        return sum(self.sizes[id].amount for id in ids)

    def sound(self, service: str, now: float) -> bool:
        """Within the budget, or one alone that is larger than it."""
        gone = {id for id in self.within(service, now) if self.sizes[id].amount}
        return len(gone) <= 1 or self.used(gone) <= self.budget(service) + 1e-6

    def would_fit(self, id: str, now: float) -> bool:
        service = self.sizes[id].service
        others = self.within(service, now) - {id}
        room = self.used(others | {id}) <= self.budget(service) + 1e-6
        return not self.used(others) or room


def history(random: Random) -> None:
    sizes = {
        f"e{number}": Size(f"s{number % 2}", random.choice((0, 1, 1, 2, 10)))
        for number in range(random.randint(2, 14))
    }
    most, per = random.choice((0.1, 0.3, 0.5, 1.0)), random.choice((5.0, 40.0))
    withdrawals, ledger = Withdrawals(sizes, most, per), Ledger(sizes, most, per)
    asked: dict[str, float] = {}  # who is to be out and waits
    out: set[str] = set()
    now = 0.0

    def settle() -> None:
        for id in withdrawals.settle(now):
            ledger.let_go.append((now, id))
            older = [o for o in asked if sizes[o].service == sizes[id].service]
            assert older[0] == id, "the oldest goes first"
            del asked[id]
            out.add(id)
        for service in ("s0", "s1"):
            assert ledger.sound(service, now)
            first = next((id for id in asked if sizes[id].service == service), None)
            assert first is None or not ledger.would_fit(first, now), "it is kept without need"
        assert set(withdrawals.waiting()) == asked.keys()
        assert all(withdrawals.keeps(id) == (id in asked) for id in sizes)

    for _ in range(40):
        now += random.expovariate(0.5)
        for id in random.sample(sorted(sizes), random.randint(0, 2)):
            wants = id not in (asked.keys() | out) or random.random() < 0.5
            free = wants and id not in asked and random.random() < 0.2
            withdrawals.ask(id, out=wants, free=free, now=now)
            if not wants:
                asked.pop(id, None)
                out.discard(id)
            elif free:
                out.add(id)
            elif id not in out:
                asked.setdefault(id, now)
        settle()
        if random.random() < 0.1:
            withdrawals = Withdrawals(sizes, most, per, withdrawals)
    for _ in range(100):  # nothing is kept for ever, and the moment is told
        due = withdrawals.due()
        if due is None:
            break
        assert now < due <= now + per
        waited, now = len(asked), due
        settle()
        assert len(asked) < waited
    assert not asked


@pytest.mark.parametrize("seed", range(4))
def test_never_too_much_within_any_window_nobody_kept_without_need_and_nothing_for_ever(
    seed: int,
) -> None:
    random = Random(seed)
    for _ in range(500):
        history(random)


SIZES = {f"e{number}": Size("web", 10) for number in range(10)}


def test_a_budget_of_three_in_ten_lets_three_go_and_one_more_when_the_window_has_passed() -> None:
    withdrawals = Withdrawals(SIZES, 0.3, 600)
    for id in ("e4", "e1", "e2", "e3", "e0"):
        withdrawals.ask(id, out=True, free=False, now=5.0)
    assert withdrawals.settle(5.0) == ["e4", "e1", "e2"]
    assert withdrawals.waiting() == ["e3", "e0"]
    assert withdrawals.why("e3") == "kept: more than 30% of web would go in 600 s"
    assert withdrawals.due() == 605.0
    withdrawals.ask("e3", out=False, free=False, now=10.0)  # it came up again in between
    assert withdrawals.settle(605.0) == ["e0"]


def test_one_that_goes_and_comes_again_counts_once() -> None:
    withdrawals = Withdrawals(SIZES, 0.1, 600)
    for now in (0.0, 1.0, 2.0):
        withdrawals.ask("e0", out=True, free=False, now=now)
        assert withdrawals.settle(now) == ["e0"]
        withdrawals.ask("e0", out=False, free=False, now=now)
    withdrawals.ask("e1", out=True, free=False, now=3.0)
    assert withdrawals.settle(3.0) == []
    assert withdrawals.due() == 602.0


def test_what_is_out_already_costs_nothing_and_without_a_limit_everything_goes() -> None:
    withdrawals = Withdrawals(SIZES, 0.1, 600)
    for id in SIZES:
        withdrawals.ask(id, out=True, free=id != "e0", now=0.0)
    assert withdrawals.settle(0.0) == ["e0"]
    unlimited = Withdrawals(SIZES)
    for id in SIZES:
        unlimited.ask(id, out=True, free=False, now=0.0)
    assert unlimited.waiting() == []
    assert unlimited.due() is None
