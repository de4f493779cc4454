"""Edits one record of a YAML zone file in place: its values and its TTL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import dns.name
import dns.rdatatype

from geodns.zone.draft import ContentError
from geodns.zone.editing.cuts import Cuts, Span, append_to_flow, delete_from_flow
from geodns.zone.editing.records import EditError, Kind, RecordSet, Value, kind_text, read_kind
from geodns.zone.editing.yaml_style import Style
from geodns.zone.editing.yaml_text import flow, scalar
from geodns.zone.editing.yaml_tree import Part
from geodns.zone.editing.yaml_values import yaml_record, yaml_value
from geodns.zone.octodns import DEFAULT_TTL, why_ignored
from geodns.zone.shapes import RECORD_TYPES, RecordType
from geodns.zone.values import rdata_from_value

_ELSEWHERE = ("dynamic", "geo")  # octoDNS's own ways of steering: more than values hangs on them


@dataclass(slots=True)
class Written:
    """A record as it stands in the file: its part of the text and its data, merges resolved."""

    part: Part
    data: dict[str, Any]
    kind: Kind

    @property
    def in_place(self) -> bool:
        """Whether what it says is written here and nowhere else."""
        direct = {key.text for key, _ in self.part.pairs}
        said = self.data.keys() & {"type", "ttl", "value", "values", "service"}
        if self.part.kind != "mapping" or not said <= direct:
            return False
        return all(value.kind != "alias" for key, value in self.part.pairs if key.text in said)

    def items(self) -> list[tuple[Part, Any]]:
        """Its values: the part and the data of each."""
        key = next((key for key in ("service", "values", "value") if key in self.data), None)
        pair = self.part.pair(key) if key is not None else None
        if key is None or pair is None:
            return []
        data, part = self.data[key], pair[1]
        if isinstance(data, list):
            return list(zip(part.items, data, strict=True))
        return [(part, data)]


def read_written(part: Part, data: Any) -> Written | None:
    """A record, if that is what stands there and it is served."""
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        return None
    if why_ignored(data) is not None:
        return None
    try:
        return Written(part, data, read_kind(data["type"]))
    except EditError:
        return None


def refuse_steered(record: Written, owner: dns.name.Name) -> None:
    """Raises EditError where octoDNS's own steering hangs on the record."""
    for key in _ELSEWHERE:
        if key in record.data:
            raise EditError(
                f"the {kind_text(record.kind)} record of {owner} in line {record.part.line} has"
                f" {key!r}; change it in the file"
            )


def read_data(kind: Kind, data: Any, origin: dns.name.Name) -> Value | None:
    """The value that YAML data stands for; None where it stands for none."""
    if kind is None:
        return data if isinstance(data, str) else None
    shape = RECORD_TYPES.get(kind_text(kind), RecordType("fields"))
    try:
        return rdata_from_value(shape, kind, data, origin)
    except ContentError:
        return None


def rewritten(record: Written, fresh: RecordSet, origin: dns.name.Name, style: Style) -> Any:
    """The data of the record with other values; what else it says stays."""
    if fresh.ttl == DEFAULT_TTL and "ttl" not in record.data:
        fresh = fresh._replace(ttl=None)
    made = yaml_record(record.kind, fresh, origin, alphabetical=style.alphabetical)
    said = ("type", "ttl", "value", "values", "service")
    return made | {key: value for key, value in record.data.items() if key not in said}


def is_partial_soa(former: dict[str, Any], fresh: dict[str, Any], value: Value) -> bool:
    """Whether an SOA leaves fields to their defaults; they stay so, and are compared afterwards."""
    return (
        not isinstance(value, str)
        and value.rdtype == dns.rdatatype.SOA
        and (former.keys() <= fresh.keys())
    )


class RecordEditor:
    """Edits of the values of one record set, over all the records that it is written in."""

    def __init__(self, cuts: Cuts, origin: dns.name.Name, style: Style) -> None:
        self.cuts = cuts
        self.origin = origin
        self.style = style

    def values(self, records: Sequence[Written], fresh: RecordSet) -> list[Written]:
        """Makes the records have these values together: returns those that have none any more.

        A value that goes and one that comes take each other's place, and a comment beside it.
        """
        plans = [
            [read_data(record.kind, data, self.origin) for _, data in record.items()]
            for record in records
        ]
        wanted = list(fresh.values)
        seen: set[Value] = set()
        for plan in plans:
            for place, value in enumerate(plan):
                if value is None or value not in wanted or value in seen:
                    plan[place] = None
                else:
                    seen.add(value)
        added = [value for value in wanted if value not in seen]
        emptied = []
        for number, (record, plan) in enumerate(zip(records, plans, strict=True)):
            last = number == len(records) - 1
            replaced: dict[int, Value] = {}
            for place, value in enumerate(plan):
                if value is None and added:
                    replaced[place] = added.pop(0)
            gone = frozenset(
                place for place, value in enumerate(plan) if value is None and place not in replaced
            )
            appended = added if last or len(gone) < len(plan) else []
            added = [] if appended is added else added
            if len(gone) == len(plan) and not appended:
                emptied.append(record)
                continue
            self._change(record, replaced, gone, appended)
        return emptied

    def ttl(self, record: Written, ttl: int) -> None:
        """Gives the record a TTL of its own."""
        pair = record.part.pair("ttl")
        if pair is not None:
            self.cuts.replace(pair[1].start, pair[1].end, str(ttl))
            return
        type_pair = record.part.pair("type")
        assert type_pair is not None  # it is written in place
        key, value = type_pair
        if self.style.alphabetical:
            gap = ", " if record.part.flow else "\n" + " " * key.column
            self.cuts.insert(key.start, f"ttl: {ttl}{gap}")
        elif record.part.flow:
            self.cuts.insert(value.end, f", ttl: {ttl}")
        else:
            self.cuts.insert_lines(value.end, [f"{' ' * key.column}ttl: {ttl}"])

    def _change(
        self,
        record: Written,
        replaced: dict[int, Value],
        gone: frozenset[int],
        appended: Sequence[Value],
    ) -> None:
        items = record.items()
        texts = {place: self._text(value) for place, value in replaced.items()}
        more = [self._text(value) for value in appended]
        name = "values" if "values" in record.data else "value"
        pair = record.part.pair(name)
        if pair is not None and self._collapse(pair, items, texts, gone, more):
            return
        for place, text in texts.items():
            self._put(items[place][0], items[place][1], replaced[place], text)
        if pair is None or not (gone or more):
            return
        key, part = pair
        if part.kind == "sequence":
            self._list(part, gone, more)
        else:
            self._expand(record, key, part, more)

    def _text(self, value: Value) -> str:
        return flow(yaml_value(value, self.origin))

    def _put(self, part: Part, former: Any, value: Value, text: str) -> None:
        """Replaces a value; of a mapping only what differs, where it has the same keys."""
        fresh = yaml_value(value, self.origin)
        if (
            isinstance(fresh, dict)
            and isinstance(former, dict)
            and part.kind == "mapping"
            and (fresh.keys() == former.keys() or is_partial_soa(former, fresh, value))
            and former.keys() == {key.text for key, _ in part.pairs}
            and all(item.kind == "scalar" for _, item in part.pairs)
        ):
            for key, item in part.pairs:
                if str(former[key.text]) != str(fresh[key.text]):
                    self.cuts.replace(item.start, item.end, flow(fresh[key.text]))
            return
        self.cuts.replace(part.start, part.end, text)

    def _list(self, part: Part, gone: frozenset[int], more: Sequence[str]) -> None:
        spans = [Span(item.start, item.end) for item in part.items]
        if part.flow:
            kept = [span for place, span in enumerate(spans) if place not in gone]
            if gone:
                delete_from_flow(self.cuts, spans, gone)
            if more and kept:
                append_to_flow(self.cuts, kept, more)
            return
        for place in gone:
            self.cuts.delete_lines(spans[place].start, spans[place].end)
        if more:
            last = max(place for place in range(len(spans)) if place not in gone)
            lines = [f"{' ' * part.column}- {text}" for text in more]
            self.cuts.insert_lines(spans[last].end, lines)

    def _expand(self, record: Written, key: Part, part: Part, more: Sequence[str]) -> None:
        """From ``value: a`` to ``values: [a, b]``, or to a list in block style."""
        self.cuts.replace(key.start, key.end, "values")
        one_line = "\n" not in self.cuts.text[part.start : part.end]
        if record.part.flow or not one_line:
            self.cuts.insert(part.start, "[")
            self.cuts.insert(part.end, "".join(f", {item}" for item in more) + "]")
            return
        dash = " " * (key.column + self.style.dash) + "- "
        colon = self.cuts.text.index(":", key.end) + 1
        self.cuts.replace(colon, part.start, f"\n{dash}")
        self.cuts.insert_lines(part.end, [dash + item for item in more])

    def _collapse(
        self,
        pair: tuple[Part, Part],
        items: Sequence[tuple[Part, Any]],
        texts: dict[int, str],
        gone: frozenset[int],
        more: Sequence[str],
    ) -> bool:
        """From a list of several to ``value: a``, as octoDNS writes one; not where a comment
        would be lost."""
        key, part = pair
        if part.kind != "sequence" or more or len(items) - len(gone) != 1 or len(items) < 2:
            return False
        (left,) = (place for place in range(len(items)) if place not in gone)
        text = self.cuts.text
        spans = [Span(item.start, item.end) for item, _ in items]
        between = [text[key.end : spans[0].start]]
        between += [text[one.end : two.start] for one, two in pairwise(spans)]
        tail = text[spans[-1].end : self.cuts.line_end(part.end)]
        kept = texts.get(left, text[spans[left].start : spans[left].end])
        if "#" in "".join(between) or ("#" in tail and left != len(items) - 1) or "\n" in kept:
            return False
        if part.flow and "\n" in text[part.start : part.end]:
            return False
        self.cuts.replace(key.start, part.end, f"{scalar('value')}: {kept}")
        return True
