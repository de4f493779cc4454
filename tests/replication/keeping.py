"""A keeper of copied zones in memory, plain and strict, as tests need one."""

from __future__ import annotations

from collections.abc import Iterable

from geodns.answer.digest import serial_of
from geodns.replication.inbound import DoesNotFitError, Kept, NotKeptError, Steps, Whole
from geodns.replication.messages import Record

Content = dict[tuple[bytes, int, bytes], int]
"""TTLs by owner, type and rdata; the SOA is one of them."""
_TIMERS = (-16, -12, -8)  # where REFRESH, RETRY and EXPIRE begin, from the end of an SOA's rdata


def content_of(soa: Record, records: Iterable[Record]) -> Content:
    """Of a zone by its records without the SOA."""
    found = {(record.owner, record.type, record.rdata): record.ttl for record in records}
    assert not any(type == 6 for _, type, _ in found)
    return {**found, (soa.owner, soa.type, soa.rdata): soa.ttl}


def changed(content: Content, steps: Steps) -> Content:
    """What steps make of it. Raises DoesNotFitError."""
    content = dict(content)
    held = next(serial_of(rdata) for _, type, rdata in content if type == 6)
    for difference in steps.differences:
        if serial_of(difference.before.rdata) != held:
            raise DoesNotFitError("a difference is from another serial")
        for record in (difference.before, *difference.removed):
            if content.pop((record.owner, record.type, record.rdata), None) is None:
                raise DoesNotFitError("what is removed was not there")
        for record in (difference.after, *difference.added):
            if (record.owner, record.type, record.rdata) in content:
                raise DoesNotFitError("what is added was there")
            content[record.owner, record.type, record.rdata] = record.ttl
        held = serial_of(difference.after.rdata)
    assert (steps.soa.owner, steps.soa.type, steps.soa.rdata) in content
    return content


class Shelf:
    """Implements Keeper. ``log`` has what was done; ``full``: nothing can be kept."""

    def __init__(self) -> None:
        self.content: dict[bytes, Content] = {}
        self.times: dict[bytes, tuple[float, float]] = {}
        self.log: list[str] = []
        self.full = False

    def kept(self, apex: bytes) -> Kept | None:
        content = self.content.get(apex)
        if content is None:
            return None
        soa = next(rdata for _, type, rdata in content if type == 6)
        refresh, retry, expire = (int.from_bytes(soa[at : at + 4], "big") for at in _TIMERS)
        return Kept(serial_of(soa), refresh, retry, expire, *self.times[apex])

    async def replace(self, apex: bytes, whole: Whole, checked: float, expires: float) -> None:
        self._put(apex, content_of(whole.soa, whole.records), checked, expires)
        self.log.append(f"whole {serial_of(whole.soa.rdata)}")

    async def apply(self, apex: bytes, steps: Steps, checked: float, expires: float) -> None:
        self._put(apex, changed(self.content[apex], steps), checked, expires)
        self.log.append(f"steps {steps.since} to {serial_of(steps.soa.rdata)}")

    async def current(self, apex: bytes, checked: float, expires: float) -> None:
        self._put(apex, self.content[apex], checked, expires)
        self.log.append("current")

    def _put(self, apex: bytes, content: Content, checked: float, expires: float) -> None:
        if self.full:
            raise NotKeptError("there is no room")
        self.content[apex], self.times[apex] = content, (checked, expires)
