"""Reads YAML and remembers where everything stands, so that an error can name line and column.

Scalars are read as YAML 1.2 reads them: only ``true`` and ``false`` are booleans (``NO`` is
Norway), ``10:30`` is a string, and dates stay strings. A key that stands twice is a problem.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from geodns.problem import Problem

_INT, _FLOAT, _BOOL, _NULL, _MERGE = (
    f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "merge")
)
_MOST_DEPTH = 64  # deeper than any file of ours; a self-reference ends here too

try:
    _Loader: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML built without libyaml: the same, slower
    _Loader = yaml.SafeLoader

Keys = tuple[str | int, ...]
Position = tuple[int, int]


@dataclass(slots=True)
class Document:
    """A file's data and, for each path of keys and indexes in it, where key and value stand.

    Positions are (line, column), counted from 1.
    """

    file: Path
    data: Any = None
    keys: dict[Keys, Position] = field(default_factory=dict)
    values: dict[Keys, Position] = field(default_factory=dict)

    def key_at(self, path: Keys) -> Position:
        """Where the key at a path stands; else the nearest thing around it."""
        return self._nearest(self.keys, path)

    def value_at(self, path: Keys) -> Position:
        """Where the value at a path stands; else the nearest thing around it."""
        return self._nearest(self.values, path)

    def _nearest(self, table: dict[Keys, Position], path: Keys) -> Position:
        while path:
            if path in table:
                return table[path]
            path = path[:-1]
        return self.values.get((), (1, 1))

    def problem(
        self, id: str, message: str, path: Keys, *, key: bool = False, **more: Any
    ) -> Problem:
        """A finding about the value (or the key) at a path. ``more``: hint, severity."""
        line, column = self.key_at(path) if key else self.value_at(path)
        return Problem(id, message, self.file, line, column, **more)


def read(file: Path) -> tuple[Document, list[Problem]]:
    """The document in a file; with problems, ``data`` is what could be read, or None."""
    document = Document(file)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        return document, [Problem("unreadable-file", f"can't be read: {error.strerror}", file)]
    except UnicodeDecodeError as error:
        return document, [Problem("not-utf-8", f"is not UTF-8 at byte {error.start}", file)]
    return parse(text, document)


def parse(text: str, document: Document) -> tuple[Document, list[Problem]]:
    """Fills a document from text."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return document, [
            Problem("yaml-syntax", f"is not YAML: {error.problem}", document.file, line, column)
        ]
    except yaml.YAMLError as error:
        return document, [Problem("yaml-syntax", f"is not YAML: {error}", document.file, 1, 1)]
    reader = _Reader(document)
    if node is not None:
        document.data = reader.value(node, ())
    return document, reader.problems


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self._scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: Keys) -> Any:
        self.document.values[path] = _position(node)
        if len(path) > _MOST_DEPTH:
            self._problem("too-deep", "is nested too deeply, or refers to itself", node)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Keys) -> dict[str | int, Any]:
        data: dict[str | int, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                several = isinstance(value_node, yaml.SequenceNode)
                merged.extend(value_node.value if several else [value_node])
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem("bad-key", "a key must be a word or a number", key_node)
                continue
            key = key_node.value
            if key in data:
                first = self.document.keys[(*path, key)][0]
                self._problem(
                    "duplicate-key",
                    f"{key!r} stands here a second time; first in line {first}",
                    key_node,
                )
                continue
            self.document.keys[(*path, key)] = _position(key_node)
            data[key] = self.value(value_node, (*path, key))
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                self._problem("bad-merge", "only a mapping can be merged with <<", source)
                continue
            for key, value in (
                self._mapping(source, path).items() if len(path) < _MOST_DEPTH else ()
            ):
                data.setdefault(key, value)
        return data

    def _scalar(self, node: yaml.Node) -> Any:
        text = node.value
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return text.lower() == "true" if text.lower() in {"true", "false"} else text
        if node.tag in {_INT, _FLOAT} and ":" not in text:
            try:
                if node.tag == _FLOAT:
                    return self._scalars.construct_yaml_float(node)
                return int(
                    text.replace("_", ""), 0 if text.lstrip("+-").lower().startswith("0x") else 10
                )
            except ValueError:
                return text
        return text

    def _problem(self, id: str, message: str, node: yaml.Node) -> None:
        self.problems.append(Problem(id, message, self.document.file, *_position(node)))


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1
