"""Reads YAML and remembers where everything stands, so that an error can name line and column.

Scalars are read as YAML 1.2 reads them: only ``true`` and ``false`` are booleans (``NO`` is
Norway), ``10:30`` is a string, and dates stay strings. A key that stands twice is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from geodns.problem import Problem
from geodns.wording import shown

_STANDARD = "tag:yaml.org,2002:"
_INT, _FLOAT, _BOOL, _NULL, _MERGE = (
    f"{_STANDARD}{name}" for name in ("int", "float", "bool", "null", "merge")
)
_MOST_DEPTH = 64  # deeper than any file of ours; a self-reference ends here too
_TOO_DEEP = "is nested too deeply, or refers to itself"
_SPECIAL_FLOAT = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}

# Aliases can make a small file expand without end. What is written out takes at least one
# character each, so only aliases can go beyond one value per character; this much is for them.
_ALIASED_VALUES = 100_000

try:
    _Base: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML built without libyaml: the same, slower
    _Base = yaml.SafeLoader

Keys = tuple[str | int, ...]
Position = tuple[int, int]


class _Loader(_Base):  # type: ignore[misc]  # the base is chosen above
    """Stops before a deeply nested text exhausts the C stack: libyaml's composer recurses."""

    depth = 0

    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:
        self.depth += 1
        if self.depth > _MOST_DEPTH and parent is not None:
            raise yaml.composer.ComposerError(None, None, _TOO_DEEP, parent.start_mark)
        super().descend_resolver(parent, index)

    def ascend_resolver(self) -> None:
        self.depth -= 1
        super().ascend_resolver()


@dataclass(slots=True)
class Document:
    """A file's data and, for each path of keys and indexes in it, where key and value stand.

    Positions are (line, column), counted from 1. Keys of mappings are always strings.
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


def read(
    file: Path, bytes_of: Callable[[Path], bytes] = Path.read_bytes
) -> tuple[Document, list[Problem]]:
    """The document in a file; with problems, ``data`` is what could be read, or None.

    ``bytes_of`` gives a file's bytes, or raises OSError.
    """
    document = Document(file)
    try:
        text = bytes_of(file).decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return document, [Problem("unreadable-file", f"can't be read: {reason}", file)]
    except UnicodeDecodeError as error:
        return document, [Problem("not-utf-8", f"is not UTF-8 at byte {error.start}", file)]
    except ValueError as error:  # a file name that no file can have, with a NUL in it
        return document, [Problem("unreadable-file", f"can't be read: {error}", file)]
    return parse(text, document)


def parse(text: str, document: Document) -> tuple[Document, list[Problem]]:
    """Fills a document from text."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        return document, [_syntax_problem(error, text, document.file)]
    reader = _Reader(document, len(text) + _ALIASED_VALUES)
    if node is not None:
        document.data = reader.value(node, ())
    return document, list(dict.fromkeys(reader.problems))


def _syntax_problem(error: yaml.YAMLError | UnicodeEncodeError, text: str, file: Path) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        # Newer versions of libyaml have a limit of their own, for what stands in brackets.
        if error.problem in (_TOO_DEEP, "exceeded maximum nesting depth"):
            return Problem("too-deep", _TOO_DEEP, file, line, column)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        return Problem("yaml-syntax", f"is not YAML: {reason}", file, line, column)
    found = re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    if found is None:
        return Problem("yaml-syntax", f"is not YAML: {error}", file, 1, 1)
    before = text[: found.start()]
    line, column = before.count("\n") + 1, found.start() - (before.rfind("\n") + 1) + 1
    message = f"is not YAML: the character U+{ord(found[0]):04X} is not allowed"
    return Problem("yaml-syntax", message, file, line, column)


class _Reader:
    """Turns nodes into plain data, and notes where each stands."""

    def __init__(self, document: Document, most_values: int) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.left = most_values

    def value(self, node: yaml.Node, path: Keys) -> Any:
        self.document.values[path] = _position(node)
        self.left -= 1
        if self.left < 0:
            if self.left == -1:
                self._problem("too-large", "aliases make this file too large", node)
            return None
        if len(path) > _MOST_DEPTH:
            self._problem("too-deep", _TOO_DEEP, node)
            return None
        if not node.tag.startswith(_STANDARD):
            self._problem("unknown-tag", f"the tag {node.tag} means nothing here", node)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Keys) -> dict[str, Any]:
        # A mapping's own keys win over merged ones, and an earlier merge over a later one.
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for mapping in self._with_merged(node, 0):
            own: dict[str, yaml.Node] = {}
            for key_node, value_node in mapping.value:
                if key_node.tag == _MERGE:
                    continue
                if not isinstance(key_node, yaml.ScalarNode):
                    self._problem("bad-key", "a key must be a word or a number", key_node)
                    continue
                key = key_node.value
                if key in own:
                    first = own[key].start_mark.line + 1
                    message = f"{shown(key)} stands here a second time; first in line {first}"
                    self._problem("duplicate-key", message, key_node)
                    continue
                own[key] = key_node
                found.setdefault(key, (key_node, value_node))
        data: dict[str, Any] = {}
        for key, (key_node, value_node) in found.items():
            self.document.keys[(*path, key)] = _position(key_node)
            data[key] = self.value(value_node, (*path, key))
        return data

    def _with_merged(self, node: yaml.MappingNode, depth: int) -> Iterator[yaml.MappingNode]:
        """A mapping and all that ``<<`` merges into it, in order of precedence."""
        yield node
        for key_node, value_node in node.value:
            if key_node.tag != _MERGE:
                continue
            several = isinstance(value_node, yaml.SequenceNode)
            for source in value_node.value if several else [value_node]:
                self.left -= 1
                if depth >= _MOST_DEPTH or self.left < 0:
                    self._problem("too-deep", _TOO_DEEP, key_node)
                    return
                if isinstance(source, yaml.MappingNode):
                    yield from self._with_merged(source, depth + 1)
                else:
                    self._problem("bad-merge", "only a mapping can be merged with <<", source)

    def _problem(self, id: str, message: str, node: yaml.Node) -> None:
        self.problems.append(Problem(id, message, self.document.file, *_position(node)))


def _scalar(node: yaml.Node) -> Any:
    text: str = node.value
    lower = text.lower()
    if node.tag == _NULL:
        return None
    if node.tag == _BOOL:
        return lower == "true" if lower in {"true", "false"} else text
    if node.tag in {_INT, _FLOAT} and ":" not in text:
        plain = lower.replace("_", "")
        try:
            if node.tag == _FLOAT:
                return float(_SPECIAL_FLOAT.get(plain, plain))
            return int(plain, 0 if plain.lstrip("+-").startswith("0x") else 10)
        except ValueError:  # a number to YAML 1.1 only
            return text
    return text


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1
