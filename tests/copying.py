"""A secondary in a test: a zone by dnspython that is brought up to date by IXFR."""

from __future__ import annotations

from typing import Any

import dns.query
import dns.rdatatype
import dns.xfr
import dns.zone
from running import RunningServer

_PATIENCE = 60.0


class Copy:
    """A copy of a zone: empty at first, then as of the last ``update``."""

    def __init__(self, origin: str, keyring: Any = None) -> None:
        self.zone = dns.zone.Zone(origin)
        self._keyring = keyring

    def update(
        self, server: RunningServer, udp: dns.query.UDPMode = dns.query.UDPMode.NEVER
    ) -> None:
        """From what it holds to what there is now; a removal of what is not there is an error."""
        query, _ = dns.xfr.make_query(self.zone, keyring=self._keyring, use_edns=0, payload=1232)
        host, port = server.tcp
        dns.query.inbound_xfr(host, self.zone, query, port=port, timeout=_PATIENCE, udp_mode=udp)

    def duplicate(self) -> Copy:
        """Another one that holds the same."""
        twin = Copy(str(self.zone.origin), self._keyring)
        with twin.zone.writer() as writer:
            for name, rdataset in self.zone.iterate_rdatasets():
                writer.add(name, rdataset)
        return twin

    @property
    def serial(self) -> int:
        """That of its SOA."""
        return int(self.zone.find_rdataset("@", "SOA")[0].serial)

    @property
    def records(self) -> list[str]:
        """All of them as text, in an order of their own."""
        return sorted(
            f"{name} {ttl} {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}"
            for name, ttl, rdata in self.zone.iterate_rdatas()
        )
