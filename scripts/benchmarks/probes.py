"""What it costs to probe ten thousand endpoints, and whether it does so steadily."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import many_endpoints
from benchmarks.errors import BenchError
from benchmarks.own_server import SETTINGS, own_server
from benchmarks.processes import pinned, two_cpus

REGIONS, ZONES_EACH, SERVICES = 10, 10, 10  # the addresses are shared out among the endpoints
FALL = 3
_LOOKS = 4  # a second
_PATIENCE = 20.0  # seconds
_SCRIPTS = Path(__file__).resolve().parents[1]


class Scale(NamedTuple):
    """How much is probed, every how many seconds, and for how long that is measured."""

    targets: int = many_endpoints.COUNT
    interval: float = 10.0
    seconds: float = 30.0
    timeout: float = 2.0


FULL = Scale()


class Look(NamedTuple):
    """The control process at one moment: seconds (clock, CPU), bytes, sockets."""

    when: float
    cpu: float
    memory: int
    sockets: int


@dataclass(frozen=True)
class Case:
    """One kind of check, with or without hanging endpoints.

    ``starts`` are the probes in each tenth of a second, ``gap`` is the longest time in seconds
    between two probes of an endpoint that answers.
    """

    kind: str
    hanging: int
    looks: tuple[Look, ...]
    starts: tuple[int, ...]
    gap: float

    @property
    def cpu(self) -> float:
        """The part of one core that control used."""
        first, last = self.looks[0], self.looks[-1]
        return (last.cpu - first.cpu) / (last.when - first.when)

    @property
    def by_second(self) -> list[float]:
        """The same for each second."""
        each = self.looks[::_LOOKS]
        return [
            (after.cpu - before.cpu) / (after.when - before.when)
            for before, after in pairwise(each)
        ]

    @property
    def probe(self) -> float:
        """Seconds of CPU per probe."""
        return self.cpu / (10 * statistics.mean(self.starts))

    @property
    def memory(self) -> int:
        """The most that was resident, in bytes."""
        return max(look.memory for look in self.looks)

    @property
    def sockets(self) -> int:
        """The most that were open at once, as far as was seen."""
        return max(look.sockets for look in self.looks)


def measure(progress: Callable[[str], None], scale: Scale = FULL) -> list[Case]:
    """Each kind of check, first with endpoints that all answer, then with some that hang."""
    cases: list[Case] = []
    for kind in ("tcp", "http"):
        with tempfile.TemporaryDirectory(prefix="geodns-bench-") as name:
            try:
                cases += measure_kind(kind, Path(name), scale, progress)
            except (AssertionError, OSError) as error:
                raise BenchError(f"the server with {kind} checks failed: {error}") from error
    return cases


def measure_kind(
    kind: str, folder: Path, scale: Scale, progress: Callable[[str], None]
) -> list[Case]:
    """The same for one kind of check, with files in ``folder``."""
    load_cpu, server_cpu = two_cpus() or (None, None)
    arrivals = folder / "arrivals"
    spans: list[tuple[Look, ...]] = []
    with ExitStack() as stack:
        with pinned(load_cpu):
            endpoints, ports = stack.enter_context(_endpoints(arrivals))
        with pinned(server_cpu):
            server = own_server(folder, configuration(kind, ports[kind], scale))
            stack.enter_context(server)
        progress(f"{kind}: {scale.targets:,} endpoints that answer")
        time.sleep(2 * scale.interval)
        spans.append(_watch(server.pid, scale.seconds))
        progress(f"{kind}: a fifth of them hangs")
        endpoints.send_signal(signal.SIGUSR1)
        time.sleep((FALL + 1) * scale.interval + scale.timeout)
        spans.append(_watch(server.pid, scale.seconds))
    taken = list(many_endpoints.read_arrivals(arrivals))
    hanging = sum(map(many_endpoints.hangs, range(scale.targets)))
    return [
        _case(kind, number, looks, taken) for number, looks in zip((0, hanging), spans, strict=True)
    ]


def _case(kind: str, hanging: int, looks: tuple[Look, ...], taken: list[tuple[float, int]]) -> Case:
    begin, end = looks[0].when, looks[-1].when
    within = [(when, number) for when, number in taken if begin <= when < end]
    slices = Counter(int(10 * (when - begin)) for when, _ in within)
    starts = tuple(slices[number] for number in range(int(10 * (end - begin))))
    last: dict[int, float] = {}
    gap = 0.0
    for when, number in within:
        if not (hanging and many_endpoints.hangs(number)):
            gap = max(gap, when - last.get(number, when))
            last[number] = when
    return Case(kind, hanging, looks, starts, gap)


@contextmanager
def _endpoints(arrivals: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """The process with all endpoints, and its port for each kind of check."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.many_endpoints", str(arrivals)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_SCRIPTS)},
    )
    try:
        assert process.stdout is not None
        ports = process.stdout.readline().split()
        if len(ports) != 2:
            raise BenchError("the endpoints to be probed did not start")
        yield process, {"tcp": int(ports[0]), "http": int(ports[1])}
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def configuration(kind: str, port: int, scale: Scale) -> dict[str, str]:
    """The files, by path. They are JSON, so also YAML."""
    addresses = many_endpoints.addresses(scale.targets)
    each = len(addresses) // (REGIONS * ZONES_EACH * SERVICES)
    shares = iter([addresses[at : at + each] for at in range(0, len(addresses), each)])
    regions = {
        f"r{region}": {
            "location": [region * 6, region * 30 - 150],
            "availability_zones": {
                f"r{region}-{zone}": {
                    "endpoints": {f"s{service}": next(shares) for service in range(SERVICES)}
                }
                for zone in range(ZONES_EACH)
            },
        }
        for region in range(REGIONS)
    }
    check: dict[str, Any] = {"type": kind, "port": port, "fall": FALL}
    check |= {"interval": f"{scale.interval}s", "timeout": f"{scale.timeout}s"}
    check |= {"path": "/health"} if kind == "http" else {"expect": many_endpoints.GREETING.decode()}
    services = {f"s{service}": {"steering": "nearest", "check": "c"} for service in range(SERVICES)}
    nodes: dict[str, Any] = {"": [{"type": "NS", "values": ["ns1.x.test."]}]}
    nodes |= {name: {"type": "GEO", "service": name} for name in services}
    return {
        "geodns.yaml": json.dumps(SETTINGS | {"workers": 1}),
        "topology.yaml": json.dumps({"regions": regions}),
        "services.yaml": json.dumps({"checks": {"c": check}, "services": services}),
        "zones/example.test.yaml": json.dumps(nodes),
    }


def _watch(pid: int, seconds: float) -> tuple[Look, ...]:
    """Look at a process for so long."""
    begin = time.monotonic()
    looks = [_look(pid)]
    for number in range(1, round(seconds * _LOOKS) + 1):
        time.sleep(max(0.0, begin + number / _LOOKS - time.monotonic()))
        looks.append(_look(pid))
    return tuple(looks)


def _look(pid: int) -> Look:
    # proc(5): the first field of schedstat is the time on the CPU in nanoseconds.
    tasks = Path(f"/proc/{pid}/task").iterdir()
    cpu = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    memory = int(found[1]) * 1024 if found else 0
    sockets = sum(map(_is_socket, Path(f"/proc/{pid}/fd").iterdir()))
    return Look(time.monotonic(), cpu, memory, sockets)


def _is_socket(entry: Path) -> bool:
    try:
        return str(entry.readlink()).startswith("socket:")
    except FileNotFoundError:  # closed meanwhile
        return False
