"""Two real servers on loopback that are a pair, for tests."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import certificates
import dns.query
import dns.rcode
import dns.update
from running import FILES, RunningServer, free_port

from geodns.config.basis import read_kept

PATIENCE = 120.0  # seconds until a test gives up: a busy machine is slow, not wrong
SECRET = base64.b64encode(b"what both servers have in common").decode()
OWN = """\
listen: ["127.0.0.1:0"]
workers: 1
state: var
admin: {socket: var/admin.sock, http: "127.0.0.1:0"}
"""
SHARED = """\
topology: topology.yaml
services: services.yaml
zones: zones
update:
  wait: 60s
  zones: {example.test.: [127.0.0.0/8]}
"""


class Pair:
    """``ns1``, which begins as the primary, and ``ns2``, whose folder has its server file alone."""

    def __init__(self, folder: Path, *, primary: str = "", standby: str = "") -> None:
        ports = free_port(), free_port()
        self.primary_file = OWN + SHARED + settings("ns1", ports, "primary") + primary
        self.standby_file = OWN + settings("ns2", ports, "standby") + standby
        self.ns1 = _server(folder / "ns1", {"geodns.yaml": self.primary_file})
        self.ns2 = _server(folder / "ns2", {"geodns.yaml": self.standby_file})
        for name in FILES.keys() - {"geodns.yaml"}:
            (self.ns2.folder / name).unlink()

    def __enter__(self) -> Pair:
        self.ns1.__enter__()
        try:
            self.ns2.__enter__()
        except BaseException:
            self.ns1.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.ns2.__exit__(None, None, None)
        self.ns1.__exit__(None, None, None)


def _server(folder: Path, files: Mapping[str, str]) -> RunningServer:
    folder.mkdir(parents=True)
    certificates.make().write(folder)
    return RunningServer(folder, files)


def settings(name: str, ports: tuple[int, int], begins_as: str, secret: str = SECRET) -> str:
    """The setting ``pair`` of ns1 or ns2."""
    mine, theirs = ports if name == "ns1" else ports[::-1]
    other = "ns2" if name == "ns1" else "ns1"
    return f"""\
pair:
  name: {name}
  listen: "127.0.0.1:{mine}"
  other: {{name: {other}, address: "127.0.0.1:{theirs}"}}
  begins_as: {begins_as}
  secret: "{secret}"
  certificate: certificate.pem
  key: key.pem
"""


def until(what: str, holds: Callable[[], bool]) -> float:
    """Waits for something; for how many seconds."""
    begun = time.monotonic()
    while not _holds(holds):
        assert time.monotonic() < begun + PATIENCE, f"never: {what}"
        time.sleep(0.05)
    return time.monotonic() - begun


def _holds(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except (OSError, dns.exception.DNSException, json.JSONDecodeError):
        return False


def status(server: RunningServer) -> dict[str, Any]:
    """What ``geodns status`` says of the pair."""
    found: dict[str, Any] = json.loads(server.command("status", "--json").stdout)["pair"]
    return found


def follows(server: RunningServer) -> bool:
    """Whether a standby has all, and in use."""
    found = status(server)
    return bool(
        found["connected"] and found["in_use"] and found["number"] == found["standby_number"]
    )


def update(server: RunningServer, name: str, address: str, patience: float = PATIENCE) -> str:
    """Adds an address by dynamic update: the rcode. Raises dns.exception.Timeout or OSError."""
    message = dns.update.UpdateMessage("example.test")
    message.add(name, 60, "A", address)
    host, port = server.udp
    reply = dns.query.udp(message, host, port=port, timeout=patience)
    return dns.rcode.to_text(reply.rcode())


def serial(server: RunningServer) -> int:
    """That of example.test as it is served."""
    return int(server.answer("example.test", "SOA")[0].split()[2])


def kept(server: RunningServer, name: str) -> Any:
    """What a server has on its disk of the pair, also while it isn't running."""
    return read_kept(server.folder / "var", name)


def copy_of(server: RunningServer, original: RunningServer, name: str) -> Path:
    """A file of the other server's, as this one has it in use."""
    folder = str(kept(server, "basis")["folder"])
    root = server.folder / "var/replica" / folder / "files"
    return root / (original.folder / name).relative_to("/")
