"""Table maps: columns, types and the optional metadata of binlog_row_metadata.

Sources: mysql-server `libs/mysql/binlog/event/rows_event.h` (Table_map_event, Optional_metadata_field_type) and
`sql/log_event.cc` (Table_map_log_event::init_metadata_fields); MariaDB follows MySQL 8.0's layout.

An optional field of unknown type is passed over (its length is known): the server may learn new ones. A field of
known type that does not fit its column list is malformed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.binlog.wire import Cursor, Malformed, text

_ONE_BYTE = frozenset(
    (
        *(codes.FLOAT, codes.DOUBLE, codes.TINY_BLOB, codes.MEDIUM_BLOB, codes.LONG_BLOB, codes.BLOB),
        *(codes.JSON, codes.GEOMETRY, codes.VECTOR, codes.MARIA_BLOB_COMPRESSED),
        *(codes.TIMESTAMP2, codes.DATETIME2, codes.TIME2),
    )
)
_TWO_BYTES = frozenset((codes.VARCHAR, codes.BIT, codes.MARIA_VARCHAR_COMPRESSED))
_NO_BYTES = frozenset(
    (
        *(codes.TINY, codes.SHORT, codes.LONG, codes.LONGLONG, codes.INT24, codes.YEAR, codes.NULL),
        *(codes.TIMESTAMP, codes.DATE, codes.TIME, codes.DATETIME, codes.NEWDATE),
    )
)
_STRINGS = frozenset((codes.STRING, codes.VAR_STRING, codes.ENUM, codes.SET))

_LENGTH_BYTES = range(1, 5)
_ONE_BYTE_LEGAL = {
    codes.FLOAT: range(4, 5),
    codes.DOUBLE: range(8, 9),
    **dict.fromkeys((codes.TIMESTAMP2, codes.DATETIME2, codes.TIME2), range(7)),
}
"""Sizes and fraction digits that exist; of the others, the bytes of a length."""
_PACK_LENGTHS: dict[int, range] = {codes.ENUM: range(1, 3), codes.SET: range(1, 9)}
_COLUMNS_MAX = 4096
"""Of both servers."""

_NUMERIC = frozenset(
    (
        *(codes.TINY, codes.SHORT, codes.INT24, codes.LONG, codes.LONGLONG),
        *(codes.NEWDECIMAL, codes.FLOAT, codes.DOUBLE, codes.YEAR),
    )
)
_CHARACTER = frozenset(
    (
        *(codes.VARCHAR, codes.VAR_STRING, codes.STRING, codes.BLOB),
        *(codes.TINY_BLOB, codes.MEDIUM_BLOB, codes.LONG_BLOB),
        *(codes.MARIA_BLOB_COMPRESSED, codes.MARIA_VARCHAR_COMPRESSED),
    )
)
_CHARACTER_MYSQL = _CHARACTER | {codes.VECTOR}
"""Columns in the list of collations. VECTOR stands in it as binary (seen on MySQL 9.7.4), GEOMETRY and JSON do not."""
_CHARACTER_MARIADB = _CHARACTER | {codes.GEOMETRY}
"""MariaDB lists GEOMETRY; UUID and INET6, which travel as STRING, too (seen on MariaDB 10.11.19)."""


@dataclass(slots=True)
class _Draft:
    """One column while its optional metadata comes in."""

    type_code: int
    metadata: int
    nullable: bool
    unsigned: bool | None = None
    name: str | None = None
    collation_id: int | None = None
    enum_values: tuple[bytes, ...] | None = None
    geometry_type: int | None = None
    visible: bool | None = None
    vector_dimensionality: int | None = None


@dataclass(slots=True)
class _DraftTable:
    columns: list[_Draft]
    character_types: frozenset[int]
    primary_key: list[tuple[int, int]] | None = None
    full: bool = False
    seen: set[int] = field(default_factory=set)

    def of_types(self, types: frozenset[int]) -> list[_Draft]:
        return [column for column in self.columns if column.type_code in types]


@dataclass(frozen=True, slots=True)
class TableMapBody:
    """A table map without header and table id; cached by its bytes."""

    database: str
    table: str
    columns: tuple[TableMapColumn, ...]
    primary_key: tuple[tuple[int, int], ...] | None


def parse_table_map(body: bytes, flavor: str) -> TableMapBody:
    """Parse what follows table id and flags: names, types, metadata, nullability, optional metadata.

    `flavor` is `mysql` or `mariadb`: they count different types as character columns. Raises Malformed.
    """
    cursor = Cursor(body)
    database = text(cursor.short_bytes("database name"), "database name")
    cursor.skip_zero("database name")
    table = text(cursor.short_bytes("table name"), "table name")
    cursor.skip_zero("table name")
    count = cursor.lenenc("column count")
    if count > _COLUMNS_MAX:
        raise Malformed(f"{count} columns are more than a table can have")
    types = cursor.take(count, "column types")
    metadata = Cursor(cursor.lenenc_bytes("type metadata"))
    null_bits = cursor.take((count + 7) // 8, "nullability bitmap")
    drafts = []
    for index, type_code in enumerate(types):
        real_type, value = _type_metadata(type_code, metadata)
        drafts.append(_Draft(real_type, value, bool(null_bits[index >> 3] >> (index & 7) & 1)))
    if metadata.left:
        raise Malformed(f"{metadata.left} bytes of type metadata are left over")
    draft = _DraftTable(drafts, _CHARACTER_MARIADB if flavor == "mariadb" else _CHARACTER_MYSQL)
    while cursor.left:
        kind = cursor.uint(1, "optional metadata type")
        _optional_field(draft, kind, Cursor(cursor.lenenc_bytes(f"optional metadata {kind}")))
    # With FULL metadata the server leaves the key field out when the table has no key.
    key = draft.primary_key if draft.primary_key is not None else ([] if draft.full else None)
    return TableMapBody(
        database,
        table,
        tuple(
            TableMapColumn(
                d.type_code,
                d.metadata,
                d.nullable,
                d.unsigned,
                d.name,
                d.collation_id,
                d.enum_values,
                d.geometry_type,
                d.visible,
                d.vector_dimensionality,
            )
            for d in draft.columns
        ),
        None if key is None else tuple(key),
    )


def _type_metadata(type_code: int, cursor: Cursor) -> tuple[int, int]:
    """Return the real type and its metadata in the form `TableMapColumn.metadata` documents."""
    what = f"metadata of column type {type_code}"
    if type_code in _NO_BYTES:
        return type_code, 0
    if type_code in _ONE_BYTE:
        value = cursor.uint(1, what)
        if value not in _ONE_BYTE_LEGAL.get(type_code, _LENGTH_BYTES):
            raise Malformed(f"{what} is {value}")
        return type_code, value
    if type_code in _TWO_BYTES:
        value = cursor.uint(2, what)
        if type_code == codes.BIT and not (value & 0xFF < 8 and 1 <= (value >> 8) * 8 + (value & 0xFF) <= 64):
            raise Malformed(f"{what} says {value >> 8} bytes and {value & 0xFF} bits")
        return type_code, value
    if type_code == codes.NEWDECIMAL:
        precision = cursor.uint(1, what)
        scale = cursor.uint(1, what)
        if not 1 <= precision <= 65 or scale > min(precision, 38):
            raise Malformed(f"{what} is ({precision},{scale})")
        return type_code, precision << 8 | scale
    if type_code in _STRINGS:
        first = cursor.uint(1, what)
        second = cursor.uint(1, what)
        if first & 0x30 != 0x30:
            # CHAR and BINARY above 255 bytes: two bits of the length hide, inverted, in the type byte.
            first, second = first | 0x30, second | ((first & 0x30) ^ 0x30) << 4
        if first not in _STRINGS or second not in _PACK_LENGTHS.get(first, range(1024)):
            raise Malformed(f"{what} says real type {first} with {second} bytes")
        return first, second
    raise Malformed(f"column type {type_code} is unknown")


def _optional_field(draft: _DraftTable, kind: int, cursor: Cursor) -> None:
    reader = _OPTIONAL.get(kind)
    if reader is None:
        return
    if kind in draft.seen:
        raise Malformed(f"optional metadata {kind} comes twice")
    draft.seen.add(kind)
    reader(draft, cursor)
    if cursor.left:
        raise Malformed(f"optional metadata {kind} has {cursor.left} bytes left over")


def _bits(cursor: Cursor, count: int, what: str) -> list[bool]:
    """Bits of a list of columns, most significant first."""
    data = cursor.take((count + 7) // 8, what)
    return [bool(data[index >> 3] & (0x80 >> (index & 7))) for index in range(count)]


def _signedness(draft: _DraftTable, cursor: Cursor) -> None:
    columns = draft.of_types(_NUMERIC)
    for column, unsigned in zip(columns, _bits(cursor, len(columns), "signedness"), strict=True):
        column.unsigned = unsigned


def _default_charset(labelled: bool) -> Callable[[_DraftTable, Cursor], None]:
    """The table's most common collation, then (index, collation) of the columns that differ from it."""

    def read(draft: _DraftTable, cursor: Cursor) -> None:
        columns = draft.of_types(_LABELLED if labelled else draft.character_types)
        default = cursor.lenenc("default collation")
        for column in columns:
            column.collation_id = default
        while cursor.left:
            index = cursor.lenenc("column index of a collation")
            if index >= len(columns):
                raise Malformed(f"a collation is given for character column {index} of {len(columns)}")
            columns[index].collation_id = cursor.lenenc("collation")

    return read


def _column_charset(labelled: bool) -> Callable[[_DraftTable, Cursor], None]:
    def read(draft: _DraftTable, cursor: Cursor) -> None:
        for column in draft.of_types(_LABELLED if labelled else draft.character_types):
            column.collation_id = cursor.lenenc("collation of a column")

    return read


def _names(draft: _DraftTable, cursor: Cursor) -> None:
    seen: set[str] = set()
    for column in draft.columns:
        column.name = text(cursor.lenenc_bytes("column name"), "column name")
        if column.name in seen:
            raise Malformed(f"two columns are called {column.name!r}")
        seen.add(column.name)
    draft.full = True


def _labels(type_code: int) -> Callable[[_DraftTable, Cursor], None]:
    def read(draft: _DraftTable, cursor: Cursor) -> None:
        for column in draft.of_types(frozenset((type_code,))):
            count = cursor.lenenc("label count")
            if count > cursor.left:
                raise Malformed(f"{count} labels do not fit into {cursor.left} bytes")
            column.enum_values = tuple(cursor.lenenc_bytes("label") for _ in range(count))

    return read


def _geometry(draft: _DraftTable, cursor: Cursor) -> None:
    for column in draft.of_types(frozenset((codes.GEOMETRY,))):
        column.geometry_type = cursor.lenenc("geometry type")


def _vector(draft: _DraftTable, cursor: Cursor) -> None:
    for column in draft.of_types(frozenset((codes.VECTOR,))):
        column.vector_dimensionality = cursor.lenenc("vector dimensionality")


def _primary_key(with_prefix: bool) -> Callable[[_DraftTable, Cursor], None]:
    def read(draft: _DraftTable, cursor: Cursor) -> None:
        draft.primary_key = []
        while cursor.left:
            index = cursor.lenenc("column index of the primary key")
            if index >= len(draft.columns):
                raise Malformed(f"the primary key names column {index} of {len(draft.columns)}")
            if any(index == other for other, _ in draft.primary_key):
                raise Malformed(f"the primary key names column {index} twice")
            prefix = cursor.lenenc("prefix length of the primary key") if with_prefix else 0
            draft.primary_key.append((index, prefix))

    return read


def _visibility(draft: _DraftTable, cursor: Cursor) -> None:
    for column, visible in zip(draft.columns, _bits(cursor, len(draft.columns), "visibility"), strict=True):
        column.visible = visible


_LABELLED = frozenset((codes.ENUM, codes.SET))

_OPTIONAL: dict[int, Callable[[_DraftTable, Cursor], None]] = {
    1: _signedness,
    2: _default_charset(labelled=False),
    3: _column_charset(labelled=False),
    4: _names,
    5: _labels(codes.SET),
    6: _labels(codes.ENUM),
    7: _geometry,
    8: _primary_key(with_prefix=False),
    9: _primary_key(with_prefix=True),
    10: _default_charset(labelled=True),
    11: _column_charset(labelled=True),
    12: _visibility,
    13: _vector,
}
