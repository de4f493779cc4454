"""Replies that are too long: what is left out, when TC is set, and messages of 64 KiB."""

from __future__ import annotations

from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest
from building import image, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.answer.fit import MOST_BYTES

_HEAD = """\
"":
  - {type: NS, ttl: 300, values: [ns.elsewhere.test.]}
"""
_TEXT = "x" * 250


def _engine(folder: Path, records: str, *, stream: bool) -> Engine:
    return Engine(image(folder, zone=_HEAD + records), Identity("ns1.demo"), stream=stream)


def _ask(engine: Engine, name: str, type: str) -> dns.message.Message:
    wire = engine.respond(query(f"{name}.example.test", type), "198.51.100.1")
    assert wire is not None
    assert len(wire) <= MOST_BYTES
    reply = dns.message.from_wire(wire)
    assert reply.rcode() == dns.rcode.NOERROR
    return reply


def _mail(hosts: int) -> str:
    values = ", ".join(f"{{preference: 1, exchange: h{n}.example.test.}}" for n in range(hosts))
    lines = [f"mail: {{type: MX, values: [{values}]}}"]
    lines += [f"h{n}: {{type: A, value: 192.0.2.{n}}}" for n in range(hosts)]
    return "\n".join(lines)


def test_addresses_that_do_not_fit_are_left_out_without_tc(tmp_path: Path) -> None:
    reply = _ask(_engine(tmp_path, _mail(20), stream=False), "mail", "MX")
    assert not reply.flags & dns.flags.TC
    assert len(reply.answer[0]) == 20
    assert 0 < len(reply.additional) < 20
    whole = _ask(_engine(tmp_path, _mail(20), stream=True), "mail", "MX")
    assert whole.answer == reply.answer
    assert len(whole.additional) == 20


def test_an_answer_that_does_not_fit_is_cut(tmp_path: Path) -> None:
    reply = _ask(_engine(tmp_path, _mail(60), stream=False), "mail", "MX")
    assert reply.flags & dns.flags.TC
    assert not reply.answer


def _delegation(servers: list[str]) -> str:
    lines = [f"sub: {{type: NS, values: [{', '.join(f'{s}.example.test.' for s in servers)}]}}"]
    lines += [f"{s}: {{type: AAAA, values: ['2001:db8::1', '2001:db8::2']}}" for s in servers]
    return "\n".join(lines)


def test_a_referral_without_all_of_its_own_glue_is_cut(tmp_path: Path) -> None:
    # RFC 9471 3.1
    own = _engine(tmp_path, _delegation([f"ns{n}.sub" for n in range(8)]), stream=False)
    assert _ask(own, "www.sub", "A").flags & dns.flags.TC


def test_a_referral_can_do_without_addresses_from_beside_the_cut(tmp_path: Path) -> None:
    beside = _delegation(["ns.sub", *(f"ns{n}" for n in range(8))])
    reply = _ask(_engine(tmp_path, beside, stream=False), "www.sub", "A")
    assert not reply.flags & dns.flags.TC
    assert len(reply.authority[0]) == 9
    assert reply.additional[0].name.to_text() == "ns.sub.example.test."
    assert len(reply.additional) < 9


@pytest.mark.parametrize("count", [150, 240])
def test_an_answer_of_nearly_64_kib_goes_over_tcp(tmp_path: Path, count: int) -> None:
    values = ", ".join(f'"{n:03d}{_TEXT}"' for n in range(count))
    engine = _engine(tmp_path, f"many: {{type: TXT, values: [{values}]}}", stream=True)
    reply = _ask(engine, "many", "TXT")
    assert not reply.flags & dns.flags.TC
    assert len(reply.answer[0]) == count


def test_a_set_of_records_that_no_message_holds_is_cut_even_over_tcp(tmp_path: Path) -> None:
    values = ", ".join(f'"{n:03d}{_TEXT}"' for n in range(300))
    engine = _engine(tmp_path, f"many: {{type: TXT, values: [{values}]}}", stream=True)
    reply = _ask(engine, "many", "TXT")
    assert reply.flags & dns.flags.TC
    assert not reply.answer
    assert reply.question[0].name.to_text() == "many.example.test."


def test_names_beyond_the_reach_of_pointers_are_written_out(tmp_path: Path) -> None:
    # RFC 1035 4.1.4: a pointer has 14 bits, so nothing behind byte 0x3FFF can be pointed to.
    targets = [f"host-{n}.in.some-domain-{n % 400}.test." for n in range(1400)]
    values = ", ".join(targets)
    engine = _engine(tmp_path, f"many: {{type: PTR, values: [{values}]}}", stream=True)
    reply = _ask(engine, "many", "PTR")
    assert {str(rdata) for rdata in reply.answer[0]} == set(targets)
