"""EDNS of queries and replies: OPT (RFC 6891), client subnet (RFC 7871), NSID (RFC 5001)."""

from __future__ import annotations

from typing import NamedTuple

from geodns.errors import GeodnsError

OPT = 41
PAYLOAD = 1232
"""Our UDP size: fits an IPv6 packet of the least MTU, 1280, unfragmented (DNS flag day 2020)."""
LEAST_PAYLOAD = 512  # RFC 6891 6.2.3: values lower than 512 MUST be treated as equal to 512
FIXED_BYTES = 11  # of an OPT record: root, type, size, TTL, RDLENGTH
_NSID, _CLIENT_SUBNET = 3, 8
_FAMILY_BITS = {1: 32, 2: 128}


class MalformedOptError(GeodnsError):
    """The OPT record breaks its own rules: FORMERR."""


class ClientSubnet(NamedTuple):
    """RFC 7871 6: ``family`` 1 or 2, ``source`` prefix length, the address padded with zeros."""

    family: int
    source: int
    address: int


class Opt:
    """What a query's OPT record asks for, and the record of the reply, ready but for the scope.

    The reply's OPT is ``before + scope byte + after`` with a client subnet, else ``before``.
    ``limit`` is the largest UDP reply in bytes.
    """

    __slots__ = ("after", "before", "do", "limit", "subnet", "version")

    def __init__(
        self, size: int, version: int, do: bool, subnet: ClientSubnet | None, nsid: bytes | None
    ) -> None:
        self.limit = min(max(size, LEAST_PAYLOAD), PAYLOAD)
        self.version = version
        self.do = do
        self.subnet = subnet
        first = b""
        if nsid is not None:
            first = _NSID.to_bytes(2, "big") + len(nsid).to_bytes(2, "big") + nsid
        self.after = b""
        if subnet is not None:
            echo, self.after = _echo(subnet)
            first += echo
        length = len(first) + (len(self.after) + 1 if subnet is not None else 0)
        self.before = opt_record(0, do, length) + first

    def record(self, scope: int) -> bytes:
        """The reply's OPT record; ``scope`` is ignored without a client subnet."""
        if self.subnet is None:
            return self.before
        # RFC 7871 7.2.1: a query with SOURCE PREFIX-LENGTH 0 gets SCOPE PREFIX-LENGTH 0.
        return self.before + bytes((scope if self.subnet.source else 0,)) + self.after


def opt_record(extended_rcode: int, do: bool, length: int) -> bytes:
    """An OPT record up to its RDATA of ``length`` bytes; ``extended_rcode`` is the upper 8 bits."""
    fixed = b"\0" + OPT.to_bytes(2, "big") + PAYLOAD.to_bytes(2, "big")
    # RFC 6891 6.1.3: the DO bit of the query is copied (RFC 3225 3).
    return fixed + bytes((extended_rcode, 0, 0x80 if do else 0, 0)) + length.to_bytes(2, "big")


def _echo(subnet: ClientSubnet) -> tuple[bytes, bytes]:
    """The option of a reply, around its scope byte. RFC 7871 7.2.1: the rest is echoed."""
    bits = _FAMILY_BITS[subnet.family]
    address = subnet.address.to_bytes(bits // 8, "big")[: (subnet.source + 7) // 8]
    head = _CLIENT_SUBNET.to_bytes(2, "big") + (4 + len(address)).to_bytes(2, "big")
    return head + subnet.family.to_bytes(2, "big") + bytes((subnet.source,)), address


def parse_opt(record: bytes, identity: bytes, accept_client_subnet: bool) -> Opt | None:
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
        identity,
        accept_client_subnet,
    )


def read_opt(size: int, ttl: int, rdata: bytes, identity: bytes, accept_client_subnet: bool) -> Opt:
    """What an OPT record's fields say. Raises MalformedOptError where its options are wrong."""
    subnet: ClientSubnet | None = None
    nsid: bytes | None = None
    position = 0
    while position < len(rdata):
        if position + 4 > len(rdata):
            raise MalformedOptError
        code = int.from_bytes(rdata[position : position + 2], "big")
        end = position + 4 + int.from_bytes(rdata[position + 2 : position + 4], "big")
        if end > len(rdata):
            raise MalformedOptError
        # RFC 6891 6.1.2: any option that is not understood MUST be ignored.
        if code == _CLIENT_SUBNET and accept_client_subnet:
            subnet = _client_subnet(rdata[position + 4 : end])
        elif code == _NSID and identity:
            nsid = identity
        position = end
    return Opt(size, ttl >> 16 & 0xFF, bool(ttl & 0x8000), subnet, nsid)


def _client_subnet(data: bytes) -> ClientSubnet | None:
    """RFC 7871 6 and 7.1.2. None for a family that nobody has defined here."""
    if len(data) < 4:
        raise MalformedOptError
    family, source, scope = int.from_bytes(data[:2], "big"), data[2], data[3]
    bits = _FAMILY_BITS.get(family)
    if bits is None:
        return None
    address = data[4:]
    # RFC 7871 6: scope MUST be 0 in queries; the address has the bytes that the prefix needs.
    if source > bits or scope != 0 or len(address) != (source + 7) // 8:
        raise MalformedOptError
    number = int.from_bytes(address.ljust(bits // 8, b"\0"), "big")
    # RFC 7871 6: trailing bits beyond the prefix MUST be 0, else FORMERR.
    if number & ((1 << (bits - source)) - 1):
        raise MalformedOptError
    return ClientSubnet(family, source, number)
