"""``scripts/fuzz``: which way to fuzz, for how long, and where findings go."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

from fuzzing import corpus, volume
from fuzzing.engine_target import raw_input
from fuzzing.reach import least
from fuzzing.targets import TARGETS

_FINDINGS = corpus.ROOT / "var" / "fuzz"
_MOST_INPUT = 2048
_MOST_MEGABYTES = 1024


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--target", type=click.Choice(sorted(TARGETS)), default="engine", show_default=True)
@click.option("--seconds", type=click.IntRange(1), help="How long to fuzz; default: 60.")
@click.option("--runs", type=click.IntRange(1), help="How many inputs to try.")
@click.option("--packets", type=click.IntRange(1), help="Send so many packets instead, unguided.")
@click.option("--processes", type=click.IntRange(1), help="For --packets; default: 2.")
@click.option("--seed", type=click.IntRange(0), default=0, help="First seed, for --packets.")
@click.option("--minimise", is_flag=True, help="Keep what adds to the corpus.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(
    target: str,
    seconds: int | None,
    runs: int | None,
    packets: int | None,
    processes: int | None,
    seed: int,
    minimise: bool,
    files: tuple[Path, ...],
) -> None:
    """Fuzz the server's entry points without a network, or run FILES, which were found to fail.

    The corpus is in tests/fuzz/corpus. What is new goes to var/fuzz/TARGET, and what fails to
    var/fuzz/failures. Guided fuzzing needs atheris: pip install -e '.[fuzz]'.
    """
    if files:
        sys.exit(_replay(target, files))
    if packets is not None:
        sys.exit(_many(packets, processes or volume.default_processes(), seed))
    if minimise:
        sys.exit(_minimise(target))
    limits = [] if runs is None else [f"-runs={runs}"]
    if seconds is not None or runs is None:
        limits.append(f"-max_total_time={seconds or 60}")
    found, failures = _folder(target), _folder("failures")
    known = corpus.CORPUS / target
    sys.exit(_guided(target, [*limits, f"-artifact_prefix={failures}/", str(found), str(known)]))


def _folder(name: str) -> Path:
    folder = _FINDINGS / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _guided(target: str, arguments: list[str]) -> int:
    """Runs libFuzzer in a process of its own, which it ends as it likes; returns its status."""
    fixed = [f"-max_len={_MOST_INPUT}", f"-rss_limit_mb={_MOST_MEGABYTES}", "-timeout=20"]
    fixed += [f"-dict={corpus.DICTIONARY}", "-print_final_stats=1"]
    command = [sys.executable, "-m", "fuzzing.guided", target, *fixed, *arguments]
    return subprocess.run(command, check=False).returncode


def _minimise(target: str) -> int:
    known = corpus.CORPUS / target
    known.mkdir(parents=True, exist_ok=True)
    files = [*known.iterdir(), *_folder(target).iterdir()]
    inputs = [*corpus.generated(target), *(path.read_bytes() for path in files)]
    kept = least(TARGETS[target], inputs)
    for path in known.iterdir():
        path.unlink()
    for data in kept:
        corpus.save(known, data)
    size = sum(map(len, kept))
    click.echo(f"{known.relative_to(corpus.ROOT)}: {len(kept)} of {len(inputs)}, {size:,} bytes")
    return 0


def _replay(target: str, files: tuple[Path, ...]) -> int:
    failed = 0
    for path in files:
        # Whatever an input raises is what is wanted here; the others are still to be run.
        try:
            TARGETS[target](path.read_bytes())
        except Exception as error:  # noqa: BLE001
            failed += 1
            click.echo(f"{path}: {type(error).__name__}: {error}")
        else:
            click.echo(f"{path}: well")
    return 1 if failed else 0


def _many(packets: int, processes: int, seed: int) -> int:
    total = volume.Outcome()
    start = time.monotonic()
    for outcome in volume.run(packets, processes, seed):
        total.add(outcome)
        rate = total.packets / (time.monotonic() - start)
        click.echo(
            f"{total.packets:,} packets, {rate:,.0f} a second, {len(total.findings)} findings"
        )
    for words, count in total.replies.most_common():
        click.echo(f"{count:>14,}  {words}")
    for finding in total.findings:
        path = corpus.save(_folder("failures"), raw_input(finding.packet))
        place = f"packet {finding.number} of seed {finding.seed}, from {finding.host}"
        click.echo(f"{place}: {finding.error}; {path.relative_to(corpus.ROOT)}")
    return 1 if total.findings else 0
