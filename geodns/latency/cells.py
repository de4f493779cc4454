"""Makes numbers of the cells of raw measurements: milliseconds, seconds since 1970, names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ImportError:
    pa = None

Floats = NDArray[np.float64]
_NUMBER = r"^[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?[ \t]*$"
_ZONED = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
# Seconds since 1970 are below this until the year 5138; larger ones are ms, µs or ns.
_SECONDS_END = 1e11


def numbers(column: Any) -> Floats:
    """A column of numbers or texts as float64, nan where it is none."""
    column = _dense(column)
    if pa.types.is_boolean(column.type):
        return np.full(len(column), np.nan)
    if _is_number(column.type):
        return _floats(column)
    text = texts(column)
    try:
        return _floats(pc.cast(text, pa.float64()))
    except pa.ArrowException:
        return _floats(_as_numbers(text))


def seconds(column: Any) -> Floats:
    """A column of times as seconds since 1970: numbers (s, ms, µs or ns), times, or ISO 8601.

    A time without a zone is UTC. nan where it is none.
    """
    column = _dense(column)
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        instants = pc.cast(
            pc.cast(
                column,
                pa.timestamp("us", kind.tz) if _has_zone(kind) else pa.timestamp("us"),
                safe=False,
            ),
            pa.int64(),
        )
        return _floats(instants) / 1e6
    if _is_number(kind):
        return _since_1970(_floats(column))
    text = texts(column)
    found = _since_1970(_floats(_as_numbers(text)))
    left = np.isnan(found)
    if left.any():
        found[left] = _iso_seconds(pc.filter(text, pa.array(left)))
    return found


def texts(column: Any) -> Any:
    """A column as arrow strings; null where it is no text."""
    column = _dense(column)
    try:
        if pa.types.is_string(column.type):
            column.validate(full=True)  # a damaged file has bytes there that are no text
            return column
        return pc.cast(column, pa.string())
    except pa.ArrowException:
        if pa.types.is_string(column.type):
            column = pc.cast(column, pa.binary())
        return pa.array([_decoded(value) for value in column.to_pylist()], pa.string())


def distinct(column: Any) -> tuple[NDArray[np.int64], list[str | None]]:
    """Positions, shape (n,), in the list of distinct texts."""
    encoded = texts(column).dictionary_encode(null_encoding="encode")
    return (
        encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        encoded.dictionary.to_pylist(),
    )


def blank(columns: list[Any]) -> NDArray[np.bool_]:
    """Which rows have nothing in any column, as an empty line has."""
    empty = np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        if not empty.any():
            break
        if pa.types.is_binary(column.type):
            empty &= pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
        else:
            empty &= column.is_null().to_numpy(zero_copy_only=False)
    return empty


def _dense(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _is_number(kind: Any) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _has_zone(kind: Any) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def _floats(column: Any) -> Floats:
    array = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.array(array, dtype=np.float64)


def _as_numbers(text: Any) -> Any:
    sound = pc.match_substring_regex(text, _NUMBER)
    return pc.cast(pc.utf8_trim_whitespace(pc.if_else(sound, text, None)), pa.float64())


def _since_1970(found: Floats) -> Floats:
    for _ in range(3):  # ns, µs and ms are each a thousand times as many
        found = np.where(np.abs(found) >= _SECONDS_END, found / 1000, found)
    return found


def _iso_seconds(text: Any) -> Floats:
    zoned = pc.match_substring_regex(text, _ZONED)
    try:
        with_zone = pc.cast(pc.if_else(zoned, text, None), pa.timestamp("us", "UTC"))
        without = pc.cast(pc.if_else(zoned, None, text), pa.timestamp("us"))
    except pa.ArrowException:
        return np.array([_iso(value) for value in text.to_pylist()], dtype=np.float64)
    first, second = (_floats(pc.cast(part, pa.int64())) for part in (with_zone, without))
    return np.where(np.isnan(first), second, first) / 1e6


def _iso(text: str | None) -> float:
    try:
        instant = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return np.nan
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()


def _decoded(value: object) -> str | None:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return None if value is None else str(value)
