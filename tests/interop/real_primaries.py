"""NSD, Knot DNS and BIND on loopback as primaries of a zone that is edited in its file."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Server, running
from keys import SECRET
from programs import program

KEYS = {"hmac-sha256": "k256.test.", "hmac-sha512": "k512.test."}


@dataclass
class RealPrimary:
    """Serves ``ZONE.zone`` of its folder at a port of 127.0.0.1, to who signs with one of KEYS.

    ``tls`` is a second port with the certificate of the folder; None: it can't.
    """

    name: str
    folder: Path
    port: int
    tls: int | None
    server: Server

    def write(self, zone: str, text: str) -> None:
        """Replace the zone's file, and have it read."""
        write(self.folder, zone, text)
        os.kill(self.server.pid, signal.SIGHUP)


def write(folder: Path, zone: str, text: str) -> None:
    """Into the file that the zone is read from."""
    fresh = folder / "fresh"
    fresh.write_text(text)
    fresh.replace(folder / f"{zone}zone")


@dataclass(frozen=True)
class Wanted:
    """The zones to serve, where to tell of changes, and a catalog to generate, if it can."""

    zones: tuple[str, ...]
    notify: int | None = None
    catalog: str | None = None


def _nsd(folder: Path, port: int, tls: int, wanted: Wanted) -> list[str]:
    text = f"""
server:
    ip-address: 127.0.0.1@{port}
    ip-address: 127.0.0.1@{tls}
    tls-port: {tls}
    tls-service-key: "{folder}/key.pem"
    tls-service-pem: "{folder}/certificate.pem"
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    logfile: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    xfrd-reload-timeout: 0
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"""
    for algorithm, key in KEYS.items():
        text += f'key:\n    name: {key}\n    algorithm: {algorithm}\n    secret: "{SECRET}"\n'
    for zone in wanted.zones:
        text += f"zone:\n    name: {zone}\n    zonefile: {zone}zone\n"
        text += "    store-ixfr: yes\n    create-ixfr: yes\n"
        text += "".join(f"    provide-xfr: 127.0.0.1 {key}\n" for key in KEYS.values())
        if wanted.notify is not None:
            text += f"    notify: 127.0.0.1@{wanted.notify} {KEYS['hmac-sha256']}\n"
    (folder / "nsd.conf").write_text(text)
    return [str(program("nsd")), "-d", "-c", str(folder / "nsd.conf")]


def _knot(folder: Path, port: int, tls: int, wanted: Wanted) -> list[str]:
    del tls  # from 3.5 on
    keys = "".join(
        f"  - id: {key}\n    algorithm: {algorithm}\n    secret: {SECRET}\n"
        for algorithm, key in KEYS.items()
    )
    told, remote = "", ""
    if wanted.notify is not None:
        key = KEYS["hmac-sha256"]
        remote = f"remote:\n  - id: told\n    address: 127.0.0.1@{wanted.notify}\n    key: {key}\n"
        told = "    notify: told\n"
    listed = (
        ""
        if wanted.catalog is None
        else (f"    catalog-role: member\n    catalog-zone: {wanted.catalog}\n")
    )
    text = f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}/state"
log:
  - target: stderr
    any: info
key:
{keys}
{remote}
acl:
  - id: copied
    key: [{", ".join(KEYS.values())}]
    action: transfer
template:
  - id: default
    storage: "{folder}"
    acl: copied
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
{told}
zone:
"""
    text += "".join(f"  - domain: {zone}\n    file: {zone}zone\n{listed}" for zone in wanted.zones)
    if wanted.catalog is not None:
        text += f"  - domain: {wanted.catalog}\n    catalog-role: generate\n"
    (folder / "state").mkdir(exist_ok=True)
    (folder / "knot.conf").write_text(text)
    return [str(program("knotd")), "-c", str(folder / "knot.conf")]


def _bind(folder: Path, port: int, tls: int, wanted: Wanted) -> list[str]:
    keys = "".join(
        f'key {key} {{ algorithm {algorithm}; secret "{SECRET}"; }};\n'
        for algorithm, key in KEYS.items()
    )
    told = "notify no;"
    if wanted.notify is not None:
        key = KEYS["hmac-sha256"]
        told = f"notify explicit; also-notify {{ 127.0.0.1 port {wanted.notify} key {key}; }};"
    text = f"""
controls {{ }};
{keys}
tls own {{ cert-file "{folder}/certificate.pem"; key-file "{folder}/key.pem"; }};
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on port {tls} tls own {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    notify-delay 0;
    ixfr-from-differences yes;
    max-ixfr-ratio unlimited;
    max-journal-size 10M;
    check-names primary ignore;
    {told}
    allow-transfer {{ {" ".join(f"key {key};" for key in KEYS.values())} }};
}};
"""
    text += "".join(
        f'zone "{zone}" {{ type primary; file "{zone}zone"; }};\n' for zone in wanted.zones
    )
    (folder / "named.conf").write_text(text)
    return [str(program("named")), "-g", "-n", "1", "-c", str(folder / "named.conf")]


_COMMANDS: dict[str, Callable[[Path, int, int, Wanted], list[str]]] = {
    "NSD": _nsd,
    "Knot DNS": _knot,
    "BIND": _bind,
}
NAMES = tuple(_COMMANDS)


@contextmanager
def real_primary(
    name: str, folder: Path, port: int, tls: int, wanted: Wanted
) -> Iterator[RealPrimary]:
    """One of NAMES for as long as the block lasts. The folder has zones and a certificate.

    It may not answer yet. Skips the test where it is not installed.
    """
    command = _COMMANDS[name](folder, port, tls, wanted)
    with running(command, folder, None) as server:
        yield RealPrimary(name, folder, port, None if name == "Knot DNS" else tls, server)
