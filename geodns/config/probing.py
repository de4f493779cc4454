"""The settings of health checks: one model per kind of check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from geodns.config.base import Settings, Whole
from geodns.config.load_settings import LoadReport
from geodns.config.values import Duration, parse_status
from geodns.config.wording import Words


class Expect(Settings):
    """What a healthy HTTP answer looks like."""

    status: Annotated[
        Whole | tuple[Whole, ...] | str,
        AfterValidator(parse_status),
        Words("a status as in 200, a list of them, or a range as in 200-299"),
    ] = Field(200, description="a status, a list, or a range as in 200-299")
    body: str | None = Field(
        None, description="text that must stand in the first 64 KiB of the body"
    )


class _Check(Settings):
    interval: Duration = Field(10.0, ge=0.05, description="from the start of one probe to the next")
    timeout: Duration = Field(2.0, gt=0, description="for a whole probe: connect, send, receive")
    rise: Whole = Field(2, ge=1, description="successes in a row after which a target is up")
    fall: Whole = Field(3, ge=1, description="failures in a row after which a target is down")
    families: tuple[Literal["ipv4", "ipv6"], ...] = Field(
        ("ipv4", "ipv6"), min_length=1, description="which of an endpoint's addresses are probed"
    )


class HttpCheck(_Check):
    """A request to each address; the certificate is verified for https."""

    type: Literal["http", "https"] = Field(description="the protocol")
    port: Whole | None = Field(None, ge=1, le=65535, description="default 80, or 443 for https")
    method: Literal["GET", "HEAD"] = Field("GET", description="the request's method")
    path: Annotated[str, Words("a path that starts with /")] = Field(
        "/", pattern="^/", description="what is requested, with the query if there is one"
    )
    host: str | None = Field(
        None, description="Host header and TLS server name; default: the address"
    )
    expect: Expect = Field(Expect(), description="what a healthy answer looks like")
    load: LoadReport | None = Field(
        None, description="where a healthy answer tells the endpoint's load; none: nowhere"
    )
    ca: Path | None = Field(
        None, description="PEM file of the authorities to trust in place of the system's"
    )


class TcpCheck(_Check):
    """A connection that opens is a success."""

    type: Literal["tcp"] = Field(description="the protocol")
    port: Whole = Field(ge=1, le=65535, description="where to connect")


Check = Annotated[HttpCheck | TcpCheck, Field(discriminator="type")]
