"""The operator of the day: edits good and bad, kills, failing endpoints, other databases."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from day_world import (
    ADDRESSES,
    History,
    server_file,
    services_file,
    until,
    write_database,
    zone_file,
)
from running import RunningServer

from geodns.config.settings import Admin
from geodns.control import client


class Endpoints:
    """Listens where the endpoints are, all at the same port; single ones can go and come back."""

    def __init__(self) -> None:
        self._listening: dict[str, socket.socket] = {}
        self.port = 0
        for az in ADDRESSES:
            self.open(az)

    def open(self, az: str) -> None:
        """Let connections to this AZ's endpoint succeed."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ADDRESSES[az], self.port))
        listening.listen(50)
        self.port = listening.getsockname()[1]
        self._listening[az] = listening
        threading.Thread(target=_accept_all, args=(listening,), daemon=True).start()

    def shut(self, az: str) -> None:
        """Let connections to this AZ's endpoint be refused."""
        listening = self._listening.pop(az)
        with listening:
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts

    def close(self) -> None:
        """Shut all."""
        for az in list(self._listening):
            self.shut(az)


def _accept_all(listening: socket.socket) -> None:
    while True:
        try:
            listening.accept()[0].close()
        except OSError:
            return


class Operator:
    """Does one thing after the other, and tells ``history`` what is true meanwhile.

    ``kills`` are (begin, end): from the kill of a worker until all workers answer again;
    ``replacements`` are those of workers that were replaced in good order.
    """

    def __init__(self, server: RunningServer, history: History, endpoints: Endpoints) -> None:
        self.done: Counter[str] = Counter()
        self.kills: list[tuple[float, float]] = []
        self.replacements: list[tuple[float, float]] = []
        self._server = server
        self._history = history
        self._endpoints = endpoints
        self._random = random.Random(5)
        self._admin = Admin(socket=server.socket)
        self._identity = 0

    def cycle(self) -> None:
        """Everything once."""
        self.edit_zone()
        self.kill_worker(then=self.edit_zone)
        self.bad_edit()
        self.lose("eu-a")
        self.move_clients()
        self.find("eu-a")
        self.lose("us-a")
        self.kill_worker(then=lambda: self.find("us-a"))
        self.hurry()
        self.new_workers()
        self.break_database()

    def edit_zone(self) -> None:
        """A text changes."""
        edition = self._history.now.edition + 1
        with self._history.change(edition=edition):
            self._server.write("zones/example.test.yaml", zone_file(edition))
            self._reload(ok=True)
        self.done["zone edited"] += 1

    def bad_edit(self) -> None:
        """A file is broken, somebody insists with SIGHUP, and it is mended."""
        sound = services_file(self._endpoints.port)
        for broken in ("services: [", sound.replace("nearest", "nearst"), ""):
            self._server.write("services.yaml", broken)
            self._server.signal(signal.SIGHUP)
            self._reload(ok=False)
            self.done["bad edit refused"] += 1
        self._server.write("services.yaml", sound)
        self._reload(ok=True)

    def kill_worker(self, then: Callable[[], None]) -> None:
        """A worker is killed, and something else happens at once."""
        begin = time.monotonic()
        os.kill(self._random.choice(self._server.workers()), signal.SIGKILL)
        self.done["worker killed"] += 1
        then()
        until(lambda: self.restarts() == self.done["worker killed"], "a worker is started again")
        self._until_all_know()
        self.kills.append((begin, time.monotonic()))

    def lose(self, az: str) -> None:
        """An endpoint fails."""
        with self._history.change(up=self._history.now.up - {az}):
            self._endpoints.shut(az)
            self._until_available(az, 0.0)
        self.done["endpoint lost"] += 1

    def find(self, az: str) -> None:
        """An endpoint is back."""
        with self._history.change(up=self._history.now.up | {az}):
            self._endpoints.open(az)
            self._until_available(az, 1.0)
        self.done["endpoint back"] += 1

    def move_clients(self) -> None:
        """The database is replaced by one that knows some clients to be elsewhere."""
        moving = "JP" if self._history.now.moving == "DE" else "DE"
        with self._history.change(moving=moving):
            write_database(self._server.folder / "places.mmdb", moving)
            self._reload(ok=True)
        self.done["database replaced"] += 1

    def break_database(self) -> None:
        """The database is broken; the last good one is used, and then it is whole again."""
        database = self._server.folder / "places.mmdb"
        sound = database.read_bytes()
        self._replace(database, sound[: len(sound) // 2])
        self._reload(ok=True)
        self._replace(database, sound)
        self._reload(ok=True)
        self.done["database broken"] += 1

    def hurry(self) -> None:
        """Somebody's script sends SIGHUP much too often."""
        for _ in range(30):
            self._server.signal(signal.SIGHUP)
            time.sleep(0.01)
        self._reload(ok=True)
        self.done["storm of SIGHUP"] += 1

    def new_workers(self) -> None:
        """A setting changes that workers are started with: each is replaced, none is restarted."""
        self._identity += 1
        begin = time.monotonic()
        self._server.write("geodns.yaml", server_file(self._identity))
        self._reload(ok=True)
        self.replacements.append((begin, time.monotonic()))
        self.done["workers replaced"] += 1

    def status(self) -> dict[str, Any]:
        """What the server says of itself."""
        return client.ask(self._admin, "/v1/status")

    def restarts(self) -> int:
        """How often workers were started again."""
        return sum(worker["restarts"] for worker in self.status()["workers"])

    def _reload(self, *, ok: bool) -> None:
        """Returns when what is in the files now is in use, or refused."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(120)
            connection.connect(str(self._server.socket))
            connection.sendall(b"POST /v1/reload HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = connection.makefile("rb").read()
        assert answer.split()[1] == (b"200" if ok else b"422"), answer

    def _until_available(self, az: str, wanted: float) -> None:
        def is_so() -> bool:
            endpoints = client.ask(self._admin, "/v1/availability")["endpoints"]
            return bool(endpoints[f"web@{az}"]["availability"] == wanted)

        until(is_so, f"{az} has the availability {wanted}")
        self._until_all_know()

    def _until_all_know(self) -> None:
        def know() -> bool:
            status = self.status()
            return all(
                worker["pid"]
                and worker["image_generation"] == status["image_generation"]
                and worker["availability_generation"] == status["availability_generation"]
                for worker in status["workers"]
            )

        until(know, "every worker has the last image and availability")

    @staticmethod
    def _replace(file: Path, data: bytes) -> None:
        fresh = file.with_name(f".{file.name}")
        fresh.write_bytes(data)
        fresh.replace(file)


class Scraper(threading.Thread):
    """Somebody's monitoring, which looks at everything all the time."""

    def __init__(self, admin: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.done: Counter[str] = Counter()
        self.error: Exception | None = None
        self._admin = admin
        self._stop_looking = stop

    def run(self) -> None:
        try:
            while not self._stop_looking.wait(0.3):
                for path, content in (("/metrics", b"geodns_"), ("/v1/status", b"{"), ("/", b"<")):
                    with urllib.request.urlopen(self._admin + path, timeout=60) as response:
                        assert content in response.read()
                    self.done[f"scraped {path}"] += 1
        except Exception as error:  # noqa: BLE001 - the test reports it
            self.error = error
