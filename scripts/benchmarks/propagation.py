"""How long a change of availability takes to reach the answers of a worker, idle and under load.

PYTHONPATH=scripts .venv/bin/python -m benchmarks.propagation
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchError
from benchmarks.programs.program import find
from benchmarks.wire import query
from geodns.answer.compile import compile_image
from geodns.answer.store import write_image
from geodns.config.load import load
from geodns.geo.database import load_locations
from geodns.health.availability import Availability, EndpointAvailability
from geodns.server.handle import WorkerHandle
from geodns.server.options import WorkerOptions
from geodns.server.sockets import open_sockets
from geodns.socket_address import SocketAddress

REGIONS, ZONES_EACH, SERVICES, NAMES = 10, 5, 4, 2000
_ZONE = "bench.test"
_TARGET = 50.0  # milliseconds: what docs/architecture.md promises
_PATIENCE = 10.0
_WARM_UP = 1.0  # seconds of load before the first change, so that all names are known


@dataclass(frozen=True)
class Figures:
    """Milliseconds of each change."""

    scenario: str
    times: tuple[float, ...]


class Watcher:
    """Asks the same question over and over until the answer is another one."""

    def __init__(self, address: tuple[str, int], name: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(address)
        self._question = query(name)

    def answer(self) -> str:
        """The address in the answer, which is the last of the reply's bytes."""
        self._socket.send(self._question)
        return socket.inet_ntoa(self._socket.recv(4096)[-4:])

    def until_changed(self, before: str, began: float) -> float:
        """Milliseconds from ``began`` to the first other answer. Raises BenchError."""
        while self.answer() == before:
            if time.perf_counter() - began > _PATIENCE:
                raise BenchError(f"the answer did not change within {_PATIENCE:g} s")
        return (time.perf_counter() - began) * 1000

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()


def _write_configuration(folder: Path) -> Path:
    regions = ""
    for region in range(REGIONS):
        regions += f"  r{region}:\n    location: [{region * 6}, {region * 30 - 150}]\n"
        regions += "    availability_zones:\n"
        for zone in range(ZONES_EACH):
            endpoints = ", ".join(
                f"s{service}: [10.{service}.{region}.{zone}]" for service in range(SERVICES)
            )
            regions += f"      r{region}-{zone}: {{endpoints: {{{endpoints}}}}}\n"
    (folder / "topology.yaml").write_text(f"regions:\n{regions}")
    services = "".join(f"  s{service}: {{steering: nearest}}\n" for service in range(SERVICES))
    (folder / "services.yaml").write_text(f"services:\n{services}")
    names = "".join(f"n{n}: {{type: GEO, service: s{n % SERVICES}}}\n" for n in range(NAMES))
    (folder / "zones").mkdir()
    (folder / "zones" / f"{_ZONE}.yaml").write_text(f'"": {{type: NS, value: ns.x.test.}}\n{names}')
    config = folder / "geodns.yaml"
    config.write_text(
        "topology: topology.yaml\nservices: services.yaml\nzones: zones\nstate: state\n"
    )
    return config


@contextmanager
def _load(address: SocketAddress, folder: Path, rate: int) -> Iterator[None]:
    """dnsperf with a bounded rate over all names; none for a rate of 0. Raises BenchError."""
    if not rate:
        yield
        return
    program = find("dnsperf")
    if program is None:
        raise BenchError("dnsperf is not installed; without it, measure with --rate 0")
    questions = folder / "questions"
    questions.write_text("".join(f"n{number}.{_ZONE} A\n" for number in range(NAMES)))
    command = [program, "-s", address.host, "-p", str(address.port), "-d", str(questions)]
    process = subprocess.Popen(
        [*command, "-Q", str(rate), "-l", "120", "-q", "50"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(_WARM_UP)
        if process.poll() is not None:
            raise BenchError(f"dnsperf ended early, with exit status {process.returncode}")
        yield
    finally:
        process.terminate()
        process.wait()


def _availability(generation: int, down: str | None) -> Availability:
    """Of all endpoints, as health checks tell it; ``down`` is the address of the one withdrawn."""
    endpoints = {}
    for service in range(SERVICES):
        for region in range(REGIONS):
            for zone in range(ZONES_EACH):
                up = f"10.{service}.{region}.{zone}" != down
                state = EndpointAvailability(float(up), (up,), "")
                endpoints[f"s{service}@r{region}-{zone}"] = state
    return Availability(generation, endpoints)


async def _changes(handle: WorkerHandle, watcher: Watcher, changes: int) -> tuple[float, ...]:
    """Takes the endpoint that answers out of service and back, by turns."""
    times = []
    usual = watcher.answer()
    for number in range(changes):
        going = number % 2 == 0
        news = _availability(handle.availability_generation + 1, usual if going else None)
        before = watcher.answer()
        began = time.perf_counter()
        handle.send_availability(news)
        times.append(await asyncio.to_thread(watcher.until_changed, before, began))
        while handle.availability_generation < news.generation:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)  # the present tables are in use again before the next change
    return tuple(times)


async def measure(folder: Path, scenarios: dict[str, int], changes: int) -> list[Figures]:
    """The figures of each scenario; ``scenarios`` are queries per second by name."""
    configuration, _ = load(_write_configuration(folder))
    image = folder / "image"
    with image.open("wb") as file:
        write_image(compile_image(configuration, load_locations(())), file)
    sockets = open_sockets([SocketAddress("127.0.0.1", 0)], 1)
    options = WorkerOptions("", accept_client_subnet=True, tcp_connections=10, tcp_idle=10.0)
    handle = await WorkerHandle.start(0, sockets.workers[0], options)
    watcher = Watcher(sockets.addresses[0], f"n0.{_ZONE}.")
    fd = os.open(image, os.O_RDONLY)
    try:
        handle.send_image(fd, 1)
        await asyncio.to_thread(watcher.answer)
        found = []
        for scenario, rate in scenarios.items():
            with _load(sockets.addresses[0], folder, rate):
                found.append(Figures(scenario, await _changes(handle, watcher, changes)))
        return found
    finally:
        os.close(fd)
        watcher.close()
        await handle.stop(1.0)
        sockets.close()


def table(figures: list[Figures]) -> Table:
    """What is printed."""
    made = Table(title="From a change of availability to the first changed answer over UDP")
    for heading in ("worker", "changes", "median", "worst", f"within {_TARGET:g} ms"):
        made.add_column(heading, justify="left" if heading == "worker" else "right")
    for each in figures:
        within = sum(time <= _TARGET for time in each.times)
        made.add_row(
            each.scenario,
            str(len(each.times)),
            f"{statistics.median(each.times):.2f} ms",
            f"{max(each.times):.2f} ms",
            f"{within} of {len(each.times)}",
        )
    return made


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--changes", type=click.IntRange(2, 10_000), default=50, show_default=True)
@click.option(
    "--rate",
    type=click.IntRange(0, 1_000_000),
    default=10_000,
    show_default=True,
    help="Queries per second of the load; 0 measures an idle worker only.",
)
def main(changes: int, rate: int) -> None:
    """Measure how fast a worker takes a change of availability into its answers."""
    scenarios = {"idle": 0}
    if rate:
        scenarios[f"{rate:,} queries/s of {NAMES:,} names"] = rate
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures = asyncio.run(measure(Path(folder), scenarios, changes))
        except BenchError as error:
            raise click.ClickException(str(error)) from error
    Console().print(table(figures))


if __name__ == "__main__":
    main()
