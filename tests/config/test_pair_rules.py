"""Settings of a pair: what is wrong with them, and whose settings count on a standby."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import certificates
import pytest
from keys import SECRET
from running import FILES, SERVER

from geodns.config.basis import Basis, read_server
from geodns.config.load import load
from geodns.config.pair import OWN
from geodns.config.settings import Server
from geodns.control.store import Store
from geodns.problem import ConfigurationError

_GOOD = f"""\
pair:
  name: ns1
  listen: "127.0.0.1:5354"
  other: {{name: ns2, address: "127.0.0.2:5354"}}
  begins_as: primary
  secret: "{SECRET}"
  certificate: certificate.pem
  key: key.pem
"""
_DOCS = Path(__file__).parents[2] / "docs"


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)


def _problems(folder: Path, pair: str, more: str = "") -> list[tuple[str, int]]:
    certificates.make().write(folder)
    _write(folder, {**FILES, "geodns.yaml": more + pair})
    try:
        return [(item.id, item.line) for item in load(folder / "geodns.yaml")[1]]
    except ConfigurationError as error:
        return [(item.id, item.line) for item in error.problems]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("name: ns1", "name: ns1", []),
        ("name: ns2", "name: ns1", [("bad-value", 2)]),
        ("name: ns1", "name: /ns1", [("bad-value", 2)]),
        ("  name: ns1\n", "", [("missing-key", 1)]),
        ("primary", "boss", [("bad-value", 5)]),
        (SECRET, "c2hvcnQ=", [("bad-value", 6)]),
        ("secret:", "secret_file: none\n  secret:", [("bad-value", 2)]),
        (f'secret: "{SECRET}"', "secret_file: none", [("bad-secret-file", 6)]),
        ("certificate: cert", "certificate: no", [("unusable-certificate", 7)]),
        ("127.0.0.1:5354", "127.0.0.2:5354", [("repeated-listen", 4)]),
        ("begins_as", "begin_as", [("missing-key", 1), ("unknown-key", 5)]),
    ],
)
def test_what_is_wrong_with_a_pair(
    tmp_path: Path, old: str, new: str, found: list[tuple[str, int]]
) -> None:
    assert old in _GOOD
    assert _problems(tmp_path, _GOOD.replace(old, new)) == found


def test_its_address_is_nobody_elses(tmp_path: Path) -> None:
    more = 'listen: ["127.0.0.1:5354"]\n'
    assert _problems(tmp_path, _GOOD, more) == [("repeated-listen", 4)]


def _standby(folder: Path, own: str, files: dict[str, str], basis: Basis) -> Path:
    """A server that follows, with a copy of files whose paths are absolute on the primary."""
    certificates.make().write(folder)
    _write(folder, {"geodns.yaml": own + _GOOD.replace("primary", "standby")})
    _write(folder / "var/replica/1/files", {name.lstrip("/"): text for name, text in files.items()})
    (folder / "var").mkdir(exist_ok=True)
    store = Store(folder / "var")
    store.pair.put(basis=basis.as_dict())
    store.close()
    return folder / "geodns.yaml"


def test_a_standby_has_its_own_and_the_primarys_settings(tmp_path: Path) -> None:
    own = 'listen: ["127.0.0.9:53"]\nstate: var\ntopology: mine.yaml\nidentity: ns2\n'
    theirs = 'listen: ["127.0.0.1:53"]\nstate: /away\nidentity: ns1\nserial: date\n'
    theirs += "topology: /elsewhere/topology.yaml\nservices: services.yaml\nzones: ../zones\n"
    files = {
        "/etc/geodns/geodns.yaml": theirs,
        "/elsewhere/topology.yaml": FILES["topology.yaml"],
        "/etc/geodns/services.yaml": FILES["services.yaml"],
        "/etc/zones/example.test.yaml": FILES["zones/example.test.yaml"],
    }
    basis = Basis("copy", "1", "/etc/geodns/geodns.yaml")
    path = _standby(tmp_path, own, files, basis)
    configuration, problems = load(path)
    root = tmp_path / "var/replica/1/files"
    server = configuration.server
    assert problems == ()
    assert (server.identity, server.serial, str(server.listen[0])) == (
        "ns2",
        "date",
        "127.0.0.9:53",
    )
    assert server.state == tmp_path / "var"
    assert server.topology == root / "elsewhere/topology.yaml"
    assert server.zones == root / "etc/zones"
    assert [zone.origin.to_text() for zone in configuration.zones] == ["example.test."]
    assert {path, root / "etc/geodns/geodns.yaml"} <= set(configuration.files)


def test_what_is_wrong_is_told_of_the_right_file(tmp_path: Path) -> None:
    own = 'listen: ["127.0.0.1:53", "127.0.0.1:53"]\nstate: var\n'
    theirs = (
        "\nlisten: wrong-but-not-ours\nsirial: date\nupdate: {zones: {gone.test.: [127.0.0.1]}}\n"
    )
    basis = Basis("copy", "1", "/etc/geodns.yaml")
    path = _standby(tmp_path, own, {"/etc/geodns.yaml": theirs}, basis)
    with pytest.raises(ConfigurationError) as wrong:
        load(path)
    copy = tmp_path / "var/replica/1/files/etc/geodns.yaml"
    found = {(item.file, item.id, item.line) for item in wrong.value.problems}
    assert (path, "repeated-listen", 1) in found
    assert (copy, "unknown-key", 3) in found
    assert (copy, "bad-value", 2) not in found
    assert any(file == copy and line == 4 for file, _, line in found)


def test_a_standby_without_a_copy_has_nothing_to_serve(tmp_path: Path) -> None:
    certificates.make().write(tmp_path)
    _write(tmp_path, {**FILES, "geodns.yaml": SERVER + _GOOD.replace("primary", "standby")})
    assert load(tmp_path / "geodns.yaml")[0].zones == ()


def test_a_state_that_can_not_be_read_is_a_problem(tmp_path: Path) -> None:
    path = _standby(tmp_path, "state: var\n", {}, Basis("own"))
    (tmp_path / "var/state.db").unlink()
    (tmp_path / "var/state.db").mkdir()
    source = read_server(path).source
    assert [item.id for item in source.problems] == ["state-unreadable"]


def test_a_candidate_counts_where_it_is_wanted(tmp_path: Path) -> None:
    theirs = {"/etc/geodns.yaml": "serial: date\n"}
    path = _standby(tmp_path, "state: var\n", theirs, Basis("own"))
    basis = Basis("copy", "1", "/etc/geodns.yaml").as_dict()
    with sqlite3.connect(tmp_path / "var/state.db") as database:
        content = json.dumps({"basis": basis})
        database.execute("INSERT INTO pair VALUES ('candidate', ?)", (content,))
    assert read_server(path).source.settings.serial == "unixtime"
    assert read_server(path, candidate=True).source.settings.serial == "date"


def test_the_documentation_names_what_is_a_servers_own() -> None:
    text = (_DOCS / "standby.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith("| is each server's own | `"))
    named = set(re.findall(r"`(\w+)`", row))
    assert named == OWN | {"geoip"}
    assert Server.model_fields.keys() >= OWN
