"""Tells secondaries of changes (RFC 1996): one message each, again until it is acknowledged."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.tsig

from geodns.replication.messages import Record
from geodns.socket_address import SocketAddress

logger = logging.getLogger(__name__)

_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds for an answer to each attempt. RFC 1996 3.6 leaves times and number to us, but not that
the message is sent again over UDP until it is answered or there were too many attempts."""
_LONGEST = 4096


class News(NamedTuple):
    """A zone that has changed, and whom to tell. ``key`` None: unsigned."""

    zone: dns.name.Name
    soa: Record
    serial: int
    secondary: SocketAddress
    key: dns.tsig.Key | None


class Notifying:
    """``tell`` gets each outcome: the zone, the secondary, in words. In the event loop."""

    def __init__(
        self,
        tell: Callable[[str, str, str], None] = lambda _zone, _secondary, _how: None,
        waits: tuple[float, ...] = _WAITS,
    ) -> None:
        self._tell = tell
        self._waits = waits
        self._tasks: dict[tuple[dns.name.Name, SocketAddress], asyncio.Task[None]] = {}

    def send(self, news: News) -> None:
        """Tell a secondary; what it is being told of the same zone is given up for it."""
        key = news.zone, news.secondary
        former = self._tasks.pop(key, None)
        if former is not None:
            former.cancel()
        task = asyncio.get_running_loop().create_task(self._deliver(news))
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    async def close(self) -> None:
        """Tell nobody any more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def under_way(self) -> Mapping[tuple[dns.name.Name, SocketAddress], object]:
        """Who has not acknowledged yet."""
        return self._tasks

    def _forget(self, key: tuple[dns.name.Name, SocketAddress], done: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is done:
            del self._tasks[key]

    async def _deliver(self, news: News) -> None:
        how = "no answer"
        for wait in self._waits:
            try:
                async with asyncio.timeout(wait):
                    how = await _attempt(news)
                break
            except TimeoutError:
                continue
            except OSError as error:
                how = error.strerror or str(error)
                await asyncio.sleep(wait)
        fields = {"zone": news.zone.to_text(), "secondary": str(news.secondary)}
        if how:
            logger.warning("a secondary was not told", extra=fields | {"reason": how})
        else:
            logger.info("a secondary was told", extra=fields | {"serial": news.serial})
        self._tell(news.zone.to_text(), str(news.secondary), how)


def request(news: News) -> dns.message.Message:
    """RFC 1996 3.7: AA is set, the question is the zone's SOA, the answer may have the new one."""
    message = dns.message.make_query(news.zone, dns.rdatatype.SOA)
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = (message.flags & ~dns.flags.RD) | dns.flags.AA
    message.id = secrets.randbelow(1 << 16)
    rdata = dns.rdata.from_wire("IN", "SOA", news.soa.rdata, 0, len(news.soa.rdata))
    message.answer.append(dns.rrset.from_rdata(news.zone, news.soa.ttl, rdata))
    if news.key is not None:
        message.use_tsig(news.key)
    return message


async def _attempt(news: News) -> str:
    """Send once and wait for the acknowledgement: what is wrong with it, or nothing.

    Raises OSError.
    """
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in news.secondary.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as bound:
        bound.setblocking(False)
        await loop.sock_connect(bound, news.secondary)
        message = request(news)
        await loop.sock_sendall(bound, message.to_wire())
        while True:
            packet = await loop.sock_recv(bound, _LONGEST)
            judged = _judge(message, packet, news.key)
            if judged is not None:
                return judged


def _judge(message: dns.message.Message, packet: bytes, key: dns.tsig.Key | None) -> str | None:
    """What an answer says: nothing wrong, or what; None: it is no answer to this."""
    try:
        answer = dns.message.from_wire(
            packet, keyring=key if key is not None else False, request_mac=message.mac
        )
    except dns.tsig.PeerError as error:
        return f"it refuses the signature: {error}"
    except (dns.exception.DNSException, ValueError):
        return None  # anybody can send anything to an open port
    if answer.id != message.id or not answer.flags & dns.flags.QR:
        return None
    if key is not None and not answer.had_tsig:
        return None
    # RFC 1996 4.7: a response to NOTIFY says no more than that it was received.
    rcode = answer.rcode()
    return "" if rcode == dns.rcode.NOERROR else f"it answers {dns.rcode.to_text(rcode)}"
