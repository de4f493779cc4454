"""What is wrong with keys and transfers, where it stands, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from keys import SECRET
from running import FILES, SERVER

from geodns.config.load import load
from geodns.problem import ConfigurationError

GOOD = f'keys: {{k.test.: {{secret: "{SECRET}"}}}}\n'


def _problems(folder: Path, more: str) -> list[str]:
    for name, text in {**FILES, "geodns.yaml": SERVER + more}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)
    try:
        _, warnings = load(folder / "geodns.yaml")
    except ConfigurationError as error:
        return [f"{p.line}:{p.column} {p.id}: {p.message}" for p in error.problems]
    return [str(warning) for warning in warnings]


def test_keys_networks_zones_and_secondaries_that_are_right(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    more = GOOD.replace("}}", "}, f.test.: {algorithm: hmac-sha512, secret_file: secret}}")
    more += """\
transfer:
  allow: [192.0.2.0/24, {key: K.test.}, {network: "2001:db8::/32", key: f.test.}]
  notify: [192.0.2.53, {address: "2001:db8::53", port: 5353, key: k.test.}]
  client: 198.51.100.7
  zones: {example.test.: {allow: [], notify: []}}
update:
  zones:
    example.test.:
      - {key: K.test., names: ["@", a, "_acme-challenge.*"], types: [txt, TYPE65400]}
      - 127.0.0.0/8
"""
    assert _problems(tmp_path, more) == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("transfer: {allow: [{key: k.tset.}]}", "10:26 undefined-key: there is no key k.tset."),
        (
            "transfer: {notify: [{address: 192.0.2.1, key: other.}]}",
            "10:47 undefined-key: there is no key other.",
        ),
        (
            "transfer: {zones: {exmaple.test.: {allow: []}}}",
            "10:20 undefined-zone: there is no zone exmaple.test. to transfer",
        ),
        (
            "update: {zones: {exmaple.test.: []}}",
            "10:18 undefined-zone: there is no zone exmaple.test. to be changed",
        ),
        (
            "update: {zones: {example.test.: [{key: k.tset.}]}}",
            "10:40 undefined-key: there is no key k.tset.",
        ),
        (
            "update: {zones: {example.test.: [{key: k.test., names: [a.example.test.]}]}}",
            "must be relative to the zone",
        ),
        (
            "update: {zones: {example.test.: [{key: k.test., types: [ANY]}]}}",
            "is not a type of record",
        ),
        ("transfer: {allow: [{}]}", "a peer has a network, a key, or both"),
        (
            "transfer: {catalog: Example.Test.}",
            "10:21 bad-catalog: Example.Test. can't be the catalog: there is a file",
        ),
        ("transfer: {catalog: .}", "10:21 bad-catalog: the catalog can't be the root"),
        (f"transfer: {{catalog: {'a' * 60 + '.'}{'b.' * 80}}}", "is too long a name for a catalog"),
        ("transfer: {catalog: catalog}", "must end with a dot: catalog."),
        (
            "transfer: {allow: [{network: 192.0.2.0/24, tls: true}]}",
            "10:49 no-tls: it may copy zones over TLS alone, and TLS is not served",
        ),
        ("transfer: {notify: [ns2]}", "not an IP address"),
        ('keys: {b.: {secret: "abc"}}', "a TSIG secret is 16 bytes or more in base64"),
        ("keys: {b.: {}}", "a key has either secret or secret_file"),
        ("keys: {b.: {secret_file: nowhere}}", "nowhere can't be used: No such file"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, more: str, problem: str) -> None:
    keys = "" if more.startswith("keys") else GOOD
    (found,) = _problems(tmp_path, keys + more + "\n")
    assert problem in found


def test_what_is_said_of_a_zone_counts_however_its_name_is_written(tmp_path: Path) -> None:
    more = "transfer: {allow: [0.0.0.0/0], zones: {Example.TEST.: {allow: [], catalog: false}}}\n"
    assert _problems(tmp_path, more) == []
    configuration, _ = load(tmp_path / "geodns.yaml")
    assert configuration.server.transfer.allow_of("example.test.") == ()
    assert not configuration.server.transfer.lists("example.test.")
    assert configuration.server.transfer.lists("other.test.")
