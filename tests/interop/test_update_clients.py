"""certbot, lego and octoDNS change zones of a running server as they change those of others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import certificates
import pytest
from benchmarks.processes import running
from keys import SECRET
from octodns.manager import Manager
from programs import program
from running import SERVER, RunningServer, free_port
from workers import until

pytestmark = pytest.mark.interop

_SETTINGS = f"""\
keys:
  acme.test.: {{secret: "{SECRET}"}}
  octodns.test.: {{secret: "{SECRET}"}}
transfer: {{allow: [{{key: octodns.test.}}]}}
update:
  wait: 60s
  zones:
    example.test.:
      - {{key: acme.test., names: [_acme-challenge, "_acme-challenge.*"], types: [TXT]}}
    octodns.test.: [{{key: octodns.test.}}]
"""
_OCTODNS_ZONE = (
    '"": {type: NS, ttl: 3600, value: ns1.example.test.}\nold: {type: A, value: 192.0.2.1}\n'
)
_CERTBOT = "from certbot.main import main; exit(main())"
_FILES = {"geodns.yaml": SERVER + _SETTINGS, "zones/octodns.test.yaml": _OCTODNS_ZONE}


class Authority(NamedTuple):
    """Pebble: it gives certificates to who answers its challenges, as Let's Encrypt does.

    ``trusted``: the file of the certificate that its own API has.
    """

    directory: str
    trusted: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server"), _FILES) as server:
        yield server


@pytest.fixture(scope="module")
def authority(
    server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Authority]:
    folder = tmp_path_factory.mktemp("authority")
    certificates.make().write(folder)
    api, management = free_port(), free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{api}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "certificate.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": 1,  # no challenge comes this way
        "tlsPort": 1,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    host, port = server.udp
    command = [str(program("pebble")), "-config", "pebble.json", "-dnsserver", f"{host}:{port}"]
    # It waits some seconds before it looks, and turns good requests down at random, unless told.
    calm = ["env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0"]
    with running([*calm, *command], folder, None):
        until(lambda: b"ACME directory available" in (folder / "log").read_bytes())
        yield Authority(f"https://127.0.0.1:{api}/dir", folder / "certificate.pem")


def test_certbot_gets_a_certificate_for_a_name_and_a_wildcard(
    server: RunningServer, authority: Authority, tmp_path: Path
) -> None:
    host, port = server.tcp
    credentials = tmp_path / "credentials.ini"
    credentials.write_text(
        f"dns_rfc2136_server = {host}\ndns_rfc2136_port = {port}\n"
        f"dns_rfc2136_name = acme.test.\ndns_rfc2136_secret = {SECRET}\n"
        "dns_rfc2136_algorithm = HMAC-SHA256\ndns_rfc2136_sign_query = true\n"
    )
    credentials.chmod(0o600)
    folders = [f"--{name}-dir={tmp_path / name}" for name in ("config", "work", "logs")]
    _run(
        [
            *(sys.executable, "-c", _CERTBOT, "certonly", *folders, "--non-interactive"),
            *("--agree-tos", "--email", "a@example.test", "--server", authority.directory),
            *("--dns-rfc2136", "--dns-rfc2136-credentials", str(credentials)),
            *("--dns-rfc2136-propagation-seconds", "0"),
            *("--cert-name", "made", "-d", "*.example.test", "-d", "example.test"),
        ],
        {"REQUESTS_CA_BUNDLE": str(authority.trusted)},
    )
    assert (tmp_path / "config/live/made/fullchain.pem").exists()
    _no_challenge_is_left(server)


def test_lego_gets_a_certificate_for_a_name_and_a_wildcard(
    server: RunningServer, authority: Authority, tmp_path: Path
) -> None:
    host, port = server.udp
    where = f"{host}:{port}"
    _run(
        [
            *(str(program("lego")), "--path", str(tmp_path), "--server", authority.directory),
            *("--accept-tos", "--email", "a@example.test", "--dns", "rfc2136"),
            *("--dns.resolvers", where, "--dns.disable-cp"),
            *("--domains", "www.example.test", "--domains", "*.www.example.test", "run"),
        ],
        {
            "LEGO_CA_CERTIFICATES": str(authority.trusted),
            "RFC2136_NAMESERVER": where,
            "RFC2136_TSIG_KEY": "acme.test.",
            "RFC2136_TSIG_SECRET": SECRET,
            "RFC2136_TSIG_ALGORITHM": "hmac-sha256.",
            "RFC2136_POLLING_INTERVAL": "1",  # seconds, as is the next one: a minute by default
            "RFC2136_SEQUENCE_INTERVAL": "1",
        },
    )
    assert (tmp_path / "certificates/www.example.test.crt").exists()
    _no_challenge_is_left(server)


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _no_challenge_is_left(server: RunningServer) -> None:
    for name in ("_acme-challenge", "_acme-challenge.www"):
        assert server.answer(f"{name}.example.test", "TXT") == []


def test_octodns_brings_a_zone_to_what_its_files_say_and_then_finds_nothing_to_do(
    server: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "octodns.test.yaml").write_text(
        """\
---
? ''
: - {type: CAA, value: {flags: 0, tag: issue, value: ca.example.}}
  - {type: MX, values: [{exchange: mail.octodns.test., preference: 10}]}
'*.apps': {type: CNAME, value: www.octodns.test.}
_sip._udp: {type: SRV, value: {port: 5060, priority: 1, target: sip.example., weight: 2}}
txt: {type: TXT, values: ['semi\\; colon', two words]}
www: {ttl: 60, type: A, values: [192.0.2.8, 192.0.2.9]}
"""
    )
    host, port = server.tcp
    place = {
        "class": "octodns_bind.Rfc2136Provider",
        "host": host,
        "port": port,
        "timeout": 120,
        "key_name": "octodns.test.",
        "key_secret": SECRET,
        "key_algorithm": "hmac-sha256",
    }
    settings = {
        "manager": {"max_workers": 1},
        "providers": {
            "files": {"class": "octodns.provider.yaml.YamlProvider", "directory": str(tmp_path)},
            "geodns": place,
            "copied": {**place, "class": "octodns_bind.AxfrSource"},
        },
        "zones": {"octodns.test.": {"sources": ["files"], "targets": ["geodns"]}},
    }
    file = tmp_path / "octodns.json"  # which is YAML, too
    file.write_text(json.dumps(settings))
    manager = Manager(str(file))
    manager.sync(dry_run=True)
    assert server.answer("www.octodns.test") == []
    assert manager.sync(dry_run=False) == 7  # six that come and one that goes
    assert sorted(server.answer("www.octodns.test")) == ["192.0.2.8", "192.0.2.9"]
    assert server.answer("a.apps.octodns.test", "CNAME") == ["www.octodns.test."]
    assert server.answer("old.octodns.test") == []
    assert Manager(str(file)).sync(dry_run=False) == 0
    text = (tmp_path / "octodns.test.yaml").read_text()
    (tmp_path / "octodns.test.yaml").write_text(text.replace("192.0.2.9", "192.0.2.7"))
    assert Manager(str(file)).sync(dry_run=False) == 1
    assert sorted(server.answer("www.octodns.test")) == ["192.0.2.7", "192.0.2.8"]
    manager.dump("octodns.test.", str(tmp_path / "out"), sources=["copied"])
    assert "192.0.2.7" in (tmp_path / "out/octodns.test.yaml").read_text()
