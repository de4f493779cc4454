"""Reads raw measurements in batches: CSV, JSON lines or Parquet, however many rows there are.

The columns come as they stand in the file; ``geodns.latency.cells`` makes numbers of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from operator import add
from pathlib import Path
from typing import IO, Any

from geodns.errors import GeodnsError
from geodns.latency.columns import SPELLINGS, find_columns

try:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.json as pa_json
    import pyarrow.parquet as pq
except ImportError:  # it is large, and the server has no use for it
    pa = None

_BLOCK = 1 << 24  # bytes read at a time
_BATCH = 1 << 20  # rows of Parquet read at a time
_MOST_SKIPPED = 100_000  # lines without the right number of cells that are remembered
_PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}

#: What a line of a file is called where its number is not known.
UNKNOWN_LINE = 0


class RawError(GeodnsError):
    """A file of measurements can't be read at all."""


@dataclass(frozen=True)
class Batch:
    """Some rows. ``columns`` are arrow arrays by client, region, ms and perhaps time.

    ``line(row)`` is the line of a row in its file; ``bad_lines`` are those that are no rows.
    """

    columns: Mapping[str, Any]
    rows: int
    line: Callable[[int], int]
    bad_lines: tuple[int, ...] = ()


@dataclass
class RawFile:
    """A file, and how far it has been read: ``position`` of ``size`` bytes."""

    path: Path
    chosen: Mapping[str, str] = field(default_factory=dict)
    position: int = 0

    @property
    def size(self) -> int:
        """Bytes in the file, as they are stored."""
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise RawError(f"{self.path} can't be read: {error.strerror}") from error

    def batches(self) -> Iterator[Batch]:
        """All rows. Raises RawError and ColumnError."""
        if pa is None:
            raise RawError(
                "building a table needs pyarrow, which is not installed; "
                "install it with pip install 'geodns[latency]'"
            )
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        packed = _PACKED.get(suffixes[-1]) if suffixes else None
        kind = suffixes[-2 if packed else -1] if len(suffixes) > bool(packed) else ""
        readers = {
            **dict.fromkeys((".csv", ".tsv", ".txt"), self._csv),
            **dict.fromkeys((".jsonl", ".ndjson", ".json"), self._json),
            **dict.fromkeys((".parquet", ".pq"), self._parquet),
        }
        if kind not in readers or (packed and readers[kind] == self._parquet):
            raise RawError(
                f"{self.path} is no file of measurements by its name: name it .csv or .jsonl, "
                "perhaps with .gz or .zst behind it, or .parquet"
            )
        try:
            with self.path.open("rb") as file:
                yield from readers[kind](file, packed)
                self.position = self.size
        except OSError as error:  # pyarrow raises it, too, for what it can't unpack
            reason = error.strerror or _first_line(error)
            raise RawError(f"{self.path} can't be read: {reason}") from error
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise RawError(f"{self.path} can't be read: {_first_line(error)}") from error

    def _csv(self, file: IO[bytes], packed: str | None) -> Iterator[Batch]:
        # Opened once more: what unpacks a file closes it when it is gone.
        with self.path.open("rb") as start, _unpacked(start, packed) as stream:
            header, delimiter = _header(stream)
        if not header:
            return
        columns = find_columns(header, self.chosen, str(self.path))
        names = [f"{position}" for position in range(len(header))]
        skipped: list[int] = []

        def note(row: Any) -> str:
            if len(skipped) < _MOST_SKIPPED or not row.number:
                skipped.append(row.number or UNKNOWN_LINE)
            return "skip"

        with _unpacked(file, packed) as stream:
            reader = pa_csv.open_csv(
                stream,
                # Rows are numbered only where one thread reads them.
                read_options=pa_csv.ReadOptions(
                    use_threads=False, block_size=_BLOCK, skip_rows=1, column_names=names
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=note
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()),
                    include_columns=[names[position] for position in columns.values()],
                    strings_can_be_null=False,
                    quoted_strings_can_be_null=False,
                ),
            )
            numbering = _Numbering(skipped)
            told = 0
            for batch in reader:
                self.position = file.tell()
                fresh, told = tuple(skipped[told:]), len(skipped)
                arrays = dict(zip(columns, batch.columns, strict=True))
                yield Batch(arrays, batch.num_rows, numbering.part(batch.num_rows), fresh)
            if len(skipped) > told:
                yield Batch({}, 0, numbering.part(0), tuple(skipped[told:]))

    def _json(self, file: IO[bytes], packed: str | None) -> Iterator[Batch]:
        first, columns = 1, None
        with _unpacked(file, packed) as stream:
            for block in _whole_lines(stream):
                self.position = file.tell()
                lines = block.split(b"\n")
                numbers = [at for at, line in enumerate(lines, start=first) if line.strip()]
                first += block.count(b"\n")
                table = _parsed(block, len(numbers))
                bad: tuple[int, ...] = ()
                if table is None:
                    table, numbers, bad = _line_by_line(lines, first - block.count(b"\n"))
                if columns is None and table.num_columns:
                    columns = find_columns(table.column_names, self.chosen, str(self.path))
                    chosen = {what: table.column_names[at] for what, at in columns.items()}
                arrays = {}
                if columns is not None:
                    there = set(table.column_names)
                    nothing = pa.nulls(table.num_rows)
                    arrays = {
                        what: table[name].combine_chunks() if name in there else nothing
                        for what, name in chosen.items()
                    }
                yield Batch(arrays, table.num_rows if arrays else 0, numbers.__getitem__, bad)

    def _parquet(self, file: IO[bytes], _packed: str | None) -> Iterator[Batch]:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
        columns = find_columns(names, self.chosen, str(self.path))
        chosen = [names[position] for position in columns.values()]
        before, total = 0, max(1, parquet.metadata.num_rows)
        for batch in parquet.iter_batches(batch_size=_BATCH, columns=chosen):
            # The order of the columns is the file's, whatever is asked for.
            arrays = {what: batch.column(names[position]) for what, position in columns.items()}
            start, before = before, before + batch.num_rows
            self.position = self.size * before // total
            yield Batch(arrays, batch.num_rows, partial(add, start + 1))


class _Numbering:
    """Turns positions of rows into line numbers, past the lines that are no rows."""

    def __init__(self, skipped: list[int]) -> None:
        self._skipped = skipped
        self._rows = 0

    def part(self, rows: int) -> Callable[[int], int]:
        """The numbering of the next rows."""
        start = self._rows
        self._rows += rows

        def line(row: int) -> int:
            number = start + row + 2  # the first row stands below the header
            for other in self._skipped:
                if other > number or not other:
                    break
                number += 1
            return UNKNOWN_LINE if len(self._skipped) >= _MOST_SKIPPED else number

        return line


@contextmanager
def _unpacked(file: IO[bytes], packed: str | None) -> Iterator[Any]:
    """The file, or what is inside."""
    if packed is None:
        yield file
    else:
        yield pa.CompressedInputStream(pa.PythonFile(file, mode="r"), packed)


def _header(stream: Any) -> tuple[list[str], str]:
    text = b""
    while b"\n" not in text and (more := stream.read(65536)) and len(text) < _BLOCK:
        text += more
    line = text.split(b"\n", 1)[0].decode("utf-8-sig", errors="replace").strip()
    delimiter = max(",\t;|", key=line.count)
    return [name.strip().strip('"') for name in line.split(delimiter)] if line else [], delimiter


def _whole_lines(stream: Any) -> Iterator[bytes]:
    rest = b""
    while more := stream.read(_BLOCK):
        end = more.rfind(b"\n") + 1
        if not end:
            rest += more
            if len(rest) > 4 * _BLOCK:
                raise RawError("a line is longer than any measurement; is this one JSON document?")
            continue
        yield rest + more[:end]
        rest = more[end:]
    if rest.strip():
        yield rest


def _parsed(block: bytes, rows: int) -> Any:
    """A table of the lines' objects; None where some line is not one object like the others."""
    try:
        block.decode()  # arrow takes other bytes for text
        table = pa_json.read_json(
            BytesIO(block), read_options=pa_json.ReadOptions(block_size=max(len(block), 1))
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return table if table.num_rows == rows else None


def _line_by_line(lines: list[bytes], first: int) -> tuple[Any, list[int], tuple[int, ...]]:
    """What can be read of lines that are not all sound, as texts."""
    found: list[dict[str, str | None]] = []
    numbers: list[int] = []
    bad: list[int] = []
    for number, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            bad.append(number)
            continue
        found.append({name: _text(entry) for name, entry in value.items()})
        numbers.append(number)
    names = dict.fromkeys(name for row in found for name in row)
    columns = {name: pa.array([row.get(name) for row in found], pa.string()) for name in names}
    return pa.table(columns), numbers, tuple(bad)


def _text(value: object) -> str | None:
    """A value as text; None for what no cell holds, lone surrogates too."""
    if value is None or isinstance(value, dict | list | bool):
        return None
    text = value if isinstance(value, str) else repr(value)
    return text if text.isascii() or text.encode(errors="ignore").decode() == text else None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


#: What the columns may be called, for help texts.
USUAL_NAMES = {what: names[:4] for what, names in SPELLINGS.items()}
