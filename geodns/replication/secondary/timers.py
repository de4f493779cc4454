"""The serial and the timers in an SOA record. Pure."""

from __future__ import annotations

import struct

from geodns.replication.messages import Record
from geodns.replication.secondary.machine import Copy

# RFC 1035 3.3.13: SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM, all of 32 bits, at the end.
_FIELDS = struct.Struct("!IIIII")


def copy_of(soa: Record) -> Copy:
    """What the machine knows of a copy with this SOA."""
    serial, refresh, retry, expire, _ = _FIELDS.unpack(soa.rdata[-_FIELDS.size :])
    return Copy(serial, refresh, retry, expire)
