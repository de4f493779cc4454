"""Record data with the names in it written out, so that it stands by itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import dns.exception
import dns.rdata
import dns.rdataclass
from dns.rdatatype import RdataType

from geodns.answer.names import MOST_LABEL_BYTES, MOST_NAME_BYTES
from geodns.replication.secondary.errors import PrimaryError

Names = dict[int, bytes]
"""Names of one message by where they begin, as far as something pointed there."""
_POINTER = 0xC0
_MOST_POINTERS = 127  # a name has no more labels than that
_NAME, _STRING, _STRINGS, _REST = -1, -2, -3, -4
_Layout = tuple[int, ...]
"""Fields in their order: so many bytes, or a name, a character-string, one or more of them that are
all that is left, or whatever is left."""

# RFC 3597 4: "Receiving servers MUST decompress domain names in RRs of well-known type, and SHOULD
# also decompress RRs of type RP, AFSDB, RT, SIG, PX, NXT, NAPTR, and SRV".
_LAYOUTS: Mapping[int, _Layout] = {
    **dict.fromkeys(
        (
            RdataType.NS,
            RdataType.MD,
            RdataType.MF,
            RdataType.CNAME,
            RdataType.MB,
            RdataType.MG,
            RdataType.MR,
            RdataType.PTR,
            RdataType.DNAME,
        ),
        (_NAME,),
    ),
    **dict.fromkeys(
        (RdataType.MX, RdataType.AFSDB, RdataType.RT, RdataType.KX),
        (2, _NAME),
    ),
    RdataType.MINFO: (_NAME, _NAME),
    RdataType.RP: (_NAME, _NAME),
    RdataType.SOA: (_NAME, _NAME, 20),
    RdataType.SIG: (18, _NAME, _REST),
    RdataType.PX: (2, _NAME, _NAME),
    RdataType.NXT: (_NAME, _REST),
    RdataType.NAPTR: (4, _STRING, _STRING, _STRING, _NAME),
    RdataType.SRV: (6, _NAME),
    RdataType.A: (4,),
    RdataType.AAAA: (16,),
    RdataType.TXT: (_STRINGS,),
}


def name_at(packet: bytes, start: int, names: Names, pointers: int = 0) -> tuple[bytes, int]:
    """The name that begins there, written out, and the position behind it.

    Raises PrimaryError, or IndexError where the packet ends.
    """
    at = start
    while True:
        size = packet[at]
        if size == 0:
            name, end = packet[start : at + 1], at + 1
            break
        if size >= _POINTER:
            # RFC 1035 4.1.4: a pointer is to "a prior occurance of the same name".
            target = (size - _POINTER) << 8 | packet[at + 1]
            if target >= start or pointers >= _MOST_POINTERS:
                raise PrimaryError("it sends a name with a pointer to nowhere")
            if target not in names:
                names[target], _ = name_at(packet, target, names, pointers + 1)
            name, end = packet[start:at] + names[target], at + 2
            break
        if size > MOST_LABEL_BYTES:
            raise PrimaryError("it sends a name with a label of an unknown kind")
        at += size + 1
    if len(name) > MOST_NAME_BYTES:
        raise PrimaryError("it sends a name that is too long")
    return name, end


def rdata_at(packet: bytes, type: int, start: int, end: int, names: Names) -> bytes:
    """The data between two positions. Raises PrimaryError, or IndexError where the packet ends."""
    layout = _LAYOUTS.get(type)
    if layout is None:
        rdata = packet[start:end]
        _check(type, rdata)
        return rdata
    pieces = []
    at = start
    for field in layout:
        if field == _NAME:
            name, behind = name_at(packet, at, names)
            pieces.append(name)
        else:
            behind = _behind(field, packet, at, end)
            pieces.append(packet[at:behind])
        at = behind
    if at != end:
        raise _unreadable(type)
    return b"".join(pieces)


def _behind(field: int, packet: bytes, at: int, end: int) -> int:
    if field == _REST:
        return max(at, end)
    if field == _STRINGS:
        behind = at + 1 + packet[at]
        while behind < end:
            behind += 1 + packet[behind]
        return behind
    return at + (1 + packet[at] if field == _STRING else field)


def _check(type: int, rdata: bytes) -> None:
    """RFC 3597 3: data of an unknown type is any bytes."""
    try:
        dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(type), rdata, 0, len(rdata))
    except (dns.exception.DNSException, ValueError) as error:
        raise _unreadable(type) from error


def _unreadable(type: int) -> PrimaryError:
    return PrimaryError(
        f"it sends a record of type {RdataType.to_text(RdataType.make(type))} that can't be read"
    )
