"""The lower half of the status page: answers, queries, workers, zones and data, in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from geodns.control import view
from geodns.control.age import age
from geodns.control.copy_rows import COLUMNS as COPY_COLUMNS
from geodns.control.copy_rows import NUMBERS, CopyRow, copy_rows, foremost_copies
from geodns.control.expiry import COLUMNS, CertificateRow, certificate_rows
from geodns.control.glance import Tone
from geodns.control.loads import HEADS, LoadRow, load_rows
from geodns.control.markup import Column, Content, Html, element, joined, table
from geodns.control.summary import current

_REASONS = ("nearest", "failover", "spill", "forced")  # in the order in which they are tried


def sections(status: dict[str, Any]) -> Iterator[Html]:
    """One after the other, side by side where there is room."""
    rows = load_rows(status)
    if rows:
        yield _section("Load and speed of endpoints, the fullest first", _loads(rows))
    certificates = certificate_rows(status)
    if certificates:
        yield _section("Certificates, the first to expire first", _certificates(certificates))
    copies, more = foremost_copies(copy_rows(status["secondaries"], status["at"]))
    if copies:
        title = "Zones copied from primaries" + (f", {more} more" if more else "")
        yield _section(title, _copies(copies))
    yield element(
        "div",
        _section("Answers by region and reason", _answers(status["traffic"]["answers"])),
        element(
            "div",
            _section("Queries", _queries(status["traffic"])),
            _section("Workers", _workers(status)),
            _section("Databases and latency tables", _sources(status)),
            _section("DNS zones", _zones(status["zones"])),
        ),
        class_="columns",
    )


def since(then: float, now: float) -> Html:
    """How long ago, with the time itself for whoever points at it."""
    moment = view.moment(then)
    return element("time", age(now - then), datetime=moment, title=moment)


def _section(title: str, content: Html) -> Html:
    return element("section", element("h2", title), content)


def _loads(rows: Sequence[LoadRow]) -> Html:
    columns = [Column(head, number=head not in {HEADS[0], HEADS[-1]}) for head in HEADS]
    return table(columns, (row.cells for row in rows))


def _certificates(rows: Sequence[CertificateRow]) -> Html:
    columns = [*map(Column, COLUMNS[:-1]), Column(COLUMNS[-1], number=True)]
    return table(columns, ((*row.cells[:-1], _left(row)) for row in rows))


def _left(row: CertificateRow) -> Content:
    return _marked("part", "◐", row.cells[-1]) if row.soon else row.cells[-1]


def _copies(rows: Sequence[CopyRow]) -> Html:
    columns = [
        *map(Column, COPY_COLUMNS[:-NUMBERS]),
        *(Column(head, number=True) for head in COPY_COLUMNS[-NUMBERS:]),
    ]
    return table(columns, ((_toned(row), *row.cells[1:]) for row in rows))


def _toned(row: CopyRow) -> Html:
    signs = {Tone.WELL: ("well", "✓"), Tone.PART: ("part", "◐"), Tone.BAD: ("bad", "✗")}
    return _marked(*signs[row.tone], row.cells[0])


def _answers(answers: list[dict[str, Any]]) -> Html:
    counts: dict[tuple[str, str], Counter[str]] = {}
    reasons: Counter[str] = Counter()
    for answer in answers:
        key = answer["region"], answer["service"]
        counts.setdefault(key, Counter())[answer["reason"]] += answer["count"]
        reasons[answer["reason"]] += answer["count"]
    shown = [reason for reason in _REASONS if reasons[reason]]
    shown += sorted(reasons.keys() - set(_REASONS))
    columns = [
        Column("region"),
        Column("service"),
        *(Column(reason, number=True) for reason in shown),
        Column("all", number=True),
    ]
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return table(
        columns,
        (
            (
                region or "none",
                service,
                *(f"{count[reason]:,}" if count[reason] else "" for reason in shown),
                f"{count.total():,}",
            )
            for (region, service), count in ordered
        ),
    )


def _queries(traffic: dict[str, Any]) -> Html:
    rows: list[tuple[Content, ...]] = [
        (what, _counts(traffic[key]))
        for what, key in (
            ("transport", "by_transport"),
            ("type", "by_type"),
            ("rcode", "by_rcode"),
            ("dropped", "dropped"),
        )
        if traffic[key]
    ]
    return table((Column("by"), Column("queries")), rows)


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered)


def _workers(status: dict[str, Any]) -> Html:
    columns = (
        Column("worker"),
        Column("process"),
        Column("image", number=True),
        Column("availability", number=True),
        Column("restarts", number=True),
    )
    return table(columns, (_worker(worker, status) for worker in status["workers"]))


def _worker(worker: dict[str, Any], status: dict[str, Any]) -> tuple[Content, ...]:
    if worker["pid"] is None:
        return worker["number"], _marked("bad", "✗", "none"), "", "", worker["restarts"]
    state = ("well", "✓") if current(worker, status) else ("part", "◐")
    return (
        worker["number"],
        _marked(*state, str(worker["pid"])),
        f"{worker['image_generation']} of {status['image_generation']}",
        f"{worker['availability_generation']} of {status['availability_generation']}",
        worker["restarts"],
    )


def _marked(tone: str, sign: str, text: str) -> Html:
    return element("span", element("span", sign, class_="sign"), text, class_=f"line {tone}")


def _zones(zones: list[dict[str, Any]]) -> Html:
    columns = (
        Column("zone"),
        Column("serial", number=True),
        Column("names", number=True),
        Column("geo names", number=True),
    )
    rows = (
        (
            f"{zone['origin']} (copied)" if zone["copied"] else zone["origin"],
            *(zone[what] for what in ("serial", "names", "geo")),
        )
        for zone in zones
    )
    return table(columns, rows)


def _sources(status: dict[str, Any]) -> Html:
    return table(
        (Column("file"), Column("what"), Column("age", number=True)),
        (
            (
                element("span", source["file"].rpartition("/")[2], title=source["file"]),
                source["description"],
                joined((since(source["made"], status["at"]),)),
            )
            for source in (*status["databases"], *status["latency_tables"])
        ),
    )
