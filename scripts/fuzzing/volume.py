"""Many packets, fast: each reply is judged, one in sixteen with all that the judge knows."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache

import dns.rcode
from mutations import packets
from oracle import UDP_LIMIT, Judge, check_reply

from fuzzing.world import HOSTS, engine, states

SLICE = 50_000
"""Packets between two reports; states change as often."""
_SAMPLED = 16
_FEW_HOSTS, _SITUATIONS = 500, 4
_MOST_FINDINGS = 20


@dataclass(frozen=True)
class Finding:
    """A packet whose reply is wrong, as number ``number`` of the slice with that seed."""

    seed: int
    number: int
    packet: bytes
    host: str
    error: str


@dataclass
class Outcome:
    """What came of packets: replies by rcode (TC apart), or silence."""

    packets: int = 0
    replies: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.packets += other.packets
        self.replies.update(other.replies)
        self.findings += other.findings[: _MOST_FINDINGS - len(self.findings)]


@cache
def _judge() -> Judge:
    """This process's engines: they see all slices, one after the other."""
    return Judge(engine(), engine(stream=True))


def _hosts(seed: int) -> list[str]:
    generator = random.Random(seed)
    others = [f"{generator.choice((10, 20, 30, 99))}.{n & 3}.{n >> 2}.7" for n in range(_FEW_HOSTS)]
    return [*HOSTS, *others]


def run_slice(seed: int, count: int) -> Outcome:
    """Sends the packets of one seed to this process's engines."""
    judge = _judge()
    for each in (judge.udp, judge.stream):
        each.set_states(states(seed % _SITUATIONS))
    respond = judge.udp.respond
    hosts = _hosts(seed)
    number_of_hosts = len(hosts)
    outcome = Outcome(packets=count)
    counts: Counter[int] = Counter()
    for number, packet in enumerate(packets(seed, count)):
        host = hosts[number % number_of_hosts]
        # Whatever it is that goes wrong, it is a finding, and the others are still to be found.
        try:
            if number % _SAMPLED:
                reply = respond(packet, host)
                check_reply(packet, reply, UDP_LIMIT)
            else:
                reply = judge.check(packet, host)
        except Exception as error:  # noqa: BLE001
            found = Finding(seed, number, packet, host, f"{type(error).__name__}: {error}")
            if len(outcome.findings) < _MOST_FINDINGS:
                outcome.findings.append(found)
            continue
        counts[-1 if reply is None else (reply[2] & 0x02) << 7 | reply[3] & 0x0F] += 1
    for key, times in counts.items():
        outcome.replies[_words(key)] += times
    return outcome


def _words(key: int) -> str:
    if key < 0:
        return "silence"
    return dns.rcode.to_text(dns.rcode.Rcode(key & 0x0F)) + (", cut" if key >> 8 else "")


def run(count: int, processes: int, first_seed: int) -> Iterator[Outcome]:
    """Yields what came of each slice, as they end; ends early where there are many findings."""
    sizes = [SLICE] * (count // SLICE) + ([count % SLICE] if count % SLICE else [])
    slices = iter(enumerate(sizes, first_seed))
    with ProcessPoolExecutor(processes) as pool:
        running: set[Future[Outcome]] = set()
        findings = 0
        while True:
            while len(running) <= processes and findings < _MOST_FINDINGS:
                following = next(slices, None)
                if following is None:
                    break
                running.add(pool.submit(run_slice, *following))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                findings += len(outcome.findings)
                yield outcome


def default_processes() -> int:
    """Two, where there are two cores."""
    return min(2, os.cpu_count() or 1)
