"""The server makes room for its probes: one open file for each."""

from __future__ import annotations

from pathlib import Path

from running import RunningServer

_TOO_FEW = "too few files may be open for all checks: if all hang at once, probes start late"
_CHECKED = """\
checks: {c: {type: tcp, port: 9, interval: 600s, timeout: 600s}}
services: {web: {check: c}}
"""


def _soft_limit(pid: int) -> int:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("Max open files")]
    return int(line.split()[3])


def test_control_raises_its_limit_and_workers_theirs(tmp_path: Path) -> None:
    prefix = ("sh", "-c", 'ulimit -Sn 256 && ulimit -Hn 900 && exec "$@"', "sh")
    with RunningServer(tmp_path, prefix=prefix) as server:
        assert {_soft_limit(pid) for pid in (server.pid, *server.workers())} == {900}
        assert not server.events(_TOO_FEW)


def test_a_limit_that_is_too_low_for_all_checks_is_told(tmp_path: Path) -> None:
    addresses = ", ".join(f"127.0.{high}.{low}" for high in (1, 2) for low in range(50, 250))
    topology = f"""\
regions:
  eu: {{location: [1, 1], availability_zones: {{eu-a: {{endpoints: {{web: [{addresses}]}}}}}}}}
"""
    prefix = ("sh", "-c", 'ulimit -n 512 && exec "$@"', "sh")
    files = {"services.yaml": _CHECKED, "topology.yaml": topology}
    with RunningServer(tmp_path, files, prefix=prefix) as server:
        [event] = server.events(_TOO_FEW)
        assert (event["at_once"], event["needed"]) == (288, 400)
