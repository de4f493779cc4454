"""The parts of a YAML text and the characters that each takes: what an edit cuts by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

try:
    _Loader: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML built without libyaml: the same, slower
    _Loader = yaml.SafeLoader


@dataclass(slots=True)
class Part:
    """A node of the text. ``start`` and ``end`` are offsets of characters; comments, blanks and
    what follows are outside. ``column`` counts from 0, ``line`` from 1.

    ``anchor`` is the name that an anchor gives it, or that an alias refers to.
    """

    kind: Literal["scalar", "mapping", "sequence", "alias"]
    start: int
    end: int
    line: int
    column: int
    flow: bool = False
    text: str = ""
    anchor: str | None = None
    pairs: list[tuple[Part, Part]] = field(default_factory=list)
    items: list[Part] = field(default_factory=list)

    def pair(self, key: str) -> tuple[Part, Part] | None:
        """The pair of a mapping with this key; merged ones are not looked at."""
        return next((pair for pair in self.pairs if pair[0].text == key), None)

    def anchors(self) -> Iterator[Part]:
        """The parts within this one, itself included, that have an anchor."""
        if self.anchor is not None and self.kind != "alias":
            yield self
        for item in self.items:
            yield from item.anchors()
        for pair in self.pairs:
            for item in pair:
                yield from item.anchors()


def read_tree(text: str) -> Part | None:
    """The root of a text that is valid YAML and of one document; None: it is empty."""
    events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
    for event in events:
        if isinstance(event, yaml.NodeEvent):
            return _part(event, events, text)
    return None


def _part(event: Any, events: Iterator[Any], text: str) -> Part:
    mark = event.start_mark
    part = Part("scalar", mark.index, event.end_mark.index, mark.line + 1, mark.column)
    part.anchor = event.anchor
    if isinstance(event, yaml.AliasEvent):
        part.kind = "alias"
    elif isinstance(event, yaml.ScalarEvent):
        part.text = event.value
        if event.style in {"|", ">"}:
            part.end = part.start + len(text[part.start : part.end].rstrip())
    elif isinstance(event, yaml.CollectionStartEvent):
        part.kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        part.flow = bool(event.flow_style)
        end = _fill(part, events, text)
        part.end = end if part.flow or not (part.items or part.pairs) else _last(part).end
    return part


def _fill(part: Part, events: Iterator[Any], text: str) -> int:
    """Reads the parts within a collection; returns where its end event ends."""
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            mark: Any = event.end_mark
            return int(mark.index)
        child = _part(event, events, text)
        if part.kind == "sequence":
            part.items.append(child)
        else:
            part.pairs.append((child, _part(next(events), events, text)))
    raise AssertionError("a collection has an end")


def _last(part: Part) -> Part:
    if part.kind == "sequence":
        return part.items[-1]
    key, value = part.pairs[-1]
    return value if value.end >= key.end else key  # an empty value stands nowhere
