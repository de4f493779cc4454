"""What a restart must not forget: verdicts on targets, AZs and regions, and the ways back. Pure.

A row is a name and its content, plain JSON, so that whoever keeps rows need not know what they say.
Rows are by names (of checks, addresses, groups, endpoints) and not by settings: an edited interval
must not put a dead address back into the answers. Times in rows are seconds since 1970, for the
clock that never turns starts anew with every process.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from geodns.config.values import Address
from geodns.health.flapping import Return
from geodns.health.judge import Judge, Standing
from geodns.health.keeping import Keeping, Kept
from geodns.health.machine import Machine, State
from geodns.health.plan import Plan, PlannedGroup, TargetKey
from geodns.health.verdict import EndpointState, EndpointVerdict, Group

Rows = Mapping[str, str]
"""By name, the content."""


class Names:
    """The names under which rows are kept."""

    @staticmethod
    def target(check: str, address: Address) -> str:
        """The row of a target, by the name of its check."""
        return f"target {check} {address}"

    @staticmethod
    def endpoint(id: str) -> str:
        """The row of an endpoint."""
        return f"endpoint {id}"

    @staticmethod
    def withdrawal(id: str) -> str:
        """The row of an endpoint that waits to be withdrawn, or was not long ago."""
        return f"withdrawal {id}"

    @staticmethod
    def group(kind: str, name: str) -> str:
        """The row of an AZ or a region."""
        return f"{kind} {name}"

    @classmethod
    def all(cls, plan: Plan) -> Iterator[str]:
        """Every row that there can be under a plan."""
        for key, target in plan.targets.items():
            yield cls.target(target.check, key.address)
        for id in plan.endpoints:
            yield cls.endpoint(id)
            yield cls.withdrawal(id)
        for group in (*plan.availability_zones.values(), *plan.regions.values()):
            yield cls.group(group.kind, group.name)


class Memory:
    """Rows of an earlier process, read. What can't be read is as if it had never been there."""

    def __init__(self, rows: Rows = {}, *, now: float = 0.0, wall: float = 0.0) -> None:  # noqa: B006  never written to
        """``now`` and ``wall`` are the present moment on both scales."""
        self._rows = {name: _read(content) for name, content in rows.items()}
        self._behind = wall - now

    def machine(self, check: str, address: Address) -> Machine | None:
        """What was believed of a target; None: nothing."""
        row = self._rows.get(Names.target(check, address))
        try:
            return None if row is None else Machine(float(row["since"]), State(row["state"]))
        except (KeyError, TypeError, ValueError):
            return None

    def judge(self, plan: Plan) -> Judge:
        """A judge under no plan, from whom the one of this plan can go on."""
        judge = Judge(Plan(), lambda _key: (State.UNKNOWN, ""), keeping=Keeping(plan))
        for id in plan.endpoints:
            kept = self._kept(id)
            if kept is not None:
                judge.keeping.recall(id, kept)
            found = self._endpoint(id)
            if found is not None:
                back, since = found
                state: EndpointState = "down" if back.up_since is None else "up"
                judge.endpoints[id] = EndpointVerdict(state, ()), since
                judge.returns[id] = back
        for standings, groups in _groups(judge, plan):
            for group in groups.values():
                standing = self._standing(group.kind, group.name)
                if standing is not None:
                    standings[group.name] = standing
        return judge

    def _endpoint(self, id: str) -> tuple[Return, float] | None:
        row = self._rows.get(Names.endpoint(id))
        try:
            if row is None:
                return None
            up_since = row["up_since"]
            back = Return(
                float(row["penalty"]),
                float(row["at"]) - self._behind,
                None if up_since is None else float(up_since) - self._behind,
                True,
                bool(row["suppressed"]),
            )
            return back, float(row["since"])
        except (KeyError, TypeError, ValueError):
            return None

    def _kept(self, id: str) -> Kept | None:
        row = self._rows.get(Names.withdrawal(id))
        try:
            if row is None:
                return None
            at = row["let_go"]
            return Kept(bool(row["waits"]), None if at is None else float(at) - self._behind)
        except (KeyError, TypeError, ValueError):
            return None

    def _standing(self, kind: str, name: str) -> Standing | None:
        row = self._rows.get(Names.group(kind, name))
        try:
            if row is None or row["in_service"] is not False:
                return None
            return Standing(Group(False, 0, 0), float(row["since"]), str(row["reason"]))
        except (KeyError, TypeError, ValueError):
            return None


def target_row(state: State, since: float) -> str:
    """The content of a target's row; ``since`` is when the state turned."""
    return json.dumps({"state": state.value, "since": since})


def endpoint_row(back: Return, since: float, behind: float) -> str:
    """The content of an endpoint's row; ``behind`` is how far its scale is behind the wall's.

    ``since`` is when its verdict turned.
    """
    return json.dumps(
        {
            "penalty": back.penalty,
            "at": back.at + behind,
            "up_since": None if back.up_since is None else back.up_since + behind,
            "suppressed": back.suppressed,
            "since": since,
        }
    )


def withdrawal_row(kept: Kept, behind: float) -> str:
    """The content of the row of an endpoint that is kept in service, or was let go."""
    let_go = None if kept.let_go is None else kept.let_go + behind
    return json.dumps({"waits": kept.waits, "let_go": let_go})


def group_row(standing: Standing) -> str:
    """The content of the row of an AZ or a region."""
    return json.dumps(
        {
            "in_service": standing.group.in_service,
            "since": standing.since,
            "reason": standing.reason,
        }
    )


def rows_of(
    judge: Judge,
    turned: Iterable[str],
    targets: Iterable[tuple[TargetKey, State, float]],
    behind: float,
) -> dict[str, str]:
    """The rows of what turned: ``turned`` are ids of endpoints, AZs and regions."""
    plan, rows = judge.plan, dict[str, str]()
    for key, state, since in targets:
        rows[Names.target(plan.targets[key].check, key.address)] = target_row(state, since)
    for id in turned:
        if id in judge.returns:
            since = judge.endpoints[id][1]
            rows[Names.endpoint(id)] = endpoint_row(judge.returns[id], since, behind)
        for standings, groups in _groups(judge, plan):
            if id in standings:
                rows[Names.group(groups[id].kind, id)] = group_row(standings[id])
    for id, kept in judge.keeping.changed().items():
        rows[Names.withdrawal(id)] = withdrawal_row(kept, behind)
    return rows


def _groups(
    judge: Judge, plan: Plan
) -> tuple[tuple[dict[str, Standing], Mapping[str, PlannedGroup]], ...]:
    return (
        (judge.availability_zones, plan.availability_zones),
        (judge.regions, plan.regions),
    )


def _read(content: str) -> Mapping[str, Any] | None:
    try:
        row = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
