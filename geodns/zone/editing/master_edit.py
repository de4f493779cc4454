"""Edits a master file (RFC 1035 5): only the lines, and words, of the touched records.

What later lines took over from a line that goes (its owner, its TTL) is written into them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import dns.name

from geodns.zone.editing.change import Change
from geodns.zone.editing.cuts import Cuts
from geodns.zone.editing.master_places import Line, Placed, State
from geodns.zone.editing.records import (
    EditError,
    Kind,
    Records,
    RecordSet,
    Value,
    kind_text,
    relative,
    value_text,
)
from geodns.zone.lexer import Entry, Word, entries
from geodns.zone.names import is_below_or_at

DEFAULT_TTL = 3600  # of a new record in a file without $TTL; as in YAML


def edit_master(
    text: str,
    lines: list[Line],
    elsewhere: Sequence[Placed],
    origin: dns.name.Name,
    before: Records,
    change: Change,
) -> str:
    """The text of a master file after a change. ``lines`` and ``elsewhere`` are what
    ``read_places`` found in it, ``before`` the zone's records.

    Raises EditError. Whether the new text says what it should is for the caller to compare.
    """
    editor = _Editor(text, lines, elsewhere)
    for (owner, kind), fresh in change.items():
        found = before.get((owner, kind))
        editor.set(owner, kind, fresh, None if found is None else found.ttl)
    editor.write(origin)
    return editor.cuts.done()


class _Fresh:
    """A record that is to be added, behind a line or at the end of the file."""

    def __init__(
        self, owner: dns.name.Name, kind: Kind, value: Value, ttl: int | None, like: Line | None
    ) -> None:
        self.owner = owner
        self.kind = kind
        self.value = value
        self.ttl = ttl
        self.like = like


class _Editor:
    def __init__(self, text: str, lines: list[Line], elsewhere: Sequence[Placed]) -> None:
        self.cuts = Cuts(text)
        self.text = text
        self.lines = lines
        self.elsewhere = elsewhere
        self.starts = _line_starts(text)
        self.fresh: list[_Fresh] = []
        self.ttls: dict[int, int] = {}  # by id of a line: the TTL that its record is to have
        self.values: dict[int, Value] = {}

    def set(
        self, owner: dns.name.Name, kind: Kind, fresh: RecordSet | None, former_ttl: int | None
    ) -> None:
        """Makes a name have these values of a type; what goes and what comes take each other's
        place."""
        wanted = list(fresh.values) if fresh is not None else []
        other_ttl = fresh is not None and fresh.ttl is not None and fresh.ttl != former_ttl
        seen = self._elsewhere(owner, kind, wanted, other_ttl)
        lines = [
            line
            for line in self.lines
            if line.record is not None and (line.record.owner, line.record.kind) == (owner, kind)
        ]
        spare: list[Line] = []
        for line in lines:
            assert line.record is not None
            if line.record.value in wanted:
                seen.append(line.record.value)
            else:
                spare.append(line)
        added = [value for value in wanted if value not in seen]
        for line in spare:
            if added:
                self.values[id(line)] = added.pop(0)
            else:
                line.deleted = True
        if fresh is None:
            return
        if other_ttl and fresh.ttl is not None:
            self.ttls |= {id(line): fresh.ttl for line in lines if not line.deleted}
        ttl = fresh.ttl if fresh.ttl is not None else former_ttl
        like = next((line for line in reversed(lines) if not line.deleted), None)
        self.fresh.extend(_Fresh(owner, kind, value, ttl, like) for value in added)

    def _elsewhere(
        self, owner: dns.name.Name, kind: Kind, wanted: Sequence[Value], other_ttl: bool
    ) -> list[Value]:
        """The wanted values that other files have; refuses to change what is not in this one."""
        seen: list[Value] = []
        for record in self.elsewhere:
            if (record.owner, record.kind) != (owner, kind):
                continue
            if record.value in wanted and not other_ttl:
                seen.append(record.value)
                continue
            raise EditError(
                f"{owner} {kind_text(kind)} {value_text(record.value)} comes from"
                f" {record.spot.file.name}:{record.spot.line},"
                " an included file or a $GENERATE; change it there"
            )
        return seen

    # --- writing ------------------------------------------------------------------------------

    def write(self, origin: dns.name.Name) -> None:
        """Notes all replacements, in one walk with what each line takes over."""
        state = State(origin)
        last: dict[dns.name.Name, Line] = {}
        for line in self.lines:
            if line.record is not None and not line.deleted:
                last[line.record.owner] = line
        for line in self.lines:
            if line.deleted:
                self.cuts.delete_lines(self._start(line), self._end(line))
            else:
                self._keep(line, state)
            state.pass_over(line)
            for fresh in self.fresh:
                if (fresh.like or last.get(fresh.owner)) is line:
                    added = self._added(fresh, line, state)
                    self.cuts.insert_lines(self._end(line), [added])
        for fresh in self.fresh:
            if fresh.like is None and fresh.owner not in last:
                model = next((line for line in reversed(self.lines) if line.record), None)
                self._at_end(self._added(fresh, model, state, aligned=True))

    def _keep(self, line: Line, state: State) -> None:
        """What must be written into a line that stays."""
        record, words = line.record, line.entry.words
        if record is None:
            return
        inherited = line.after_generated and state.after_generated
        if line.entry.indented and not inherited and state.owner != record.owner:
            start, first = self._start(line), self._at(words[0])
            gap = " " * (first - start - len(_owner(record.owner, state.origin)))
            self.cuts.replace(start, first, _owner(record.owner, state.origin) + (gap or " "))
        ttl = self.ttls.get(id(line), record.ttl)
        if ttl is not None and line.stated is not None and line.stated != ttl:
            self._restate(line, ttl)
        elif (
            ttl is not None
            and line.stated is None
            and (record.kind is None or state.implied_ttl != ttl)
        ):
            self.cuts.insert(self._at(words[0 if line.entry.indented else 1]), f"{ttl} ")
            line.stated = ttl
        value = self.values.get(id(line))
        if value is not None:
            self._put(line, record, value)
            record.value = value

    def _restate(self, line: Line, ttl: int) -> None:
        for word in line.entry.words[0 if line.entry.indented else 1 : line.at]:
            if word.value[:1].isdigit():
                self.cuts.replace(self._at(word), self._at(word) + len(word.value), str(ttl))
        line.stated = ttl

    def _put(self, line: Line, record: Placed, value: Value) -> None:
        """Replaces the words that differ; where their number does, all of the data."""
        words = line.entry.words[line.at + 1 :]
        old, new = _words(value_text(record.value)), _words(value_text(value))
        if len(words) == len(old) == len(new):
            for word, former, fresh in zip(words, old, new, strict=True):
                if _raw(former) != _raw(fresh):
                    self.cuts.replace(self._at(word), self._after(word), _raw(fresh))
            return
        first, last = self._at(words[0]), self._after(words[-1])
        if "(" in self.text[self._start(line) : self._end(line)]:
            first, last = self._after(line.entry.words[line.at]), self._end(line)
            before = self.text[self._start(line) : first]
            if "(" in before or "\n" in before:
                raise EditError(
                    f"line {line.entry.first} has parentheses before its type; change it by hand"
                )
            self.cuts.replace(first, last, f" {value_text(value)}")
            return
        self.cuts.replace(first, last, value_text(value))

    def _added(
        self, fresh: _Fresh, model: Line | None, state: State, *, aligned: bool = False
    ) -> str:
        """The line of a new record, written as its model is."""
        ttl = fresh.ttl
        if ttl is None and fresh.kind is not None and state.default_ttl is None:
            ttl = DEFAULT_TTL
        states = model is not None and model.stated is not None and not aligned
        # at the end of a file, the last TTL that was stated is that of some other record
        implied = state.default_ttl if aligned else state.implied_ttl
        needed = fresh.kind is None or ttl != implied
        stated = f"{ttl} " if ttl is not None and (states or needed) else ""
        if stated:
            state.last_ttl = ttl
        data = f"{kind_text(fresh.kind)} {value_text(fresh.value)}"
        owner = _owner(fresh.owner, state.origin)
        state.owner, state.after_generated = fresh.owner, False
        line = "" if model is None else self._before_type(model)
        if model is None or "\n" in line or "(" in line:
            return f"{owner} {stated}IN {data}"
        words = model.entry.words
        own = 0 if model.entry.indented else 1
        same_ttl = (str(ttl) if stated else None) == self._ttl_word(model, own)
        if same_ttl and not aligned:
            return line + self._typed(model, fresh, data)
        classed = any(word.value.upper() in {"IN", "CLASS1"} for word in words[own : model.at])
        head = line[: self._at(words[own]) - self._start(model)]
        head = f"{owner} ".ljust(len(head)) if aligned else head
        return f"{head}{stated}{'IN ' if classed else ''}{self._typed(model, fresh, data)}"

    def _before_type(self, line: Line) -> str:
        return self.text[self._start(line) : self._at(line.entry.words[line.at])]

    def _ttl_word(self, line: Line, own: int) -> str | None:
        """The TTL as it stands in a line."""
        words = (word.value for word in line.entry.words[own : line.at])
        return next((word for word in words if word[:1].isdigit()), None)

    def _typed(self, model: Line, fresh: _Fresh, data: str) -> str:
        """Type and data, with the gap between them that the model has."""
        words = model.entry.words
        if model.record is None or model.record.kind != fresh.kind:
            return data
        gap = self.text[self._after(words[model.at]) : self._at(words[model.at + 1])]
        return f"{kind_text(fresh.kind)}{gap if not gap.strip() else ' '}{value_text(fresh.value)}"

    def _at_end(self, line: str) -> None:
        ends = not self.text or self.text.endswith(("\n", "\r"))
        self.cuts.insert(len(self.text), f"{line}\n" if ends else f"\n{line}")

    # --- offsets ------------------------------------------------------------------------------

    def _at(self, word: Word) -> int:
        return self.starts[word.line - 1] + word.column - 1

    def _after(self, word: Word) -> int:
        return self._at(word) + len(_raw(word))

    def _start(self, line: Line) -> int:
        return self.starts[line.entry.first - 1]

    def _end(self, line: Line) -> int:
        return self.cuts.line_end(self.starts[line.entry.last - 1])


def _line_starts(text: str) -> list[int]:
    """Where lines begin, as the lexer counts them: str.splitlines splits at more."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]


def _owner(owner: dns.name.Name, origin: dns.name.Name) -> str:
    return relative(owner, origin) if is_below_or_at(owner, origin) else owner.to_text()


def _words(text: str) -> list[Word]:
    entry = next(iter(entries(text)), None)
    return entry.words if isinstance(entry, Entry) else []


def _raw(word: Word) -> str:
    return f'"{word.value}"' if word.is_quoted_string() else str(word.value)
