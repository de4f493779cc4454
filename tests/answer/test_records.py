"""Records behind a question are found whatever they hold; a message that ends early is broken."""

from __future__ import annotations

from pathlib import Path

import dns.message
import dns.rcode
import pytest
from building import image, lines, query

from geodns.answer.cold import Identity
from geodns.answer.engine import Engine
from geodns.answer.records import MalformedMessageError, records_behind

_HEAD = b"\x12\x34\1\0\0\0\0\0\0\1\0\1"
_TXT = b"\3\x80\xff\0\0\0\x10\0\1\0\0\0\5\0\2\1a"
_OPT = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"


def test_records_are_told_apart_by_section_owner_and_type() -> None:
    txt, opt = records_behind(_HEAD + _TXT + _OPT, 12)
    assert txt == (1, False, 16, 1, 5, b"\1a")
    assert opt == (2, True, 41, 1232, 0x8000, b"")


def test_an_owner_may_be_a_pointer() -> None:
    txt, _ = records_behind(_HEAD + b"\xc0\x0c" + _TXT[5:] + _OPT, 12)
    assert txt.rdata == b"\1a"


@pytest.mark.parametrize("size", range(len(_TXT + _OPT)))
def test_a_message_that_ends_early_is_broken(size: int) -> None:
    with pytest.raises(MalformedMessageError):
        records_behind(_HEAD + (_TXT + _OPT)[:size], 12)


@pytest.mark.parametrize("label", [b"\x40", b"\x80", b"\xbf"])
def test_unknown_kinds_of_labels_are_broken(label: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        records_behind(_HEAD + label + bytes(100), 12)


@pytest.mark.parametrize("flags", [0x0100, 0x0540, 0x0108])
def test_a_name_of_any_bytes_is_answered_in_whatever_dress(tmp_path: Path, flags: int) -> None:
    engine = Engine(image(tmp_path), Identity("ns1.demo", "geodns 1"))
    packet = query("\\128\\255.wild.example.test")
    reply = engine.respond(packet[:2] + flags.to_bytes(2, "big") + packet[4:], "20.0.0.1")
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert message.rcode() == dns.rcode.NOERROR
    assert lines(message.answer) == [r"\128\255.wild.example.test. 300 A 192.0.2.99"]


def test_records_of_broken_types_around_a_query_do_not_matter(tmp_path: Path) -> None:
    engine = Engine(image(tmp_path), Identity("ns1.demo", "geodns 1"))
    packet = query("www.example.test")
    # A record of type A with one byte of data, and one whose name holds any bytes.
    junk = b"\0\0\1\0\1\0\0\0\0\0\1x" + _TXT
    asked = packet[:6] + b"\0\1\0\1\0\0" + packet[12:] + junk
    assert engine.respond(asked, "20.0.0.1") == engine.respond(packet, "20.0.0.1")
