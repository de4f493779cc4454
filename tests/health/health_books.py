"""Keeps its own books of what probes saw, and says which verdicts follow: slow and simple.

It knows the rules as the documentation states them and shares no code with geodns.health. Times
are those of the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from health_worlds import Watched, World


@dataclass
class Evidence:
    """The conclusive results of a target, oldest first, and the state that follows from them."""

    rise: int
    fall: int
    results: list[bool] = field(default_factory=list)
    state: str = "unknown"

    def add(self, ok: bool) -> None:
        self.results.append(ok)
        if self.state == "unknown" and ok:
            self.state = "up"
        elif self.state != "down" and self._last(self.fall, False):
            self.state = "down"
        elif self.state == "down" and self._last(self.rise, True):
            self.state = "up"

    def under(self, rise: int, fall: int) -> Evidence:
        """What is left of it when the check was edited: the state; one success overturns it."""
        if self.state == "unknown":
            return Evidence(rise, fall)
        return Evidence(rise, fall, [True] * (rise - 1), self.state)

    def _last(self, count: int, ok: bool) -> bool:
        return len(self.results) >= count and set(self.results[-count:]) == {ok}


@dataclass
class GroupBook:
    """An AZ or a region; ``checked`` are the endpoints that count."""

    limits: dict[str, Any]
    checked: list[str]
    in_service: bool = True
    enough_since: float | None = None


class Books:
    """``turns`` are all verdicts that changed so far: (time, id, what it became)."""

    def __init__(self, world: World, now: float) -> None:
        self.turns: list[tuple[float, str, str]] = []
        self.evidence: dict[Watched, Evidence] = {}
        self.states: dict[str, str] = {}
        self.failed: set[str] = set()
        self.groups: dict[str, GroupBook] = {}
        self.forces: dict[str, float] = {}
        self.world = world
        self.reload(world, now)

    def reload(self, world: World, now: float) -> None:
        """Other files: what is still there goes on from where it was."""
        self._catch_up(now)
        former, self.world = self.world, world
        self.endpoints = {id: (az, region, seen) for id, az, region, seen in world.endpoints()}
        evidence = {}
        for _, _, targets in self.endpoints.values():
            for one in targets:
                check, before = world.checks[one.check], self.evidence.get(one)
                if before is None:
                    before = Evidence(check["rise"], check["fall"])
                elif check != former.checks[one.check]:
                    before = before.under(check["rise"], check["fall"])
                evidence[one] = before
        self.evidence = evidence
        self.states = {id: state for id, state in self.states.items() if id in self.endpoints}
        self.failed &= self.endpoints.keys()
        self._regroup()
        self._review(now)

    def saw(self, target: Watched, ok: bool, now: float) -> None:
        """A conclusive result came."""
        self._catch_up(now)
        evidence = self.evidence[target]
        before = evidence.state
        evidence.add(ok)
        if evidence.state != before:
            self._review(now)

    def force(self, forces: dict[str, float], now: float) -> None:
        """These are forced up from now on; until when, by id of endpoint, AZ or region."""
        self._catch_up(now)
        self.forces = {id: until for id, until in forces.items() if until > now}
        self._review(now)

    def well(self, id: str, now: float) -> bool:
        """Whether no verdict is against an endpoint."""
        self._catch_up(now)
        az, region, _ = self.endpoints[id]
        return (
            self.states[id] != "down"
            and self.groups[az].in_service
            and self.groups[region].in_service
        )

    def withheld(self, id: str) -> bool:
        """Whether it is kept out because nothing is known of it, or of what it needs."""
        return self.world.health["unknown"] == "withhold" and self.states[id] == "unknown"

    def turned(self, now: float) -> list[tuple[str, str]]:
        """All turns till now: id, and what it became."""
        self._catch_up(now)
        return [(id, became) for _, id, became in self.turns]

    def _regroup(self) -> None:
        before, self.groups = self.groups, {}
        health = self.world.health
        members: dict[str, list[str]] = {}
        for region, zones in self.world.topology.items():
            members[region] = []
            self.groups[region] = GroupBook(health["region"], members[region])
            for az in zones:
                members[az] = []
                self.groups[az] = GroupBook(health["availability_zone"], members[az])
        for id, (az, region, targets) in self.endpoints.items():
            if targets:
                members[az].append(id)
                members[region].append(id)
        for name, group in self.groups.items():
            if name in before:
                group.in_service = before[name].in_service
                group.enough_since = before[name].enough_since

    def _review(self, now: float) -> None:
        for id in self.endpoints:
            before, state = self.states.get(id, "unknown"), self._state(id)
            if (state == "down") != (before == "down"):
                self.turns.append((now, id, "down" if state == "down" else "up"))
            self.states[id] = state
            if state == "down":
                self.failed.add(id)
        for name, group in self.groups.items():
            self._review_group(name, group, now)

    def _state(self, id: str) -> str:
        own, needed = self._own_state(id), self._needed(id)
        if own == "down" or "down" in needed:
            return "down"
        withhold = self.world.health["unknown"] == "withhold"
        in_service = self.states.get(id) in {"up", "unchecked"}
        return "unknown" if "unknown" in needed and withhold and not in_service else own

    def _own_state(self, id: str) -> str:
        targets = self.endpoints[id][2]
        states = {self.evidence[one].state for one in targets}
        if not states:
            return "unchecked"
        if states == {"down"}:
            return "down"
        return "up" if "up" in states else "unknown"

    def _needed(self, id: str) -> set[str]:
        """The states of those that it needs; they stand further up, so they are judged already."""
        az, region, _ = self.endpoints[id]
        names = self.world.services[id.partition("@")[0]].get("needs", ())
        needed = [f"{name}@{az}" for name in names if f"{name}@{az}" in self.endpoints]
        return {
            "up" if self.forces.keys() & {one, az, region} else self.states[one] for one in needed
        }

    def _review_group(self, name: str, group: GroupBook, now: float) -> None:
        limits = group.limits
        well = sum(self.states[id] != "down" for id in group.checked)
        sure = well - sum(self.withheld(id) for id in group.checked)
        share = well / len(group.checked) if group.checked else 1.0
        if group.in_service:
            if share < limits["withdraw_below"]:
                group.in_service, group.enough_since = False, None
                self.turns.append((now, name, "withdrawn"))
        elif group.checked and sure / len(group.checked) < limits["restore_above"]:
            group.enough_since = None
        else:
            if group.enough_since is None:
                group.enough_since = now
            if group.enough_since + limits["hold"] <= now or not group.checked:
                group.in_service, group.enough_since = True, None
                self.turns.append((now, name, "restored"))

    def _catch_up(self, now: float) -> None:
        """What time alone has changed by now: hold times that ended, forces that are over."""
        while moments := [moment for moment in self._moments() if moment <= now]:
            when = min(moments)
            self.forces = {id: until for id, until in self.forces.items() if until > when}
            self._review(when)

    def _moments(self) -> Iterator[float]:
        yield from self.forces.values()
        for group in self.groups.values():
            if group.enough_since is not None:
                yield group.enough_since + group.limits["hold"]
