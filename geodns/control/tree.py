"""The status for a terminal: regions, AZs and endpoints, and why each is as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

_GOOD, _PART, _BAD, _QUIET = "green", "yellow", "red", "dim"
_Probed = dict[str, list[dict[str, Any]]]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def render(status: dict[str, Any]) -> RenderableType:
    """What ``/v1/status`` told, drawn. ``status`` is as ``geodns.control.view.status`` makes it."""
    probed = _probed(status["health"]["targets"])
    return Group(
        _head(status),
        *_notes(status["configuration"]),
        *(_region(region, probed, status["at"]) for region in status["health"]["regions"]),
        _workers(status),
        _data(status),
    )


def age(seconds: float) -> str:
    """How long ago, in the largest unit that says enough."""
    if seconds < _MINUTE:
        return f"{max(0, int(seconds))} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{int(seconds // _DAY)} days"


def _head(status: dict[str, Any]) -> Text:
    traffic = status["traffic"]
    name = status["identity"] or "geodns"
    text = Text(name, style="bold")
    text.append(f" on {', '.join(status['addresses'])}", style="")
    text.append(
        f"  up {age(status['at'] - status['started'])}, {traffic['queries']:,} queries",
        style=_QUIET,
    )
    rcodes = ", ".join(f"{rcode} {count:,}" for rcode, count in traffic["by_rcode"].items())
    if rcodes:
        text.append(f" ({rcodes})", style=_QUIET)
    return text


def _notes(configuration: dict[str, Any]) -> Iterable[Text]:
    last = configuration["last_reload"]
    if last and not last["ok"]:
        yield Text(
            f"the last reload was refused, the configuration before it is in use: {last['error']}",
            style=_BAD,
        )
        for problem in last["problems"]:
            yield Text(f"  {problem['text']}", style=_BAD)
    if configuration["restart_needed"]:
        names = ", ".join(configuration["restart_needed"])
        yield Text(f"changed, and waiting for a restart: {names}", style=_PART)
    for problem in configuration["warnings"]:
        yield Text(problem["text"], style=_PART)


def _region(region: dict[str, Any], probed: _Probed, now: float) -> Tree:
    tree = Tree(_group(region, now))
    for zone in region["availability_zones"]:
        branch = tree.add(_group(zone, now))
        for endpoint in zone["endpoints"]:
            branch.add(_endpoint(endpoint, probed, now))
    return tree


def _group(group: dict[str, Any], now: float) -> Text:
    text = Text(group["name"], style="bold")
    if group["title"]:
        text.append(f" {group['title']}", style="")
    style = _GOOD if group["state"] == "in service" else _BAD
    text.append(f"  {group['state']}", style=style)
    if group["checked"]:
        text.append(f" {group['share']:.0%} healthy", style=_QUIET)
    text.append(f"  {group['reason']}", style=_QUIET)
    text.append(f", for {age(now - group['since'])}", style=_QUIET)
    return text


def _endpoint(endpoint: dict[str, Any], probed: _Probed, now: float) -> Text:
    share = endpoint["availability"]
    style = _GOOD if share == 1 else _PART if share > 0 else _BAD
    text = Text(endpoint["service"])
    where = [address for address, _ in endpoint["addresses"]] or [endpoint["cname"]]
    text.append(f" {', '.join(where)}", style=_QUIET)
    text.append(f"  {endpoint['state']}", style=style)
    if 0 < share < 1 or (share == 0 and endpoint["state"] != "down"):
        text.append(f" {share:.0%} in service", style=style)
    targets = probed.get(endpoint["id"], [])
    reason = _what_failed(targets) if endpoint["state"] == "down" else ""
    text.append(f"  {reason or endpoint['reason']}, for {age(now - endpoint['since'])}", _QUIET)
    failing = [address for address, ok in endpoint["addresses"] if not ok]
    if failing and len(failing) < len(endpoint["addresses"]):
        text.append(f", without {', '.join(failing)}", style=_PART)
    if targets:
        slowest = max(target["duration"] for target in targets)
        text.append(f", checked in {slowest * 1000:.1f} ms", style=_QUIET)
    return text


def _probed(targets: list[dict[str, Any]]) -> _Probed:
    """The targets of each endpoint that were probed."""
    probed: _Probed = {}
    for target in targets:
        for id in target["endpoints"] if target["duration"] is not None else ():
            probed.setdefault(id, []).append(target)
    return probed


def _what_failed(targets: list[dict[str, Any]]) -> str:
    """Why its checks fail: its AZ, which went with it, says the rest."""
    details = [target["detail"] for target in targets if target["state"] == "down"]
    return ", ".join(dict.fromkeys(details))


def _workers(status: dict[str, Any]) -> Table:
    table = _table("worker", "process", "restarts", "image", "availability")
    for worker in status["workers"]:
        current = worker["image_generation"] == status["image_generation"]
        table.add_row(
            str(worker["number"]),
            "none" if worker["pid"] is None else str(worker["pid"]),
            str(worker["restarts"]),
            f"{worker['image_generation']} of {status['image_generation']}",
            f"{worker['availability_generation']} of {status['availability_generation']}",
            style=None if current else _PART,
        )
    return table


def _data(status: dict[str, Any]) -> Table:
    table = _table("zone or file", "content", "as of")
    for zone in status["zones"]:
        table.add_row(
            zone["origin"], f"{zone['names']} names, {zone['geo']} geo", f"serial {zone['serial']}"
        )
    for source in (*status["databases"], *status["latency_tables"]):
        table.add_row(source["file"], source["description"], f"{age(source['age'])} old")
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, header_style=_QUIET, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
