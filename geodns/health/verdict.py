"""Verdicts above single targets: on endpoints, on availability zones and on regions. Pure.

A group (an AZ or a region) is withdrawn as soon as the healthy share of its checked endpoints is
below ``withdraw_below``, and restored when the share has been at or above ``restore_above`` for
``hold`` seconds without a break. The gap between the two and the hold time keep a group that is
half alive from swinging in and out of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from geodns.config.settings import Thresholds
from geodns.health.machine import State

EndpointState = Literal["unchecked", "unknown", "up", "down"]


class EndpointVerdict(NamedTuple):
    """An endpoint by its own addresses, of which ``addresses`` are the flags, and by its needs.

    ``lacks`` is the endpoint that it needs and that makes it down, or unknown; None: it lacks none,
    or is so by itself.
    """

    state: EndpointState
    addresses: tuple[bool, ...]
    lacks: str | None = None

    def without(self, needed: str | None, state: Literal["down", "unknown"]) -> EndpointVerdict:
        """The verdict where an endpoint that it needs is in this state; None: none is."""
        if needed is None or self.state in {"down", state}:
            return self
        return self._replace(state=state, lacks=needed)


def judge_endpoint(states: Sequence[State | None], *, withhold: bool = True) -> EndpointVerdict:
    """The verdict from the states of an endpoint's addresses, in order; None is not probed.

    It is down when every probed address is down. An address that isn't probed goes with the rest,
    and so does, unless ``withhold``, one of which nothing is known yet.
    """
    probed = [state for state in states if state is not None]
    verdict: EndpointState
    if not probed:
        verdict = "unchecked"
    elif all(state is State.DOWN for state in probed):
        verdict = "down"
    else:
        verdict = "up" if State.UP in probed else "unknown"
    up = verdict != "down"
    # Where nothing is known of any address, the endpoint as a whole is withheld, or is not.
    wanted = {State.UP} if withhold and verdict == "up" else {State.UP, State.UNKNOWN}
    return EndpointVerdict(
        verdict, tuple(up if state is None else state in wanted for state in states)
    )


class Group(NamedTuple):
    """An AZ or a region. ``enough_since`` is set while it is withdrawn and its share suffices.

    ``healthy`` counts those of its ``checked`` endpoints that are not down.
    """

    in_service: bool
    healthy: int
    checked: int
    enough_since: float | None = None

    @property
    def share(self) -> float:
        """The healthy part of the checked endpoints; 1 where none is checked."""
        return self.healthy / self.checked if self.checked else 1.0


def judge_group(
    before: Group | None,
    healthy: int,
    checked: int,
    thresholds: Thresholds,
    now: float,
    *,
    unknown: int = 0,
) -> Group:
    """The verdict on a group of which ``healthy`` of ``checked`` endpoints are not down.

    Of ``unknown`` ones among the healthy nothing is known: they are no reason to withdraw a group,
    and none to restore it. ``before`` is the verdict so far; None is a group that was never judged,
    to which the hold time doesn't apply. Times are in seconds on the scale of ``now``.
    """
    share = Group(True, healthy, checked).share
    if not checked:
        return Group(True, healthy, checked)
    if before is None or before.in_service:
        return Group(share >= thresholds.withdraw_below, healthy, checked)
    known_share = Group(False, healthy - unknown, checked).share
    if known_share < max(thresholds.restore_above, thresholds.withdraw_below):
        return Group(False, healthy, checked)
    since = now if before.enough_since is None else before.enough_since
    group = Group(False, healthy, checked, since)
    due = restore_due(group, thresholds)
    return Group(True, healthy, checked) if due is not None and now >= due else group


def restore_due(group: Group, thresholds: Thresholds) -> float | None:
    """When the group will be restored if nothing changes; None: not by waiting."""
    return None if group.enough_since is None else group.enough_since + thresholds.hold


def describe(group: Group, thresholds: Thresholds) -> str:
    """Why a group is as it is, for people."""
    if not group.checked:
        return "no endpoint is checked"
    counted = f"{group.healthy} of {group.checked} checked endpoints healthy ({group.share:.0%})"
    if group.in_service:
        return counted
    if group.enough_since is not None:
        return f"{counted}, held until it has been so for {thresholds.hold:g} s"
    if group.share < thresholds.withdraw_below:
        return f"{counted}, below {thresholds.withdraw_below:.0%}"
    return f"{counted}, not yet {thresholds.restore_above:.0%}"
