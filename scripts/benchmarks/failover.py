"""How long it takes from a failure of an endpoint to a changed answer, end to end."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.errors import BenchError
from benchmarks.failures import Endpoint, Failure, endpoint, failures, set_up_network
from benchmarks.own_server import SETTINGS, from_tests, own_server
from benchmarks.processes import free_port
from benchmarks.propagation import Watcher

INTERVAL, FALL, TIMEOUT = 1.0, 2, 0.5
SLACK = 0.1  # seconds for everything but waiting for probes
ROUNDS = 7
_BACKUP = "127.50.9.9"
_ZONE = "example.test"
_PATIENCE = 20.0  # seconds
_MOST = 600.0  # seconds for all
_SCRIPTS = Path(__file__).resolve().parents[1]


def bound() -> float:
    """Seconds in which every failure must have changed the answer."""
    return INTERVAL * FALL + TIMEOUT + SLACK


@dataclass(frozen=True)
class Times:
    """Seconds from a failure to the first changed answer, in each round."""

    name: str
    words: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """In the middle of them."""
        return statistics.median(self.seconds)

    @property
    def met(self) -> bool:
        """Whether every round was within the bound."""
        return max(self.seconds) <= bound()


def measure(progress: Callable[[str], None], rounds: int = ROUNDS) -> list[Times]:
    """All failures, in a network namespace of their own where that is allowed."""
    namespace = _namespace()
    progress(f"{rounds} rounds of each failure, for about {rounds * 15} s")
    command = [*namespace, sys.executable, "-m", "benchmarks.failover", str(rounds)]
    process = subprocess.Popen(
        [*command, "namespace" if namespace else "plain"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_SCRIPTS)},
    )
    try:
        output, _ = process.communicate(timeout=_MOST)
    finally:
        process.terminate()  # it ends what it started
        process.wait()
    if process.returncode:
        raise BenchError(output.strip() or "the benchmark of failures ended early")
    return [Times(**{**one, "seconds": tuple(one["seconds"])}) for one in json.loads(output)]


def _namespace() -> list[str]:
    """What to put before a command that is to have a network of its own; nothing if impossible."""
    prefix = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    probe = [*prefix, "ip", "link", "add", "gone0", "type", "veth", "peer", "name", "gone1"]
    try:
        subprocess.run(probe, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return prefix


def run_rounds(cases: list[Failure], rounds: int, folder: Path) -> list[Times]:
    """Begin each failure at a random moment, wait for the other answer, repair; again."""
    random, found = Random(rounds), {case.name: list[float]() for case in cases}
    ports = {"http": free_port(), "https": free_port()}
    authority, certificates = _certificates([_BACKUP, *(case.address for case in cases)], folder)
    with ExitStack() as stack:
        for check, port in ports.items():
            backup = Failure("backup", "", _BACKUP, "none", check)
            stack.enter_context(endpoint(backup, port, certificates[_BACKUP]))
        running = [
            stack.enter_context(endpoint(case, ports[case.check], certificates[case.address]))
            for case in cases
        ]
        server = own_server(folder / "server", configuration(cases, ports, authority))
        stack.enter_context(server)
        for _ in range(rounds):
            for number in random.sample(range(len(cases)), len(cases)):
                case, phase = cases[number], random.uniform(0, INTERVAL)
                with closing(Watcher(server.udp, f"s{number}.{_ZONE}.")) as watcher:
                    seconds = _time(running[number], case.address, watcher, phase)
                found[case.name].append(seconds)
    return [Times(case.name, case.words, tuple(found[case.name])) for case in cases]


def _certificates(addresses: list[str], folder: Path) -> tuple[Path, dict[str, list[str]]]:
    """An authority's file and, for each address, those of a good certificate and an expired one."""
    authority = from_tests("health_servers").Authority(folder)
    files: dict[str, list[str]] = {}
    for number, address in enumerate(addresses):
        for days in (20, -1):
            authority.context(address, days=days)
        files[address] = [str(folder / f"server-{2 * number + part}.pem") for part in (1, 2)]
    return authority.file, files


def _time(running: Endpoint, address: str, watcher: Watcher, phase: float) -> float:
    """Seconds from a failure, ``phase`` seconds after the endpoint is back, to another answer."""
    _wait_for(watcher, address)
    time.sleep(phase)
    began = time.perf_counter()
    running.fail()
    try:
        return watcher.until_changed(address, began) / 1000
    finally:
        running.repair()


def _wait_for(watcher: Watcher, address: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while watcher.answer() != address:
        if time.monotonic() > deadline:
            raise BenchError(f"{address} did not come back within {_PATIENCE:g} s")
        time.sleep(0.01)


def configuration(cases: list[Failure], ports: dict[str, int], authority: Path) -> dict[str, str]:
    """The files, by path. They are JSON, so also YAML."""
    common = {"interval": f"{INTERVAL}s", "timeout": f"{TIMEOUT}s", "fall": FALL, "rise": 1}
    checks: dict[str, dict[str, Any]] = {
        kind: {"type": kind, "port": port, **common} for kind, port in ports.items()
    }
    checks["https"]["ca"] = str(authority)
    names = [f"s{number}" for number in range(len(cases))]
    services = {
        name: {"check": case.check, "steering": {"failover": {"order": ["r0", "r1"]}}}
        for name, case in zip(names, cases, strict=True)
    }
    first = {name: [case.address] for name, case in zip(names, cases, strict=True)}
    regions = {
        "r0": {"location": [0, 0], "availability_zones": {"r0-a": {"endpoints": first}}},
        "r1": {
            "location": [9, 9],
            "availability_zones": {"r1-a": {"endpoints": {name: [_BACKUP] for name in names}}},
        },
    }
    nodes: dict[str, Any] = {"": [{"type": "NS", "values": [f"ns1.x.{_ZONE}."]}]}
    nodes |= {name: {"type": "GEO", "service": name} for name in names}
    return {
        "geodns.yaml": json.dumps(SETTINGS | {"workers": 1}),
        "topology.yaml": json.dumps({"regions": regions}),
        "services.yaml": json.dumps({"checks": checks, "services": services}),
        f"zones/{_ZONE}.yaml": json.dumps(nodes),
    }


def _main(rounds: int, *, namespace: bool) -> int:
    # Ended from outside, it ends all that it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if namespace:
            set_up_network()
        with tempfile.TemporaryDirectory(prefix="geodns-bench-") as name:
            times = run_rounds(failures(namespace=namespace), rounds, Path(name))
    except (BenchError, AssertionError, OSError) as error:
        print(f"the failures could not be measured: {error}")
        return 1
    print(json.dumps([asdict(one) for one in times]))
    return 0


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), namespace=sys.argv[2] == "namespace"))
