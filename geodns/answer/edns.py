"""EDNS of queries and replies: OPT records (RFC 6891) and the options that are understood."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

from geodns.answer.cookies import well_formed
from geodns.errors import GeodnsError

OPT = 41
PAYLOAD = 1232
"""Our UDP size: fits an IPv6 packet of the least MTU, 1280, unfragmented (DNS flag day 2020)."""
LEAST_PAYLOAD = 512  # RFC 6891 6.2.3: values lower than 512 MUST be treated as equal to 512
FIXED_BYTES = 11  # of an OPT record: root, type, size, TTL, RDLENGTH
SUBNET_DATA_AT = FIXED_BYTES + 4
SUBNET_ADDRESS_AT = SUBNET_DATA_AT + 4
"""Where, in an OPT record whose first option is a client subnet, its data and address begin."""
_EXTENDED_RCODE_AT = 5
_NSID, _CLIENT_SUBNET, _COOKIE, _KEEPALIVE, _EXTENDED_ERROR = 3, 8, 10, 11, 15
_CLIENT_SUBNET_CODE = _CLIENT_SUBNET.to_bytes(2, "big")
_FAMILY_BITS = {1: 32, 2: 128}


class MalformedOptError(GeodnsError):
    """The OPT record breaks its own rules: FORMERR."""


class ClientSubnet(NamedTuple):
    """RFC 7871 6: ``family`` 1 or 2, ``source`` prefix length, the address padded with zeros."""

    family: int
    source: int
    address: int

    def packed(self) -> bytes:
        """The address as the option holds it: as many bytes as the prefix needs."""
        bits = _FAMILY_BITS[self.family]
        return self.address.to_bytes(bits // 8, "big")[: (self.source + 7) // 8]


class EdnsRules(NamedTuple):
    """Which options are understood, and what is said to them.

    ``nsid`` is empty where nobody is told who answers. ``keepalive`` is how long an idle
    connection may stay, in units of 100 ms; None over UDP.
    """

    nsid: bytes = b""
    client_subnet: bool = True
    cookies: bool = False
    keepalive: int | None = None


class Opt:
    """What a query's OPT record asks for, and the record of the reply, ready but for two parts.

    The reply's OPT is ``before``; where ``scoped``, the scope byte and the client's address follow.
    ``limit`` is the largest UDP reply in bytes. ``cookie`` is what came as one; who knows the peer
    adds the answer to it by ``with_cookie``. ``proven``: it was a good one.
    """

    __slots__ = ("before", "cookie", "do", "limit", "proven", "scoped", "subnet", "version")

    def __init__(
        self,
        size: int,
        version: int,
        do: bool,
        subnet: ClientSubnet | None = None,
        options: bytes = b"",
        cookie: bytes | None = None,
    ) -> None:
        self.limit = min(max(size, LEAST_PAYLOAD), PAYLOAD)
        self.version = version
        self.do = do
        self.subnet = subnet
        self.cookie = cookie
        self.proven = False
        # RFC 7871 7.1.2: with SOURCE PREFIX-LENGTH 0 the client asks not to be located; 7.2.1: the
        # SCOPE PREFIX-LENGTH is then 0 as well.
        self.scoped = subnet is not None and subnet.source > 0
        behind = 0
        if subnet is not None:
            # Last of all options, so that what differs from client to client is at the very end.
            options += _echo(subnet)
            behind = 1 + (subnet.source + 7) // 8 if self.scoped else 0
            options += b"" if self.scoped else b"\0"
        self.before = opt_record(0, do, len(options) + behind) + options

    def with_cookie(self, reply: bytes, *, proven: bool) -> Opt:
        """The same with the cookie of the reply."""
        made = copy(self)
        made.before = _with_option(self.before, _COOKIE, reply)
        made.proven = proven
        return made

    def record(self, scope: int = 0, rcode: int = 0, error: int | None = None) -> bytes:
        """The reply's whole OPT record; ``scope`` is ignored without a client subnet.

        Of ``rcode``, the upper 8 bits stand in it. ``error`` is an extended error (RFC 8914).
        """
        before = self.before
        if error is not None:
            before = _with_option(before, _EXTENDED_ERROR, error.to_bytes(2, "big"))
        if rcode > 0x0F:
            before = before[:_EXTENDED_RCODE_AT] + bytes((rcode >> 4,)) + before[6:]
        if not self.scoped or self.subnet is None:
            return before
        return before + bytes((scope,)) + self.subnet.packed()


def _with_option(before: bytes, code: int, data: bytes) -> bytes:
    """A reply's OPT record, or the beginning of one, with one more option ahead of the others."""
    length = int.from_bytes(before[9:FIXED_BYTES], "big") + 4 + len(data)
    return before[:9] + length.to_bytes(2, "big") + _option(code, data) + before[FIXED_BYTES:]


def _option(code: int, data: bytes) -> bytes:
    return code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def opt_record(extended_rcode: int, do: bool, length: int) -> bytes:
    """An OPT record up to its RDATA of ``length`` bytes; ``extended_rcode`` is the upper 8 bits."""
    fixed = b"\0" + OPT.to_bytes(2, "big") + PAYLOAD.to_bytes(2, "big")
    # RFC 6891 6.1.3: the DO bit of the query is copied (RFC 3225 3).
    return fixed + bytes((extended_rcode, 0, 0x80 if do else 0, 0)) + length.to_bytes(2, "big")


def _echo(subnet: ClientSubnet) -> bytes:
    """The option of a reply up to its scope byte. RFC 7871 7.2.1: what was sent is echoed."""
    length = 4 + (subnet.source + 7) // 8
    head = _CLIENT_SUBNET.to_bytes(2, "big") + length.to_bytes(2, "big")
    return head + subnet.family.to_bytes(2, "big") + bytes((subnet.source,))


def parse_opt(record: bytes, rules: EdnsRules) -> Opt | None:
    """What an OPT record says; None where the bytes are not exactly one OPT record.

    Raises MalformedOptError when it is one and its options are wrong.
    """
    if len(record) < FIXED_BYTES or record[:3] != b"\0\0\x29":
        return None
    if int.from_bytes(record[9:11], "big") != len(record) - FIXED_BYTES:
        return None
    return read_opt(
        int.from_bytes(record[3:5], "big"),
        int.from_bytes(record[5:9], "big"),
        record[FIXED_BYTES:],
        rules,
    )


def subnet_at(record: bytes) -> int:
    """Where the data of a record's first client subnet option begins; -1 where it has none."""
    position, most = FIXED_BYTES, len(record) - 4
    while position <= most:
        if record[position : position + 2] == _CLIENT_SUBNET_CODE:
            return position + 4
        position += 4 + (record[position + 2] << 8 | record[position + 3])
    return -1


def read_opt(size: int, ttl: int, rdata: bytes, rules: EdnsRules) -> Opt:
    """What an OPT record's fields say. Raises MalformedOptError where its options are wrong.

    RFC 7871, 7873 and 7828 don't say what two options of a kind mean: the first is taken, as BIND
    does, and the others are passed over.
    """
    found: dict[int, bytes] = {}
    position = 0
    while position < len(rdata):
        if position + 4 > len(rdata):
            raise MalformedOptError
        code = int.from_bytes(rdata[position : position + 2], "big")
        end = position + 4 + int.from_bytes(rdata[position + 2 : position + 4], "big")
        if end > len(rdata):
            raise MalformedOptError
        found.setdefault(code, rdata[position + 4 : end])
        position = end
    # RFC 6891 6.1.2: any option that is not understood MUST be ignored.
    subnet = _subnet(found.get(_CLIENT_SUBNET)) if rules.client_subnet else None
    cookie = found.get(_COOKIE) if rules.cookies else None
    # RFC 7873 5.2.2: a COOKIE option of any other length is a FORMERR.
    if cookie is not None and not well_formed(cookie):
        raise MalformedOptError
    options = _option(_NSID, rules.nsid) if _NSID in found and rules.nsid else b""
    # RFC 7828 3.3.1: over UDP, the option MUST be ignored; `rules.keepalive` is None there.
    if _KEEPALIVE in found and rules.keepalive is not None:
        # RFC 7828 3.2.1: clients MUST specify an OPTION-LENGTH of 0.
        if found[_KEEPALIVE]:
            raise MalformedOptError
        options += _option(_KEEPALIVE, rules.keepalive.to_bytes(2, "big"))
    return Opt(size, ttl >> 16 & 0xFF, bool(ttl & 0x8000), subnet, options, cookie)


def _subnet(data: bytes | None) -> ClientSubnet | None:
    if data is None:
        return None
    address = subnet_address(data)
    return ClientSubnet(data[1], data[2], address) if address is not None else None


def subnet_address(data: bytes) -> int | None:
    """The address of a client subnet option's data (RFC 7871 6), padded with zeros.

    The family is ``data[1]``, the source prefix length ``data[2]``. None for a family that is not
    defined there. Raises MalformedOptError.
    """
    if len(data) < 4:
        raise MalformedOptError
    bits = _FAMILY_BITS.get(data[1])
    if bits is None or data[0]:
        return None
    source, size = data[2], len(data) - 4
    # RFC 7871 6: scope MUST be 0 in queries; the address has the bytes that the prefix needs.
    if source > bits or data[3] or size != (source + 7) >> 3:
        raise MalformedOptError
    address = int.from_bytes(data[4:], "big")
    # RFC 7871 6: trailing bits beyond the prefix MUST be 0, else FORMERR.
    if address & ((1 << (-source & 7)) - 1):
        raise MalformedOptError
    return address << (bits - 8 * size)
