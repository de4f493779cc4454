"""The whole configuration: what is loaded, which files it depends on, and what is refused."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

import certificates
import dns.name
import pytest
from configfolder import SERVER, SERVICES, TOPOLOGY, found, problems, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geodns.config.load import load
from geodns.config.settings import (
    AvailabilityZone,
    Endpoint,
    LatencyRow,
    Region,
    Server,
    Service,
    Services,
    TcpCheck,
    Topology,
)
from geodns.problem import ConfigurationError
from geodns.socket_address import SocketAddress


def test_a_sound_configuration_is_what_its_files_say(tmp_path: Path) -> None:
    configuration, warnings = load(write(tmp_path))
    assert warnings == ()
    assert configuration.server == Server(
        listen=(SocketAddress("127.0.0.1", 5300),),
        topology=tmp_path / "topology.yaml",
        services=tmp_path / "services.yaml",
        latency=(tmp_path / "latency.yaml",),
        zones=tmp_path / "zones",
        state=tmp_path.parent / "var",
    )
    frankfurt = (ip_address("127.10.1.1"), ip_address("2001:db8:10:1::1"))
    virginia = Endpoint(addresses=(ip_address("127.20.1.1"),), weight=50, capacity=2000)
    assert configuration.topology == Topology(
        regions={
            "eu-central-1": Region(
                title="Frankfurt",
                location=(50.11, 8.68),
                country="DE",
                availability_zones={
                    "eu-central-1a": AvailabilityZone(
                        endpoints={"web": Endpoint(addresses=frankfurt)}
                    ),
                    "eu-central-1b": AvailabilityZone(),
                },
            ),
            "us-east-1": Region(
                location=(38.9, -77.4),
                availability_zones={"us-east-1a": AvailabilityZone(endpoints={"web": virginia})},
            ),
        }
    )
    assert configuration.services == Services(
        checks={"tcp-ok": TcpCheck(type="tcp", port=8080)},
        services={"web": Service(check="tcp-ok")},
    )
    assert configuration.latency == (LatencyRow("EU", {"eu-central-1": 14, "us-east-1": 92}),)
    (zone,) = configuration.zones
    assert zone.origin == dns.name.from_text("example.test.")


def test_files_are_all_that_a_change_of_means_a_reload(tmp_path: Path) -> None:
    (tmp_path / "city.mmdb").touch()
    (tmp_path / "ca.pem").write_bytes(certificates.make().certificate)
    services = SERVICES.replace(
        "services:\n", "  tls: {type: https, host: a, ca: ca.pem}\nservices:\n"
    )
    server = write(tmp_path, server=SERVER + "geoip: {databases: [city.mmdb]}\n", services=services)
    configuration, warnings = load(server)
    assert [warning.id for warning in warnings] == ["unused-check"]
    assert configuration.files == tuple(
        tmp_path / name
        for name in (
            "geodns.yaml",
            "topology.yaml",
            "services.yaml",
            "latency.yaml",
            "zones",
            "zones/example.test.yaml",
            "city.mmdb",
            "ca.pem",
        )
    )


def test_a_refused_configuration_names_the_files_that_may_hold_the_repair(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, topology=None))
    assert tmp_path / "topology.yaml" in caught.value.files


def test_paths_are_relative_to_their_file_and_links_stay_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "real")
    (tmp_path / "mounted").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    configuration, _ = load(Path("mounted/geodns.yaml"))
    assert configuration.server.zones == tmp_path / "mounted/zones"


def test_an_ordinary_server_needs_neither_topology_nor_services(tmp_path: Path) -> None:
    server = write(
        tmp_path,
        server="zones: zones\n",
        zone='"": {type: NS, value: ns1.example.net.}\n',
        topology=None,
        services=None,
        latency=None,
    )
    configuration, warnings = load(server)
    assert warnings == ()
    assert (configuration.topology, configuration.services) == (Topology(), Services())


def test_an_empty_server_file_is_a_server_without_zones(tmp_path: Path) -> None:
    configuration, warnings = load(write(tmp_path, server=""))
    assert (configuration.zones, warnings) == ((), ())


def test_nothing_behind_a_key_means_its_default(tmp_path: Path) -> None:
    server = write(
        tmp_path, server="listen:\ngeoip:\nlatency:\nzones:\nworkers:\n", services="services:\n"
    )
    configuration, _ = load(server)
    assert configuration.server.listen == Server().listen
    assert configuration.server.latency == ()


def test_of_several_tables_the_first_wins_for_a_client(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(
        "latency: {EU: {us-east-1: 1}, NA: {us-east-1: 2}}\n", encoding="utf-8"
    )
    server = write(tmp_path, server=SERVER.replace("[latency.yaml]", "[latency.yaml, more.yaml]"))
    configuration, _ = load(server)
    assert configuration.latency == (
        LatencyRow("EU", {"eu-central-1": 14, "us-east-1": 92}),
        LatencyRow("NA", {"us-east-1": 2}),
    )


def test_problems_of_all_files_come_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    server = write(
        tmp_path,
        server=SERVER + "lisen: 1\n",
        topology=TOPOLOGY.replace("web: [", "wbe: [").replace("DE", "Germany"),
        services=SERVICES.replace("check: tcp-ok", "check: tcp-okay, ttl: soon"),
        latency="latency:\n  EU: {eu-centra-1: 14}\n",
        zone='"": {type: NS, value: ns1.example.net.}\nwww: {type: GEO, service: wep}\n',
    )
    assert found(server) == [
        ("geodns.yaml", "unknown-key", 6, 1),
        ("topology.yaml", "bad-value", 5, 14),
        ("topology.yaml", "undefined-service", 9, 11),
        ("services.yaml", "undefined-check", 4, 16),
        ("services.yaml", "bad-value", 4, 31),
        ("latency.yaml", "undefined-region", 2, 8),
        ("example.test.yaml", "undefined-service", 2, 27),
    ]
    assert {item.hint for item in problems(server)} >= {
        "did you mean listen?",
        "did you mean web?",
        "did you mean tcp-ok?",
    }


def test_a_file_that_cannot_be_read_causes_no_second_findings(tmp_path: Path) -> None:
    assert found(write(tmp_path, services="a: b: c\n")) == [("services.yaml", "yaml-syntax", 1, 5)]
    assert found(write(tmp_path, topology="- 1\n")) == [("topology.yaml", "wrong-type", 1, 1)]
    server = SERVER.replace("services: services.yaml", "services: [services.yaml]")
    assert found(write(tmp_path, server=server)) == [("geodns.yaml", "wrong-type", 3, 11)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("topology.yaml", "topologie.yaml", ("missing-file", 2, 11)),
        ("services: services.yaml", "services: zones", ("not-a-file", 3, 11)),
        ("[latency.yaml]", "[latency.yaml, more.csv]", ("missing-file", 4, 25)),
        ("zones: zones", "zones: zone", ("missing-folder", 5, 8)),
        ("zones: zones", "zones: latency.yaml", ("not-a-folder", 5, 8)),
        ("zones: zones", "zones: zones\ngeoip: {databases: [x.mmdb]}", ("missing-file", 6, 21)),
    ],
)
def test_a_file_that_is_not_there_is_said_where_it_is_named(
    tmp_path: Path, old: str, new: str, expected: tuple[str, int, int]
) -> None:
    server = write(tmp_path, server=SERVER.replace(old, new))
    assert found(server)[0] == ("geodns.yaml", *expected)


def test_a_server_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    assert found(tmp_path / "absent.yaml") == [("absent.yaml", "unreadable-file", 0, 0)]


def test_a_path_that_no_file_can_have_is_a_finding(tmp_path: Path) -> None:
    server = SERVER.replace("topology.yaml", '"a\\0b"').replace(": zones", ': "a\\0b"')
    assert {id for _, id, _, _ in found(write(tmp_path, server=server))} == {
        "missing-file",
        "missing-folder",
    }


_FIXTURE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_FILES = {"server": SERVER, "topology": TOPOLOGY, "services": SERVICES}
_WORDS = """null [] {} : - &a *a -1 1e400 .nan ' [ true !!int @ web ? | 0.0.0.0:99999 a..b. 101%
255.255.255.256:1 200-1 1e9s 9999999999999999999w"""
_PIECES = st.sampled_from(_WORDS.split()) | st.sampled_from(
    ["", "- ", "\n", "\t", "\0", "\u2028", "<<: *a", "9" * 400, "x" * 300]
)


@st.composite
def _mutated(draw: st.DrawFn) -> dict[str, str]:
    texts = dict(_FILES)
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(texts)))
        text = texts[name]
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        texts[name] = text[:start] + draw(_PIECES | st.text(max_size=5)) + text[end:]
    return texts


@given(texts=_mutated())
@_FIXTURE
def test_a_mutated_configuration_is_loaded_or_refused(
    tmp_path: Path, texts: dict[str, str]
) -> None:
    for name, text in texts.items():
        texts[name] = text.encode("utf-8", "replace").decode()
    findings = problems(write(tmp_path, **texts))
    assert all(os.fspath(item.file) and item.message for item in findings)
