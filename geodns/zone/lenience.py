"""What is wrong inside of one octoDNS record: errors, or warnings where it is lenient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from geodns.yamlfile import Keys
from geodns.zone.draft import ContentError

Severity = Literal["error", "warning"]


class Finding(NamedTuple):
    """A problem before it has a position; ``inside`` leads to it from the record."""

    id: str
    message: str
    inside: Keys
    hint: str | None
    severity: Severity


class Report:
    """Collects the findings of one record."""

    def __init__(self, *, lenient: bool) -> None:
        self.found: list[Finding] = []
        self.lenient = lenient

    def wrong(self, id: str, message: str, inside: Keys, hint: str | None = None) -> None:
        """What octoDNS refuses, unless the record is lenient."""
        severity: Severity = "warning" if self.lenient else "error"
        self.found.append(Finding(id, message, inside, hint, severity))

    def unusable(self, fault: ContentError, inside: Keys) -> None:
        """What nothing can be made of, however lenient a record is."""
        path = (*inside, *fault.inside)
        self.found.append(Finding(fault.id, fault.message, path, fault.hint, "error"))

    def odd(self, id: str, message: str, inside: Keys, hint: str | None = None) -> None:
        """What can be served, but is most likely not meant so."""
        self.found.append(Finding(id, message, inside, hint, "warning"))


def is_lenient(record: Mapping[Any, Any]) -> bool:
    """Whether a record's validation errors are to be warnings: ``octodns: {lenient: true}``."""
    options = record.get("octodns")
    return isinstance(options, Mapping) and options.get("lenient") is True
