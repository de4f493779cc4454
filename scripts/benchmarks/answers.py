"""Whether a server answers rightly, asked before anything is measured."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from benchmarks.errors import BenchError
from benchmarks.workload import Question, Scenario

SAMPLES = 40
_PATIENCE = 3.0  # seconds; a busy machine is slow to answer, not wrong
_ID = b"\x2a\x2a"


def ask(question: Question, port: int, timeout: float) -> str | None:
    """What is wrong with the answer on 127.0.0.1, in a few words; None: it is right."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect(("127.0.0.1", port))
        try:
            client.send(_ID + question.packet[2:])
            reply = client.recv(65535)
        except TimeoutError:
            return "no answer"
        except ConnectionRefusedError:
            return "nothing listens"
    return judge(reply, question)


def judge(reply: bytes, question: Question) -> str | None:
    """What is wrong with a reply, in a few words; None: the A record that is expected, alone."""
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return f"an answer that can't be read ({error})"
    if message.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(message.rcode())
    addresses = [
        record.address
        for rrset in message.answer
        if rrset.rdtype == dns.rdatatype.A
        for record in rrset
    ]
    if addresses != [question.address]:
        return f"{', '.join(addresses) or 'no A record'} in place of {question.address}"
    return None


def wait_until_ready(
    question: Question, port: int, alive: Callable[[], bool], seconds: float
) -> None:
    """Return once the server answers this question rightly. Raises BenchError if it never does."""
    deadline = time.monotonic() + seconds
    wrong: str | None = "no answer"
    while time.monotonic() < deadline:
        if not alive():
            raise BenchError("it ended right after its start")
        wrong = ask(question, port, 0.3)
        if wrong is None:
            return
        time.sleep(0.1)
    raise BenchError(f"not ready after {seconds:.0f} s: {wrong}")


def verify(scenario: Scenario, port: int) -> None:
    """Ask samples from the whole scenario. Raises BenchError at the first wrong answer."""
    step = max(1, len(scenario.questions) // SAMPLES)
    samples: Sequence[Question] = scenario.questions[::step]
    for question in samples:
        wrong = ask(question, port, _PATIENCE)
        if wrong is not None:
            raise BenchError(f"wrong answer: {wrong}")
