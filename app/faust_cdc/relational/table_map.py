"""A table's structure at one point of the binlog: its table map, completed by what is known otherwise.

With binlog_row_metadata=FULL the map itself names columns, signedness, charsets, labels and key, so it rules, and the
known structure only adds what no map carries (defaults, comments, tinyint(1), generated …) to columns whose name and
type agree. With MINIMAL the map has types without names: the known structure must fit it in count, type and
nullability, or the table is `SchemaOutOfSync`. Nothing is guessed from position alone. MariaDB's hidden columns, behind
all others, are no part of a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapColumn, TableMapEvent
from faust_cdc.errors import SchemaOutOfSync, UnsupportedColumn
from faust_cdc.mysql.charsets import decode_text
from faust_cdc.mysql.collations import charset_of, max_bytes_per_character
from faust_cdc.relational.model import Column, Key, Table, TableId

_INTEGERS = {
    codes.TINY: "tinyint",
    codes.SHORT: "smallint",
    codes.INT24: "mediumint",
    codes.LONG: "int",
    codes.LONGLONG: "bigint",
}
_PLAIN = {codes.FLOAT: "float", codes.DOUBLE: "double", codes.DATE: "date", codes.YEAR: "year", codes.JSON: "json"}
_FRACTIONAL = {codes.TIME2: "time", codes.DATETIME2: "datetime", codes.TIMESTAMP2: "timestamp"}
_BLOBS = {1: "tinyblob", 2: "blob", 3: "mediumblob", 4: "longblob"}
_TEXTS = {1: "tinytext", 2: "text", 3: "mediumtext", 4: "longtext"}
_GEOMETRIES = (
    *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
    "geometrycollection",
)
_OLD = {codes.TIMESTAMP: "timestamp", codes.TIME: "time", codes.DATETIME: "datetime"}
"""Temporal types in the format before MySQL 5.6: only the known structure tells their fraction digits."""
INDEX_BYTES_MAX = 3072
"""Of InnoDB's keys; of a unique key with longer values MariaDB keeps a hash instead."""
MARIA_FIXED = {"uuid": 16, "inet6": 16, "inet4": 4}
"""MariaDB types that travel as BINARY of this many bytes; only the known structure tells them apart."""


def fingerprint(event: TableMapEvent) -> bytes:
    """Return bytes that are equal for two maps exactly when they describe the same structure."""
    return event.body


def reconcile(event: TableMapEvent, known: Table | None) -> Table:
    """Return the table version that `event` describes, completed from `known`.

    Raises SchemaOutOfSync naming column, found and expected when MINIMAL metadata and `known` disagree or `known` is
    missing; UnsupportedColumn for a type whose bytes the transcoder cannot read.
    """
    table_id = TableId(event.database, event.table)
    if not event.has_full_metadata:
        return _checked(event, known, table_id)
    by_name = {column.name: column for column in known.columns} if known else {}
    columns = tuple(
        _full_column(event, table_id, position, sent, by_name.get(sent.name or ""))
        for position, sent in enumerate(event.columns[: _shown_count(event, by_name)])
    )
    return Table(
        table_id,
        columns,
        _primary_key(event, columns, known),
        known.charset if known else None,
        known.comment if known else "",
        known.collation if known else None,
        known.keys if known else (),
    )


def _shown_count(event: TableMapEvent, known: Collection[str]) -> int:
    """Return how many columns of a map with names the table has in the eyes of statements."""
    count = len(event.columns)
    while count > 1 and event.hides_from(count - 1) and event.columns[count - 1].name not in known:
        count -= 1
    return count


def _hashed(known: Table) -> int:
    """Return how many unique keys have values too long for an index, so that MariaDB keeps a hash of each row's."""
    columns = {column.name: column for column in known.columns}

    def size(name: str | None, prefix: int | None) -> int:
        column = columns.get(name or "")
        if column is None or column.type_name not in _LONG:
            return 0
        if prefix is None and column.type_name in _WIRE_FIXED:
            return INDEX_BYTES_MAX + 1
        return (prefix or column.length or 0) * max_bytes_per_character(column.charset or "binary")

    return sum(
        sum(map(size, key.columns, key.prefixes or (None,) * len(key.columns))) > INDEX_BYTES_MAX
        for key in known.keys
        if key.unique
    )


def _primary_key(event: TableMapEvent, columns: tuple[Column, ...], known: Table | None) -> tuple[str, ...]:
    """The map's key; a unique key that the server does not promote to primary key is known only otherwise."""
    if event.primary_key:
        return tuple(columns[index].name for index, _ in event.primary_key)
    nullable = {column.name: column.nullable for column in columns}
    if known and all(nullable.get(name) is False for name in known.primary_key):
        return known.primary_key
    return ()


def _full_column(
    event: TableMapEvent, table_id: TableId, position: int, sent: TableMapColumn, known: Column | None
) -> Column:
    """Return the known column when the map says the same of it, else the column as the map alone describes it."""
    if known is not None and not _disagreement(sent, known):
        labels = _labels(event, table_id, sent, known.enum_values)
        if known.enum_values in (labels, tuple(map(shown_by_server, labels))):
            invisible = known.invisible if sent.visible is None else not sent.visible  # MariaDB does not say
            return dataclasses.replace(known, position=position, invisible=invisible)
    return _column_from_map(event, table_id, position, sent)


def _column_from_map(event: TableMapEvent, table_id: TableId, position: int, sent: TableMapColumn) -> Column:
    type_name = _type_name(event, table_id, sent)
    charset, collation = _charset(sent)
    length, scale = _length_and_scale(sent, charset)
    return Column(
        name=sent.name or "",
        type_name=type_name,
        position=position,
        nullable=sent.nullable,
        unsigned=sent.unsigned is True and sent.type_code != codes.YEAR,  # YEAR counts as unsigned on the wire
        length=length,
        scale=scale,
        charset=charset,
        collation=collation,
        enum_values=_labels(event, table_id, sent, ()),
        invisible=sent.visible is False,
    )


def _charset(sent: TableMapColumn) -> tuple[str | None, str | None]:
    """Return (charset, collation), both None for binary strings as in information_schema."""
    if sent.collation_id is None:
        return None, None
    charset, collation = charset_of(sent.collation_id)
    if charset == "binary" and sent.type_code not in (codes.ENUM, codes.SET):
        return None, None
    return charset, collation


def _type_name(event: TableMapEvent, table_id: TableId, sent: TableMapColumn) -> str:
    code, metadata = _without_compression(sent)
    simple = _INTEGERS.get(code) or _PLAIN.get(code) or _FRACTIONAL.get(code)
    if simple is not None:
        return simple
    binary = _charset(sent)[0] is None
    if code == codes.VARCHAR:
        return "varbinary" if binary else "varchar"
    if code in (codes.STRING, codes.VAR_STRING):
        return "binary" if binary else "char"
    if code == codes.BLOB and metadata in _BLOBS:
        return (_BLOBS if binary else _TEXTS)[metadata]
    if code == codes.GEOMETRY and (sent.geometry_type or 0) < len(_GEOMETRIES):
        return _GEOMETRIES[sent.geometry_type or 0]
    if code in _OLD:
        raise UnsupportedColumn(
            f"Column {sent.name} of {table_id} is {_OLD[code].upper()} in the format before MySQL 5.6, and the table's "
            f"structure is not known, at {_where(event)}.",
            remedy="rebuild the table (ALTER TABLE … FORCE), or change the column.",
        )
    others = {codes.NEWDECIMAL: "decimal", codes.BIT: "bit", codes.ENUM: "enum", codes.SET: "set"}
    others[codes.VECTOR] = "vector"
    if code in others:
        return others[code]
    raise UnsupportedColumn(f"Column {sent.name} of {table_id} has wire type {code}, unknown, at {_where(event)}.")


def _length_and_scale(sent: TableMapColumn, charset: str | None) -> tuple[int | None, int | None]:
    code, metadata = _without_compression(sent)
    if code in (codes.VARCHAR, codes.STRING, codes.VAR_STRING):
        return metadata // (max_bytes_per_character(charset) if charset else 1), None
    if code == codes.NEWDECIMAL:
        return metadata >> 8, metadata & 0xFF
    if code == codes.BIT:
        return (metadata >> 8) * 8 + (metadata & 0xFF), None
    if code in _FRACTIONAL:
        return metadata, None
    if code == codes.VECTOR:
        return sent.vector_dimensionality, None
    return None, None


def _labels(event: TableMapEvent, table_id: TableId, sent: TableMapColumn, known: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return labels_of_map(sent, known)
    except UnsupportedColumn as error:
        raise UnsupportedColumn(
            f"A label of column {sent.name} of {table_id} at {_where(event)}: {error.message}"
        ) from error


def labels_of_map(sent: TableMapColumn, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of an ENUM or SET as the map has them, those known where it has none that can be read.

    ALTER TABLE … CONVERT TO CHARACTER SET keeps the bytes of labels and reads them in the new charset (MySQL's bug
    26731; 9.7.4 does so too), so they may be none of it: ü of latin1 in utf8mb4. What is known then is what the server
    shows of them. Raises UnsupportedColumn where as many labels are not known.
    """
    if sent.enum_values is None:
        return known
    charset = charset_of(sent.collation_id)[0] if sent.collation_id is not None else "utf8mb4"
    try:
        return tuple(decode_text(label, "latin1" if charset == "binary" else charset) for label in sent.enum_values)
    except UnsupportedColumn:
        if not known or len(known) != len(sent.enum_values):
            raise
        return known


def shown_by_server(label: str) -> str:
    """Return a label as information_schema and SHOW CREATE TABLE print it: with ? for what utf8mb3 does not have."""
    return label if label.isascii() else "".join(one if one <= "\uffff" else "?" for one in label)


def _checked(event: TableMapEvent, known: Table | None, table_id: TableId) -> Table:
    """Return `known` when it fits a map without names."""
    remedy = "set binlog_row_metadata=FULL on the source server, or take a new snapshot of the table."
    if known is None:
        raise SchemaOutOfSync(
            f"Rows of {table_id} at {_where(event)} have {len(event.columns)} columns without names "
            "(binlog_row_metadata=MINIMAL), and the table's structure is not known.",
            remedy=remedy,
        )
    hidden = len(event.columns) - len(known.columns)
    if hidden and not (hidden <= _hashed(known) and event.hides_from(len(known.columns))):
        raise SchemaOutOfSync(
            f"Rows of {table_id} at {_where(event)} have {len(event.columns)} columns; "
            f"expected the {len(known.columns)} of the known structure.",
            remedy=remedy,
        )
    columns = []
    for sent, column in zip(event.columns, known.columns, strict=False):
        problem = _disagreement(sent, column)
        if problem and not (_may_be_null(column, known) and _disagreement(sent, _nullable(column)) is None):
            raise SchemaOutOfSync(f"Column {column.name} of {table_id} at {_where(event)}: {problem}.", remedy=remedy)
        columns.append(_nullable(column) if problem else column)
    if tuple(columns) == known.columns:
        return known
    keys, key = _without_nullable(known.keys, columns)
    return dataclasses.replace(known, columns=tuple(columns), primary_key=key, keys=keys)


def _without_nullable(keys: Iterable[Key], columns: Iterable[Column]) -> tuple[tuple[Key, ...], tuple[str, ...]]:
    """Return the keys without a primary one that cannot be it, and the columns of the only one that can be, if any."""
    told = {column.name for column in columns if not column.nullable}
    left = tuple(key for key in keys if key.name != "PRIMARY" or told.issuperset(key.columns))
    others = [key for key in left if key.unique and told.issuperset(key.columns)]
    only = others[0] if len(others) == 1 else None
    return left, tuple(name for name in only.columns if name is not None) if only else ()


def _may_be_null(column: Column, known: Table) -> bool:
    """Say whether a key's column that is known as NOT NULL may be nullable in truth.

    A history does not tell a primary key from a unique one, and only the former keeps a column NOT NULL that a
    statement defines anew.
    """
    return column.name in known.primary_key and not known.is_told_in_full


def _nullable(column: Column) -> Column:
    return dataclasses.replace(column, nullable=True)


def _disagreement(sent: TableMapColumn, known: Column) -> str | None:
    """Return what differs between a column of a map and a known column: found, expected; None when they agree."""
    expected = wire_type(known)
    if _OLD.get(sent.type_code) != known.type_name and expected != _comparable(sent, known):
        shown = known.type_expression or known.type_name
        wanted = f"{expected[0]} with metadata {expected[1]}" if expected else "none that is known"
        return f"found wire type {sent.type_code} with metadata {sent.metadata}, expected {wanted}, that of {shown}"
    if sent.nullable != known.nullable:
        words = {True: "NULL", False: "NOT NULL"}
        return f"found {words[sent.nullable]}, expected {words[known.nullable]}"
    if sent.unsigned is not None and known.type_name != "year" and sent.unsigned != known.unsigned:
        words = {True: "unsigned", False: "signed"}
        return f"found {words[sent.unsigned]}, expected {words[known.unsigned]}"
    if sent.collation_id is not None and known.charset is not None:
        charset = charset_of(sent.collation_id)[0]
        if charset != known.charset:
            return f"found charset {charset}, expected {known.charset}"
    if sent.geometry_type is not None and known.type_name in _GEOMETRIES:
        found = _GEOMETRIES[sent.geometry_type] if sent.geometry_type < len(_GEOMETRIES) else "?"
        if found != known.type_name:
            return f"found {found}, expected {known.type_name}"
    return None


def _without_compression(sent: TableMapColumn) -> tuple[int, int]:
    """Return (type code, metadata) that a column had if it were not COMPRESSED, which changes nothing but its cells."""
    if sent.type_code == codes.MARIA_BLOB_COMPRESSED:
        return codes.BLOB, sent.metadata
    if sent.type_code == codes.MARIA_VARCHAR_COMPRESSED:
        return codes.VARCHAR, sent.metadata - 1  # the byte that says how it is compressed
    return sent.type_code, sent.metadata


def _comparable(sent: TableMapColumn, known: Column) -> tuple[int, int]:
    """Return (type code, metadata) of a column as `wire_type` has them."""
    if known.type_name == "vector" and (sent.type_code, sent.metadata) == (codes.VARCHAR, 4 * (known.length or 0)):
        return _WIRE_FIXED["vector"]  # on MariaDB
    return _without_compression(sent)


_WIRE_INTEGERS = {name: (code, 0) for code, name in _INTEGERS.items()}
_WIRE_FIXED = {
    **_WIRE_INTEGERS,
    "float": (codes.FLOAT, 4),
    "double": (codes.DOUBLE, 8),
    "date": (codes.DATE, 0),
    "year": (codes.YEAR, 0),
    "json": (codes.JSON, 4),
    "vector": (codes.VECTOR, 4),
    **{name: (codes.BLOB, size) for size, name in _BLOBS.items()},
    **{name: (codes.BLOB, size) for size, name in _TEXTS.items()},
    **dict.fromkeys(_GEOMETRIES, (codes.GEOMETRY, 4)),
    **{name: (codes.STRING, size) for name, size in MARIA_FIXED.items()},
}
_WIRE_FRACTIONAL = {name: code for code, name in _FRACTIONAL.items()}


def wire_type(column: Column) -> tuple[int, int] | None:
    """Return (type code, metadata) with which a column's values stand in row images; None for an unknown type."""
    name, length = column.type_name, column.length or 0
    if name in _WIRE_FIXED:
        return _WIRE_FIXED[name]
    if name in _WIRE_FRACTIONAL:
        return _WIRE_FRACTIONAL[name], length
    if name in ("char", "varchar"):
        size = length * max_bytes_per_character(column.charset or "binary")
        return (codes.STRING if name == "char" else codes.VARCHAR), size
    if name in ("binary", "varbinary"):
        return (codes.STRING if name == "binary" else codes.VARCHAR), length
    if name == "decimal":
        return codes.NEWDECIMAL, length << 8 | (column.scale or 0)
    if name == "bit":
        return codes.BIT, length // 8 << 8 | length % 8
    if name == "enum":
        return codes.ENUM, 1 if len(column.enum_values) < 256 else 2
    if name == "set":
        size = (len(column.enum_values) + 7) // 8
        return codes.SET, size if size <= 4 else 8
    return None


_LONG = frozenset({*_BLOBS.values(), *_TEXTS.values(), "char", "varchar", "binary", "varbinary"})


def _where(event: TableMapEvent) -> str:
    return f"{event.header.file}:{event.header.pos}"
