"""Reads a latency table from a file: client -> region -> milliseconds, in YAML or CSV."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from geodns import yamlfile
from geodns.config.settings import LatencyRow, LatencyTable
from geodns.latency.commas import read_csv
from geodns.latency.draft import TableDraft
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown

_YAML = {".yaml", ".yml", ".json"}  # JSON is YAML


def read_table(file: Path, regions: Collection[str]) -> tuple[list[LatencyRow], list[Problem]]:
    """The rows of a latency table, and everything that is wrong with it.

    ``regions`` are the names in the topology. With problems, the rows are those that could be
    read. No exception leaves this function, whatever the file holds.
    """
    draft = TableDraft(file, regions)
    kind = file.suffix.lower()
    if kind == ".csv":
        read_csv(draft)
    elif kind in _YAML:
        _read_yaml(draft)
    else:
        draft.problem(
            "unknown-format", "is not a latency table by its name", (0, 0), "name it .yaml or .csv"
        )
    return draft.rows(), draft.problems


def _read_yaml(draft: TableDraft) -> None:
    document, problems = yamlfile.read(draft.file)
    draft.problems.extend(problems)
    if document.data is None:
        return
    if not isinstance(document.data, dict):
        draft.problem(
            "wrong-type", "is not a latency table", (1, 1), "write latency: {EU: {region: 14}}"
        )
        return
    known = tuple(LatencyTable.model_fields)
    for key, value in document.data.items():
        if key not in known:
            hint = did_you_mean(key, known) or f"the keys are {' and '.join(known)}"
            draft.problem("unknown-key", f"unknown key {shown(key)}", document.key_at((key,)), hint)
        elif key == "measured" and value is not None:
            draft.check_measured(value, document.value_at((key,)))
        elif key == "latency":
            _read_rows(draft, document, value)


def _read_rows(draft: TableDraft, document: yamlfile.Document, rows: object) -> None:
    if not isinstance(rows, dict):
        draft.problem(
            "wrong-type",
            "latency must map clients to regions",
            document.value_at(("latency",)),
            "as in EU-DE: {eu-central-1: 6}",
        )
        return
    spellings: dict[str, str] = {}
    for text, figures in rows.items():
        path: yamlfile.Keys = ("latency", text)
        client = draft.client(text, document.key_at(path))
        if client is None:
            continue
        if client in spellings:
            line = document.key_at(("latency", spellings[client]))[0]
            draft.problem(
                "duplicate-client",
                f"{shown(text)} is {client}, which has a row in line {line}",
                document.key_at(path),
            )
            continue
        spellings[client] = text
        _read_figures(draft, document, path, client, figures)


def _read_figures(
    draft: TableDraft, document: yamlfile.Document, path: yamlfile.Keys, client: str, row: object
) -> None:
    if not isinstance(row, dict):
        draft.problem(
            "wrong-type",
            f"the row of {client} must map regions to milliseconds",
            document.value_at(path),
            "as in {eu-central-1: 6}",
        )
        return
    draft.add_row(client)
    for region, milliseconds in row.items():
        spot = (*path, region)
        draft.add(client, region, milliseconds, document.key_at(spot), document.value_at(spot))
