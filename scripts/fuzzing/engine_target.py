"""The engine under fuzzing: an input is a few packets and changes of state; replies are judged."""

from __future__ import annotations

from oracle import Judge, check_limited

from fuzzing.choices import Choices
from fuzzing.messages import build
from fuzzing.world import HOSTS, engine, states
from geodns.answer.limits import LimitRules

_STRUCTURED, _RAW = 0, 1
_MOST_PACKETS = 6
_SITUATIONS = 4
_LIMITS = LimitRules(responses_per_second=1, slip=2)
_REPEATS = 4
_parsed: set[bytes] = set()


def run(data: bytes) -> None:
    """Judges the replies to an input's packets. Raises what an engine raises, or AssertionError.

    Engines are made anew, so that an input shows its finding alone.
    """
    choices = Choices(data)
    mode, host = choices.number(1), choices.pick(HOSTS)
    situation = choices.number(_SITUATIONS - 1)
    judge = Judge(engine(), engine(stream=True), _parsed)
    _set_states(judge, situation)
    packets: list[bytes] = []
    while len(packets) < _MOST_PACKETS and (choices or not packets):
        packets.append(build(choices) if mode == _STRUCTURED else choices.rest())
        judge.check(packets[-1], host)
        if choices.chance(8):
            situation = choices.number(_SITUATIONS - 1)
            _set_states(judge, situation)
    limited = engine(states=states(situation), limits=_LIMITS)
    for packet in packets:
        _check_history(judge, packet, host, situation)
        for _ in range(_REPEATS):
            check_limited(packet, judge.udp.respond(packet, host), limited.respond(packet, host))


def _set_states(judge: Judge, situation: int) -> None:
    for each in (judge.udp, judge.stream):
        each.set_states(states(situation))


def _check_history(judge: Judge, packet: bytes, host: str, situation: int) -> None:
    """Whatever an engine has seen, it answers as one does that has seen nothing."""
    new = engine(states=states(situation)).respond(packet, host)
    assert judge.udp.respond(packet, host) == new, "what was seen before changes the reply"


def raw_input(packet: bytes) -> bytes:
    """The input that is one packet, as it is."""
    return bytes((_RAW, 0, 0)) + packet
