"""The ranking as a table for people: a row for each unit, a column for each filter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from geodns.explain.explanation import (
    BranchFinding,
    EffectFinding,
    Ranking,
    TierFinding,
    UnitFinding,
)

GAP = (0, 2, 0, 0)
STYLES = {"nearest": "green", "failover": "yellow", "spill": "yellow", "forced": "red"}
_STEP = "  "
_REMOVED = "removed"
"""What the steering says of a unit that a filter removes without a word."""


def table(columns: Sequence[tuple[str, bool]]) -> Table:
    """A table with these headings; the flag says that a column is of numbers."""
    found = Table(box=None, pad_edge=False, padding=GAP, header_style="dim")
    for heading, numbers in columns:
        found.add_column(heading, justify="right" if numbers else "left", overflow="fold")
    return found


def tier_table(ranking: Ranking) -> Table:
    """Tiers best first, their units, and at last the units that never serve the client."""
    return _TierTable(ranking).table()


def branch_effects(ranking: Ranking) -> Iterator[tuple[str, str]]:
    """What the filters of the service itself find of its branches, in words."""
    found: dict[str, list[str]] = {}
    for unit in (*_all_units(ranking), *ranking.removed):
        for effect in unit.effects:
            words = f"{effect.filter}: {effect.words}"
            if effect.branch is not None and words not in found.setdefault(effect.branch, []):
                found[effect.branch].append(words)
    for branch, words_of in found.items():
        yield "branch", f"{branch}: {'; '.join(words_of)}"


def percent(share: float) -> str:
    """A share of clients."""
    return f"{share:.0%}" if round(share, 3) in (0, 1) else f"{share:.1%}"


class _TierTable:
    """Collects rows. What sorted a unit last has its figure and the source in columns apart."""

    def __init__(self, ranking: Ranking) -> None:
        self._ranking = ranking
        units = [*_all_units(ranking), *ranking.removed]
        own = [_own_effects(unit) for unit in units]
        sorters = list(dict.fromkeys(filter(None, map(_sorter, units))))
        self._cost = sorters[0] if len(sorters) == 1 else "cost"
        # Where branches sort by different filters, their figures stand in one column.
        self._filters = list(
            dict.fromkeys(
                None if effect.filter == _sorter(unit) else effect.filter
                for unit, effects in zip(units, own, strict=True)
                for effect in effects
            )
        )
        if self._filters == [None]:
            self._cost = "cost"
        self._services = len({unit.service for unit in units}) > 1

    def table(self) -> Table:
        columns = [("", False), ("tier", False)]
        for name in self._filters:
            columns += [(self._cost, True), ("from", False)] if name is None else [(name, False)]
        found = table([*columns, ("", False)])
        for number, tier in enumerate(self._ranking.tiers, 1):
            self._add_tier(found, f"{number:>2}", tier, "")
        for unit in self._ranking.removed:
            gone = next((each for each in unit.effects if each.tier is None), None)
            words = f"never serves: {gone.filter}" if gone else "never serves"
            self._add_unit(found, " -", unit, "", Text(words, "red"))
        return found

    def _add_tier(self, found: Table, number: str, tier: TierFinding, indent: str) -> None:
        for unit in tier.units:
            self._add_unit(found, number, unit, indent, _outcome(tier, unit.share))
            number = ""
        for branch in tier.branches:
            inside = _only_unit(branch)
            if inside is not None and inside.name == branch.name:
                self._add_unit(found, number, inside, indent, _outcome(tier, branch.share))
            else:
                self._add_branch(found, number, tier, branch, indent)
            number = ""

    def _add_branch(
        self, found: Table, number: str, tier: TierFinding, branch: BranchFinding, indent: str
    ) -> None:
        name = f"{indent}branch {branch.name}, share {branch.weight:g}"
        blanks = [""] * (len(self._filters) + (None in self._filters))
        found.add_row(number, Text(name), *blanks, _outcome(tier, branch.share))
        for at, inner in enumerate(branch.tiers, 1):
            self._add_tier(found, f"{indent}  .{at}", inner, indent + _STEP)

    def _add_unit(
        self, found: Table, number: str, unit: UnitFinding, indent: str, outcome: Text
    ) -> None:
        name = f"{unit.name} ({unit.title})" if unit.title else unit.name
        if self._services:
            name += f" of {unit.service}"
        effects, sorter = _own_effects(unit), _sorter(unit)
        cells: list[str | Text] = []
        for each in self._filters:
            wanted = sorter if each is None else each
            words = [effect.words for effect in effects if effect.filter == wanted]
            if each is None:
                cells += [cost(unit), Text(unit.source)] if words else ["", ""]
            else:
                cells.append(Text("; ".join(words) if each != sorter else ""))
        found.add_row(number, Text(indent + name), *cells, outcome)


def _own_effects(unit: UnitFinding) -> list[EffectFinding]:
    """Those on the unit itself, until it is removed: what comes after does not matter.

    That a filter removed it, and has no more to say, is said behind the unit.
    """
    own = [effect for effect in unit.effects if effect.branch is None]
    end = next((at for at, effect in enumerate(own, 1) if effect.tier is None), len(own))
    return [effect for effect in own[:end] if effect.words != _REMOVED]


def cost(unit: UnitFinding) -> str:
    """A unit's cost, and what it is in."""
    if math.isnan(unit.cost):
        return "unknown"
    if unit.unit == "rank":
        return f"{unit.cost:.0f}."
    digits = 0 if unit.cost >= 10 or unit.cost == round(unit.cost) else 1
    return f"{unit.cost:.{digits}f} {'' if unit.unit == 'priority' else unit.unit}".rstrip()


def _outcome(tier: TierFinding, share: float) -> Text:
    if tier.reason is not None:
        return Text(f"{tier.reason}, takes {percent(share)}", STYLES[tier.reason])
    if tier.passed_over is not None:
        return Text(f"passed over: {tier.passed_over}", "red")
    return Text("stands by", "dim")


def _sorter(unit: UnitFinding) -> str | None:
    """The filter that the unit's cost is from: the last whose words end as its source does."""
    if not unit.source:
        return None
    own = [effect for effect in unit.effects if effect.branch is None]
    return next((each.filter for each in reversed(own) if each.words.endswith(unit.source)), None)


def _only_unit(branch: BranchFinding) -> UnitFinding | None:
    """The unit of a branch that is nothing but this."""
    if len(branch.tiers) == 1 and len(branch.tiers[0].units) == 1:
        return branch.tiers[0].units[0]
    return None


def _all_units(ranking: Ranking) -> Iterator[UnitFinding]:
    for tier in ranking.tiers:
        yield from tier.all_units()
