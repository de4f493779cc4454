"""The first lines of status and status page: what is wrong in words, or that all is well. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from geodns.control.age import age
from geodns.control.copy_rows import copy_findings
from geodns.control.expiry import certificate_rows
from geodns.control.glance import RegionGlance, Tone, ZoneGlance
from geodns.control.loads import faults

_MOST_NAMED = 3  # of a kind; more are counted
_MOST_BEHIND = 30.0  # seconds: a compile of many records takes as long
_MOST_PROBLEMS = 6  # of one configuration; ``geodns check`` shows all

Finding = tuple[Tone, str]


def findings(status: dict[str, Any], regions: Sequence[RegionGlance]) -> list[Finding]:
    """What is not well, the worst first; nothing where all is well."""
    found = [
        *_guard(status["health"]["guard"]),
        *_services(status),
        *_groups(regions),
        *_endpoints(regions),
        *_loads(status),
        *_certificates(status),
        *_workers(status),
        *_configuration(status["configuration"]),
        *pair_findings(status.get("pair")),
        *copy_findings(status.get("secondaries", [])),
    ]
    return sorted(found, key=lambda finding: -finding[0])


def extent(regions: Sequence[RegionGlance], status: dict[str, Any]) -> str:
    """How much there is and how much of it is in the answers."""
    zones = f"{len(status['zones'])} DNS zone{_s(status['zones'])}"
    if not regions:
        return zones
    azs = [zone for region in regions for zone in region.zones]
    endpoints = [
        endpoint["availability"] > 0
        for region in status["health"]["regions"]
        for zone in region["availability_zones"]
        for endpoint in zone["endpoints"]
    ]
    serving = "" if all(endpoints) else f"{sum(endpoints)} of "
    return (
        f"{len(regions)} region{_s(regions)}, {len(azs)} AZ{_s(azs)}, "
        f"{serving}{len(endpoints)} endpoint{_s(endpoints)} in service, {zones}"
    )


def last_reload(configuration: dict[str, Any]) -> tuple[str, float | None]:
    """What became of the last reload, and when that was, in seconds since 1970."""
    last = configuration["last_reload"]
    if last is None:
        return "no reload since the start", None
    return f"last reload {'done' if last['ok'] else 'refused'}", last["at"]


def foremost(problems: Sequence[dict[str, Any]]) -> list[str]:
    """A few lines on many problems, at least one of each kind and file where they are not many.

    One mistake can make hundreds of others: what follows from it must not hide it.
    """
    kinds: dict[tuple[str, str], int] = {}
    for number, problem in enumerate(problems):
        kinds.setdefault((problem["file"], problem["id"]), number)
    others = sorted(set(range(len(problems))) - set(kinds.values()))
    chosen = sorted([*kinds.values(), *others][:_MOST_PROBLEMS])
    lines: list[str] = [problems[number]["text"] for number in chosen]
    if len(problems) > len(chosen):
        lines.append(f"and {len(problems) - len(chosen)} more: geodns check shows them all")
    return lines


def _guard(guard: dict[str, Any]) -> Iterator[Finding]:
    if guard["frozen"]:
        yield Tone.BAD, f"verdicts are frozen: {guard['reason']}"
    elif guard["answering"] < guard["references"]:
        silent = guard["references"] - guard["answering"]
        yield Tone.PART, f"{silent} of {guard['references']} reference targets silent"
    if guard["waiting"]:
        many = f"{guard['waiting']} endpoint{'s' * (guard['waiting'] > 1)}"
        yield Tone.PART, f"{many} kept in service: no more may be withdrawn at once"


def _services(status: dict[str, Any]) -> Iterator[Finding]:
    serving: Counter[str] = Counter()
    for region in status["health"]["regions"]:
        for zone in region["availability_zones"]:
            for endpoint in zone["endpoints"]:
                serving[endpoint["service"]] += endpoint["availability"] > 0
    for service, count in serving.items():
        if not count:
            yield Tone.BAD, f"no endpoint of {service} is in service: its when_down answers"


def _groups(regions: Sequence[RegionGlance]) -> Iterator[Finding]:
    zones = [zone for region in regions for zone in region.zones if region.state != "withdrawn"]
    kinds: tuple[tuple[str, Sequence[RegionGlance | ZoneGlance]], ...] = (
        ("region", regions),
        ("AZ", zones),
    )
    for kind, groups in kinds:
        withdrawn = [group for group in groups if group.state == "withdrawn"]
        gone = [group for group in withdrawn if group.tone is Tone.BAD]
        if gone:
            yield Tone.BAD, f"{_named(kind, gone)} withdrawn"
        held = [group for group in withdrawn if group.tone is Tone.PART]
        if held:
            yield Tone.PART, f"{_named(kind, held)} healthy again, not yet back"


def _endpoints(regions: Sequence[RegionGlance]) -> Iterator[Finding]:
    """Those whose AZ and region are in service: the others are told of with these."""
    counts: Counter[Tone] = Counter()
    for region in regions:
        for zone in region.zones if region.state != "withdrawn" else ():
            if zone.state != "withdrawn":
                counts.update(line.tone for line in zone.lines)
    for tone, words in (
        (Tone.BAD, "down"),
        (Tone.PART, "only partly well"),
        (Tone.WAITING, "waiting for the first result"),
    ):
        if counts[tone]:
            yield tone, f"{counts[tone]} endpoint{'s' * (counts[tone] > 1)} {words}"


def _loads(status: dict[str, Any]) -> Iterator[Finding]:
    silent = faults(status)
    if silent:
        several = f"{len(silent)} endpoints tell no load, first"
        who = several if len(silent) > 1 else "no load of"
        yield Tone.PART, f"{who} {silent[0][0]}: {silent[0][1]}"


def _certificates(status: dict[str, Any]) -> Iterator[Finding]:
    soon = [row for row in certificate_rows(status) if row.soon]
    if soon:
        what = "a certificate" if len(soon) == 1 else f"{len(soon)} certificates, the first"
        left = soon[0].cells[-1]
        when = left if soon[0].expires <= status["at"] else f"expires in {left}"
        yield Tone.PART, f"{what} seen by {soon[0].check}, {when}"


def _workers(status: dict[str, Any]) -> Iterator[Finding]:
    gone = [worker for worker in status["workers"] if worker["pid"] is None]
    if gone:
        tone = Tone.BAD if len(gone) == len(status["workers"]) else Tone.PART
        yield tone, f"{len(gone)} of {len(status['workers'])} workers not running"
    behind = [
        worker for worker in status["workers"] if worker["pid"] and not current(worker, status)
    ]
    if behind:
        yield Tone.PART, f"{len(behind)} worker{_s(behind)} behind the newest state"


def current(worker: dict[str, Any], status: dict[str, Any]) -> bool:
    """Whether a worker answers from the newest image and availability."""
    return all(
        worker[generation] == status[generation]
        for generation in ("image_generation", "availability_generation")
    )


def _configuration(configuration: dict[str, Any]) -> Iterator[Finding]:
    last = configuration["last_reload"]
    if last and not last["ok"]:
        yield Tone.BAD, "the last reload was refused"
    if configuration["restart_needed"]:
        yield Tone.PART, f"a restart is due for {', '.join(configuration['restart_needed'])}"


def pair_findings(pair: dict[str, Any] | None) -> Iterator[Finding]:
    """What is not well in a pair, as ``pairing.report`` has it; None: there is none."""
    if pair is None:
        return
    other = pair["other"]["name"]
    if not pair["connected"]:
        what = "the standby" if pair["role"] == "primary" else "the primary"
        yield Tone.PART, f"{what} {other} is not connected"
    elif pair["behind"] is not None and pair["behind"] > _MOST_BEHIND:
        standby = other if pair["role"] == "primary" else pair["name"]
        yield Tone.PART, f"the standby {standby} is {age(pair['behind'])} behind"
    if pair["error"] is not None:
        yield Tone.BAD, f"the standby has refused what came last: {pair['error']}"


def pair_line(pair: dict[str, Any], now: float) -> str:
    """What this server is in its pair, and how far the standby is."""
    other, role = pair["other"]["name"], pair["role"]
    what = f"with {other} as its standby" if role == "primary" else f"of {pair['primary']}"
    words = [f"{role} {what}, epoch {pair['epoch']}"]
    if pair["connected"]:
        words.append(f"{age(pair['behind'])} behind" if pair["behind"] else "nothing behind")
    elif pair["last_heard"] is not None:
        words.append(f"{other} was last heard {ago(now, pair['last_heard'])}")
    else:
        words.append(f"{other} was not heard yet")
    if pair["trouble"] and not pair["connected"]:
        words.append(pair["trouble"])
    if pair["unreplicated"]:
        words.append(f"not replicated: {', '.join(pair['unreplicated'])}")
    return "; ".join(words)


def _named(kind: str, groups: Sequence[RegionGlance | ZoneGlance]) -> str:
    if len(groups) > _MOST_NAMED:
        return f"{len(groups)} {kind}s"
    return f"{kind}{_s(groups)} {', '.join(group.name for group in groups)}"


def _s(things: Sequence[object]) -> str:
    return "" if len(things) == 1 else "s"


def ago(now: float, then: float | None) -> str:
    """``3 min ago``; nothing where there is no time."""
    return "" if then is None else f"{age(now - then)} ago"
