"""Where the requests of an HTTP check go: to the address first, then after redirects.

A redirect is followed on the same address and for the same host only: a verdict about one endpoint
must not rest on another machine's answer, and no name is looked up for it.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import NamedTuple

from yarl import URL

from geodns.config.values import Address
from geodns.health.kits.http import HttpCheck
from geodns.health.probe import ProbeError

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_LOCATION = 2048  # characters


class Step(NamedTuple):
    """A request: ``url`` is where it goes, by address; ``logical`` is what it asks for, by name.

    ``host`` is the Host header; None: as in ``url``.
    """

    method: str
    url: URL
    logical: URL
    host: str | None = None

    def after(self, status: int, location: str | None) -> Step:
        """The next step. Raises ProbeError for a redirect that is not followed."""
        if not location or len(location) > _MOST_LOCATION:
            raise ProbeError(f"HTTP {status} without a location that can be followed")
        try:
            # A name and password in it would be sent, in place of the headers of the check.
            aim = self.logical.join(URL(location)).with_user(None)
            host, port = aim.host, aim.port
        except ValueError as error:
            raise ProbeError(f"HTTP {status} to {location}, which is no address") from error
        if aim.scheme not in {"http", "https"} or host != self.logical.host or port is None:
            raise ProbeError(f"HTTP {status} to another host: {location}")
        # RFC 9110 15.4: 303 is fetched with GET; so is, by custom, a POST that is moved.
        changes = status == 303 or (status in {301, 302} and self.method == "POST")
        method = "GET" if changes and self.method != "HEAD" else self.method
        url = aim.with_host(self.url.host or "").with_port(port)
        moves = self.host is not None and aim.origin() != self.logical.origin()
        return Step(method, url, aim, aim.host_port_subcomponent if moves else self.host)


def first_step(check: HttpCheck, address: Address) -> Step:
    """The request that the check is about."""
    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    port = check.port or (443 if check.type == "https" else 80)
    url = URL(f"{check.type}://{host}:{port}{check.path}", encoded=False)
    name = URL(f"{check.type}://{check.host}").host if check.host else None
    logical = url if name is None else url.with_host(name)
    return Step(check.method, url, logical, check.host)
