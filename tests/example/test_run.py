"""``scripts/run`` from start to Ctrl-C, as a newcomer uses it, with the commands that it prints."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from programs import program

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds until something that should happen soon counts as never happening
PRINTED_DIG = re.compile(r"^  dig (@\S+ -p \d+ \S+ .*\+subnet=\S+)", re.MULTILINE)

pytestmark = [pytest.mark.slow, pytest.mark.interop]


class Example:
    """A copy of the example on ports and loopback addresses of its own, so that it disturbs nobody.

    Everything that it starts has a mark in its environment, by which leftovers are found.
    """

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config" / "geodns.yaml"
        self.output = folder / "output.txt"
        self.mark = f"GEODNS_TEST_MARK={uuid.uuid4()}"
        self.check_port, self.http_port = free_port(), free_port()
        for name in ("config", "zones"):
            shutil.copytree(ROOT / name, folder / name)
        self._change("geodns.yaml", '"127.0.0.1:5300", "[::1]:5300"', f'"127.0.0.1:{free_port()}"')
        self._change("geodns.yaml", "127.0.0.1:8053", f"127.0.0.1:{self.http_port}")
        self._change("services.yaml", "port: 8080", f"port: {self.check_port}")
        self._change("topology.yaml", "127.10.", "127.11.")

    def _change(self, name: str, old: str, new: str) -> None:
        file = self.config.with_name(name)
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def start(self) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as output:
            return subprocess.Popen(
                [ROOT / "scripts" / "run", "-c", self.config],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                start_new_session=True,  # its own process group, as a shell gives it
            )

    def environment(self) -> dict[str, str]:
        name, _, value = self.mark.partition("=")
        return dict(os.environ) | {name: value, "GEODNS_VENV": sys.prefix}

    def demo(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "scripts" / "demo", "-c", self.config, *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=self.environment(),
        )

    def sent(self) -> dict[str, str]:
        """The AZ that each country is sent to now."""
        rows = json.loads(self.demo("world", "--json").stdout)
        return {row["country"]: row["where"].rpartition(", ")[2] for row in rows}

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def leftovers(self) -> list[int]:
        """Processes that carry the mark."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue  # it has ended, or is somebody else's
            if self.mark.encode() in environment.split(b"\0"):
                found.append(int(entry.name))
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(happened: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, what()
        time.sleep(0.1)


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    example = Example(tmp_path / "a copy")
    yield example
    for pid in example.leftovers():  # of a test that failed
        os.kill(pid, signal.SIGKILL)


def ready(example: Example) -> subprocess.Popen[bytes]:
    """``scripts/run``, started, once it has said how to stop it."""
    process = example.start()
    wait_until(lambda: "Ctrl-C stops" in example.text() or process.poll() is not None, example.text)
    assert process.poll() is None, example.text()
    return process


@pytest.fixture
def running(example: Example) -> Iterator[tuple[Example, subprocess.Popen[bytes]]]:
    process = ready(example)
    yield example, process
    if process.poll() is None:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """One that is left as it was found."""
    example = Example(tmp_path_factory.mktemp("shared") / "a copy")
    try:
        process = ready(example)
        yield example
        process.terminate()
        process.wait(PATIENCE)
    finally:
        for pid in example.leftovers():
            os.kill(pid, signal.SIGKILL)


Running = tuple[Example, subprocess.Popen[bytes]]


def test_the_printed_digs_send_eleven_countries_to_eleven_regions(shared: Example) -> None:
    dig = program("dig")
    lines = [line.split() for line in PRINTED_DIG.findall(shared.text())]
    answers: dict[str, set[str]] = {}
    for line in lines:
        for transport in ("+notcp", "+tcp"):
            command = [dig, *line, "+short", transport]
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            answers.setdefault(line[-1], set()).add(result.stdout.strip())

    assert all(len(answer) == 1 for answer in answers.values()), answers  # UDP and TCP agree
    regions = {answer.pop().rpartition(".")[0] for answer in answers.values()}
    assert len(regions) == len(answers) == 12  # and the office


def test_every_country_is_sent_to_its_own_part_of_the_world(shared: Example) -> None:
    regions = {country: az[:-1].rstrip("-") for country, az in shared.sent().items()}

    assert regions == {
        "Germany": "eu-central-1",
        "United Kingdom": "eu-west-1",
        "United States": "us-east-1",
        "Brazil": "sa-east-1",
        "South Africa": "af-south-1",
        "Emirates": "me-east-1",
        "India": "ap-south-1",
        "Singapore": "ap-southeast-1",
        "Australia": "ap-southeast-2",
        "Japan": "ap-northeast-1",
        "China": "cn-hangzhou",
        "an office": "us-west-1",
    }


def test_the_table_of_the_readme_is_what_scripts_demo_world_shows(shared: Example) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    shown = shared.demo("world").stdout.replace("127.11.", "127.10.")

    assert shown in readme


@pytest.mark.parametrize("verb", ["stop", "hang"])
def test_clients_of_a_datacenter_that_fails_move_and_come_back(shared: Example, verb: str) -> None:
    before = shared.sent()

    assert shared.demo(verb, "eu-central-1").returncode == 0
    wait_until(lambda: shared.sent()["Germany"].startswith("eu-west-1"), shared.text)
    during = shared.sent()
    assert {c for c in before if before[c] != during[c]} == {"Germany"}

    assert shared.demo("start", "eu-central-1").returncode == 0
    wait_until(lambda: shared.sent() == before, shared.text)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_everything_that_was_started(
    running: Running, number: signal.Signals, status: int
) -> None:
    example, process = running
    assert len(example.leftovers()) > 3

    os.killpg(process.pid, number)

    assert process.wait(PATIENCE) == status
    assert example.leftovers() == []
    assert "Traceback" not in example.text()


def test_ctrl_c_while_it_starts_leaves_nothing_behind(example: Example) -> None:
    process = example.start()
    wait_until(lambda: len(example.leftovers()) > 2, example.text)

    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(PATIENCE) == 130
    assert example.leftovers() == []


@pytest.mark.parametrize(
    ("part", "says"),
    [("demonstration", "endpoints have stopped"), ("geodns.cli", "geodns has stopped")],
)
def test_when_one_part_dies_the_other_is_stopped(running: Running, part: str, says: str) -> None:
    example, process = running
    marks = {"demonstration": b"demonstration", "geodns.cli": b"/geodns\0serve"}
    for pid in example.leftovers():
        if marks[part] in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)

    assert process.wait(PATIENCE) == 1
    assert says in example.text()
    wait_until(lambda: not example.leftovers(), lambda: str(example.leftovers()))


def test_a_taken_endpoint_port_is_one_clear_line(example: Example) -> None:
    with socket.socket() as taken:
        taken.bind(("127.11.1.1", example.check_port))
        taken.listen()
        process = example.start()
        assert process.wait(PATIENCE) == 1

    (line,) = example.text().splitlines()
    assert f"127.11.1.1:{example.check_port} is taken" in line
    assert example.leftovers() == []


def test_a_taken_status_port_is_one_clear_line(example: Example) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", example.http_port))
        taken.listen()
        process = example.start()
        assert process.wait(PATIENCE) == 1

    (line,) = example.text().splitlines()
    assert str(example.http_port) in line
    assert example.leftovers() == []


def test_a_missing_file_is_one_clear_line(example: Example) -> None:
    example.config.with_name("latency.yaml").unlink()

    process = example.start()

    assert process.wait(PATIENCE) == 1
    (line,) = example.text().splitlines()
    assert "latency.yaml" in line
    assert example.leftovers() == []


def test_a_missing_configuration_is_one_clear_line(example: Example) -> None:
    example.config.unlink()

    process = example.start()

    assert process.wait(PATIENCE) == 1
    (line,) = example.text().splitlines()
    assert "geodns.yaml is missing" in line
