"""Reads a latency table from a file: client -> region -> milliseconds, in YAML or CSV."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from geodns import yamlfile
from geodns.config.latency import EstimateLine, LatencyFigure, LatencyTable, TableEstimate
from geodns.config.settings import LatencyRow
from geodns.latency.commas import read_csv
from geodns.latency.draft import TableDraft
from geodns.latency.figure import Figure, Table, TableRow
from geodns.problem import Problem
from geodns.wording import did_you_mean, shown
from geodns.yamlfile import Position

KINDS = {".yaml", ".yml", ".json"}  # JSON is YAML


def read_table(file: Path, regions: Collection[str]) -> tuple[list[LatencyRow], list[Problem]]:
    """The rows of a latency table, and everything that is wrong with it; see ``read_whole``."""
    table = read_whole(file, regions)
    return [latency_row(row) for row in table.rows], list(table.problems)


def latency_row(row: TableRow) -> LatencyRow:
    """The milliseconds of a row alone, which is all that ranking needs."""
    return LatencyRow(row.client, {region: figure.ms for region, figure in row.figures.items()})


def read_whole(file: Path, regions: Collection[str]) -> Table:
    """A latency table, of whatever age, and everything that is wrong with it.

    ``regions`` are the names in the topology. With problems, the rows are those that could be
    read. No exception leaves this function, whatever the file holds.
    """
    draft = TableDraft(file, regions)
    kind = file.suffix.lower()
    if kind == ".csv":
        read_csv(draft)
    elif kind in KINDS:
        read_document(draft)
    else:
        draft.problem(
            "unknown-format", "is not a latency table by its name", (0, 0), "name it .yaml or .csv"
        )
    return draft.table()


def read_document(draft: TableDraft, *, bare: bool = False) -> None:
    """Fills a draft from a YAML file. ``bare``: clients may stand at the top of it."""
    document, problems = yamlfile.read(draft.file)
    draft.problems.extend(problems)
    if document.data is None:
        return
    if not isinstance(document.data, dict):
        draft.problem(
            "wrong-type", "is not a latency table", (1, 1), "write latency: {EU: {region: 14}}"
        )
        return
    if bare and not set(document.data) & set(LatencyTable.model_fields):
        _read_rows(draft, document, document.data, ())
        return
    _check_keys(draft, document, (), document.data, tuple(LatencyTable.model_fields))
    for key, value in document.data.items():
        if key == "measured" and value is not None:
            draft.measured = draft.date(value, document.value_at((key,)))
        elif key == "estimate" and value is not None:
            _read_estimate(draft, document, value)
        elif key == "latency":
            _read_rows(draft, document, value, ("latency",))


def _read_rows(
    draft: TableDraft, document: yamlfile.Document, rows: object, above: yamlfile.Keys
) -> None:
    if not isinstance(rows, dict):
        draft.problem(
            "wrong-type",
            "latency must map clients to regions",
            document.value_at(above),
            "as in EU-DE: {eu-central-1: 6}",
        )
        return
    spellings: dict[str, str] = {}
    for text, figures in rows.items():
        path: yamlfile.Keys = (*above, text)
        client = draft.client(text, document.key_at(path))
        if client is None:
            continue
        if client in spellings:
            line = document.key_at((*above, spellings[client]))[0]
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
    for region, value in row.items():
        spot = (*path, region)
        figure = _figure(draft, document, spot, value)
        draft.add(client, region, figure, document.key_at(spot))


def _figure(
    draft: TableDraft, document: yamlfile.Document, path: yamlfile.Keys, value: object
) -> Figure | None:
    line, _ = document.key_at(path)
    if not isinstance(value, dict):
        ms = draft.milliseconds(value, document.value_at(path))
        return None if ms is None else Figure(ms, line=line)
    _check_keys(draft, document, path, value, tuple(LatencyFigure.model_fields))

    def place(key: str) -> Position:
        return document.value_at((*path, key))

    given = {key: entry for key, entry in value.items() if entry is not None}
    ms = draft.milliseconds(given.get("ms"), place("ms"))
    samples, measured, confidence = map(given.get, ("samples", "measured", "confidence"))
    figure = Figure(
        ms or 0.0,
        None if samples is None else draft.samples(samples, place("samples")),
        None if measured is None else draft.date(measured, place("measured")),
        None if confidence is None else draft.confidence(confidence, place("confidence")),
        line,
    )
    return None if ms is None else figure


def _read_estimate(draft: TableDraft, document: yamlfile.Document, estimate: object) -> None:
    path: yamlfile.Keys = ("estimate",)
    if not isinstance(estimate, dict):
        draft.problem(
            "wrong-type",
            "estimate must be a mapping",
            document.value_at(path),
            "as in {base: 8, per_1000_km: 14}",
        )
        return
    _check_keys(draft, document, path, estimate, tuple(TableEstimate.model_fields))
    at = document.value_at(path)
    draft.line(None, None, estimate.get("base"), estimate.get("per_1000_km"), at)
    continents = estimate.get("continents")
    for continent, regions in (continents if isinstance(continents, dict) else {}).items():
        for region, line in (regions if isinstance(regions, dict) else {}).items():
            spot: yamlfile.Keys = (*path, "continents", continent, region)
            cell = line if isinstance(line, dict) else {}
            _check_keys(draft, document, spot, cell, tuple(EstimateLine.model_fields))
            draft.line(
                continent, region, cell.get("base"), cell.get("per_1000_km"), document.key_at(spot)
            )


def _check_keys(
    draft: TableDraft,
    document: yamlfile.Document,
    path: yamlfile.Keys,
    mapping: dict[str, object],
    known: tuple[str, ...],
) -> None:
    for key in mapping:
        if key not in known:
            hint = did_you_mean(key, known) or f"the keys are {' and '.join(known)}"
            at = document.key_at((*path, key))
            draft.problem("unknown-key", f"unknown key {shown(key)}", at, hint)
