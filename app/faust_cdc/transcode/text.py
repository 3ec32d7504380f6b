"""Snapshot cells: what a SELECT must ask for, and how its text answers become the values the binlog path gives.

The expressions ask for what text loses otherwise: ENUM and SET as numbers, unless a label that the server prints with a
question mark may have been another one, FLOAT as a double
(MySQL prints floats with six digits), BIT as raw bytes, which is what the text protocol sends, text as bytes where its
charset can hold what the server cannot convert. Temporal columns are read as text in a UTC session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from faust_cdc.mysql.charsets import decoder, reads_as_utf8
from faust_cdc.mysql.names import quote
from faust_cdc.relational.model import Column
from faust_cdc.transcode.forms import Encode, encoder
from faust_cdc.transcode.json_text import canonical_json
from faust_cdc.transcode.mapping import Kind, Mapping
from faust_cdc.transcode.numbers import bits_little_endian, unscaled_from_text
from faust_cdc.transcode.spatial import geometry_or_none, point_of, point_or_none, vector_of
from faust_cdc.transcode.temporal import (
    datetime_us_from_text,
    day_from_text,
    time_us_from_text,
    zoned_from_text,
)

CellReader = Callable[[bytes], Any]
"""A non-null cell into its Avro-ready value. Raises ValueError."""

_EPOCH: dict[Kind, int | str] = {Kind.DATE: 0, Kind.DATETIME: 0, Kind.TIMESTAMP: "1970-01-01T00:00:00Z"}

_AS_UNSIGNED = frozenset({Kind.ENUM, Kind.SET})
_TEXT = frozenset({Kind.STRING, Kind.ENUM, Kind.SET})
_AS_DOUBLE = frozenset({Kind.FLOAT, Kind.DOUBLE})


def epoch_of(mapping: Mapping) -> Any:
    """Return what a zero date becomes where it may not be null and has no default; None for other types."""
    epoch, encode = _EPOCH.get(mapping.kind), encoder(mapping.form)
    return epoch if epoch is None or encode is None else encode(epoch)


def select_expression(column: Column, kind: Kind, *, as_text: bool = True) -> str:
    """Return the SQL expression of `column` whose text answer `cell_reader` reads.

    With `as_text` False the answer is asked for in the binary protocol, which has numbers as they are.
    """
    quoted = quote(column.name)
    if kind in _AS_UNSIGNED and not _labels_may_be_lost(column):
        return f"CAST({quoted} AS UNSIGNED)"
    if kind in _AS_DOUBLE and as_text:
        # All digits, which the column itself does not show. CAST(... AS DOUBLE) came to MySQL only in 8.0.17.
        return f"{quoted} * 1e0"
    if kind in _TEXT and not _as_utf8(column):
        return f"CAST({quoted} AS BINARY)"
    return quoted


_BEYOND_UTF8MB3 = frozenset(("utf8mb4", "utf16", "utf16le", "utf32", "gb18030"))


def _labels_may_be_lost(column: Column) -> bool:
    """Say whether `?` stands in a label: the server prints labels in utf8mb3, so it may stand for a character.

    In a charset without such characters it stands for itself, or for bytes that are none of the charset, which
    ALTER TABLE … CONVERT TO may leave.
    """
    return column.charset in _BEYOND_UTF8MB3 and any("?" in label for label in column.enum_values)


def _as_utf8(column: Column) -> bool:
    return column.charset is None or reads_as_utf8(column.charset)


def cell_reader(column: Column, mapping: Mapping, adjust_years: bool, zero: Any, encode: Encode | None) -> CellReader:
    """Return the reader of `column`'s cells; `zero` stands for zero and partial dates, `encode` is the last step."""
    convert = mapping.convert
    if convert is not None:
        plain = cell_reader(column, replace(mapping, convert=None), adjust_years, zero, encode)
        return lambda cell: convert(plain(cell))
    adjust_years = adjust_years and not mapping.literal_years
    temporal = _temporal(mapping.kind, adjust_years)
    if temporal is not None:
        return _dated(temporal, zero, encode)
    read = _canonical(column, mapping)
    return read if encode is None else lambda cell: encode(read(cell))


def _dated(read_text: Callable[[str], int | str | None], zero: Any, encode: Encode | None) -> CellReader:
    def read(cell: bytes) -> Any:
        value = read_text(cell.decode("ascii"))
        if value is None:
            return zero
        return value if encode is None else encode(value)

    return read


def _canonical(column: Column, mapping: Mapping) -> CellReader:
    if mapping.kind in _AS_UNSIGNED and not _labels_may_be_lost(column):
        return _labelled(mapping)
    if mapping.kind is Kind.DECIMAL:
        scale = mapping.scale
        return lambda cell: unscaled_from_text(cell.decode("ascii"), scale)
    if mapping.kind is Kind.BITS:
        length = int(mapping.parameters["length"])
        return lambda cell: bits_little_endian(int.from_bytes(cell, "big"), length)
    if mapping.kind in _TEXT and column.charset is not None and not _as_utf8(column):
        decode = decoder("latin1" if column.charset == "binary" else column.charset)
        assert decode is not None, "the plan was built only because the character set is known"
        return decode
    if mapping.kind is Kind.POINT and column.nullable:
        return point_or_none
    return _PLAIN[Kind.STRING if mapping.kind in _TEXT else mapping.kind]


def label_of(labels: tuple[str, ...], index: int) -> str:
    """Return the ENUM label of `index`, counted from 1; 0 is MySQL's error value "". Raises ValueError."""
    if index == 0:
        return ""
    if not 0 < index <= len(labels):
        raise ValueError(f"ENUM index {index}, but the column has {len(labels)} labels")
    return labels[index - 1]


def labels_of(labels: tuple[str, ...], members: int) -> str:
    """Return the SET members whose bits are set, comma-joined in definition order. Raises ValueError."""
    if members >> len(labels):
        raise ValueError(f"SET bits {members:#x}, but the column has {len(labels)} labels")
    return ",".join(label for bit, label in enumerate(labels) if members >> bit & 1)


def _labelled(mapping: Mapping) -> CellReader:
    labels = mapping.labels
    of = label_of if mapping.kind is Kind.ENUM else labels_of
    return lambda cell: of(labels, int(cell))


def _temporal(kind: Kind, adjust: bool) -> Callable[[str], int | str | None] | None:
    if kind is Kind.DATE:
        return lambda text: day_from_text(text, adjust)
    if kind is Kind.DATETIME:
        return lambda text: datetime_us_from_text(text, adjust)
    return zoned_from_text if kind is Kind.TIMESTAMP else None


def _unsigned_long(cell: bytes) -> int:
    value = int(cell)
    return value - (1 << 64) if value >> 63 else value


_PLAIN: dict[Kind, CellReader] = {
    Kind.INTEGER: int,
    Kind.UNSIGNED_LONG: _unsigned_long,
    Kind.UNSIGNED_DECIMAL: int,
    Kind.FLOAT: float,
    Kind.DOUBLE: float,
    Kind.BOOLEAN: lambda cell: cell != b"\x00",
    Kind.YEAR: int,
    Kind.TIME: lambda cell: time_us_from_text(cell.decode("ascii")),
    Kind.STRING: lambda cell: cell.decode("utf-8"),
    Kind.FIXED_BYTES: bytes,
    Kind.BYTES: bytes,
    Kind.JSON: lambda cell: canonical_json(cell.decode("utf-8")),
    Kind.POINT: point_of,
    Kind.GEOMETRY: geometry_or_none,
    Kind.VECTOR: vector_of,
    Kind.UUID: lambda cell: cell.decode("ascii"),
    Kind.INET4: lambda cell: cell.decode("ascii"),
    Kind.INET6: lambda cell: cell.decode("ascii"),
}
