"""Terminal and status page show what is wrong with its reason, and what is well in little room."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from rich.console import Console

from geodns.control import page, tree, view
from geodns.control.outcome import ZoneSummary
from geodns.control.reloader import Reload
from geodns.control.snapshot import Snapshot, WorkerView
from geodns.control.summary import foremost
from geodns.control.totals import Totals
from geodns.health.status import (
    AvailabilityZoneStatus,
    EndpointStatus,
    GroupVerdict,
    GuardStatus,
    LoadStatus,
    RegionStatus,
    Status,
    TargetStatus,
)
from geodns.problem import Problem

_NOW = 10_000.0
_EVIL = '<script>alert("x")</script>[red]'


def _endpoint(
    az: str,
    service: str = "web",
    state: Literal["unchecked", "unknown", "up", "down"] = "up",
    availability: float = 1.0,
    reason: str = "up",
) -> EndpointStatus:
    address = (f"192.0.2.{ord(az[-1])}", state != "down")
    id = f"{service}@{az}"
    since = _NOW - (200 if state == "down" else 5000)
    return EndpointStatus(id, service, state, since, availability, reason, (address,), None)


def _az(name: str, *endpoints: EndpointStatus, why: str = "") -> AvailabilityZoneStatus:
    """Withdrawn where there is a ``why``."""
    state: GroupVerdict = "withdrawn" if why else "in service"
    share = sum(endpoint.state != "down" for endpoint in endpoints) / len(endpoints)
    return AvailabilityZoneStatus(
        name, None, state, _NOW - 190, why or "fine", share, len(endpoints), endpoints
    )


def _region(name: str, *zones: AvailabilityZoneStatus, why: str = "") -> RegionStatus:
    state: GroupVerdict = "withdrawn" if why else "in service"
    share = 0.0 if why else 1.0
    return RegionStatus(name, name.title(), state, _NOW - 190, why or "fine", share, 9, zones)


def _target(
    endpoint: EndpointStatus, *, ok: bool, detail: str, state: Literal["up", "down"] = "up"
) -> TargetStatus:
    address = endpoint.addresses[0][0]
    return TargetStatus(
        "ok", "http", address, state, _NOW - 200, ok, _NOW, 0.004, detail, (endpoint.id,)
    )


def _snapshot(*regions: RegionStatus, targets: tuple[TargetStatus, ...] = ()) -> Snapshot:
    return Snapshot(
        version="1.2.3",
        pid=7,
        at=_NOW,
        started=_NOW - 7300,
        identity="ns1.test",
        addresses=("127.0.0.1:53",),
        configuration="a.yaml",
        image_generation=4,
        availability_generation=3,
        last_reload=None,
        reloads={},
        warnings=(),
        restart_needed=(),
        workers=(WorkerView(0, 11, 4, 3, 0), WorkerView(1, 12, 4, 3, 0)),
        totals=Totals(
            Counter({("udp", "A", "NOERROR"): 4321}),
            Counter({("web", "eu", "eu-a", "nearest"): 80, ("web", "eu", "eu-b", "failover"): 3}),
        ),
        timings={},
        health=Status(_NOW, 3, regions, targets),
        zones=(ZoneSummary("example.test.", Path("z.yaml"), 5, 4, 1),),
        databases=(),
        tables=(),
    )


def _terminal(snapshot: Snapshot, width: int = 120, **options: Any) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(tree.render(view.status(snapshot), **options))
    return [line.rstrip() for line in capture.get().splitlines()]


def _only(lines: list[str], *parts: str) -> str:
    """The one line that has all these parts."""
    found = [line for line in lines if all(part in line for part in parts)]
    assert len(found) == 1, (parts, lines)
    return found[0]


_WELL = _region("asia", _az("asia-a", _endpoint("asia-a")), _az("asia-b", _endpoint("asia-b")))
_GONE = (
    _endpoint("eu-a", "web", "down", 0.0, "AZ eu-a is withdrawn"),
    _endpoint("eu-a", "api", "down", 0.0, "AZ eu-a is withdrawn"),
    _endpoint("eu-a", "cdn", "unchecked", 0.0, "AZ eu-a is withdrawn"),
)
_TROUBLE = _region(
    "eu",
    _az("eu-a", *_GONE, why="0 of 2 healthy, below 50%"),
    _az("eu-b", _endpoint("eu-b"), _endpoint("eu-b", "api"), _endpoint("eu-b", "cdn")),
)
_REFUSED = tuple(
    _target(endpoint, ok=False, detail="connection refused", state="down") for endpoint in _GONE[:2]
)


def test_a_healthy_region_takes_one_line() -> None:
    lines = _terminal(_snapshot(_WELL))
    assert "ns1.test: all well" in lines[0]
    assert _only(lines, "asia").split() == ["✓", "asia", "Asia", "2", "2", "none"]


def test_everything_can_be_asked_for() -> None:
    lines = _terminal(_snapshot(_WELL), everything=True)
    _only(lines, "✓ asia-b", "1 endpoint")
    _only(lines, "✓ web  192.0.2.98  up for 1 h")


def test_a_failing_az_is_shown_with_its_reason_and_since_when() -> None:
    lines = _terminal(_snapshot(_WELL, _TROUBLE, targets=_REFUSED))
    assert "ns1.test: AZ eu-a withdrawn" in lines[0]
    _only(lines, "✗ eu-a  withdrawn for 3 min: 0 of 2 healthy, below 50%")
    _only(lines, "✗ web, api  192.0.2.97  down for 3 min: connection refused")
    _only(lines, "cdn", "unchecked, passed over with the AZ")
    _only(lines, "✓ eu-b  3 endpoints")
    assert lines.index(_only(lines, "Eu", "in service")) < lines.index(_only(lines, "Asia"))


def test_a_withdrawn_region_and_a_service_without_endpoints_come_first() -> None:
    down = _endpoint("eu-a", "login", "down", 0.0, "region eu is withdrawn")
    region = _region("eu", _az("eu-a", down, why="0 of 1"), why="0 of 1 healthy")
    lines = _terminal(_snapshot(_WELL, region))
    assert "no endpoint of login is in service" in lines[0]
    assert "region eu withdrawn" in lines[0]
    assert "AZ eu-a" not in lines[0], "it went with its region"


def test_an_az_on_its_way_back_says_what_it_waits_for() -> None:
    back = _endpoint("eu-a", "web", "up", 0.0, "AZ eu-a is withdrawn")
    az = _az("eu-a", back, why="1 of 1 healthy, held until it has been so for 60 s")
    lines = _terminal(_snapshot(_region("eu", az, _az("eu-b", _endpoint("eu-b")))))
    assert "AZ eu-a healthy again, not yet back" in lines[0]
    _only(lines, "◐ eu-a", "held until it has been so for 60 s")
    _only(lines, "web", "up for 1 h, passed over with the AZ")


def test_frozen_verdicts_come_first_and_what_is_kept_says_so() -> None:
    endpoint = _endpoint("asia-a", reason="kept: 7 of 10 targets failed within 30 s")
    target = _target(endpoint, ok=False, detail="timed out", state="down")
    snapshot = _snapshot(
        _region("asia", _az("asia-a", endpoint)), targets=(replace(target, kept=True),)
    )
    guard = GuardStatus(True, _NOW - 60, "7 of 10 targets failed within 30 s", failing=7, up=10)
    snapshot = replace(snapshot, health=replace(snapshot.health, guard=guard))
    lines = _terminal(snapshot)
    assert "ns1.test: verdicts are frozen: 7 of 10 targets failed within 30 s" in lines[0]
    _only(lines, "◐ web", "kept in service, though down by its checks", "timed out")
    assert "verdicts are frozen: 7 of 10 targets failed" in page.render(snapshot)
    told = view.status(snapshot)["health"]["guard"]
    assert (told["frozen"], told["since"], told["failing"]) == (True, _NOW - 60, 7)


def test_an_endpoint_that_may_not_be_withdrawn_yet_says_so() -> None:
    why = "kept: more than 30% of web would go in 600 s"
    endpoint = replace(_endpoint("asia-a", "web", "down", 1.0, why), kept=True)
    snapshot = _snapshot(_region("asia", _az("asia-a", endpoint)))
    health = replace(snapshot.health, guard=GuardStatus(waiting=1))
    lines = _terminal(replace(snapshot, health=health))
    assert "1 endpoint kept in service: no more may be withdrawn at once" in lines[0]
    _only(lines, "◐ web", "kept in service", why)


def test_silent_reference_targets_are_told() -> None:
    snapshot = _snapshot(_WELL)
    health = replace(snapshot.health, guard=GuardStatus(answering=1, references=3))
    lines = _terminal(replace(snapshot, health=health))
    assert "2 of 3 reference targets silent" in lines[0]


def test_a_check_that_begins_to_fail_is_shown_before_it_decides() -> None:
    endpoint = _endpoint("asia-a")
    targets = (_target(endpoint, ok=False, detail="timed out"),)
    lines = _terminal(_snapshot(_region("asia", _az("asia-a", endpoint)), targets=targets))
    _only(lines, "◐ web", "up", "last check: timed out")


def test_an_endpoint_without_one_of_its_addresses_is_partly_well() -> None:
    endpoint = replace(_endpoint("asia-a"), addresses=(("192.0.2.1", False), ("192.0.2.2", True)))
    targets = (_target(endpoint, ok=False, detail="timed out", state="down"),)
    lines = _terminal(_snapshot(_region("asia", _az("asia-a", endpoint)), targets=targets))
    _only(lines, "192.0.2.1  in service without this address for 3 min, timed out")
    assert "1 endpoint only partly well" in lines[0]


def test_a_part_of_a_check_is_not_taken_for_the_whole() -> None:
    endpoint = _endpoint("asia-a")
    whole = replace(_target(endpoint, ok=True, detail="1 of 2 checks up, 1 needed"), duration=0.0)
    part = _target(endpoint, ok=False, detail="timed out", state="down")
    targets = (whole, replace(part, part_for=(endpoint.id,)))
    snapshot = _snapshot(_region("asia", _az("asia-a", endpoint)), targets=targets)
    assert "all well" in _terminal(snapshot)[0]
    _only(_terminal(snapshot, everything=True), "✓ web  192.0.2.97  up for 1 h, checked in 4.0 ms")


def test_what_was_told_took_no_time() -> None:
    endpoint = _endpoint("asia-a")
    told = replace(_target(endpoint, ok=True, detail="reported up"), duration=0.0)
    snapshot = _snapshot(_region("asia", _az("asia-a", endpoint)), targets=(told,))
    assert "checked in" not in _only(_terminal(snapshot, everything=True), "✓ web")


def test_what_an_endpoint_lacks_is_told_before_what_one_of_its_addresses_says() -> None:
    lacks = "needs db@asia-a, which is down: 1 of 1 addresses down: 192.0.2.9: connection refused"
    addresses = (("192.0.2.1", False), ("192.0.2.2", True))
    endpoint = replace(_endpoint("asia-a", "web", "down", 0.0, lacks), addresses=addresses)
    targets = (_target(endpoint, ok=False, detail="timed out", state="down"),)
    snapshot = _snapshot(_region("asia", _az("asia-a", endpoint)), targets=targets)
    _only(_terminal(snapshot, width=160), "192.0.2.1, 192.0.2.2  down for 3 min", lacks)


def test_workers_that_are_not_up_to_date_are_named() -> None:
    workers = (WorkerView(0, 11, 4, 3, 0), WorkerView(1, None, 0, 0, 2), WorkerView(2, 13, 3, 3, 0))
    lines = _terminal(replace(_snapshot(_WELL), workers=workers))
    assert "1 of 3 workers not running; 1 worker behind the newest state" in lines[0]
    _only(lines, "3 workers, 1 up to date (image 4, availability 3), 2 restarts since the start")
    _only(lines, "worker 1: no process")
    _only(lines, "worker 2: image 3, availability 3")


def test_a_server_without_regions_is_an_ordinary_one() -> None:
    lines = _terminal(_snapshot())
    assert "all well" in lines[0]
    assert lines[1].strip() == "1 DNS zone"
    assert "Regions" not in page.render(_snapshot())


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0, "0 per second"), (0.25, "0.2 per second"), (1234.5, "1,234 per")]
)
def test_the_rate_is_told_where_it_is_known(rate: float, text: str) -> None:
    assert text in " ".join(_terminal(_snapshot(), rate=rate))
    assert "per second" not in " ".join(_terminal(_snapshot()))


def _problem(id: str, line: int) -> dict[str, Any]:
    return view.problem(Problem(id, f"{id} at {line}", Path("a.yaml"), line, 1))


def test_the_mistake_is_not_hidden_by_what_follows_from_it() -> None:
    problems = [*(_problem("undefined-service", line) for line in range(1, 50)), _problem("bad", 9)]
    shown = foremost(problems)
    assert any("bad at 9" in line for line in shown)
    assert shown[-1] == "and 44 more: geodns check shows them all"
    assert foremost(problems[:2]) == [problem["text"] for problem in problems[:2]]


def test_a_refused_reload_is_told_with_its_problems() -> None:
    problem = Problem("undefined-service", "there is no 'wbe'", Path("a.yaml"), 3, 4)
    refused = Reload("SIGHUP", _NOW - 90, 0.5, "the configuration has 1 error", (problem,))
    snapshot = replace(_snapshot(_WELL), last_reload=refused)
    lines = _terminal(snapshot)
    assert "the last reload was refused" in lines[0]
    _only(lines, "last reload refused 1 min ago")
    _only(lines, str(problem))
    assert "there is no &#x27;wbe&#x27;" in page.render(snapshot)


def test_the_page_tells_the_same_as_the_terminal() -> None:
    text = page.render(_snapshot(_WELL, _TROUBLE, targets=_REFUSED))
    assert "<title>✗ ns1.test: AZ eu-a withdrawn</title>" in text
    assert text.index(">eu<") < text.index(">asia<"), "trouble first"
    assert "connection refused" in text
    assert 'title="1970-01-01T02:43:20Z">3 min</time>' in text
    for head in ("nearest", "failover"):
        assert f'<th class="number">{head}</th>' in text


def test_all_text_is_shown_as_it_is_and_never_as_markup() -> None:
    evil = replace(_endpoint("eu-a", _EVIL, "down", 0.0, _EVIL), cname=_EVIL, addresses=())
    region = replace(_region("eu", _az(_EVIL, evil, why=_EVIL), why=_EVIL), name=_EVIL, title=_EVIL)
    targets = (_target(_endpoint("eu-a", _EVIL), ok=False, detail=_EVIL, state="down"),)
    zones = (ZoneSummary(_EVIL, Path(_EVIL), 5, 4, 1),)
    totals = Totals(answers=Counter({(_EVIL, _EVIL, _EVIL, _EVIL): 1}))
    snapshot = replace(
        _snapshot(region, targets=targets), identity=_EVIL, zones=zones, totals=totals
    )
    text = page.render(snapshot)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 10
    assert "[red]" in " ".join(_terminal(snapshot, 400)), "not a colour of the terminal"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = _terminal(_snapshot(_WELL, _TROUBLE, targets=_REFUSED), width)
    assert max(map(len, lines)) <= width


def _loaded(az: str, load: LoadStatus, availability: float = 1.0, reason: str = "up") -> Any:
    return replace(_endpoint(az, availability=availability, reason=reason), load=load)


_SHEDS = "sheds 37%: load 930 of 1000 (93%), between 70% and 100%"
_LOADS = _region(
    "eu",
    _az("eu-a", _loaded("eu-a", LoadStatus(930, 1000, 0.93, availability=0.63), 0.63, _SHEDS)),
    _az("eu-b", _loaded("eu-b", LoadStatus(120, 1000, 0.12, response_time=0.0042, factor=1.25))),
    _az("eu-c", _loaded("eu-c", LoadStatus(capacity=1000, fault=f"no number but {_EVIL}"))),
)


def test_load_is_shown_with_what_follows_from_it() -> None:
    lines = _terminal(_snapshot(_LOADS), width=160)
    assert _only(lines, "63% in service", _SHEDS)
    assert _only(lines, "web@eu-a", "930", "1,000", "93%", "63%", "1.00")
    assert _only(lines, "web@eu-b", "120", "12%", "4.2 ms", "100%", "1.25")
    assert _only(lines, "no load of web@eu-c: no number but")
    [head] = [line for line in lines if line.split()[:2] == ["endpoint", "load"]]
    at = lines.index(head)
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == [
        "web@eu-a",
        "web@eu-b",
        "web@eu-c",
    ]
    text = page.render(_snapshot(_LOADS))
    assert "Load and speed of endpoints" in text
    assert _SHEDS in text
    assert "<script>alert" not in text


def test_without_any_load_there_is_no_table_of_it() -> None:
    assert not any("factor" in line for line in _terminal(_snapshot(_WELL)))
    assert "Load and speed" not in page.render(_snapshot(_WELL))


def _expiring(check: str, address: str, days: float, *, soon: bool = False) -> TargetStatus:
    target = replace(_target(_endpoint("eu-a"), ok=True, detail="HTTP 200"), check=check)
    expires = _NOW + days * 86400
    return replace(target, address=address, certificate_expires=expires, certificate_soon=soon)


_CERTIFICATES = (
    _expiring("web-ok", "192.0.2.97", 80),
    *(_expiring("api-ok", f"192.0.2.{last}", 3.5, soon=True) for last in range(1, 6)),
)


def test_certificates_that_expire_soon_are_shown_and_all_where_all_is_asked_for() -> None:
    snapshot = _snapshot(_WELL, targets=_CERTIFICATES)
    lines = _terminal(snapshot, width=160)
    assert "a certificate seen by api-ok, expires in 3 days" in lines[0]
    expected = "api-ok  192.0.2.1, 192.0.2.2, 192.0.2.3 and 2 more  1970-01-04 14:46 UTC  3 days"
    assert "  ".join(_only(lines, "and 2 more").split("  ")).split() == expected.split()
    assert not any("web-ok" in line for line in lines)
    lines = _terminal(snapshot, width=160, everything=True)
    _only(lines, "web-ok", "192.0.2.97", "1970-03-22 02:46 UTC", "80 days")
    text = page.render(snapshot)
    assert text.index("3 days") < text.index("80 days"), "the first to expire first"
    assert "Certificates, the first to expire first" in text


def test_a_certificate_that_has_expired_says_so() -> None:
    targets = tuple(_expiring("api-ok", "192.0.2.1", days, soon=True) for days in (-1, 5))
    lines = _terminal(_snapshot(_WELL, targets=targets), width=160)
    assert "2 certificates, the first seen by api-ok, has expired" in lines[0]


def test_without_certificates_there_is_no_table_of_them() -> None:
    assert not any("expires" in line for line in _terminal(_snapshot(_WELL), everything=True))
    assert "Certificates" not in page.render(_snapshot(_WELL))


def test_of_many_loads_the_terminal_shows_those_that_matter() -> None:
    zones = [_az(f"az-{n}", _loaded(f"az-{n}", LoadStatus(n, 100, n / 100))) for n in range(1, 25)]
    zones.append(_az("az-x", _loaded("az-x", LoadStatus(1, 100, 0.01, availability=0.5), 0.5)))
    lines = _terminal(_snapshot(_region("eu", *zones)))
    assert _only(lines, "web@az-24 ", "24%")
    assert _only(lines, "web@az-x ", "50%")
    assert not any("web@az-3 " in line for line in lines)
    assert _only(lines, "and 15 more that tell their load: geodns status --all")
    assert any(
        "web@az-3 " in line for line in _terminal(_snapshot(_region("eu", *zones)), everything=True)
    )


def _copied(zone: str, standing: str, **more: Any) -> dict[str, Any]:
    held = standing != "never had"
    return {
        "zone": zone,
        "is_catalog": False,
        "catalog": None,
        "primaries": ["192.0.2.53:53", "192.0.2.54:53"],
        "primary": None,
        "standing": standing,
        "now": "waiting",
        "serial": 7 if held else None,
        "checked": _NOW - 120 if held else None,
        "expires": _NOW + (0 if standing == "expired" else 7200) if held else None,
        "next_check": _NOW + 60,
        "copied": 1,
        "failed": 0,
        "error": None,
        **more,
    }


def test_copied_zones_are_shown_those_with_trouble_first() -> None:
    copies = (
        _copied("well.test.", "current", primary="192.0.2.54:53", catalog="catalog.test."),
        _copied("late.test.", "retrying", error="192.0.2.53:53: no answer"),
        _copied("old.test.", "expired", error="192.0.2.53:53: no answer"),
        _copied("new.test.", "never had"),
    )
    snapshot = replace(_snapshot(), secondaries=copies)
    lines = _terminal(snapshot, width=200)
    assert "old.test.: expired, answered SERVFAIL" in lines[0]
    assert "new.test.: not copied yet, answered SERVFAIL" in lines[0]
    assert "late.test.: not confirmed by a primary" in lines[0]
    rows = [line.split()[0] for line in lines if ".test. " in line and "192.0.2." in line]
    assert rows == ["old.test.", "new.test.", "late.test.", "well.test."]
    well = _only(lines, "well.test.", "192.0.2.54:53")
    assert "192.0.2.54:53 (by catalog.test.)" in well
    assert "current, checked 2 min ago" in well
    assert well.split()[-6:] == ["7", "in", "1", "min", "2", "h"]
    _only(lines, "late.test.", "retrying, checked 2 min ago: 192.0.2.53:53: no answer")
    made = page.render(snapshot)
    assert "Zones copied from primaries" in made
    assert "old.test.: expired, answered SERVFAIL" in made


def test_of_many_copied_zones_a_few_are_shown() -> None:
    copies = tuple(_copied(f"n{n}.test.", "current") for n in range(30))
    lines = _terminal(replace(_snapshot(), secondaries=copies), width=160)
    assert sum("192.0.2.53:53" in line for line in lines) == 20
    assert "and 10 more that are copied: geodns status --all" in lines
