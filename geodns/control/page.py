"""The status page: one self-contained piece of HTML for a person with a browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from geodns.control import view
from geodns.control.snapshot import Snapshot
from geodns.health.status import AvailabilityZoneStatus, EndpointStatus, RegionStatus

_REFRESH = 5  # seconds
_STYLE = """
:root { color-scheme: light dark; --up: #1a7f37; --down: #cf222e; --part: #9a6700; --off: #6e7781;
  --line: #8884; --card: #8881; }
@media (prefers-color-scheme: dark) {
  :root { --up: #3fb950; --down: #f85149; --part: #d29922; --off: #8b949e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
p { margin: .2rem 0; } .quiet { color: var(--off); } .wide { overflow-x: auto; }
.cards { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
.card { border: 1px solid var(--line); border-left: 4px solid var(--off); border-radius: 6px;
  padding: .6rem .8rem; background: var(--card); overflow-wrap: anywhere; }
.card.up { border-left-color: var(--up); } .card.down { border-left-color: var(--down); }
.card.part { border-left-color: var(--part); }
.az { margin-top: .5rem; padding-top: .4rem; border-top: 1px solid var(--line); }
ul { list-style: none; margin: .2rem 0 0; padding: 0; } li { padding: .1rem 0; }
.dot { display: inline-block; width: .65em; height: .65em; border-radius: 50%; margin-right: .45em;
  background: var(--off); }
.dot.up { background: var(--up); } .dot.down { background: var(--down); }
.dot.part { background: var(--part); }
.note { border-left: 4px solid var(--part); padding: .4rem .8rem; margin: .8rem 0;
  background: var(--card); overflow-wrap: anywhere; }
.note.down { border-left-color: var(--down); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
"""


def render(snapshot: Snapshot) -> str:
    """The whole page. Everything that comes from configuration or probes is escaped."""
    title = snapshot.identity or "geodns"
    sections = (
        _head(snapshot, title),
        _notes(snapshot),
        "<h2>Regions</h2>",
        f'<div class="cards">{"".join(map(_region, snapshot.health.regions))}</div>',
        _traffic(snapshot),
        _workers(snapshot),
        _sources(snapshot),
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{_REFRESH}">'
        f"<title>{escape(title)}: {_summary(snapshot)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(sections)}</body></html>"
    )


def _summary(snapshot: Snapshot) -> str:
    endpoints = [
        endpoint
        for region in snapshot.health.regions
        for zone in region.availability_zones
        for endpoint in zone.endpoints
    ]
    serving = sum(endpoint.availability > 0 for endpoint in endpoints)
    return f"{serving} of {len(endpoints)} endpoints in service"


def _head(snapshot: Snapshot, title: str) -> str:
    addresses = escape(", ".join(snapshot.addresses))
    return (
        f"<h1>{escape(title)}</h1><p>{_summary(snapshot)}, "
        f"{sum(snapshot.totals.queries.values()):,} queries answered</p>"
        f'<p class="quiet">geodns {escape(snapshot.version)} on {addresses}, '
        f"since {view.moment(snapshot.started)}, shown {view.moment(snapshot.at)}</p>"
    )


def _notes(snapshot: Snapshot) -> str:
    notes = []
    last = snapshot.last_reload
    if last is not None and not last.ok:
        found = [str(problem) for problem in last.problems if problem.severity == "error"]
        notes.append(
            '<div class="note down"><b>The last reload was refused, the configuration from before '
            f"it stays in use</b> ({view.moment(last.at)}): {escape(last.error or '')}"
            f"{_list(map(escape, found))}</div>"
        )
    if snapshot.restart_needed:
        names = escape(", ".join(snapshot.restart_needed))
        notes.append(f'<div class="note">Changed, and waiting for a restart: {names}</div>')
    if snapshot.warnings:
        lines = (escape(str(problem)) for problem in snapshot.warnings)
        notes.append(f'<div class="note">Warnings{_list(lines)}</div>')
    return "".join(notes)


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _region(region: RegionStatus) -> str:
    endpoints = [item for zone in region.availability_zones for item in zone.endpoints]
    zones = "".join(map(_availability_zone, region.availability_zones))
    title = f" {escape(region.title)}" if region.title else ""
    reason = f'<p class="quiet">{escape(region.reason)}</p>' if region.reason else ""
    return (
        f'<div class="card {_colour(endpoints)}"><b>{escape(region.name)}</b>'
        f'<span class="quiet">{title}</span>{reason}{zones}</div>'
    )


def _availability_zone(zone: AvailabilityZoneStatus) -> str:
    title = f" {escape(zone.title)}" if zone.title else ""
    reason = f'<p class="quiet">{escape(zone.reason)}</p>' if zone.reason else ""
    return (
        f'<div class="az">{_dot(_colour(zone.endpoints))}<b>{escape(zone.name)}</b>'
        f'<span class="quiet">{title} {escape(zone.state)}</span>{reason}'
        f"{_list(map(_endpoint, zone.endpoints))}</div>"
    )


def _endpoint(endpoint: EndpointStatus) -> str:
    where = ", ".join(address for address, _ in endpoint.addresses) or endpoint.cname or ""
    share = f", {endpoint.availability:.0%}" if 0 < endpoint.availability < 1 else ""
    return (
        f"{_dot(_colour([endpoint]))}{escape(endpoint.service)} "
        f'<span class="quiet">{escape(where)}</span> {escape(endpoint.state)}{share}'
        f'<br><span class="quiet">{escape(endpoint.reason)}, '
        f"since {view.moment(endpoint.since)}</span>"
    )


def _colour(endpoints: Iterable[EndpointStatus]) -> str:
    shares = [endpoint.availability for endpoint in endpoints]
    if not shares:
        return "off"
    if min(shares) == 1:
        return "up"
    return "down" if max(shares) == 0 else "part"


def _dot(colour: str) -> str:
    return f'<span class="dot {colour}"></span>'


def _traffic(snapshot: Snapshot) -> str:
    rows = [
        (*key, f"{count:,}") for key, count in sorted(snapshot.totals.answers.items(), key=_most)
    ]
    answers = _table(("service", "region", "availability zone", "why", "answers"), rows[:50])
    queries = [
        (*key, f"{count:,}") for key, count in sorted(snapshot.totals.queries.items(), key=_most)
    ]
    asked = _table(("transport", "type", "rcode", "queries"), queries[:50])
    return f"<h2>Answers</h2>{answers}<h2>Queries</h2>{asked}"


def _most(item: tuple[tuple[str, ...], int]) -> tuple[int, tuple[str, ...]]:
    return -item[1], item[0]


def _workers(snapshot: Snapshot) -> str:
    rows = [
        (
            str(worker.number),
            "none" if worker.pid is None else str(worker.pid),
            str(worker.restarts),
            f"{worker.image_generation} of {snapshot.image_generation}",
            f"{worker.availability_generation} of {snapshot.availability_generation}",
        )
        for worker in snapshot.workers
    ]
    heads = ("worker", "process", "restarts", "image", "availability")
    return f"<h2>Workers</h2>{_table(heads, rows)}"


def _sources(snapshot: Snapshot) -> str:
    zones = [
        (zone.origin, str(zone.serial), str(zone.names), str(zone.geo)) for zone in snapshot.zones
    ]
    data = [
        (source.file, source.description, view.moment(source.made))
        for source in (*snapshot.databases, *snapshot.tables)
    ]
    return (
        f"<h2>Zones</h2>{_table(('zone', 'serial', 'names', 'geo names'), zones)}"
        f"<h2>Data</h2>{_table(('file', 'what', 'as of'), data)}"
    )


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return '<p class="quiet">none yet</p>'
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(text: str) -> str:
    number = ' class="number"' if text.replace(",", "").isdigit() else ""
    return f"<td{number}>{escape(text)}</td>"
