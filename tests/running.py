"""Runs a real server on loopback for tests: its own folder, free ports, its events as data."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import dns.edns
import dns.message
import dns.query
import dns.rdatatype
from click.testing import CliRunner, Result

from geodns.cli.main import main
from geodns.control.processes import find

COMMAND = (sys.executable, "-P", "-c", "from geodns.cli.main import main; main()")
_PATIENCE = 60.0  # seconds until a test gives up: a busy machine is slow, not wrong

SERVER = """\
listen: ["127.0.0.1:0"]
identity: ns1.test
workers: 2
topology: topology.yaml
services: services.yaml
zones: zones
state: var
admin: {socket: var/admin.sock, http: "127.0.0.1:0"}
"""
TOPOLOGY = """\
regions:
  eu:
    title: Frankfurt
    location: [50.11, 8.68]
    availability_zones:
      eu-a: {endpoints: {web: [192.0.2.1]}}
  asia:
    title: Tokyo
    location: [35.68, 139.69]
    availability_zones:
      asia-a: {endpoints: {web: [192.0.2.2]}}
"""
SERVICES = """\
services:
  web: {steering: nearest, ttl: 30s}
"""
ZONE = """\
"":
  - {type: NS, ttl: 3600, values: [ns1.example.test.]}
ns1: {type: A, value: 127.0.0.1}
www: {type: GEO, service: web}
txt: {type: TXT, ttl: 60, value: first}
"""
FILES: Mapping[str, str] = {
    "geodns.yaml": SERVER,
    "topology.yaml": TOPOLOGY,
    "services.yaml": SERVICES,
    "zones/example.test.yaml": ZONE,
}


class RunningServer:
    """A ``geodns serve`` process. ``files`` are written over FILES, by path within ``folder``.

    Use as a context manager: entering waits for the ``listening`` event, leaving stops the server
    and whatever it left behind. ``udp`` and ``tcp`` are (host, port). ``prefix`` is a program with
    arguments that becomes the server in the end, ``environment`` is added to this process's.
    """

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, str] | None = None,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._prefix = tuple(prefix)
        self._environment = {**os.environ, **(environment or {})}
        self.config = folder / "geodns.yaml"
        self.log = folder / "log"
        for name, text in {**FILES, **(files or {})}.items():
            self.write(name, text)
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0

    def write(self, name: str, text: str) -> None:
        """Replace a file of the configuration, as an editor does: by renaming a new one."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)

    def start(self) -> None:
        """Start the process and wait until it answers. The log goes on where it was."""
        self._seen = len(self.events())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, *COMMAND, "serve", "-c", str(self.config)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        listening = self.wait_for("listening")
        host, _, port = listening["addresses"][0].rpartition(":")
        self.udp = self.tcp = (host.strip("[]"), int(port))
        self.admin = f"http://{listening['admin']}" if listening["admin"] else None
        self.socket = self.folder / "var" / "admin.sock"

    @property
    def pid(self) -> int:
        """The process id of the control process."""
        assert self._process is not None
        return self._process.pid

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """The events so far, of all or of this name."""
        lines = self.log.read_bytes().splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines if line.startswith(b"{")]
        return [event for event in found if name in {None, event["event"]}]

    def wait_for(self, name: str, **fields: object) -> dict[str, Any]:
        """The next event with this name and these fields, after the last one waited for."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            ended = self._process is None or self._process.poll() is not None
            for number, event in enumerate(self.events()[self._seen :], self._seen):
                if event["event"] == name and fields.items() <= event.items():
                    self._seen = number + 1
                    return event
            if ended:
                break
            time.sleep(0.02)
        raise AssertionError(f"no event {name!r} with {fields}; the log:\n{self.log.read_text()}")

    def skip_events(self) -> None:
        """Let ``wait_for`` look only at what comes from now on."""
        self._seen = len(self.events())

    def ask(
        self, name: str, type: str = "A", *, subnet: str | None = None, tcp: bool = False
    ) -> dns.message.Message:
        """The reply to a query; ``subnet`` is the client's, as 203.0.113.0/24."""
        options: list[dns.edns.Option] = []
        if subnet is not None:
            address, _, length = subnet.partition("/")
            options.append(dns.edns.ECSOption(address, int(length)))
        query = dns.message.make_query(name, type, use_edns=0 if options else -1, options=options)
        if tcp:
            return dns.query.tcp(query, self.tcp[0], port=self.tcp[1], timeout=_PATIENCE)
        return dns.query.udp(query, self.udp[0], port=self.udp[1], timeout=_PATIENCE)

    def answer(self, name: str, type: str = "A", *, subnet: str | None = None) -> list[str]:
        """The rdata of the answer, as text."""
        reply = self.ask(name, type, subnet=subnet)
        return [rdata.to_text() for rrset in reply.answer for rdata in rrset]

    def command(self, *arguments: str) -> Result:
        """What ``geodns`` does with these arguments and this server's files, in this process.

        A process of its own spends a second of a core on its modules.
        """
        told = CliRunner().invoke(main, [*arguments, "-c", str(self.config)])
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        return told

    def workers(self) -> list[int]:
        """The process ids of the workers, as written down in the state folder."""
        record = json.loads((self.folder / "var" / "workers.json").read_text())
        return [pid for pid, _ in record["workers"]]

    def signal(self, number: signal.Signals) -> None:
        """Signal the control process alone."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """The exit status of the control process, once it has ended."""
        assert self._process is not None
        return self._process.wait(_PATIENCE)

    def stop(self) -> int:
        """End the server as an operator does; returns its exit status."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def __enter__(self) -> RunningServer:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        try:
            self.stop()
        finally:
            self._process.kill()
            for pid in self._left_behind():
                os.kill(pid, signal.SIGKILL)

    def _left_behind(self) -> list[int]:
        try:
            record = json.loads((self.folder / "var" / "workers.json").read_text())
        except OSError:
            return []
        return [pid for pid, started in record["workers"] if find(pid) == (pid, started)]


def free_port() -> int:
    """A port of 127.0.0.1 that was free for UDP and TCP a moment ago."""
    while True:
        with (
            socket.socket(type=socket.SOCK_STREAM) as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
