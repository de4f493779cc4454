"""One verdict about a target from the reports of several probers (vantage points). Pure.

Theory. A prober sees a target through its own network, so "it doesn't answer" may mean that the
prober is cut off. Hence three rules:

- A quorum. A verdict turns only when enough of the fresh reports agree on it. One prober that is
  cut off is outvoted; and one that hears of nobody else is as likely the culprit as the target, so
  that fewer than ``least`` fresh reports turn nothing. Where ``least`` is more than half of all
  probers, no part of a split network turns anything unless it is the greater part.
- Hysteresis. Where nobody has a quorum (a split), or both sides have one (small numbers allow
  that), the former verdict stays. So a split keeps what it found and doesn't flap; what turns a
  verdict is agreement alone.
- Age. A prober that fell silent has no say: its report counts until it is ``max_age`` old. Where
  nothing is fresh at all the verdict stays for ``keep``, then it is ``unknown``.

How sure a prober is of its own report is its own matter (``rise`` and ``fall``, machine.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from geodns.health.machine import State


class Report(NamedTuple):
    """What a vantage point says of a target. ``at`` is when it last confirmed it."""

    vantage: str
    up: bool
    at: float


class Quorum(NamedTuple):
    """How many of the fresh reports must agree: ``number``, at least 1; or, where that is None,
    more than half of them and at least ``share``.
    """

    number: int | None = None
    share: float = 0.5

    def reached(self, agreeing: int, fresh: int) -> bool:
        """Whether so many of the ``fresh`` reports suffice."""
        if self.number is not None:
            return agreeing >= self.number
        return 2 * agreeing > fresh and agreeing / fresh >= self.share


class Rules(NamedTuple):
    """``max_age`` and ``keep`` are in seconds. ``least``: so many fresh reports for any verdict."""

    max_age: float
    keep: float
    least: int = 2
    down_quorum: Quorum = Quorum()
    up_quorum: Quorum = Quorum()


class Verdict(NamedTuple):
    """What all of them together make of a target, since ``since``; ``down`` of ``fresh`` say down.

    ``fresh_until`` is when the last of the reports known then is too old. All times are on one
    scale, that of the reports.
    """

    state: State = State.UNKNOWN
    since: float = -inf
    fresh: int = 0
    down: int = 0
    fresh_until: float = -inf


def judge(before: Verdict, reports: Iterable[Report], now: float, rules: Rules) -> Verdict:
    """The verdict after ``before``. The order of the reports doesn't matter."""
    counted = _counted(reports, now, rules)
    fresh, down = len(counted), sum(not report.up for report in counted)
    until = max((report.at + rules.max_age for report in counted), default=before.fresh_until)
    if not counted:
        state = State.UNKNOWN if now >= until + rules.keep else before.state
    else:
        state = _agreed(fresh, down, rules) or before.state
    since = before.since if state is before.state else now
    return Verdict(state, since, fresh, down, until)


def next_change(
    verdict: Verdict, reports: Iterable[Report], now: float, rules: Rules
) -> float | None:
    """When time alone could change ``verdict``, which was judged ``now`` by these reports.

    Before that moment it stays as it is if no report comes; then judge anew, and ask again.
    None: it stays whatever time it is.
    """
    known = list(reports)
    moments = [report.at + rules.max_age for report in _counted(known, now, rules)]
    if not moments and verdict.state is not State.UNKNOWN:
        moments.append(verdict.fresh_until + rules.keep)
    moments += [report.at - rules.max_age for report in known if report.at - rules.max_age > now]
    return min(moments, default=None)


def _counted(reports: Iterable[Report], now: float, rules: Rules) -> list[Report]:
    """The newest report of each vantage point, as far as it is fresh.

    A clock that is ahead makes a report count for longer, so one that is ahead by more than
    ``max_age`` doesn't count. Of two of the same moment the better news holds.
    """
    newest: dict[str, Report] = {}
    for report in reports:
        if not report.at - rules.max_age <= now < report.at + rules.max_age:
            continue
        other = newest.get(report.vantage)
        if other is None or (report.at, report.up) > (other.at, other.up):
            newest[report.vantage] = report
    return list(newest.values())


def _agreed(fresh: int, down: int, rules: Rules) -> State | None:
    if fresh < rules.least:
        return None
    says_down = rules.down_quorum.reached(down, fresh)
    says_up = rules.up_quorum.reached(fresh - down, fresh)
    if says_down == says_up:
        return None
    return State.DOWN if says_down else State.UP
