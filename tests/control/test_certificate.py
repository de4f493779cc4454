"""The certificate of TLS over its life: at the start, renewed while in use, gone wrong."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import urllib.request
from pathlib import Path

import certificates
import dns.message
import dns.query
import pytest
from certificates import Pair
from running import COMMAND, SERVER, RunningServer

from geodns.config.settings import Server
from geodns.control.certificate import Certificate
from geodns.server.tls import TlsError

_PATIENCE = 60.0
_TLS = 'tls: {listen: ["127.0.0.1:0"], certificate: certificate.pem, key: key.pem}\n'
_KEPT = "the certificate can't be used, the last good one stays"


class _Worker:
    """Stands for a worker; keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes] = []

    def send_certificate(self, pem: bytes) -> None:
        self.told.append(pem)


def settings(folder: Path) -> Server:
    """Of a server with TLS, as they are once they have been loaded."""
    tls = {
        "listen": ["127.0.0.1:853"],
        "certificate": folder / "certificate.pem",
        "key": folder / "key.pem",
    }
    return Server.model_validate({"tls": tls})


def holds(told: bytes, pair: Pair) -> bool:
    return pair.certificate in told and pair.key in told


def test_every_worker_is_told_and_told_of_renewals(tmp_path: Path) -> None:
    first, second = certificates.make(), certificates.make()
    server, certificate = settings(tmp_path), Certificate()
    first.write(tmp_path)
    certificate.require(server)
    workers = [_Worker(), _Worker()]
    for worker in workers:
        certificate.greet(worker)
    certificate.renew(server)  # unchanged: nothing to tell
    second.write(tmp_path)
    certificate.renew(server)
    late = _Worker()
    certificate.greet(late)
    for worker in workers:
        assert [holds(told, first) for told in worker.told] == [True, False]
        assert holds(worker.told[1], second)
    assert [holds(told, second) for told in late.told] == [True]


def test_a_bad_renewal_keeps_the_last_good_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = certificates.make()
    server, certificate, worker = settings(tmp_path), Certificate(), _Worker()
    good.write(tmp_path)
    certificate.require(server)
    certificate.greet(worker)
    Pair(certificates.make().certificate, good.key).write(tmp_path)
    certificate.renew(server)
    assert [record.message for record in caplog.records] == [_KEPT]
    late = _Worker()
    certificate.greet(late)
    assert worker.told == late.told
    assert holds(late.told[0], good)


def test_what_was_read_as_root_serves_though_it_cannot_be_read_any_more(tmp_path: Path) -> None:
    good = certificates.make()
    good.write(tmp_path)
    (tmp_path / "geodns.yaml").write_text(_TLS)
    certificate, worker = Certificate(), _Worker()
    certificate.read_early(tmp_path / "geodns.yaml")
    (tmp_path / "key.pem").unlink()  # as if it were root's alone
    certificate.require(settings(tmp_path))
    certificate.greet(worker)
    assert holds(worker.told[0], good)


def test_without_tls_there_is_nothing_to_tell(tmp_path: Path) -> None:
    certificate, worker = Certificate(), _Worker()
    certificate.read_early(tmp_path / "not-there.yaml")
    certificate.require(Server())
    certificate.greet(worker)
    certificate.renew(Server())
    assert worker.told == []


def test_a_start_without_a_usable_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match=r"certificate\.pem can't be read"):
        Certificate().require(settings(tmp_path))


# --- the whole server -------------------------------------------------------------------------


def shown_serial(port: int) -> int:
    """The serial number of the certificate that a new connection is shown."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), _PATIENCE) as plain,
        trust.wrap_socket(plain) as client,
    ):
        shown = client.getpeercert(binary_form=True)
    assert shown is not None
    return certificates.serial(shown)


def test_a_renewed_certificate_comes_into_use_beside_open_connections(tmp_path: Path) -> None:
    first = certificates.make(serial=1)
    first.write(tmp_path)
    with RunningServer(tmp_path, {"geodns.yaml": SERVER + _TLS}) as server:
        port = int(server.events("listening")[0]["tls"][0].rpartition(":")[2])
        trust = ssl.create_default_context(cadata=first.certificate.decode())
        query = dns.message.make_query("txt.example.test", "TXT")
        with (
            socket.create_connection(("127.0.0.1", port), _PATIENCE) as plain,
            trust.wrap_socket(plain, server_hostname=certificates.NAME) as client,
        ):
            assert dns.query.tls(query, "127.0.0.1", sock=client, timeout=_PATIENCE).answer
            certificates.make(serial=2).write(tmp_path)
            server.wait_for("certificate renewed")
            server.wait_for("reloaded")
            assert shown_serial(port) == 2
            assert dns.query.tls(query, "127.0.0.1", sock=client, timeout=_PATIENCE).answer
        (tmp_path / "certificate.pem").write_text("broken by hand")
        server.wait_for(_KEPT)
        server.wait_for("reloaded")
        assert shown_serial(port) == 2
        with urllib.request.urlopen(f"{server.admin}/metrics", timeout=_PATIENCE) as reply:
            metrics = reply.read().decode()
        with urllib.request.urlopen(f"{server.admin}/v1/status", timeout=_PATIENCE) as reply:
            assert json.load(reply)["tls_addresses"] == [f"127.0.0.1:{port}"]
    assert 'geodns_queries_total{rcode="NOERROR",transport="tls",type="TXT"} 2.0' in metrics


def test_check_warns_of_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    server = RunningServer(tmp_path, {"geodns.yaml": SERVER + _TLS})
    certificates.make().write(tmp_path)
    (tmp_path / "key.pem").write_bytes(certificates.make().key)
    done = subprocess.run(
        [*COMMAND, "check", "-c", str(server.config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    assert "the key does not belong to the certificate" in done.stdout + done.stderr
