"""What a reply must be, whatever the packet was: the one judge of all hostile tests."""

from __future__ import annotations

from typing import NamedTuple

import dns.message

from geodns.answer.engine import Engine

UDP_LIMIT = 1232
STREAM_LIMIT = 65535
_LEAST_LIMIT = 512
_GARBAGE_MARGIN = 64
"""What an error may have that its query has not: OPT, cookie, NSID, extended error."""
_HEADER, _CLIENT_SUBNET, _KEEPALIVE, _DO = 12, 8, 11, 0x8000
_FORMERR, _SERVFAIL, _NOTIMP, _REFUSED, _BADVERS, _BADCOOKIE = 1, 2, 4, 5, 16, 23
_ERRORS = frozenset((_FORMERR, _SERVFAIL, _NOTIMP, _REFUSED))
_MOST_PARSED = 100_000


class Option(NamedTuple):
    code: int
    data: bytes


class Opt(NamedTuple):
    """An OPT record (RFC 6891 6.1.2): ``ttl`` holds extended rcode, version and flags."""

    size: int
    ttl: int
    options: tuple[Option, ...]

    def subnets(self) -> list[bytes]:
        return [option.data for option in self.options if option.code == _CLIENT_SUBNET]


class Reading(NamedTuple):
    """A message of one question that is well formed.

    ``records`` are the bytes between question and OPT; ``rest`` is behind the last record.
    """

    question: bytes
    counts: tuple[int, int, int]
    records: bytes
    opt: Opt | None
    rest: bytes


def read(message: bytes) -> Reading | None:
    """Reads a message slowly and strictly; None where it is not one question and whole records."""
    if len(message) < _HEADER or message[4:6] != b"\0\1":
        return None
    counts = tuple(int.from_bytes(message[at : at + 2], "big") for at in (6, 8, 10))
    start = position = _name_end(message, _HEADER, compressed=False) + 4
    if position < _HEADER + 5 or position > len(message):
        return None
    records_end = None
    opt: Opt | None = None
    for number in range(sum(counts)):
        name_end = _name_end(message, position, compressed=True)
        data_at = name_end + 10
        if name_end < 0 or data_at > len(message):
            return None
        end = data_at + int.from_bytes(message[data_at - 2 : data_at], "big")
        if end > len(message):
            return None
        if message[name_end : name_end + 2] == b"\0\x29":
            found = _read_opt(message, name_end, end)
            misplaced = number < counts[0] + counts[1] or message[position]
            if found is None or opt is not None or misplaced:
                return None
            opt, records_end = found, position
        position = end
    records = message[start : position if records_end is None else records_end]
    return Reading(
        message[_HEADER:start], (counts[0], counts[1], counts[2]), records, opt, message[position:]
    )


def _name_end(message: bytes, position: int, *, compressed: bool) -> int:
    start = position
    while position < len(message):
        length = message[position]
        if length == 0:
            return position + 1 if position + 1 - start <= 255 else -1
        if length >= 0xC0 and compressed:
            return position + 2 if position + 2 <= len(message) else -1
        if length > 63:
            return -1
        position += length + 1
    return -1


def _read_opt(message: bytes, fixed: int, end: int) -> Opt | None:
    position = fixed + 10
    options = []
    while position < end:
        data = position + 4
        following = data + int.from_bytes(message[position + 2 : data], "big")
        if data > end or following > end:
            return None
        code = int.from_bytes(message[position : position + 2], "big")
        options.append(Option(code, message[data:following]))
        position = following
    size = int.from_bytes(message[fixed + 2 : fixed + 4], "big")
    return Opt(size, int.from_bytes(message[fixed + 4 : fixed + 8], "big"), tuple(options))


def check_reply(packet: bytes, reply: bytes | None, limit: int) -> None:
    """What must be so of every reply, with little work; ``limit`` is in bytes."""
    if reply is None:
        assert len(packet) < _HEADER or packet[2] & 0x80, "silence is only for what is no query"
        return
    assert len(packet) >= _HEADER, "a reply to what is no message"
    assert not packet[2] & 0x80, "a reply to a reply"
    assert reply[:2] == packet[:2], "the id is another one"
    assert (reply[2] ^ packet[2]) & 0xF9 == 0x80, "QR is not set, or opcode or RD is another one"
    assert _HEADER <= len(reply) <= limit, f"{len(reply)} bytes, more than {limit}"
    # An error may leave the question out; no reply names another one.
    assert reply[4:6] in (b"\0\0", b"\0\1"), "more than one question"
    if reply[5]:
        end = _name_end(reply, _HEADER, compressed=False) + 4
        assert _HEADER + 5 <= end <= len(reply), "the question is cut"
        assert reply[_HEADER:end] == packet[_HEADER:end], "the question is another one"
    if reply[3] & 0x0F in _ERRORS:
        assert reply[6:10] == b"\0\0\0\0", "an error with records"
        assert len(reply) <= len(packet) + _GARBAGE_MARGIN, "an error amplifies its query"


class Judge:
    """Judges the replies of one UDP engine and one stream engine to the same packets.

    ``parsed`` remembers replies that dnspython has read, so that each is read once; judges may
    share it.
    """

    def __init__(self, udp: Engine, stream: Engine, parsed: set[bytes] | None = None) -> None:
        self.udp = udp
        self.stream = stream
        self._parsed: set[bytes] = parsed if parsed is not None else set()

    def check(self, packet: bytes, host: str) -> bytes | None:
        """Sends a packet to both engines and judges all that can be judged; returns UDP's reply."""
        reply = self.udp.respond(packet, host)
        whole = self.stream.respond(packet, host)
        check_reply(packet, reply, limit_of(packet))
        check_reply(packet, whole, STREAM_LIMIT)
        assert (reply is None) == (whole is None), "UDP and TCP differ in silence"
        if reply is None or whole is None:
            return None
        self._parse(reply)
        self._parse(whole)
        if reply != whole:
            _check_cut(packet, reply, whole)
        assert not whole[2] & 0x02, "cut over TCP"
        # What was seen a moment ago is answered from tables: no answer may change by that.
        assert self.udp.respond(packet, host) == reply, "the second reply is another one"
        self._check_plain(packet, whole, host)
        return reply

    def _parse(self, reply: bytes) -> None:
        rest = reply[2:]
        if rest in self._parsed:
            return
        message = dns.message.from_wire(reply)
        assert not message.errors
        if len(self._parsed) >= _MOST_PARSED:
            self._parsed.clear()
        self._parsed.add(rest)

    def _check_plain(self, packet: bytes, reply: bytes, host: str) -> None:
        """The answer must be that of the same question in its plainest form."""
        plain = plain_form(packet)
        if plain is None:
            return
        if packet[2] & 0x78 or reply[3] & 0x0F in (_FORMERR, _NOTIMP):
            return
        got = read(reply)
        assert got is not None, "a reply that can't be read"
        rcode = rcode_of(reply, got)
        assert not got.rest, "bytes behind the reply's last record"
        if rcode == _BADVERS:
            return
        answered = self.stream.respond(plain, host)
        assert answered is not None
        wanted = read(answered)
        assert wanted is not None
        assert rcode == rcode_of(answered, wanted), "another rcode than the plain query's"
        assert reply[2] & 0x04 == answered[2] & 0x04, "AA differs from the plain query's"
        assert got.records == wanted.records, "other records than the plain query's"
        if got.opt is not None and wanted.opt is not None:
            assert got.opt.subnets() == wanted.opt.subnets(), "another scope than the plain query's"


def _check_cut(packet: bytes, reply: bytes, whole: bytes) -> None:
    """Over UDP, a reply may lack what has no room; RFC 7828 3.3.1: only TCP tells of keep-alive."""
    if reply[2] & 0x02:
        assert len(whole) > limit_of(packet), "cut for no reason"
        return
    short, long = read(reply), read(whole)
    if short is None or long is None:
        assert short is long, "only one of UDP and TCP has a question in its reply"
        assert reply[:12] == whole[:12], "UDP and TCP differ in an error"
        return
    if whole[3] & 0x0F == _FORMERR and _bad_keepalive(packet):
        return
    # RFC 2181 9: TC may stay unset where only additional records are left out.
    assert short.counts[:2] == long.counts[:2], "UDP and TCP differ, and TC is not set"
    assert long.records.startswith(short.records), "UDP and TCP have other records"
    if short.records != long.records:
        assert len(whole) > limit_of(packet), "records left out for no reason"


def check_limited(packet: bytes, free: bytes | None, reply: bytes | None) -> None:
    """What rate limiting may make of a reply: nothing of it, all of it, or a short hint."""
    if reply is None or reply == free:
        return
    assert free is not None, "a reply to what gets none"
    check_reply(packet, reply, limit_of(packet))
    assert reply[6:10] == b"\0\0\0\0", "a hint with records"
    got, whole = read(reply), read(free)
    if got is None or whole is None:
        assert not reply[5], "a hint that can't be read"
        return
    assert reply[2] & 0x02 or rcode_of(reply, got) == _BADCOOKIE, "a hint that tells no way on"
    assert len(reply) <= len(packet) + _GARBAGE_MARGIN, "a hint amplifies its query"
    if got.opt is not None and whole.opt is not None:
        addresses = [subnet[:3] + subnet[4:] for subnet in got.opt.subnets()]
        assert addresses == [subnet[:3] + subnet[4:] for subnet in whole.opt.subnets()], (
            "a hint echoes another client subnet"
        )


def _bad_keepalive(packet: bytes) -> bool:
    """RFC 7828 3.2.1: a client sends it without a timeout; over UDP it is ignored."""
    reading = read(packet)
    options = reading.opt.options if reading is not None and reading.opt is not None else ()
    return any(option.code == _KEEPALIVE and option.data for option in options)


def limit_of(packet: bytes) -> int:
    """The most bytes that a UDP reply to a packet may have (RFC 6891 6.2.3 to 6.2.5)."""
    reading = read(packet)
    if reading is None or reading.opt is None:
        return _LEAST_LIMIT
    return min(max(reading.opt.size, _LEAST_LIMIT), UDP_LIMIT)


def rcode_of(message: bytes, reading: Reading) -> int:
    """The rcode with its upper bits (RFC 6891 6.1.3)."""
    upper = reading.opt.ttl >> 24 if reading.opt is not None else 0
    return upper << 4 | message[3] & 0x0F


def plain_form(packet: bytes) -> bytes | None:
    """The same question with nothing around it but DO and client subnet; None where there is none.

    That is where the message can't be read, or has several client subnets.
    """
    reading = read(packet)
    if reading is None:
        return None
    subnets = reading.opt.subnets() if reading.opt is not None else []
    if len(subnets) > 1:
        return None
    flags = bytes((packet[2] & 0x01, packet[3] & 0x10))
    head = packet[:2] + flags + b"\0\1\0\0\0\0\0"
    do = reading.opt is not None and bool(reading.opt.ttl & _DO)
    if not subnets and not do:
        return head + b"\0" + reading.question
    option = b""
    if subnets:
        option = _CLIENT_SUBNET.to_bytes(2, "big") + len(subnets[0]).to_bytes(2, "big") + subnets[0]
    fixed = b"\0\0\x29\x04\xd0\0\0" + (b"\x80\0" if do else b"\0\0")
    opt = fixed + len(option).to_bytes(2, "big") + option
    return head + b"\1" + reading.question + opt
