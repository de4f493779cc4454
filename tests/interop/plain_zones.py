"""Zones without services, parents and children among them, and questions about every corner."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import NamedTuple

import dns.name
import dns.rdatatype
import dns.zone
from dns.rdatatype import RdataType

_FOLDER = Path(__file__).parent / "zones"
_SOA = "$TTL 300\n@ 900 IN SOA ns admin 1 3600 600 604800 60\n@ IN NS ns\nns IN A 192.0.2.53\n"


def _top_level() -> str:
    """A zone like that of a public suffix: hardly anything but delegations, of these zones too."""
    lines = [_SOA, "ns IN AAAA 2001:db8::53", "ns1 IN A 192.0.2.54", "*.co IN TXT wildcard"]
    for number in range(300):
        lines.append(f"d{number} IN NS ns{number % 7}.d{number}")
        lines.append(f"ns{number % 7}.d{number} IN A 192.0.2.{number % 250}")
        lines.append(f"d{number} IN NS ns{(number + 1) % 7}.d{(number + 1) % 300}")
        if not number % 10:
            lines.append(f"a{number}.gov IN NS ns.example.org.")
            lines.append(f"d{number} IN DS {number} 13 2 {'%02x' % (number % 256) * 32}")
    # renamed.test and elsewhere.test are not delegated from here.
    children = ("diff", "alias", "glue", "extra", "big")
    lines += [f"{child} IN NS ns.{child}\nns.{child} IN A 192.0.2.53" for child in children]
    lines.append("diff IN DS 4711 13 2 " + "ab" * 32)
    return "\n".join(lines) + "\n"


def _big() -> str:
    """Sets of records about as long as a message may be, long names, and labels of any bytes."""
    lines = [_SOA]
    lines += [f"a{count} IN A 192.0.2.{n}" for count in _COUNTS for n in range(count)]
    lines += [f"mx{count} IN MX {n} ns" for count in (20, 40) for n in range(count)]
    for size in (200, 430, 450, 470, 1100, 1150, 1170, 1190, 1210, 4000):
        parts = " ".join(f'"{"x" * min(250, size - at)}"' for at in range(0, size, 250))
        lines.append(f"txt{size} IN TXT {parts}")
    # 5000 records that hold names: of the pointers to them many would lie beyond 0x3FFF.
    lines += [f"ptr IN PTR n{n:04d}.{n % 7}.names" for n in range(2000)]
    lines += [f"mxs IN MX {n} host{n}" for n in range(60)]
    lines += [f"host{n} IN A 192.0.2.{n}" for n in range(60)]
    lines += [f"{_label(bytes((byte,)))} IN A 192.0.2.1" for byte in range(256)]
    lines += [f"x{_label(bytes((byte,)))}y.in IN TXT x" for byte in (0, 9, 32, 46, 64, 92, 255)]
    long = ".".join(("l" * 63, "o" * 63, "n" * 63, "g" * 52))  # with .big.test. 255 bytes
    lines += [f"{long} IN A 192.0.2.2", f"to-long IN CNAME {long}", f"*.{long[12:]} IN TXT x"]
    lines += ["MiXeD IN A 192.0.2.3", "UPPER.miXed IN MX 10 MIXED", "*.WILD IN CNAME Mixed"]
    lines += ["DName IN DNAME MIXED.new", "To.MIXED.New IN A 192.0.2.4"]
    return "\n".join(lines) + "\n"


_COUNTS = (27, 28, 29, 30, 70, 71, 72, 73, 74, 75, 200)


def _label(raw: bytes) -> str:
    return "".join(f"\\{byte:03d}" for byte in raw)


ZONES = {file.stem: file.read_text() for file in sorted(_FOLDER.glob("*.zone"))}
ZONES["big.test"] = f"$ORIGIN big.test.\n{_big()}"
ZONES["test"] = f"$ORIGIN test.\n{_top_level()}"

_MAIN_TYPES = ("A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "DS", "SRV", "DNAME", "HTTPS")
_OTHER_TYPES = ("SVCB", "PTR", "NAPTR", "CAA", "TLSA", "SSHFP", "LOC", "URI", "HINFO", "RP",
                "AFSDB", "KX", "RT", "PX", "SPF", "CERT", "DNSKEY", "NSEC", "NSEC3", "NSEC3PARAM",
                "RRSIG", "CDS", "TYPE65280", "TYPE731", "TYPE1000")  # fmt: skip
_RESTS = (b"\0", b"x", bytes(12), b"\0\0\x29\x04\xd0" + bytes(6), b"\xff" * 300)
# Not 512 with EDNS: BIND then leaves out all that is optional, however short.
_SIZES = (None, None, 520, 600, 1232, 4096)
_OUTSIDE = (".", "com", "example.org", "www.example.org", "ns.example.com", "test.example.org")
_PLAIN = ("ns.diff.test", "missing.big.test")  # neither aliases nor delegations: no other rule
_LABELS = (b"x", b"*", b"ns", b"www", b"_tcp", b"\0", b"other")
_LONG = (b"l" * 63, b"o" * 63, b"n" * 63, b"g" * 45)


class Question(NamedTuple):
    """A query to be made: name, type, and how it is dressed. ``size`` None: without EDNS.

    ``rest`` stands behind the last record that the header counts.
    """

    name: dns.name.Name
    type: RdataType
    rd: bool
    cd: bool
    do: bool
    size: int | None
    rest: bytes = b""

    def __str__(self) -> str:
        flags = "".join(f" +{flag}" for flag in ("rd", "cd", "do") if getattr(self, flag))
        size = f" +bufsize={self.size}" if self.size is not None else ""
        rest = f" and {self.rest.hex()}" if self.rest else ""
        return f"{self.name} {dns.rdatatype.to_text(self.type)}{flags}{size}{rest}"


def questions() -> Iterator[Question]:
    """Every owner with every type, names made from them with some; always the same ones."""
    random = Random(4592)
    main, other = ([RdataType.make(t) for t in ts] for ts in (_MAIN_TYPES, _OTHER_TYPES))
    for rest, size, plain in product(_RESTS, _SIZES, map(dns.name.from_text, _PLAIN)):
        for type in main:
            yield Question(plain, type, True, False, False, size, rest)
    names: dict[tuple[bytes, ...], tuple[dns.name.Name, list[RdataType] | None]] = {}
    for name, there in _names():
        names.setdefault(name.labels, (name, there))
    for name, there in names.values():
        types = [*random.sample(main, 3), random.choice(other)]
        if there is not None:
            types = [*dict.fromkeys((*main, *there, *random.sample(other, 2)))]
        for type in types:
            size = random.choice(_SIZES)
            rd, cd, do = (random.random() < 0.3 for _ in range(3))
            yield Question(name, type, rd, cd, do and size is not None, size)


_Named = tuple[dns.name.Name, list[RdataType] | None]


def _names() -> Iterator[_Named]:
    """Names in, under, between and outside of the zones, and what stands there, if it matters."""
    for outside in _OUTSIDE:
        yield dns.name.from_text(outside), None
    # A DNAME makes them too long, or just not.
    for owner in ("away.diff.test", "grow.alias.test", "to-child-zone.alias.test"):
        for cut in (0, 1, 3, 4, 5, 9, 20, 40):
            yield from _joined((_LONG[0][cut:], *_LONG[1:]), dns.name.from_text(owner))
    for origin, text in ZONES.items():
        written = owners(origin, text)
        # Of hundreds that are alike a few are enough.
        few = len(written) < 100
        for number, (name, types) in enumerate(written.items()):
            yield name, types if few else None
            if few or not number % 8:
                yield from _around(name)


def _around(owner: dns.name.Name) -> Iterator[_Named]:
    for label in _LABELS:
        yield from _joined((label,), owner)
    yield from _joined((b"a", b"b"), owner)
    for start in range(1, len(owner)):
        yield dns.name.Name(owner.labels[start:]), None
    yield from _joined((b"other",), owner.parent())
    yield dns.name.Name(tuple(label.swapcase() for label in owner.labels)), None


def _joined(labels: tuple[bytes, ...], name: dns.name.Name) -> Iterator[_Named]:
    try:
        yield dns.name.Name(labels + name.labels), None
    except dns.name.NameTooLong:
        return


def owners(origin: str, text: str) -> dict[dns.name.Name, list[RdataType]]:
    """The owner names of a master file, as they are first written there, and the types at them."""
    zone = dns.zone.from_text(text, origin, relativize=False)
    return {name: [rdataset.rdtype for rdataset in node] for name, node in zone.nodes.items()}
