"""The guard against a slow one that remembers everything and counts it anew each time."""

from __future__ import annotations

from random import Random

import pytest

from geodns.health.guard import Guard, News, Rules
from geodns.health.machine import Machine, State

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


class Slow:
    """What the guard must do, from the whole history of results: by key (time, ok, believed)."""

    def __init__(self, rules: Rules, places: dict[str, set[str]], references: set[str]) -> None:
        self.rules, self.places, self.references = rules, places, references
        self.history: dict[str, list[tuple[float, bool, State]]] = {}
        self.believed = dict.fromkeys(places, UNKNOWN)
        self.frozen = self.massive = False
        self.thawed_at = 0.0
        self.doubtful: set[str] = set()

    def failing_since(self, key: str) -> float | None:
        """Since when it fails that was believed up."""
        since = None
        for time, ok, believed in self.history.get(key, ()):
            if ok or believed is UP:
                since = None if ok else (time if since is None else since)
        return since

    def silent(self) -> bool:
        silent = [
            key for key in self.references & self.history.keys() if not self.history[key][-1][1]
        ]
        answering = len(self.references) - len(silent)
        return answering < min(self.rules.references_needed, len(self.references))

    def recent(self, now: float) -> list[str]:
        since = {key: self.failing_since(key) for key in self.places}
        return [k for k, at in since.items() if at is not None and now - at <= self.rules.within]

    def too_many(self, now: float) -> bool:
        recent = self.recent(now)
        heard = [
            key
            for key in self.places
            if any(
                believed is UP and now - time <= self.rules.within
                for time, _, believed in self.history.get(key, ())
            )
        ]
        where = {place for key in recent for place in self.places[key]}
        alone = len(where) == 1 and len({p for places in self.places.values() for p in places}) > 1
        share = self.rules.share
        return (
            share is not None
            and len(recent) >= self.rules.least
            and len(recent) >= share * len(heard)
            and not alone
        )

    def take(self, key: str, ok: bool, after: State, began: float, now: float) -> None:
        line = now, ok, self.believed.get(key, UNKNOWN)
        self.history.setdefault(key, []).append(line)
        if key in self.places:
            self.believe(key, ok, after, began >= self.thawed_at)
        many = self.too_many(now)
        if not self.frozen:
            if many or self.silent():
                self.frozen, self.massive = True, many
                for other in self.recent(now):
                    self.believed[other] = UP
            return
        self.massive = self.massive or many
        up = [other for other, state in self.believed.items() if state is UP]
        failing = [other for other in up if self.failing_since(other) is not None]
        still = self.massive and len(failing) > (self.rules.share or 0) / 2 * len(up)
        if not self.silent() and not still:
            self.frozen, self.thawed_at = False, now
            self.doubtful = {*failing, *self.kept()}

    def kept(self) -> set[str]:
        return {key for key in self.places if self.believed[key] is not self.machines[key]}

    machines: dict[str, State]

    def believe(self, key: str, ok: bool, after: State, fresh: bool) -> None:
        if after is not DOWN:
            self.believed[key] = after
            self.doubtful -= {key} if fresh else set()
        elif self.believed[key] is not DOWN:
            if self.frozen or (key in self.doubtful and (ok or not fresh)):
                return
            self.believed[key] = DOWN
            self.doubtful.discard(key)


def history(random: Random) -> bool:
    """One random life of a guard and its targets, beside the slow one: whether it ever froze."""
    keys = [f"t{number}" for number in range(random.randint(2, 12))]
    references = {"r0", "r1"} if random.random() < 0.3 else set[str]()
    zones = random.randint(1, 3)
    places = {key: {f"az{random.randrange(zones)}"} for key in keys}
    rules = Rules(
        random.choice((None, 0.3, 0.6, 1.0)),
        random.choice((5.0, 20.0)),
        random.randint(1, 4),
        random.randint(1, 2),
    )
    fall, rise = random.randint(1, 3), random.randint(1, 2)
    machines = {key: Machine(0.0) for key in (*keys, *references)}
    guard: Guard[str] = Guard()
    guard.put(rules, dict.fromkeys(keys, UNKNOWN), places, references, 0.0)
    slow = Slow(rules, places, references)
    now, broken, ill = 0.0, False, set[str]()

    def probe(key: str, ok: bool) -> None:
        before = machines[key].state
        machines[key] = machines[key].step(ok, now, rise=rise, fall=fall)
        slow.machines = {key: machine.state for key, machine in machines.items()}
        began = now - random.choice((0.0, 0.5, 3.0))
        after = machines[key].state
        down = {k for k in keys if slow.believed[k] is DOWN}
        frozen = guard.frozen is not None
        guard.take(key, ok=ok, before=before, after=after, began=began, now=now)
        slow.take(key, ok, after, began, now)
        assert (guard.frozen is not None) == slow.frozen
        found = {key: guard.believed(key, machines[key].state) for key in keys}
        assert found == slow.believed
        assert not (frozen and {k for k in keys if found[k] is DOWN} - down)
        assert guard.kept() == len(slow.kept())
        up = [key for key in keys if found[key] is UP]
        failing = [key for key in up if slow.failing_since(key) is not None]
        assert guard.failing() == (len(failing), len(up))

    for _ in range(60):
        now += random.expovariate(1.0)
        broken ^= random.random() < 0.05
        if random.random() < 0.1:
            ill ^= {random.choice((*keys, *references))}
        key = random.choice((*keys, *references))
        probe(key, not broken and key not in ill)
    for _ in range(rise + fall + 2):  # nothing is kept for ever, and no recovery is lost
        for key in (*references, *keys):
            now += 4.0
            probe(key, key not in ill or key in references)
    if guard.frozen is None:
        assert guard.kept() == 0
        assert {k for k in keys if guard.believed(k, machines[k].state) is DOWN} == ill & set(keys)
    return guard.has_news


@pytest.mark.parametrize("seed", range(4))
def test_it_does_what_a_slow_one_does_that_counts_everything_anew(seed: int) -> None:
    random = Random(seed)
    assert 100 < sum(history(random) for _ in range(500)) < 400


def fail(guard: Guard[str], keys: list[str], now: float) -> list[str]:
    """Their first failure, which takes them down; what is told differently for it."""
    found = []
    for key in keys:
        found += guard.take(key, ok=False, before=UP, after=DOWN, began=now, now=now)
    return found


def ready(rules: Rules, count: int = 10, references: tuple[str, ...] = ()) -> Guard[str]:
    """A guard that has heard of all targets, each in its own AZ, as up."""
    guard: Guard[str] = Guard()
    keys = [f"t{number}" for number in range(count)]
    guard.put(rules, dict.fromkeys(keys, UP), {key: {key} for key in keys}, references, 0.0)
    for key in keys:
        guard.take(key, ok=True, before=UP, after=UP, began=1.0, now=1.0)
    return guard


def test_it_freezes_with_the_failure_that_makes_the_share_and_takes_back_what_went_down() -> None:
    guard = ready(Rules(share=0.6, within=30, least=3))
    assert fail(guard, ["t0", "t1", "t2", "t3", "t4"], 5.0) == ["t0", "t1", "t2", "t3", "t4"]
    assert guard.frozen is None
    assert guard.believed("t0", DOWN) is DOWN
    assert set(fail(guard, ["t5"], 6.0)) == {"t0", "t1", "t2", "t3", "t4", "t5"}
    assert guard.believed("t0", DOWN) is UP
    assert guard.kept() == 6
    reason = "6 of 10 targets failed within 30 s, the prober may be cut off"
    [news] = guard.news()
    assert (news.became, news.reason, len(news.keys)) == ("frozen", reason, 6)
    assert not guard.has_news


def test_what_began_to_fail_long_before_is_not_taken_back_and_does_not_count() -> None:
    guard = ready(Rules(share=0.6, within=30, least=3), 12)
    fail(guard, ["t0", "t1"], 5.0)
    for key in (f"t{number}" for number in range(2, 12)):
        guard.take(key, ok=True, before=UP, after=UP, began=40.0, now=40.0)
    fail(guard, ["t2", "t3", "t4", "t5", "t6"], 41.0)
    assert guard.frozen is None
    assert set(fail(guard, ["t7"], 42.0)) == {"t2", "t3", "t4", "t5", "t6", "t7"}
    assert guard.believed("t0", DOWN) is DOWN


def test_a_person_is_believed_at_once() -> None:
    guard = ready(Rules(share=0.6, within=30, least=3))
    fail(guard, [f"t{number}" for number in range(10)], 5.0)
    assert guard.frozen
    assert len(guard.trust(True, 6.0)) == 10
    assert guard.kept() == 0
    assert guard.frozen is None
    assert guard.news()[-1] == News(
        "thawed", "a person trusts the probes", tuple(f"t{number}" for number in range(10))
    )


def test_silent_references_freeze_when_the_trust_of_a_person_ends() -> None:
    guard = ready(Rules(references_needed=1), references=("r",))
    guard.trust(True, 2.0)
    guard.take("r", ok=False, before=UP, after=DOWN, began=3.0, now=3.0)
    assert guard.frozen is None
    guard.trust(False, 4.0)
    assert guard.frozen
    assert guard.frozen.reason == "0 of 1 reference targets answer, the prober may be cut off"


def test_targets_that_are_gone_count_no_more() -> None:
    guard = ready(Rules(share=0.6, within=30, least=3))
    fail(guard, [f"t{number}" for number in range(10)], 5.0)
    guard.put(Rules(share=0.6), {"t0": DOWN, "n": UP}, {"t0": {"a"}, "n": {"b"}}, (), 6.0)
    assert guard.kept() == 1
    assert guard.failing() == (1, 2)
