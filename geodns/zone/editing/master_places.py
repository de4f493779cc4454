"""Where each record of a master file stands, and what it takes over from the lines before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdtypes.ANY.SOA

from geodns.zone.content import GeoName
from geodns.zone.draft import ContentError, Draft, Spot
from geodns.zone.editing.records import EditError, Kind, Value
from geodns.zone.lexer import Entry, entries
from geodns.zone.master import read_master, read_ttl, ttl_and_class
from geodns.zone.names import owner_name


@dataclass(slots=True)
class Placed:
    """A record that was read; ``ttl`` None: of a GEO record that states none."""

    owner: dns.name.Name
    kind: Kind
    value: Value
    ttl: int | None
    spot: Spot


@dataclass(slots=True)
class _Noting(Draft):
    """Keeps every record with its own TTL and place, where a draft has sets of records."""

    placed: list[Placed] = field(default_factory=list)

    def add(self, owner: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata, spot: Spot) -> None:
        self.placed.append(Placed(owner, rdata.rdtype, rdata, ttl, spot))

    def add_geo(self, owner: dns.name.Name, geo: GeoName, spot: Spot) -> None:
        self.placed.append(Placed(owner, None, geo.service, geo.ttl, spot))


@dataclass(slots=True)
class Line:
    """A logical line of the file that is edited. ``record`` None: a directive.

    ``at`` is the index of the type's word, ``stated`` the TTL that the line has itself. Of a
    directive, ``origin`` and ``default_ttl`` hold what it sets, if anything; ``generated``: it is
    a $GENERATE, whose records leave an owner and perhaps a TTL behind, which the next line then has
    from it (``after_generated``).
    """

    entry: Entry
    record: Placed | None = None
    at: int = 0
    stated: int | None = None
    origin: dns.name.Name | None = None
    default_ttl: int | None = None
    generated: bool = False
    after_generated: bool = False
    deleted: bool = False


@dataclass(slots=True)
class State:
    """What a line takes over, as the reader of master files has it (RFC 1035 5.1, RFC 2308 4)."""

    origin: dns.name.Name
    owner: dns.name.Name | None = None
    default_ttl: int | None = None
    last_ttl: int | None = None
    minimum: int | None = None
    after_generated: bool = False

    @property
    def implied_ttl(self) -> int | None:
        """The TTL of a record that states none."""
        chain = (self.default_ttl, self.last_ttl, self.minimum)
        return next((ttl for ttl in chain if ttl is not None), None)

    def pass_over(self, line: Line) -> None:
        """The state behind a line."""
        if line.deleted:
            return
        if line.origin is not None:
            self.origin = line.origin
        if line.default_ttl is not None:
            self.default_ttl = line.default_ttl
        if line.stated is not None:
            self.last_ttl = line.stated
        if line.generated:
            self.after_generated = True
        if line.record is not None:
            self.owner, self.after_generated = line.record.owner, False
            soa = line.record.value
            if isinstance(soa, dns.rdtypes.ANY.SOA.SOA) and self.minimum is None:
                self.minimum = soa.minimum


def read_places(
    text: str,
    file: Path,
    folder: Path,
    origin: dns.name.Name,
    read: Callable[[Path], bytes],
) -> tuple[list[Line], list[Placed]]:
    """The lines of the file that is edited, and the records that come from elsewhere: from
    $GENERATE, or another file. Raises EditError where the file can't be read as a whole."""
    noting = _Noting(origin, file)
    read_master(file, noting, folder, read)
    if noting.problems:
        raise EditError(f"repair the file first: {noting.problems[0]}")
    here: dict[int, Placed] = {}
    elsewhere: list[Placed] = []
    for placed in noting.placed:
        if placed.spot.file == file:
            if placed.spot.line in here:
                elsewhere.append(placed)  # a $GENERATE has many in one line
                continue
            here[placed.spot.line] = placed
        else:
            elsewhere.append(placed)
    lines: list[Line] = []
    state = State(origin)
    for entry in entries(text):
        assert isinstance(entry, Entry)  # a flaw is a problem, and there is none
        line = _line(entry, here, state.origin)
        line.after_generated = line.entry.indented and state.after_generated
        if line.generated:
            elsewhere.append(here[entry.words[0].line])
        lines.append(line)
        state.pass_over(line)
    return lines, elsewhere


def _line(entry: Entry, here: dict[int, Placed], origin: dns.name.Name) -> Line:
    words = entry.words
    word = words[0].value.upper()
    if entry.indented or not word.startswith("$") or not words[0].is_identifier():
        stated, at = ttl_and_class(words, 0 if entry.indented else 1)
        return Line(entry, here.get(words[0].line), at, stated)
    line = Line(entry)
    if word == "$ORIGIN":
        line.origin = owner_name(words[1].value, origin)
    elif word == "$TTL":
        line.default_ttl = read_ttl(words, 1)
    elif word == "$GENERATE":
        line.generated = True
        try:
            line.stated, _ = ttl_and_class(words, 3)
        except ContentError:  # a TTL that is made of the number
            line.stated = here[words[0].line].ttl
    return line
