"""kdig, openssl and dig over TLS, behind PROXY headers, and at wildcard addresses."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import certificates
import pytest
from building import ZONE
from clients import PATIENCE, dig, kdig, section, status
from programs import program
from running import SERVER, RunningServer
from served import TOPOLOGY, Address

pytestmark = pytest.mark.interop
_NAMES = ["ns1.example.test", "mail.example.test", "www.example.test", "x.wild.example.test"]
_BALANCER = "127.0.0.77"
_SETTINGS = f"""\
tls: {{listen: ["127.0.0.1:0"], certificate: certificate.pem, key: key.pem}}
proxy: {{from: [{_BALANCER}]}}
"""


class Served(NamedTuple):
    """A server on all IPv4 addresses; ``tls`` is on 127.0.0.1 alone."""

    folder: Path
    port: int
    tls: Address


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("transports")
    certificates.make().write(folder)
    files = {
        "geodns.yaml": SERVER.replace("127.0.0.1:0", "0.0.0.0:0", 1) + _SETTINGS,
        "topology.yaml": TOPOLOGY,
        "zones/example.test.yaml": ZONE,
    }
    with RunningServer(folder, files) as server:
        tls = server.events("listening")[0]["tls"][0]
        yield Served(folder, server.udp[1], ("127.0.0.1", int(tls.rpartition(":")[2])))


def refused(at: Address, *arguments: str) -> str:
    """What kdig prints where it does not accept the server."""
    command = [str(program("kdig")), f"@{at[0]}", "-p", str(at[1]), "+retry=0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert "NOERROR" not in done.stdout
    return done.stdout + done.stderr


def test_kdig_over_tls_takes_the_certificate_it_was_given(served: Served) -> None:
    trust = f"+tls-ca={served.folder / 'certificate.pem'}"
    output = kdig(served.tls, trust, f"+tls-hostname={certificates.NAME}", "ns1.example.test")
    assert ";; TLS session (TLS1.3)" in output
    assert section(output, "ANSWER") == ["ns1.example.test. 300 IN A 192.0.2.53"]


def test_kdig_refuses_another_name_and_another_certificate(served: Served, tmp_path: Path) -> None:
    certificates.make(serial=9).write(tmp_path)
    trust = f"+tls-ca={served.folder / 'certificate.pem'}"
    assert refused(served.tls, trust, "+tls-hostname=ns2.test", "ns1.example.test")
    other = f"+tls-ca={tmp_path / 'certificate.pem'}"
    assert refused(served.tls, other, f"+tls-hostname={certificates.NAME}", "ns1.example.test")


def test_several_queries_on_one_tls_connection(served: Served) -> None:
    output = kdig(served.tls, "+tls", "+keepopen", "-d", *_NAMES)
    assert output.count("status: NOERROR") == len(_NAMES)
    assert output.count("reused connection") == len(_NAMES) - 1


def test_a_long_answer_and_a_client_subnet_over_tls(served: Served) -> None:
    assert len(section(kdig(served.tls, "+tls", "many.example.test", "TXT"), "ANSWER")) == 12
    output = kdig(served.tls, "+tls", "+subnet=133.11.0.0/16", "www.example.test")
    assert section(output, "ANSWER") == ["www.example.test. 20 IN A 192.0.2.2"]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_agrees_on_dot(served: Served, version: str) -> None:
    output = openssl(served.tls, version, "-alpn", "dot")
    assert "ALPN protocol: dot" in output
    assert "Verify return code: 0 (ok)" in openssl(
        served.tls, version, "-CAfile", str(served.folder / "certificate.pem")
    )


def test_openssl_gets_no_version_before_1_2_and_no_renegotiation(served: Served) -> None:
    assert "Cipher is (NONE)" in openssl(served.tls, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    output = openssl(served.tls, "-tls1_2", typed="R\n")
    assert "no renegotiation" in output or "unexpected" in output, output


def openssl(at: Address, *arguments: str, typed: str = "") -> str:
    command = [str(program("openssl")), "s_client", "-connect", f"{at[0]}:{at[1]}", *arguments]
    done = subprocess.run(
        command, input=typed, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("client", "answer"),
    [("133.11.0.9", "192.0.2.2"), ("141.20.0.9", "192.0.2.1"), ("2001:200::9", "192.0.2.2")],
)
def test_kdig_as_a_balancer_gets_its_clients_answer(
    served: Served, transport: str, client: str, answer: str
) -> None:
    here = "::1" if ":" in client else "127.0.0.1"
    output = kdig(
        ("127.0.0.1", served.port),
        *("-b", _BALANCER, transport, f"+proxy={client}#4711-{here}#53", "www.example.test"),
    )
    assert section(output, "ANSWER") == [f"www.example.test. 20 IN A {answer}"]


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_a_balancer_without_a_header_is_not_answered(served: Served, transport: str) -> None:
    arguments = ("-b", _BALANCER, transport, "+time=1", "www.example.test")
    assert refused(("127.0.0.1", served.port), *arguments)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "127.99.1.2"])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_hears_from_the_address_that_it_asked(
    served: Served, host: str, transport: str
) -> None:
    output = dig((host, served.port), transport, "+tries=1", "ns1.example.test")
    assert status(output) == "NOERROR"
    assert "unexpected source" not in output
    assert f";; SERVER: {host}#" in output
