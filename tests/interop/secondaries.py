"""NSD, Knot DNS and BIND on loopback as secondaries of the server under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import running
from programs import program

Address = tuple[str, int]


@dataclass(frozen=True)
class Primary:
    """Whom a secondary copies from: a port of 127.0.0.1, and the key that both have.

    ``secret`` is in base64. ``authority``: the file of the certificate to expect, over TLS; None:
    over TCP. ``name`` is what is in that certificate.
    """

    port: int
    key: str
    algorithm: str
    secret: str
    authority: Path | None = None
    name: str = "ns1.test"


@dataclass(frozen=True)
class Copies:
    """What a secondary has: zones by name, and the zones that a catalog lists."""

    zones: tuple[str, ...] = ()
    catalog: str | None = None


def _nsd(folder: Path, port: int, primary: Primary, copies: Copies) -> list[str]:
    text = f"""
server:
    ip-address: 127.0.0.1@{port}
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
{f'    tls-cert-bundle: "{primary.authority}"' if primary.authority else ""}
remote-control:
    control-enable: no
key:
    name: {primary.key}
    algorithm: {primary.algorithm}
    secret: "{primary.secret}"
tls-auth:
    name: primary
    auth-domain-name: {primary.name}
"""
    over = "primary" if primary.authority else ""
    for zone in copies.zones:
        text += f"""
zone:
    name: {zone}
    request-xfr: 127.0.0.1@{primary.port} {primary.key} {over}
    allow-notify: 127.0.0.1 {primary.key}
    provide-xfr: 127.0.0.1 NOKEY
"""
    (folder / "nsd.conf").write_text(text)
    return [str(program("nsd")), "-d", "-c", str(folder / "nsd.conf")]


def _knot(folder: Path, port: int, primary: Primary, copies: Copies) -> list[str]:
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
  - id: {primary.key}
    algorithm: {primary.algorithm}
    secret: {primary.secret}
remote:
  - id: primary
    address: 127.0.0.1@{primary.port}
    key: {primary.key}
acl:
  - id: told
    key: {primary.key}
    action: notify
  - id: copied
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: "{folder}"
    master: primary
    acl: [told, copied]
    zonefile-sync: -1
    zonefile-load: none
zone:
"""
    text += "".join(f"  - domain: {zone}\n" for zone in copies.zones)
    if copies.catalog is not None:
        text += f"""
  - domain: {copies.catalog}
    catalog-role: interpret
    catalog-template: default
"""
    (folder / "state").mkdir(exist_ok=True)
    (folder / "knot.conf").write_text(text)
    return [str(program("knotd")), "-c", str(folder / "knot.conf")]


def _bind(folder: Path, port: int, primary: Primary, copies: Copies) -> list[str]:
    over = "tls primary" if primary.authority else ""
    whom = f"primaries {{ 127.0.0.1 port {primary.port} key {primary.key} {over}; }}"
    catalog = (
        f'catalog-zones {{ zone "{copies.catalog}" default-{whom} min-update-interval 0; }};'
        if copies.catalog is not None
        else ""
    )
    text = f"""
controls {{ }};
key {primary.key} {{ algorithm {primary.algorithm}; secret "{primary.secret}"; }};
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    notify no;
    allow-transfer {{ 127.0.0.1; }};
    allow-notify {{ key {primary.key}; }};
    {catalog}
}};
"""
    if primary.authority:
        text += (
            f'tls primary {{ ca-file "{primary.authority}"; remote-hostname "{primary.name}"; }};\n'
        )
    for zone in (*copies.zones, *filter(None, (copies.catalog,))):
        text += f'zone "{zone}" {{ type secondary; file "{zone}db"; {whom}; }};\n'
    (folder / "named.conf").write_text(text)
    return [str(program("named")), "-g", "-n", "1", "-c", str(folder / "named.conf")]


_COMMANDS: dict[str, Callable[[Path, int, Primary, Copies], list[str]]] = {
    "NSD": _nsd,
    "Knot DNS": _knot,
    "BIND": _bind,
}
NAMES = tuple(_COMMANDS)


@contextmanager
def secondary(
    name: str, folder: Path, port: int, primary: Primary, copies: Copies
) -> Iterator[Address]:
    """One of NAMES at a port of 127.0.0.1 for as long as the block lasts: its address.

    It may not have copied anything yet. Skips the test where it is not installed.
    """
    folder.mkdir(exist_ok=True)
    with running(_COMMANDS[name](folder, port, primary, copies), folder, None):
        yield "127.0.0.1", port
