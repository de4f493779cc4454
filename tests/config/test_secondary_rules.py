"""What is wrong with zones that are copied from primaries, and with overlays, and where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from keys import SECRET
from running import FILES, SERVER

from geodns.config.load import load
from geodns.problem import ConfigurationError

KEY = f'keys: {{k.test.: {{secret: "{SECRET}"}}}}\n'
OVERLAY = "www: {type: GEO, service: web}\n"
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "secondary.md").read_text()
PIN = "lzLzGdZmNqSs8eN5bFVm+0hPGmN6mKQ5qPzBdPGnLpo="


def _write(folder: Path, more: str, overlay: str = OVERLAY) -> None:
    files = {"geodns.yaml": SERVER + more, "overlay.yaml": overlay}
    for name, text in {**FILES, **files}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)


def _problems(folder: Path, more: str, overlay: str = OVERLAY) -> list[str]:
    _write(folder, more, overlay)
    try:
        _, problems = load(folder / "geodns.yaml")
    except ConfigurationError as error:
        problems = error.problems
    return [f"{p.file.name}:{p.line}:{p.column} {p.id}: {p.message}" for p in problems]


def test_zones_catalogs_primaries_and_overlays_that_are_right(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    more = f"""\
secondary:
  primaries: [192.0.2.53]
  zones:
    Copied.test.: {{}}
    geo.test.: {{overlay: overlay.yaml, allow_notify: [{{key: k.test.}}, 192.0.2.0/24]}}
    own.test.:
      primaries:
        - {{address: "2001:db8::53", port: 5353, key: K.test., source: "2001:db8::1"}}
        - {{address: 192.0.2.54, tls: {{name: ns.test, ca: ca.pem}}}}
        - {{address: 192.0.2.55, tls: {{pins: [{PIN}]}}}}
  catalogs:
    catalog.test.: {{members: {{primaries: [192.0.2.56]}}}}
  refresh: {{min: 30s}}
transfer: {{allow: [192.0.2.0/24], zones: {{copied.test.: {{notify: [192.0.2.99]}}}}}}
allow_query: {{zones: {{copied.test.: none}}}}
"""
    assert _problems(tmp_path, KEY + more) == []
    configuration, _ = load(tmp_path / "geodns.yaml")
    role = configuration.server.secondary
    copied, own = role.zones_by_name["copied.test."], role.zones_by_name["own.test."]
    assert [str(each.socket_address) for each in role.primaries_of(copied)] == ["192.0.2.53:53"]
    assert [str(each.socket_address) for each in role.primaries_of(own)] == [
        "[2001:db8::53]:5353",
        "192.0.2.54:853",
        "192.0.2.55:853",
    ]
    catalog = role.catalogs_by_name["catalog.test."]
    assert str(role.primaries_of_members(catalog)[0].address) == "192.0.2.56"
    assert [zone.origin.to_text() for zone in configuration.overlays] == ["geo.test."]
    assert tmp_path / "ca.pem" in configuration.files
    assert tmp_path / "overlay.yaml" in configuration.files


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            "secondary: {zones: {copied.test.: {}}}",
            "geodns.yaml:10:21 no-primaries: there is no server to copy copied.test. from",
        ),
        (
            "secondary: {catalogs: {catalog.test.: {}}}",
            "no-primaries: there is no server to copy catalog.test. from",
        ),
        (
            "secondary: {primaries: [{address: 192.0.2.1, key: k.tset.}]}",
            "10:51 undefined-key: there is no key k.tset.",
        ),
        (
            "secondary: {zones: {c.: {primaries: [{address: 192.0.2.1, key: k.tset.}]}}}",
            "undefined-key: there is no key k.tset.",
        ),
        (
            "secondary: {primaries: [192.0.2.1], zones: {c.: {allow_notify: [{key: x.}]}}}",
            "undefined-key: there is no key x.",
        ),
        (
            "secondary: {primaries: [192.0.2.1], zones: {Example.Test.: {}}}",
            "10:45 several-sources: Example.Test. is copied, and there is a file of a zone",
        ),
        (
            "secondary: {primaries: [192.0.2.1], zones: {c.: {}, C.: {}}}",
            "several-sources: C. is the same zone as c. above",
        ),
        (
            "secondary: {primaries: [192.0.2.1], zones: {c.: {}}, catalogs: {c.: {}}}",
            "several-sources: c. is the same zone as c. above",
        ),
        (
            "secondary: {primaries: [192.0.2.1], zones: {c.: {}}}\ntransfer: {catalog: c.}",
            "several-sources: c. is copied, and it is the catalog that is made here",
        ),
        (
            "secondary: {primaries: [192.0.2.1], zones: {c.: {}}}\nupdate: {zones: {c.: []}}",
            "11:18 updated-copy: c. is copied from its primary, so it can't be changed here",
        ),
        (
            "secondary: {primaries: [{address: 192.0.2.1, tls: {ca: nowhere.pem}}]}",
            "missing-file",
        ),
        (
            "secondary: {primaries: [{address: 192.0.2.1, tls: {pins: [abc]}}]}",
            "is no pin; it is the SHA-256 of a public key",
        ),
        (
            f"secondary: {{primaries: [{{address: 192.0.2.1, tls: {{pins: [{PIN}], name: a}}}}]}}",
            "where it has pins, these count",
        ),
        (
            'secondary: {primaries: [{address: 192.0.2.1, source: "::1"}]}',
            "both are IPv4, or both IPv6",
        ),
        ("secondary: {primaries: [ns1.test.]}", "is not an IP address"),
        ("secondary: {refresh: {min: 2d, max: 1d}}", "min is above max"),
        ("secondary: {zones: {copied: {}}}", "must end with a dot: copied."),
        (
            "secondary: {primaries: [192.0.2.1], zones: {c.: {overlay: nowhere.yaml}}}",
            "10:59 missing-file",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, more: str, problem: str) -> None:
    (found,) = _problems(tmp_path, KEY + more + "\n")
    assert problem in found


def test_nothing_is_copied_from_this_server_itself(tmp_path: Path) -> None:
    more = "secondary: {primaries: [{address: 127.0.0.1, port: 5353}], zones: {c.: {}}}\n"
    _write(tmp_path, "")
    server = SERVER.replace("127.0.0.1:0", "127.0.0.1:5353", 1)
    (tmp_path / "geodns.yaml").write_text(server + more)
    with pytest.raises(ConfigurationError, match="this server itself"):
        load(tmp_path / "geodns.yaml")


COPIED = "secondary: {primaries: [192.0.2.1], zones: {c.test.: {overlay: overlay.yaml}}}\n"


@pytest.mark.parametrize(
    ("overlay", "problem"),
    [
        ("www: {type: A, value: 192.0.2.1}", "overlay.yaml:1:23 not-geo: www.c.test. has A here"),
        ("www: {type: GEO, service: wbe}", "undefined-service: www.c.test. names the service"),
        ("www: [", "overlay.yaml"),
        (
            "www: [{type: GEO, service: web}, {type: A, value: 192.0.2.1}]",
            "geo-beside-address",
        ),
    ],
)
def test_what_is_wrong_with_an_overlay_is_said(tmp_path: Path, overlay: str, problem: str) -> None:
    assert any(problem in found for found in _problems(tmp_path, COPIED, overlay))


def test_an_overlay_may_have_dynamic_records_and_be_a_master_file(tmp_path: Path) -> None:
    dynamic = """\
www:
  type: A
  value: 192.0.2.9
  dynamic:
    pools: {one: {values: [{value: 192.0.2.1, status: up}]}}
    rules: [{pool: one}]
"""
    assert _problems(tmp_path, COPIED, dynamic) == [], "the service web is used by a zone"
    configuration, _ = load(tmp_path / "geodns.yaml")
    assert "www.c.test/A" in configuration.pools
    (tmp_path / "overlay.zone").write_text("www 30 IN GEO web\n")
    assert _problems(tmp_path, COPIED.replace("overlay.yaml", "overlay.zone")) == []


@pytest.mark.parametrize("number", [0, 1])
def test_what_the_page_shows_is_right(tmp_path: Path, number: int) -> None:
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)
    assert [name for name, _ in blocks] == ["geodns.yaml"] * 2 + ["overlays/example.com.yaml"]
    (tmp_path / "ns1.secret").write_text(f"{SECRET}\n")
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "example.com.yaml").write_text(blocks[2][1])
    assert _problems(tmp_path, blocks[number][1]) == []
    configuration, _ = load(tmp_path / "geodns.yaml")
    assert configuration.server.secondary.is_used


def test_with_a_catalog_a_list_may_be_for_a_zone_that_has_yet_to_come(tmp_path: Path) -> None:
    more = "secondary: {primaries: [192.0.2.1], catalogs: {catalog.test.: {}}}\n"
    more += "transfer: {zones: {member.test.: {allow: []}}}\n"
    (warning,) = _problems(tmp_path, more)
    assert "undefined-zone" in warning
    load(tmp_path / "geodns.yaml")
