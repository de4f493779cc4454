"""Writes a latency table, as YAML or CSV by the name of its file, whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from geodns.errors import GeodnsError
from geodns.latency.estimate import Line
from geodns.latency.figure import Figure, Table

_COLUMNS = ("client", "region", "ms", "samples", "measured", "confidence")
_ESTIMATE_COLUMNS = ("base", "per_1000_km")
SUFFIXES = (".yaml", ".yml", ".csv")


class WriteError(GeodnsError):
    """A table can't be written."""


def to_text(table: Table) -> str:
    """The table as its file will hold it. Raises WriteError where its name is of neither kind."""
    suffix = table.file.suffix.lower()
    if suffix not in SUFFIXES:
        raise WriteError(f"{table.file} is not a latency table by its name: name it .yaml or .csv")
    return _csv(table) if suffix == ".csv" else "".join(_yaml(table))


def write_text(file: Path, text: str) -> None:
    """Puts a file in place of what was there, in one step; a reader sees the old or the new.

    Raises WriteError; then the old file is untouched.
    """
    path = Path(os.path.realpath(file))  # a link goes on pointing to what is replaced
    temporary: str | None = None
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
        temporary = None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # so that the new name survives a power cut, too
        finally:
            os.close(folder)
    except OSError as error:
        raise WriteError(f"{file} can't be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _csv(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fitted = table.estimate is not None
    blank = ("", "") if fitted else ()
    writer.writerow((*_COLUMNS, *(_ESTIMATE_COLUMNS if fitted else ())))
    if table.estimate is not None:
        writer.writerow(("default", *[""] * 5, *_line(table.estimate.everywhere)))
        for (continent, region), line in sorted(table.estimate.cells.items()):
            writer.writerow((continent, region, *[""] * 4, *_line(line)))
    for client, figures in table.rows:
        for region, figure in figures.items():
            cells = (figure.samples, figure.measured, figure.confidence)
            known = ("" if cell is None else cell for cell in cells)
            writer.writerow((client, region, _number(figure.ms), *known, *blank))
    return out.getvalue()


def _yaml(table: Table) -> Iterator[str]:
    if table.measured is not None:
        yield f"measured: {table.measured}\n"
    if table.estimate is not None:
        base, slope = _line(table.estimate.everywhere)
        yield f"estimate:\n  base: {base}\n  per_1000_km: {slope}\n  continents:\n"
        continents: dict[str, list[str]] = {}
        for (continent, region), line in sorted(table.estimate.cells.items()):
            base, slope = _line(line)
            entry = f"{_key(region)}: {{base: {base}, per_1000_km: {slope}}}"
            continents.setdefault(continent, []).append(entry)
        for continent, entries in continents.items():
            yield f"    {_key(continent)}:\n" + "".join(f"      {entry}\n" for entry in entries)
    yield "latency:\n" if table.rows else "latency: {}\n"
    for client, figures in table.rows:
        entries = [f"{_key(region)}: {_figure(table, at)}" for region, at in figures.items()]
        if len(entries) > 2 or any("{" in entry for entry in entries):
            yield f"  {_key(client)}:\n" + "".join(f"    {entry}\n" for entry in entries)
        else:
            yield f"  {_key(client)}: {{{', '.join(entries)}}}\n"


def _figure(table: Table, figure: Figure) -> str:
    measured = None if figure.measured == table.measured else figure.measured
    known = {"samples": figure.samples, "measured": measured, "confidence": figure.confidence}
    parts = [f"{name}: {value}" for name, value in known.items() if value is not None]
    return f"{{ms: {_number(figure.ms)}, {', '.join(parts)}}}" if parts else _number(figure.ms)


def _line(line: Line) -> tuple[str, str]:
    return f"{line.base:.2f}", f"{line.per_km * 1000:.3f}"


def _number(ms: float) -> str:
    text = f"{ms:.4f}".rstrip("0").rstrip(".")  # never 1e-05, which YAML 1.1 takes for text
    return text or "0"


def _key(text: str) -> str:
    """A key as YAML reads it back: in quotes where it might be taken for something else."""
    plain = text.replace("-", "").replace(".", "").replace("/", "").replace("_", "")
    odd = not plain.isalnum() or (not text[0].isalpha() and "/" not in text)
    words = {"no", "yes", "on", "off", "y", "n", "true", "false", "null", "none"}
    return f'"{text}"' if odd or text.lower() in words else text
