"""The certificates that checks have seen, as rows for terminal and page. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from geodns.control.age import age

COLUMNS = ("certificate seen by", "at", "expires", "in")
"""The heads of CertificateRow.cells; the last is of numbers."""

_MOST_NAMED = 3  # addresses


class CertificateRow(NamedTuple):
    """A certificate, by the check that saw it and its end; ``cells`` go with COLUMNS.

    ``soon``: it is valid for less than the check's ``certificate_warning``.
    """

    check: str
    expires: float
    soon: bool
    cells: tuple[str, ...]


def certificate_rows(status: dict[str, Any]) -> list[CertificateRow]:
    """All of them, the first to expire first. Addresses with equal ones share a row."""
    found: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for target in status["health"]["targets"]:
        expires = target.get("certificate_expires")  # which an older server doesn't tell
        if expires is not None:
            found.setdefault((expires, target["check"]), []).append(target)
    return [
        _row(check, expires, targets, status["at"])
        for (expires, check), targets in sorted(found.items(), key=lambda item: item[0])
    ]


def _row(check: str, expires: float, targets: list[dict[str, Any]], now: float) -> CertificateRow:
    addresses = [target["address"] for target in targets]
    named = ", ".join(addresses[:_MOST_NAMED])
    more = len(addresses) - _MOST_NAMED
    cells = (
        check,
        f"{named} and {more} more" if more > 0 else named,
        f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC",
        age(expires - now) if expires > now else "has expired",
    )
    soon = any(target.get("certificate_soon") for target in targets)
    return CertificateRow(check, expires, soon, cells)
