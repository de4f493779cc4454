"""The admin API tells everything, changes nothing over HTTP, and is not read by others' pages."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from geodns.control import refresh_order, resetting
from geodns.control.admin import Admin, AdminError
from geodns.control.demand import DemandError
from geodns.control.ordering import OrderError, Verb, Wish
from geodns.control.outcome import SourceAge, ZoneSummary
from geodns.control.reloader import Reload
from geodns.control.snapshot import Snapshot, WorkerView
from geodns.control.timings import CheckTimings
from geodns.control.totals import Totals
from geodns.errors import GeodnsError
from geodns.health.availability import Availability, EndpointAvailability
from geodns.health.probe import Observation
from geodns.health.status import (
    AvailabilityZoneStatus,
    EndpointStatus,
    GuardStatus,
    LoadStatus,
    RegionStatus,
    Status,
    TargetStatus,
)
from geodns.health.told import HealthReport
from geodns.planning.networks import By
from geodns.problem import Problem
from geodns.socket_address import SocketAddress

_EVIL = '<script>alert("x")</script>'
_LOCAL = SocketAddress("127.0.0.1", 0)


def _status() -> Status:
    address = ("192.0.2.1", True)
    load = LoadStatus(930, 1000, 0.93, availability=0.5, factor=1.25, response_time=0.004)
    up = EndpointStatus("web@a1", "web", "up", 900.0, 1.0, "checks pass", (address,), None, load)
    down = EndpointStatus("api@a1", "api", "down", 950.0, 0.0, _EVIL, (("192.0.2.9", False),), None)
    zone = AvailabilityZoneStatus("a1", _EVIL, "in service", 900.0, _EVIL, 0.5, 2, (up, down))
    region = RegionStatus("eu", _EVIL, "in service", 900.0, _EVIL, 0.5, 2, (zone,))
    target = TargetStatus(
        "ok", "http", "192.0.2.1", "up", 900.0, True, 999.0, 0.004, "200 OK", ("web@a1",), 1e9
    )
    guard = GuardStatus(True, 900.0, _EVIL, failing=7, up=10, answering=2, references=3)
    return Status(1000.0, 3, (region,), (target,), guard)


def _snapshot() -> Snapshot:
    timings = CheckTimings()
    for duration, ok in ((0.004, True), (0.2, True), (99.0, False)):
        timings.add(Observation("http", "ok", "192.0.2.1", ok, duration))
    problem = Problem("undefined-service", _EVIL, Path("a.yaml"), 3, 4)
    return Snapshot(
        version="1.2.3",
        pid=7,
        at=1000.0,
        started=400.0,
        identity=_EVIL,
        addresses=("127.0.0.1:53",),
        tls_addresses=("127.0.0.1:853",),
        configuration="a.yaml",
        image_generation=4,
        availability_generation=3,
        last_reload=Reload("SIGHUP", 990.0, 0.5, "the configuration has 1 error", (problem,)),
        reloads={"ok": 3, "failed": 1},
        warnings=(problem,),
        restart_needed=("listen",),
        workers=(WorkerView(0, 11, 4, 3, 2), WorkerView(1, None, 0, 0, 5)),
        totals=Totals(
            Counter({("udp", "A", "NOERROR"): 90, ("tcp", "A", "NXDOMAIN"): 10}),
            Counter({("web", "eu", "a1", "nearest"): 80}),
            Counter({"malformed": 2}),
            6,
        ),
        timings={"ok": timings},
        health=_status(),
        zones=(ZoneSummary("example.test.", Path("z.yaml"), 5, 4, 1),),
        databases=(SourceAge('/odd "name".mmdb', "Country", 100.0),),
        tables=(SourceAge("/l.yaml", "latency table", 2000.0),),
        load_reports={("web", "bad"): 3},
    )


class FakeSubject:
    def __init__(self) -> None:
        self.reloads: list[str] = []
        self.pushes: list[tuple[str, float, float]] = []
        self.reports: list[HealthReport] = []
        self.result = Reload("admin API", 1000.0, 0.1, None, ())

    async def snapshot(self) -> Snapshot:
        return _snapshot()

    def availability(self) -> Availability:
        failing = frozenset((bytes((192, 0, 2, 2)),))
        known = EndpointAvailability(0.0, (True, False), _EVIL, failing, 1.5)
        return Availability(3, {"api@a1": known})

    async def demand(self, by: By) -> dict[str, Any]:
        if by == "asn":
            raise DemandError("no database")
        return {"by": by, "groups": []}

    def push_load(self, endpoint: str, load: float, seconds: float) -> LoadStatus:
        if endpoint != "web@a1":
            raise GeodnsError(f"there is no endpoint {endpoint!r}")
        self.pushes.append((endpoint, load, seconds))
        return LoadStatus(load, 1000, load / 1000, pushed=True)

    def push_health(self, endpoint: str, report: HealthReport) -> int:
        if endpoint != "web@a1":
            raise GeodnsError(f"there is no endpoint {endpoint!r}")
        self.reports.append(report)
        return 1

    def order(self, verb: Verb, wish: Wish, author: str) -> dict[str, Any]:
        if wish.id != "a1":
            raise OrderError("there is no such thing")
        return {"verb": verb, "wish": wish._asdict(), "author": author}

    async def reset(self, wish: resetting.Wish, author: str) -> dict[str, Any]:
        return {"wish": str(wish), "author": author}

    def refresh(self, wish: refresh_order.Wish, author: str) -> dict[str, Any]:
        return {"wish": str(wish), "author": author}

    async def use_own_files(self, author: str, *, dry_run: bool) -> dict[str, Any]:
        return {"author": author, "dry_run": dry_run}

    async def promote(self, author: str, *, force: bool, dry_run: bool) -> dict[str, Any]:
        return {"author": author, "force": force, "dry_run": dry_run}

    def events(self, since: float, after: int, most: int) -> list[dict[str, Any]]:
        return [{"since": since, "after": after, "most": most}]

    def reload(self, reason: str) -> asyncio.Future[Reload]:
        self.reloads.append(reason)
        done: asyncio.Future[Reload] = asyncio.get_running_loop().create_future()
        done.set_result(self.result)
        return done


_Scenario = Callable[[aiohttp.ClientSession, str, FakeSubject], Coroutine[Any, Any, None]]


def _over_http(scenario: _Scenario) -> None:
    async def run() -> None:
        subject = FakeSubject()
        admin = Admin(subject)
        address = await admin.open(None, _LOCAL)
        try:
            async with aiohttp.ClientSession() as session:
                await scenario(session, f"http://{address}", subject)
        finally:
            await admin.close()

    asyncio.run(run())


def _over_the_socket(folder: Path, scenario: _Scenario) -> None:
    async def run() -> None:
        subject = FakeSubject()
        admin = Admin(subject)
        await admin.open(folder / "admin.sock", None)
        connector = aiohttp.UnixConnector(str(folder / "admin.sock"))
        try:
            async with aiohttp.ClientSession(connector=connector) as session:
                await scenario(session, "http://localhost", subject)
        finally:
            await admin.close()

    asyncio.run(run())


def _metrics() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text: list[str] = []

    async def scenario(session: aiohttp.ClientSession, url: str, _: FakeSubject) -> None:
        async with session.get(f"{url}/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text.append(await response.text())

    _over_http(scenario)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text[0])
        for sample in family.samples
    }


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_metrics_are_what_prometheus_reads() -> None:
    found = _metrics()
    expected = {
        _key("geodns_queries_total", transport="udp", type="A", rcode="NOERROR"): 90,
        _key(
            "geodns_answers_total",
            service="web",
            region="eu",
            availability_zone="a1",
            reason="nearest",
        ): 80,
        _key("geodns_dropped_total", reason="malformed"): 2,
        _key("geodns_tcp_connections"): 6,
        _key("geodns_checks_total", check="ok", result="ok"): 2,
        _key("geodns_checks_total", check="ok", result="failed"): 1,
        _key("geodns_check_duration_seconds_bucket", check="ok", le="0.005"): 1,
        _key("geodns_check_duration_seconds_bucket", check="ok", le="10.0"): 2,
        _key("geodns_check_duration_seconds_bucket", check="ok", le="+Inf"): 3,
        _key("geodns_check_duration_seconds_count", check="ok"): 3,
        _key("geodns_endpoint_availability", endpoint="api@a1"): 0,
        _key(
            "geodns_check_certificate_not_after_timestamp_seconds", check="ok", address="192.0.2.1"
        ): 1e9,
        _key("geodns_availability_zone_in_service", region="eu", availability_zone="a1"): 1,
        _key("geodns_health_frozen"): 1,
        _key("geodns_health_failing_share"): 0.7,
        _key("geodns_health_references_answering"): 2,
        _key("geodns_database_age_seconds", file='/odd "name".mmdb'): 900,
        _key("geodns_latency_table_age_seconds", file="/l.yaml"): 0,
        _key("geodns_worker_snapshot_generation", worker="0"): 4,
        _key("geodns_worker_availability_generation", worker="0"): 3,
        _key("geodns_worker_restarts_total"): 7,
        _key("geodns_workers"): 1,
        _key("geodns_reloads_total", result="failed"): 1,
        _key("geodns_last_reload_timestamp_seconds"): 990,
        _key("geodns_last_reload_successful"): 0,
        _key("geodns_build_info", version="1.2.3"): 1,
    }
    assert expected.items() <= found.items()
    assert _key("geodns_worker_snapshot_generation", worker="1") not in found, "it has no process"


def test_the_status_page_is_one_well_formed_and_escaped_document() -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.links: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag != "script"
            self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
            if tag not in {"meta", "br"}:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    async def scenario(session: aiohttp.ClientSession, url: str, _: FakeSubject) -> None:
        async with session.get(f"{url}/") as response:
            text = await response.text()
            assert response.content_type == "text/html"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        reader = Reader()
        reader.feed(text)
        reader.close()
        assert reader.open == []
        assert reader.links == [], "nothing is fetched from elsewhere"
        for shown in (
            "&lt;script&gt;",
            "a1",
            "192.0.2.9",
            "1 of 2 endpoints in service",
            "example.test.",
            "on 127.0.0.1:53 and, with TLS, 127.0.0.1:853, up",
        ):
            assert shown in text

    _over_http(scenario)


def test_status_and_availability_are_json() -> None:
    async def scenario(session: aiohttp.ClientSession, url: str, _: FakeSubject) -> None:
        async with session.get(f"{url}/v1/status") as response:
            status = await response.json()
        assert status["traffic"]["by_rcode"] == {"NOERROR": 90, "NXDOMAIN": 10}
        assert status["health"]["regions"][0]["availability_zones"][0]["endpoints"][1]["reason"]
        assert status["configuration"]["last_reload"]["problems"][0]["line"] == 3
        assert status["databases"][0]["age"] == 900
        async with session.get(f"{url}/v1/availability") as response:
            assert await response.json() == {
                "generation": 3,
                "endpoints": {
                    "api@a1": {
                        "availability": 0.0,
                        "addresses": [True, False],
                        "failing": ["192.0.2.2"],
                        "reason": _EVIL,
                        "factor": 1.5,
                        "steady": None,
                    }
                },
            }
        async with session.get(f"{url}/healthz") as response:
            assert (response.status, await response.text()) == (200, "ok\n")

    _over_http(scenario)


def test_nothing_can_be_changed_over_http() -> None:
    async def scenario(session: aiohttp.ClientSession, url: str, subject: FakeSubject) -> None:
        for path in ("reload", "load"):
            for method in ("POST", "GET", "PUT", "DELETE"):
                push = {"endpoint": "web@a1", "load": 1}
                async with session.request(method, f"{url}/v1/{path}", json=push) as response:
                    assert response.status in {404, 405}
        assert (subject.reloads, subject.pushes) == ([], [])

    _over_http(scenario)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8053", 200),
        ("[::1]:8053", 200),
        ("localhost", 200),
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example:8053", 421),
        ("localhost.attacker.example", 421),
    ],
)
def test_another_name_for_our_loopback_address_is_refused(host: str, status: int) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str, _: FakeSubject) -> None:
        async with session.get(f"{url}/v1/status", headers={"Host": host}) as response:
            assert response.status == status

    _over_http(scenario)


def test_a_reload_over_the_socket_tells_what_became_of_it(tmp_path: Path) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str, subject: FakeSubject) -> None:
        async with session.post(f"{url}/v1/reload") as response:
            assert (response.status, (await response.json())["ok"]) == (200, True)
        problem = Problem("undefined-service", "is wrong", Path("a.yaml"), 3, 4)
        subject.result = Reload("admin API", 1.0, 0.1, "the configuration has 1 error", (problem,))
        async with session.post(f"{url}/v1/reload") as response:
            told = await response.json()
        assert (response.status, told["error"]) == (422, "the configuration has 1 error")
        assert told["problems"][0]["text"] == str(problem)
        assert subject.reloads == ["admin API", "admin API"]
        assert (tmp_path / "admin.sock").stat().st_mode & 0o777 == 0o660

    _over_the_socket(tmp_path, scenario)
    assert not (tmp_path / "admin.sock").exists()


def test_demand_is_told_over_the_socket_alone(tmp_path: Path) -> None:
    async def over_the_socket(session: aiohttp.ClientSession, url: str, _: FakeSubject) -> None:
        async with session.get(f"{url}/v1/demand") as response:
            assert await response.json() == {"by": "subdivision", "groups": []}
        async with session.get(f"{url}/v1/demand?by=country") as response:
            assert (await response.json())["by"] == "country"
        async with session.get(f"{url}/v1/demand?by=city") as response:
            assert (response.status, "by is one of" in await response.text()) == (400, True)
        async with session.get(f"{url}/v1/demand?by=asn") as response:
            assert (response.status, await response.text()) == (503, "no database\n")

    async def over_http(session: aiohttp.ClientSession, url: str, _: FakeSubject) -> None:
        async with session.get(f"{url}/v1/demand") as response:
            assert response.status == 404

    _over_the_socket(tmp_path, over_the_socket)
    _over_http(over_http)


def test_a_load_is_pushed_over_the_socket(tmp_path: Path) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str, subject: FakeSubject) -> None:
        push = {"endpoint": "web@a1", "load": 930, "for": "2m"}
        async with session.post(f"{url}/v1/load", json=push) as response:
            told = await response.json()
        assert (response.status, told["endpoint"], told["utilisation"]) == (200, "web@a1", 0.93)
        async with session.post(f"{url}/v1/load", json={"endpoint": "web@a1", "load": 5}):
            pass
        assert subject.pushes == [("web@a1", 930, 120), ("web@a1", 5, 60)]

    _over_the_socket(tmp_path, scenario)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("busy", 400, "the body is not JSON"),
        ("[]", 400, 'write {"endpoint": "service@az", "load": NUMBER, "for": "60s"}'),
        ('{"endpoint": "web@a1"}', 400, 'write {"endpoint": "service@az", "load": NUMBER'),
        ('{"endpoint": "web@a1", "load": 1, "till": 5}', 400, 'write {"endpoint": "service@az"'),
        ('{"endpoint": "web@a1", "load": -1}', 400, "-1 is not a load"),
        ('{"endpoint": "web@a1", "load": true}', 400, "true is not a load"),
        ('{"endpoint": "web@a1", "load": 1, "for": "soon"}', 400, "'soon' is not a duration"),
        ('{"endpoint": "web@a1", "load": 1, "for": "2d"}', 400, "a load can't hold for '2d'"),
        ('{"endpoint": "web@a1", "load": 1, "for": 0}', 400, "a load can't hold for 0"),
        ('{"endpoint": "web@b", "load": 1}', 422, "there is no endpoint 'web@b'"),
        ('{"endpoint": "' + "w" * 5000 + '"}', 413, ""),
    ],
)
def test_what_is_no_load_is_refused_with_a_reason(
    tmp_path: Path, body: str, status: int, error: str
) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str, subject: FakeSubject) -> None:
        async with session.post(f"{url}/v1/load", data=body) as response:
            assert response.status == status
            if error:
                assert (await response.json())["error"].startswith(error)
        assert subject.pushes == []

    _over_the_socket(tmp_path, scenario)


def test_health_is_pushed_over_the_socket_alone(tmp_path: Path) -> None:
    push = {"endpoint": "web@a1", "up": False, "reason": "disk full", "load": 930}

    async def scenario(session: aiohttp.ClientSession, url: str, subject: FakeSubject) -> None:
        async with session.post(f"{url}/v1/health", json=push) as response:
            told = await response.json()
        assert (response.status, told["detail"]) == (200, "reported down: disk full")
        assert (told["endpoint"], told["up"], told["targets"]) == ("web@a1", False, 1)
        async with session.post(f"{url}/v1/health", json={"endpoint": "web@a1", "up": True}):
            pass
        assert subject.reports == [HealthReport(False, "disk full", load=930), HealthReport(True)]

    async def over_http(session: aiohttp.ClientSession, url: str, subject: FakeSubject) -> None:
        async with session.post(f"{url}/v1/health", json=push) as response:
            assert response.status == 404
        assert subject.reports == []

    _over_the_socket(tmp_path, scenario)
    _over_http(over_http)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("up", 400, "the body is not JSON"),
        ('{"endpoint": "web@a1"}', 400, 'write {"endpoint": "service@az", "up": true or false}'),
        ('{"endpoint": "web@a1", "up": true, "for": 5}', 400, 'write {"endpoint": "service@az"'),
        ('{"endpoint": "web@a1", "up": "no"}', 400, "up is true or false, not 'no'"),
        ('{"endpoint": "web@a1", "up": 1}', 400, "up is true or false, not 1"),
        ('{"endpoint": "web@a1", "up": true, "reason": 5}', 400, "the reason is a text, not 5"),
        (
            '{"endpoint": "web@a1", "up": true, "reason": "' + "w" * 121 + '"}',
            400,
            "the reason has 121 characters; 120 is the most",
        ),
        ('{"endpoint": "web@a1", "up": true, "load": null}', 400, "None is not a load"),
        ('{"endpoint": "web@a1", "up": true, "load": -1}', 400, "-1 is not a load"),
        ('{"endpoint": "web@b", "up": true}', 422, "there is no endpoint 'web@b'"),
    ],
)
def test_what_is_no_health_is_refused_with_a_reason(
    tmp_path: Path, body: str, status: int, error: str
) -> None:
    async def scenario(session: aiohttp.ClientSession, url: str, subject: FakeSubject) -> None:
        async with session.post(f"{url}/v1/health", data=body) as response:
            assert response.status == status
            assert (await response.json())["error"].startswith(error)
        assert subject.reports == []

    _over_the_socket(tmp_path, scenario)


def test_metrics_tell_load_and_speed() -> None:
    metrics = _metrics()
    web = frozenset({("endpoint", "web@a1")})
    assert metrics["geodns_endpoint_load", web] == 930
    assert metrics["geodns_endpoint_capacity", web] == 1000
    assert metrics["geodns_endpoint_load_availability", web] == 0.5
    assert metrics["geodns_endpoint_share_factor", web] == 1.25
    assert metrics["geodns_endpoint_response_time_seconds", web] == 0.004
    api = frozenset({("endpoint", "api@a1")})
    assert ("geodns_endpoint_load", api) not in metrics
    counted = frozenset({("service", "web"), ("result", "bad")})
    assert metrics["geodns_load_reports_total", counted] == 3


def test_a_socket_left_by_a_server_that_died_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "admin.sock"))

    async def scenario(session: aiohttp.ClientSession, url: str, _: FakeSubject) -> None:
        async with session.get(f"{url}/healthz") as response:
            assert response.status == 200

    _over_the_socket(tmp_path, scenario)


def test_a_file_in_the_place_of_the_socket_is_not_removed(tmp_path: Path) -> None:
    file = tmp_path / "admin.sock"
    file.write_text("precious")

    async def run() -> None:
        admin = Admin(FakeSubject())
        with pytest.raises(AdminError, match=r"admin\.sock can't be made: Address already in use"):
            await admin.open(file, None)
        await admin.close()

    asyncio.run(run())
    assert file.read_text() == "precious"
