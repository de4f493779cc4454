"""Where the clients of resolvers are that send no client subnet: distributions, from YAML files.

resolvers:
  192.0.2.53: {EU-DE: 60%, EU-FR: 25%, NA-US: 15%}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from geodns import yamlfile
from geodns.config.values import parse_network, parse_share
from geodns.latency.client import ClientKeyError, Level, Network, parse_client
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Document, Keys

_KEYS = ("resolvers",)
_TOLERANCE = 0.005  # that rounded percentages may miss the whole by


class ResolverRow(NamedTuple):
    """A resolver's network, and the parts of its clients by client key; the parts add up to 1."""

    network: Network
    clients: Mapping[str, float]


def read_resolvers(file: Path) -> tuple[list[ResolverRow], list[Problem]]:
    """The rows of a file, and everything that is wrong with it. No exception leaves this."""
    document, problems = yamlfile.read(file)
    reader = _Reader(document, problems)
    reader.read()
    return list(reader.rows.values()), reader.problems


class _Reader:
    def __init__(self, document: Document, problems: list[Problem]) -> None:
        self.rows: dict[Network, ResolverRow] = {}
        self.problems = problems
        self._document = document

    def read(self) -> None:
        data = self._document.data
        if data is None:
            return
        if not isinstance(data, dict):
            self._problem(
                "wrong-type", "is no table of resolvers", (), "write resolvers: {192.0.2.53: {...}}"
            )
            return
        for key in data:
            if key not in _KEYS:
                hint = did_you_mean(key, _KEYS) or "the key is resolvers"
                self._problem("unknown-key", f"unknown key {shown(key)}", (key,), hint, key=True)
        rows = data.get("resolvers") or {}
        if not isinstance(rows, dict):
            self._problem(
                "wrong-type",
                "resolvers must map networks to where their clients are",
                ("resolvers",),
                "as in 192.0.2.53: {EU-DE: 60%, EU-FR: 40%}",
            )
            return
        for text, parts in rows.items():
            self._row(text, parts)

    def _row(self, text: str, parts: object) -> None:
        path: Keys = ("resolvers", text)
        try:
            network = parse_network(text)
        except ValueError as error:
            self._problem("bad-value", str(error), path, key=True)
            return
        if network in self.rows:
            self._problem("duplicate-resolver", f"{shown(text)} has a row already", path, key=True)
            return
        if not isinstance(parts, dict) or not parts:
            self._problem(
                "wrong-type",
                f"the row of {network} must map clients to their share",
                path,
                "as in {EU-DE: 60%, EU-FR: 40%}",
            )
            return
        found = self._parts(path, parts)
        clients = {key: part for key, part in found if part}
        total = sum(clients.values())
        if len(found) < len(parts):
            return  # what is wrong with a part has been said
        if abs(total - 1) > _TOLERANCE:
            self._problem(
                "not-whole",
                f"the shares of {network} add up to {total:.1%}",
                path,
                "they are all of its clients, so together they are 100%",
            )
            return
        self.rows[network] = ResolverRow(
            network, {key: part / total for key, part in clients.items()}
        )

    def _parts(self, path: Keys, parts: Mapping[str, object]) -> list[tuple[str, float]]:
        found = []
        for text, value in parts.items():
            spot: Keys = (*path, text)
            try:
                key = parse_client(text)
            except ClientKeyError as error:
                self._problem("bad-client", str(error), spot, error.hint, key=True)
                continue
            if key.level is Level.DEFAULT:
                self._problem(
                    "bad-client", "default is no place", spot, "name where clients are", key=True
                )
                continue
            try:
                found.append((key.text, parse_share(value)))
            except ValueError as error:
                self._problem("bad-value", str(error), spot)
        return found

    def _problem(
        self, id: str, message: str, path: Keys, hint: str | None = None, *, key: bool = False
    ) -> None:
        self.problems.append(self._document.problem(id, message, path, key=key, hint=hint))
