"""EDNS of queries and replies: OPT (RFC 6891), client subnet (RFC 7871), NSID (RFC 5001)."""

from __future__ import annotations

from typing import NamedTuple

from geodns.errors import GeodnsError

OPT = 41
PAYLOAD = 1232
"""Our UDP size: fits an IPv6 packet of the least MTU, 1280, unfragmented (DNS flag day 2020)."""
LEAST_PAYLOAD = 512  # RFC 6891 6.2.3: values lower than 512 MUST be treated as equal to 512
FIXED_BYTES = 11  # of an OPT record: root, type, size, TTL, RDLENGTH
SUBNET_DATA_AT = FIXED_BYTES + 4
SUBNET_ADDRESS_AT = SUBNET_DATA_AT + 4
"""Where, in an OPT record whose first option is a client subnet, its data and address begin."""
_NSID, _CLIENT_SUBNET = 3, 8
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


class Opt:
    """What a query's OPT record asks for, and the record of the reply, ready but for two parts.

    The reply's OPT is ``before``; where ``scoped``, the scope byte and the client's address follow.
    ``limit`` is the largest UDP reply in bytes.
    """

    __slots__ = ("before", "do", "limit", "scoped", "subnet", "version")

    def __init__(
        self, size: int, version: int, do: bool, subnet: ClientSubnet | None, nsid: bytes | None
    ) -> None:
        self.limit = min(max(size, LEAST_PAYLOAD), PAYLOAD)
        self.version = version
        self.do = do
        self.subnet = subnet
        # RFC 7871 7.1.2: with SOURCE PREFIX-LENGTH 0 the client asks not to be located; 7.2.1: the
        # SCOPE PREFIX-LENGTH is then 0 as well.
        self.scoped = subnet is not None and subnet.source > 0
        options = b""
        if nsid is not None:
            options = _NSID.to_bytes(2, "big") + len(nsid).to_bytes(2, "big") + nsid
        behind = 0
        if subnet is not None:
            options += _echo(subnet)
            behind = 1 + (subnet.source + 7) // 8 if self.scoped else 0
            options += b"" if self.scoped else b"\0"
        self.before = opt_record(0, do, len(options) + behind) + options

    def record(self, scope: int) -> bytes:
        """The reply's whole OPT record; ``scope`` is ignored without a client subnet."""
        if not self.scoped or self.subnet is None:
            return self.before
        return self.before + bytes((scope,)) + self.subnet.packed()


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


def only_client_subnet(record: bytes, opt: Opt) -> bool:
    """Whether a client subnet with an address is the one option of a record that was parsed."""
    return opt.scoped and int.from_bytes(record[13:15], "big") == len(record) - SUBNET_DATA_AT


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
            data = rdata[position + 4 : end]
            address = subnet_address(data)
            subnet = ClientSubnet(data[1], data[2], address) if address is not None else None
        elif code == _NSID and identity:
            nsid = identity
        position = end
    return Opt(size, ttl >> 16 & 0xFF, bool(ttl & 0x8000), subnet, nsid)


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
