"""Settings of TLS, of limits per client and of balancers, with what is wrong in each."""

from __future__ import annotations

from pathlib import Path

import certificates
import pytest
from configfolder import SERVER, problems, write

from geodns.config.load import load
from geodns.socket_address import SocketAddress

_TLS = 'tls: {listen: ["127.0.0.1:853"], certificate: certificate.pem, key: key.pem}\n'
_MIX = 'tls: {listen: ["127.0.0.1:5300"], certificate: certificate.pem, key: key.pem}\n'


def found(folder: Path, text: str) -> list[tuple[str, str]]:
    """The id and message of every problem of a server file with these settings besides."""
    server = write(folder, server=SERVER + text)
    return [(problem.id, problem.message) for problem in problems(server)]


def test_sound_settings_are_read_and_their_files_watched(tmp_path: Path) -> None:
    certificates.make().write(tmp_path)
    text = _TLS + 'proxy: {from: [192.0.2.8, "2001:db8::/32"]}\ntcp: {per_client: 5}\n'
    configuration, warnings = load(write(tmp_path, server=SERVER + text))
    server = configuration.server
    assert [warning.id for warning in warnings if "certificate" in warning.id] == []
    assert server.tls is not None
    assert server.tls.listen == (SocketAddress("127.0.0.1", 853),)
    assert server.proxy.networks == ("192.0.2.8/32", "2001:db8::/32")
    assert server.tcp.per_client == 5
    assert {server.tls.certificate, server.tls.key} <= set(configuration.files)
    assert server.tls.key == tmp_path / "key.pem"


@pytest.mark.parametrize(
    ("text", "id", "words"),
    [
        ("tls: {listen: ['127.0.0.1:853']}\n", "missing-key", "certificate is missing"),
        (_TLS.replace("key:", "keys:"), "unknown-key", "unknown key"),
        ("proxy: {from: [10.0.0.1/8]}\n", "bad-value", "write 10.0.0.0/8"),
        ("proxy: {from: [everybody]}\n", "bad-value", "is not a network"),
        ("proxy: {form: []}\n", "unknown-key", "unknown key"),
        ("tcp: {per_client: 0}\n", "bad-value", "at least 1"),
        ("tcp: {first_query: 0s}\n", "bad-value", "above 0"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, id: str, words: str) -> None:
    certificates.make().write(tmp_path)
    assert any(id == one and words in message for one, message in found(tmp_path, text))


def test_tls_and_plain_dns_have_ports_of_their_own(tmp_path: Path) -> None:
    certificates.make().write(tmp_path)
    assert ("repeated-listen", "127.0.0.1:5300 is listened on twice") in found(tmp_path, _MIX)


def test_a_certificate_that_cannot_be_used_is_a_warning(tmp_path: Path) -> None:
    certificates.make().write(tmp_path)
    (tmp_path / "key.pem").unlink()
    server = write(tmp_path, server=SERVER + _TLS)
    warnings = [each for each in problems(server) if each.id == "unusable-certificate"]
    assert [(each.severity, each.line) for each in warnings] == [("warning", 6)]
    assert "key.pem can't be read: No such file" in warnings[0].message
