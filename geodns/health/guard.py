"""Suspects the prober where too much fails at once, and keeps the last good verdicts. Pure.

Theory. A target that fails is a witness against itself; a crowd of targets, in several availability
zones, that begin to fail in the same half minute is a witness against whoever probes them: its own
link, route or firewall is more likely gone than most of the world. So is the silence of the
prober's own reference targets, which are there for nothing else. The guard then freezes: nothing
goes down any more, and what went down within that half minute is taken back. What comes up does so
as ever, for a prober that is cut off produces no success.

When enough answers again, the guard thaws. The failures from before say nothing then, so a target
that was failing is believed as before until a probe which began after the thaw says otherwise: a
success clears it, a failure takes it down at once if it has had enough of them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Hashable, Mapping
from typing import Generic, Literal, NamedTuple, TypeVar

from geodns.health.machine import State

Key = TypeVar("Key", bound=Hashable)


class Rules(NamedTuple):
    """When to freeze. ``share`` None: however many fail. Times are in seconds.

    ``longest`` is after how long a freeze is given up; None: never by itself.
    """

    share: float | None = None
    within: float = 30.0
    least: int = 10
    references_needed: int = 1
    longest: float | None = None


class Freeze(NamedTuple):
    """Since when, and why. ``massive``: because of many targets, not only of references."""

    since: float
    reason: str
    massive: bool


class News(NamedTuple):
    """What became of the verdicts, and why; ``keys`` are the targets that this brought up or down.

    After a thaw by itself these are judged by their next probes, and are none.
    """

    became: Literal["frozen", "thawed"]
    reason: str
    keys: tuple[object, ...]


class Guard(Generic[Key]):
    """Stands between the state machines of probed targets and the verdicts made from them.

    All times are on one scale that never turns back.
    """

    def __init__(self) -> None:
        self.frozen: Freeze | None = None
        self.trusted = False
        self.rules = Rules()
        self._places: Mapping[Key, Collection[str]] = {}
        self._references: frozenset[Key] = frozenset()
        self._silent: set[Key] = set()  # references whose last probe failed
        self._up: set[Key] = set()  # those believed up
        self._failing: dict[Key, float] = {}  # those believed up that fail, and since when
        # Within the window, oldest first: heard of while believed up; began to fail.
        # Not plain dicts, which search for their first key behind all that were taken from there.
        self._heard: OrderedDict[Key, float] = OrderedDict()
        self._recent: OrderedDict[Key, float] = OrderedDict()
        self._recent_places: Counter[str] = Counter()
        self._several_places = False
        self._kept: dict[Key, State] = {}
        self._doubtful: set[Key] = set()  # failures from before the thaw are all that is known
        self._thawed_at = 0.0
        self._given_up = False
        self._news: list[News] = []

    def put(
        self,
        rules: Rules,
        states: Mapping[Key, State],
        places: Mapping[Key, Collection[str]],
        references: Collection[Key],
        now: float,
    ) -> list[Key]:
        """Guard exactly these from now on; one that stays is believed what it was.

        Returns those of which something else is to be said under other rules. ``states`` are those
        of the machines, ``places`` the AZs of targets that endpoints rely on.
        """
        self.rules, self._places, self._references = rules, dict(places), frozenset(references)
        self._silent &= self._references
        for key in self._known() - places.keys():
            self._forget(key)
        self._up = {key for key in places if self.believed(key, states[key]) is State.UP}
        self._failing = {key: at for key, at in self._failing.items() if key in self._up}
        self._recent_places = Counter(p for key in self._recent for p in self._places[key])
        self._several_places = len({place for found in places.values() for place in found}) > 1
        return self._turn(now)

    def believed(self, key: Key, state: State) -> State:
        """What is believed of a target whose machine is in this state."""
        return self._kept.get(key, state)

    def keeps(self, key: Key) -> bool:
        """Whether a target is believed to be better than its machine says."""
        return key in self._kept

    def take(
        self, key: Key, *, ok: bool, before: State, after: State, began: float, now: float
    ) -> list[Key]:
        """Hear of a conclusive result: of which targets something else is to be said now.

        ``before`` and ``after`` are the states of the machine, ``began`` is when the probe did.
        """
        if key in self._references:
            (self._silent.discard if ok else self._silent.add)(key)
        changed = []
        if key in self._places:
            was = self._kept.get(key, before)
            self._count(key, ok, was, now)
            if self._settle(key, ok, was, after, began):
                changed.append(key)
        return changed + self._turn(now)

    def trust(self, trusted: bool, now: float) -> list[Key]:
        """Whether to believe the probes, whatever fails: which targets go down for it."""
        self.trusted = trusted
        if trusted:
            return self._release("a person trusts the probes", now)
        return self._turn(now)

    def due(self) -> float | None:
        """When to ``look`` again if nothing is heard; None: needn't be."""
        longest = self.rules.longest
        return None if self.frozen is None or longest is None else self.frozen.since + longest

    def look(self, now: float) -> list[Key]:
        """Time has passed: which targets go down for it."""
        due = self.due()
        if due is None or now < due:
            return []
        self._given_up = True  # until the references answer again
        return self._release(f"frozen for {self.rules.longest:g} s, which is the longest", now)

    @property
    def has_news(self) -> bool:
        """Whether ``news`` has any."""
        return bool(self._news)

    def news(self) -> list[News]:
        """What it did since this was asked last."""
        found, self._news = self._news, []
        return found

    def failing(self) -> tuple[int, int]:
        """How many targets fail that are believed up, and of how many."""
        return len(self._failing), len(self._up)

    def references(self) -> tuple[int, int]:
        """How many reference targets answer, and of how many."""
        return len(self._references) - len(self._silent), len(self._references)

    def kept(self) -> int:
        """How many targets are believed to be better than their machines say."""
        return len(self._kept)

    def _count(self, key: Key, ok: bool, was: State, now: float) -> None:
        self._expire(now)
        if ok:
            self._failing.pop(key, None)
            self._drop_recent(key)
        if was is not State.UP:
            return
        self._heard[key] = now
        self._heard.move_to_end(key)
        if not ok and key not in self._failing:
            self._failing[key] = self._recent[key] = now
            self._recent_places.update(self._places[key])

    def _settle(self, key: Key, ok: bool, was: State, after: State, began: float) -> bool:
        """Believe a result or not; whether there is something else to be said of its target."""
        kept_before = key in self._kept
        fresh = began >= self._thawed_at
        if after is not State.DOWN:
            self._kept.pop(key, None)
            if fresh:
                self._doubtful.discard(key)
        elif was is not State.DOWN and (
            self.frozen is not None or (key in self._doubtful and (ok or not fresh))
        ):
            self._kept[key] = was
        else:
            self._kept.pop(key, None)
            self._doubtful.discard(key)
        now_believed = self._kept.get(key, after)
        self._note(key, now_believed)
        return now_believed is not was or (key in self._kept) != kept_before

    def _note(self, key: Key, believed: State) -> None:
        if believed is State.UP:
            self._up.add(key)
        else:
            self._up.discard(key)
            self._failing.pop(key, None)

    def _turn(self, now: float) -> list[Key]:
        """Freeze or thaw, where there is reason to: of which targets to say something else."""
        self._expire(now)
        silence = self._silence()
        if not silence:
            self._given_up = False
        massive = self._massive()
        if self.frozen is None:
            reason = massive or ("" if self._given_up else silence)
            return self._freeze(reason, bool(massive), now) if reason and not self.trusted else []
        if massive and not self.frozen.massive:
            self.frozen = self.frozen._replace(reason=massive, massive=True)
        if not silence and not (self.frozen.massive and self._still()):
            return self._thaw(now)
        return []

    def _silence(self) -> str:
        """Why the references are a reason to freeze; empty: they are none."""
        answering, of = self.references()
        if answering >= min(self.rules.references_needed, of):
            return ""
        return f"{answering} of {of} reference targets answer, the prober may be cut off"

    def _massive(self) -> str:
        """Why what fails at once is a reason to freeze; empty: it is none."""
        rules, failing = self.rules, len(self._recent)
        if rules.share is None or failing < max(rules.least, rules.share * len(self._heard)):
            return ""
        # All of one AZ is that AZ's own failure, unless there is no other.
        if self._several_places and sum(map(bool, self._recent_places.values())) == 1:
            return ""
        return (
            f"{failing} of {len(self._heard)} targets failed within {rules.within:g} s, "
            "the prober may be cut off"
        )

    def _still(self) -> bool:
        """Whether still too much fails to thaw: more than half of what it took to freeze."""
        share = self.rules.share
        return share is not None and len(self._failing) > share / 2 * len(self._up)

    def _freeze(self, reason: str, massive: bool, now: float) -> list[Key]:
        self.frozen = Freeze(now, reason, massive)
        back = [key for key in self._recent if key not in self._up]
        for key in back:
            self._kept[key] = State.UP
            self._up.add(key)
            self._failing[key] = self._recent[key]
        self._news.append(News("frozen", reason, tuple(back)))
        return back

    def _thaw(self, now: float) -> list[Key]:
        answering, of = self.references()
        told = f"{len(self._failing)} of {len(self._up)} targets fail"
        if of:
            told += f", {answering} of {of} reference targets answer"
        self.frozen, self._thawed_at = None, now
        self._doubtful = {*self._failing, *self._kept}
        self._news.append(News("thawed", told, ()))
        return list(self._kept)

    def _release(self, reason: str, now: float) -> list[Key]:
        """Believe the machines at once: which targets go down for it."""
        down = list(self._kept)
        self._kept.clear()
        self._doubtful.clear()
        for key in down:
            self._note(key, State.DOWN)
        self._recent.clear()
        self._recent_places.clear()
        if self.frozen is not None:
            self.frozen, self._thawed_at = None, now
            self._news.append(News("thawed", reason, tuple(down)))
        return down

    def _expire(self, now: float) -> None:
        for window in (self._heard, self._recent):
            while window:
                key, at = next(iter(window.items()))
                if now - at <= self.rules.within:
                    break
                if window is self._recent:
                    self._drop_recent(key)
                else:
                    del window[key]

    def _drop_recent(self, key: Key) -> None:
        if self._recent.pop(key, None) is not None:
            self._recent_places.subtract(self._places[key])

    def _known(self) -> set[Key]:
        return {*self._heard, *self._recent, *self._failing, *self._kept, *self._doubtful}

    def _forget(self, key: Key) -> None:
        self._recent.pop(key, None)
        self._heard.pop(key, None)
        self._failing.pop(key, None)
        self._kept.pop(key, None)
        self._doubtful.discard(key)
