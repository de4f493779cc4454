"""Edits a zone file in octoDNS's YAML: only the characters of what changes are replaced.

A YAML library that writes whole documents, even one that keeps comments, writes indentation, quotes
and long lines its own way. Here the parser only says where everything stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.name

from geodns import yamlfile
from geodns.zone.draft import ContentError
from geodns.zone.editing.change import Change
from geodns.zone.editing.cuts import Cuts, Span, append_to_flow, delete_from_flow
from geodns.zone.editing.records import EditError, Kind, Records, RecordSet
from geodns.zone.editing.yaml_record import (
    RecordEditor,
    Written,
    read_written,
    refuse_steered,
    rewritten,
)
from geodns.zone.editing.yaml_style import Style, natural, style_of
from geodns.zone.editing.yaml_text import flow, scalar
from geodns.zone.editing.yaml_tree import Part, read_tree
from geodns.zone.editing.yaml_values import yaml_record
from geodns.zone.names import owner_name

Wishes = dict[Kind, RecordSet | None]


def edit_octodns(text: str, origin: dns.name.Name, before: Records, change: Change) -> str:
    """The text of a zone file after a change. ``before`` are its records.

    Raises EditError. Whether the new text says what it should is for the caller to compare.
    """
    document, problems = yamlfile.parse(text, yamlfile.Document(Path()))
    if problems and document.data is None:
        raise EditError(f"the file can't be edited: {problems[0].message}")
    root = read_tree(text)
    if root is None or (root.kind == "scalar" and not root.text):
        root, document.data = Part("mapping", len(text), len(text), 1, 0), {}
    if root.kind != "mapping" or not isinstance(document.data, dict):
        raise EditError("the file can't be edited: a zone file is a mapping from names to records")
    editor = _ZoneEditor(text, root, document.data, origin, before)
    owners: dict[dns.name.Name, Wishes] = {}
    for (owner, kind), fresh in change.items():
        owners.setdefault(owner, {})[kind] = fresh
    for owner in sorted(owners, key=lambda owner: natural(_key_text(owner, origin))):
        editor.owner(owner, owners[owner])
    editor.add_names()
    return editor.cuts.done()


def _key_text(owner: dns.name.Name, origin: dns.name.Name) -> str:
    return owner.relativize(origin).to_text() if owner != origin else ""


class _Place:
    """A name in the file: its key, its value, and the records within it."""

    def __init__(self, key: Part, value: Part, data: Any) -> None:
        self.key = key
        self.value = value
        several = isinstance(data, list)
        parts = value.items if value.kind == "sequence" else [value]
        datas = data if several else [data]
        self.readable = len(parts) == len(datas)
        # behind an alias there are no parts to edit
        self.parts = parts if self.readable else [value] * len(datas)
        self.datas: list[Any] = datas
        self.records = [read_written(*pair) for pair in zip(self.parts, datas, strict=True)]

    @property
    def is_block(self) -> bool:
        """Whether it is one record, over several lines."""
        return self.value.kind == "mapping" and not self.value.flow

    def of_kind(self, kind: Kind) -> list[Written]:
        """Its records of a type."""
        return [item for item in self.records if item is not None and item.kind == kind]


class _ZoneEditor:
    def __init__(
        self,
        text: str,
        root: Part,
        data: Mapping[str, Any],
        origin: dns.name.Name,
        before: Records,
    ) -> None:
        self.cuts = Cuts(text)
        self.root = root
        self.data = data
        self.origin = origin
        self.before = before
        self.style: Style = style_of(root)
        self.records = RecordEditor(self.cuts, origin, self.style)
        self.gone: set[int] = set()  # places of pairs that are deleted
        self.fresh: list[tuple[str, list[dict[str, Any]]]] = []
        self.owners: dict[dns.name.Name, list[int]] = {}
        for place, (key, _) in enumerate(root.pairs):
            try:
                owner = owner_name(key.text, origin) if key.text else origin
            except ContentError:
                continue
            self.owners.setdefault(owner, []).append(place)

    def owner(self, owner: dns.name.Name, wishes: Wishes) -> None:
        """Edits all the records of a name."""
        numbers = self.owners.get(owner, [])
        places = [
            _Place(*self.root.pairs[number], self.data.get(self.root.pairs[number][0].text))
            for number in numbers
        ]
        emptied: list[Written] = []
        made: list[dict[str, Any]] = []
        edits: list[tuple[Kind, list[Written], RecordSet]] = []
        for kind, fresh in wishes.items():
            written = [record for place in places for record in place.of_kind(kind)]
            if fresh is None:
                emptied += written
                continue
            for record in written:
                refuse_steered(record, owner)
            if written:
                edits.append((kind, written, fresh))
            else:
                alphabetical = self.style.alphabetical
                made.append(yaml_record(kind, fresh, self.origin, alphabetical=alphabetical))
        if made and edits and len(places) == 1 and places[0].is_block:
            # Its lines move to the right; edits of them at the same time would miss that.
            ((_, (record,), fresh),) = edits
            data = rewritten(record, fresh, self.origin, self.style)
            self._rewrite(places[0].key, places[0].value, [data, *made])
            return
        for kind, written, fresh in edits:
            emptied += self._edit(owner, kind, written, fresh)
        for number, place in zip(numbers, places, strict=True):
            self._arrange(number, place, emptied, made if place is places[-1] else [])
        if not places and made:
            self.fresh.append((_key_text(owner, self.origin), made))

    def _edit(
        self, owner: dns.name.Name, kind: Kind, written: list[Written], fresh: RecordSet
    ) -> list[Written]:
        """Edits records where they stand; returns those that have no value any more."""
        if not all(record.in_place for record in written):
            first, *others = written
            data = rewritten(first, fresh, self.origin, self.style)
            self.cuts.replace(first.part.start, first.part.end, flow(data))
            return others
        former = self.before.get((owner, kind))
        emptied = self.records.values(written, fresh)
        if fresh.ttl is not None and (former is None or former.ttl != fresh.ttl):
            for record in written:
                if record not in emptied:
                    self.records.ttl(record, fresh.ttl)
        return emptied

    def _arrange(
        self, number: int, place: _Place, emptied: list[Written], made: list[dict[str, Any]]
    ) -> None:
        """Takes records out of a name's list, and adds others to it."""
        gone = frozenset(
            index
            for index, record in enumerate(place.records)
            if record is not None and any(record is other for other in emptied)
        )
        if not gone and not made:
            return
        left = [data for index, data in enumerate(place.datas) if index not in gone]
        key, value = place.key, place.value
        if not left and not made:
            self.gone.add(number)
        elif not left or not place.readable or value.kind == "alias":
            self._rewrite(key, value, [*left, *made])
        elif value.kind != "sequence":
            self._to_list(key, value, made)
        else:
            self._edit_list(place, gone, made)

    def _rewrite(self, key: Part, value: Part, records: list[dict[str, Any]]) -> None:
        colon = self.cuts.text.index(":", key.end) + 1
        if self.root.flow:
            fresh = f" {flow(records[0] if len(records) == 1 else records)}"
        else:
            fresh = self.style.after_key(records, key.column)
        self.cuts.replace(colon, max(colon, value.end), fresh)

    def _edit_list(self, place: _Place, gone: frozenset[int], made: list[dict[str, Any]]) -> None:
        value = place.value
        spans = [Span(item.start, item.end) for item in value.items]
        if (
            len(spans) - len(gone) == 1
            and len(spans) > 1
            and not made
            and self._collapse(place, gone)
        ):
            return
        if value.flow:
            kept = [span for index, span in enumerate(spans) if index not in gone]
            if gone:
                delete_from_flow(self.cuts, spans, gone)
            if made:
                append_to_flow(self.cuts, kept, [flow(record) for record in made])
            return
        for index in gone:
            self.cuts.delete_lines(spans[index].start, spans[index].end)
        last = max(index for index in range(len(spans)) if index not in gone)
        style = replace(
            self.style, flow=value.items[last].flow or value.items[last].kind == "alias"
        )
        lines = [line for record in made for line in style.item(record, value.column)]
        if lines:
            self.cuts.insert_lines(spans[last].end, lines)

    def _to_list(self, key: Part, value: Part, made: list[dict[str, Any]]) -> None:
        """From ``www: record`` to a list of it and others."""
        text = self.cuts.text
        if self.root.flow or (value.flow and "\n" in text[value.start : value.end]):
            self.cuts.insert(value.start, "[")
            self.cuts.insert(value.end, "".join(f", {flow(record)}" for record in made) + "]")
            return
        column = key.column + self.style.dash
        if value.flow:
            colon = text.index(":", key.end) + 1
            self.cuts.replace(colon, value.start, f"\n{' ' * column}- ")
        else:
            self._shift(value, column + 2 - value.column, column)
        style = replace(self.style, flow=value.flow)
        lines = [line for record in made for line in style.item(record, column)]
        self.cuts.insert_lines(value.end, lines)

    def _shift(self, value: Part, by: int, dash: int) -> None:
        """Makes a mapping in block style the first item of a list, further to the right."""
        text = self.cuts.text
        at = self.cuts.line_start(value.start)
        self.cuts.replace(at, value.start, f"{' ' * dash}- ")
        at = self.cuts.line_end(at)
        while at < value.end:
            at += len(self.cuts.newline_at(at))
            if at < value.end and text[at] not in "\r\n":
                self.cuts.insert(at, " " * by)
            at = self.cuts.line_end(at)

    def _collapse(self, place: _Place, gone: frozenset[int]) -> bool:
        """From a list of several records to the one that is left, as octoDNS writes one; not where
        a comment would be lost, or the one is not on one line."""
        key, value = place.key, place.value
        (left,) = (index for index in range(len(value.items)) if index not in gone)
        item = value.items[left]
        text = self.cuts.text
        colon = text.index(":", key.end) + 1
        edges = [colon, *(edge for part in value.items for edge in (part.start, part.end))]
        gaps = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=False)]
        tail = text[value.end : self.cuts.line_end(value.end)]
        if "#" in "".join(gaps) or ("#" in tail and left != len(value.items) - 1):
            return False
        if not item.flow or (item.kind == "mapping" and "\n" in text[item.start : item.end]):
            return False
        self.cuts.replace(colon, item.start, " ")
        self.cuts.replace(item.end, value.end, "")
        return True

    # --- names --------------------------------------------------------------------------------

    def add_names(self) -> None:
        """Deletes names that have no records any more, and adds those that are new."""
        pairs, cuts = self.root.pairs, self.cuts
        spans = [Span(key.start, max(key.end, value.end)) for key, value in pairs]
        kept = [number for number in range(len(pairs)) if number not in self.gone]
        if self.gone and not kept:
            raise EditError("this would leave nothing in the file; `geodns zone delete` does that")
        if self.root.flow:
            if self.gone:
                delete_from_flow(cuts, spans, frozenset(self.gone))
            lines = [f"{scalar(name)}: {self._one_line(made)}" for name, made in self.fresh]
            if lines and kept:
                append_to_flow(cuts, [spans[number] for number in kept], lines)
            elif lines:
                cuts.insert(self.root.start + 1, ", ".join(lines))
            return
        for number in self.gone:
            cuts.delete_lines(*spans[number])
        for name, made in self.fresh:
            lines = self.style.pair(name, made, self.root.column)
            self._insert(name, lines, [(number, spans[number]) for number in kept])

    def _one_line(self, records: list[dict[str, Any]]) -> str:
        return flow(records[0] if len(records) == 1 else records)

    def _insert(self, name: str, lines: list[str], kept: list[tuple[int, Span]]) -> None:
        """Puts the lines of a name where it belongs: at its place if the names are sorted, else
        behind the last."""
        if not kept:
            text = self.cuts.text
            gap = "" if not text or text.endswith(("\n", "\r")) else "\n"
            self.cuts.insert(len(text), gap + "\n".join(lines) + "\n")
            return
        after = kept
        if self.style.sorted_names:
            after = [
                pair for pair in kept if natural(self.root.pairs[pair[0]][0].text) <= natural(name)
            ]
        if after:
            self.cuts.insert_lines(after[-1][1].end, lines)
        else:
            at = self.cuts.line_start(kept[0][1].start)
            self.cuts.insert(at, "".join(f"{line}\n" for line in lines))
