"""Builds messages from choices: good queries, and queries with something odd in each part."""

from __future__ import annotations

import dns.name

from fuzzing.choices import Choices
from fuzzing.world import NAMES

_TYPES = (1, 28, 5, 16, 2, 6, 15, 33, 39, 43, 65, 97, 255, 0, 41, 249, 250, 251, 252, 65535, 64, 35)
_CLASSES = (1, 1, 1, 3, 255, 254, 0, 4)
_SIZES = (1232, 512, 0, 511, 4096, 65535)
_OPTIONS = (8, 8, 3, 10, 11, 12, 15, 9, 0, 65535)
_RECORDS = 3  # per section; more of them shows nothing new
_WIRE_NAMES = tuple(dns.name.from_text(name).to_wire() or b"" for name in NAMES)


def build(choices: Choices) -> bytes:
    """A message of up to 65,535 bytes, mostly near to a good query."""
    flags = choices.pick(
        (0x0100, 0, 0x0110, 0x0120, 0x0010, 0x8100, 0x2800, 0x2000, 0x0740, 0x0A8F)
    )
    questions = choices.pick((1, 1, 1, 1, 1, 1, 0, 2))
    body = b"".join(_question(choices) for _ in range(questions))
    counts = [questions]
    for section in range(3):
        number = choices.number(_RECORDS) if choices.chance(8) else 0
        body += b"".join(_record(choices) for _ in range(number))
        if section == 2:
            opts = choices.pick((1, 1, 1, 0, 0, 2))
            body += b"".join(_opt(choices) for _ in range(opts))
            number += opts
        counts.append(number)
    if choices.chance(16):
        counts[choices.number(3)] = choices.number(65535)
    if choices.chance(16):
        body += choices.raw(choices.number(20))
    header = b"".join(number.to_bytes(2, "big") for number in (0x1234, flags, *counts))
    return (header + body)[: 1 << 16]


def _question(choices: Choices) -> bytes:
    type, qclass = choices.pick(_TYPES), choices.pick(_CLASSES)
    return _name(choices) + type.to_bytes(2, "big") + qclass.to_bytes(2, "big")


def _name(choices: Choices) -> bytes:
    name = choices.pick(_WIRE_NAMES)
    match choices.number(15):
        case 1:
            name = name.swapcase()
        case 2 | 3:
            label = choices.raw(1 + choices.number(62)) or b"x"
            name = bytes((len(label),)) + label + name
        case 4:
            name = b"\x01*" + name
        case 5:
            name = choices.pick((b"\xc0\x0c", b"\xc0\x00", b"\xff\xff", b"\x40x\0", b"\0"))
        case 6:
            name = (b"\x01a" * choices.number(130)) + name
        case 7:
            # What looks like an OPT record inside of a name.
            name = b"\x05\0\0\x29xx" + name
    return name


def _record(choices: Choices) -> bytes:
    data = choices.raw(choices.number(40))
    length = len(data) if not choices.chance(8) else choices.number(65535)
    fixed = choices.pick(_TYPES).to_bytes(2, "big") + choices.pick(_CLASSES).to_bytes(2, "big")
    return (
        _name(choices) + fixed + choices.raw(4).ljust(4, b"\0") + length.to_bytes(2, "big") + data
    )


def _opt(choices: Choices) -> bytes:
    owner = _name(choices) if choices.chance(16) else b"\0"
    size = choices.pick(_SIZES)
    version = 1 if choices.chance(16) else 0
    flags = choices.pick((0, 0x8000, 0x4000, 0xFFFF))
    options = b"".join(_option(choices) for _ in range(choices.pick((0, 1, 1, 2, 5))))
    length = len(options) if not choices.chance(16) else choices.number(255)
    fixed = size.to_bytes(2, "big") + bytes((0, version)) + flags.to_bytes(2, "big")
    return owner + b"\0\x29" + fixed + length.to_bytes(2, "big") + options


def _option(choices: Choices) -> bytes:
    code = choices.pick(_OPTIONS)
    if code == 8:
        data = _subnet(choices)
    elif code == 10:
        data = choices.raw(choices.pick((8, 16, 24, 40, 7, 41, 0)))
    else:
        data = choices.raw(choices.number(12))
    length = len(data) if not choices.chance(16) else choices.number(255)
    return code.to_bytes(2, "big") + length.to_bytes(2, "big") + data


def _subnet(choices: Choices) -> bytes:
    family = choices.pick((1, 1, 2, 0, 3, 257))
    source = choices.pick((24, 32, 0, 8, 20, 48, 56, 128, 33, 129, 255))
    scope = choices.number(255) if choices.chance(16) else 0
    size = (source + 7) // 8 + (choices.number(2) - 1 if choices.chance(16) else 0)
    address = bytearray(choices.raw(max(0, size)).ljust(max(0, size), b"\x0a"))
    if address and source % 8 and not choices.chance(16):
        address[-1] &= 0xFF << (8 - source % 8) & 0xFF
    return family.to_bytes(2, "big") + bytes((source, scope)) + bytes(address)
