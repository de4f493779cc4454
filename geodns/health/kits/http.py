"""The ``http`` and ``https`` checks: their settings. The exchange is in ``health/probe_http.py``.

That is a module apart because it is long; it imports these settings.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from geodns.config.base import Settings, Whole
from geodns.config.load_settings import LoadReport
from geodns.config.values import parse_status
from geodns.config.wording import Words
from geodns.health.kits.hosts import Host
from geodns.health.kits.kit import ConnectingCheck, Kit, Port, TlsSettings
from geodns.health.probe import Prober
from geodns.wording import shown

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2: token
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = {
    "host": "use host:",
    "content-length": "the request has no content",
    "transfer-encoding": "the request has no content",
    "connection": "every probe has a connection of its own",
}
_HEADERS_SCHEMA = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "headers by name",
}
_MOST_PATTERN = 1024  # characters
_PATTERN_MEMORY = 1 << 20  # bytes; a pattern that needs more to be matched quickly is refused


def parse_headers(value: Any) -> tuple[tuple[str, str], ...]:
    """A mapping of header names to text, in its order. Raises ValueError."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004  pydantic makes a finding of a ValueError only
            f"{shown(value)} is not a mapping of header names to text"
        )
    for name, text in value.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{shown(name)} is not the name of a header")
        if name.lower() in _OURS:
            raise ValueError(f"{name} can't be set here: {_OURS[name.lower()]}")
        if not isinstance(text, str) or not _VALUE.fullmatch(text):
            raise ValueError(f"{shown(text)} is not the value of a header; write one line of text")
    return tuple(value.items())


def compiled(pattern: str) -> Any:
    """A pattern over bytes. RE2 takes time in proportion to the text, whatever the pattern.

    Raises ValueError.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    options.dot_nl = True
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise ValueError(
            f"{shown(pattern)} is not a regular expression in the syntax of RE2: {reason}"
        ) from error


def _pattern(value: str) -> str:
    compiled(value)
    return value


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
    matches: (
        Annotated[
            str,
            Field(min_length=1, max_length=_MOST_PATTERN),
            AfterValidator(_pattern),
            Words("a regular expression as in status: (ok|degraded)"),
        ]
        | None
    ) = Field(
        None,
        description="regular expression (RE2) to be found in the first 64 KiB of the body",
    )


class HttpCheck(ConnectingCheck, TlsSettings):
    """A request to each address; the certificate is verified for https."""

    type: Literal["http", "https"] = Field(description="the protocol")
    port: Port | None = Field(None, description="default 80, or 443 for https")
    method: Literal["GET", "HEAD", "OPTIONS", "POST"] = Field(
        "GET", description="the request's method; it has no content"
    )
    path: Annotated[str, Words("a path that starts with /, on one line and without #")] = Field(
        "/",
        pattern=r"^/[^\x00-\x1f\x7f#]*$",
        description="what is requested, with the query if there is one",
    )
    host: Host | None = Field(
        None, description="Host header, and TLS server name without server_name; default: address"
    )
    headers: Annotated[
        tuple[tuple[str, str], ...],
        BeforeValidator(parse_headers),
        WithJsonSchema(_HEADERS_SCHEMA),
        Words("a mapping of header names to text"),
    ] = Field((), description="more headers to send")
    redirects: Whole = Field(
        0, ge=0, le=10, description="how many are followed, on the same address and host only"
    )
    expect: Expect = Field(Expect(), description="what a healthy answer looks like")
    load: LoadReport | None = Field(
        None, description="where a healthy answer tells the endpoint's load; none: nowhere"
    )


def _prober(check: HttpCheck) -> Prober:
    from geodns.health.probe_http import HttpProber

    return HttpProber(check)


KIT = Kit(
    HttpCheck,
    _prober,
    "an answer with an expected status and, if asked for, the text or pattern in the body; "
    "behind a certificate that holds, for `https`",
    "one connection and request, and one more for each redirect",
)
