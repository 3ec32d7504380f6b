"""A table's structure as the `tableChanges` of Debezium's schema history, and the history's record around it.

Source: Debezium 3.6.1 `JsonTableChangeSerializer` and `HistoryRecord`, held against recorded history files. Structures
come from the server's own description (information_schema, table maps) and never from parsed DDL, so a column is what
Debezium makes of SHOW CREATE TABLE: BOOL is TINYINT(1), REAL is DOUBLE.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from faust_cdc.relational.create_table_text import shown_binary, shown_text
from faust_cdc.relational.model import Column, Table, TableId

TableChange = dict[str, Any]
"""One change of one table, members in Debezium's order."""

EPOCH: Final = "1970-01-01 00:00:00"
"""What stands for CURRENT_TIMESTAMP in a default."""

_JDBC_TYPES: Final[dict[str, int]] = {
    "tinyint": 5,
    "smallint": 5,
    "mediumint": 4,
    "int": 4,
    "bigint": -5,
    "float": 6,
    "double": 8,
    "decimal": 3,
    "bit": -7,
    "year": 4,
    "date": 91,
    "time": 92,
    "datetime": 93,
    "timestamp": 2014,
    "char": 1,
    "varchar": 12,
    **dict.fromkeys(("tinytext", "text", "mediumtext", "longtext"), 12),
    "enum": 1,
    "set": 1,
    "binary": -2,
    "varbinary": -3,
    **dict.fromkeys(("tinyblob", "blob", "mediumblob", "longblob"), 2004),
}
"""java.sql.Types by MySQL type; the others (JSON, the geometries, VECTOR) are OTHER."""
_OTHER: Final = 1111

_MOMENTS: Final = ("datetime", "timestamp")
_WITH_FRACTION: Final = ("time", "datetime", "timestamp")
_BINARIES: Final = ("binary", "varbinary")
_BIT_LITERAL: Final = re.compile(r"b'([01]*)'", re.IGNORECASE)
_NOW: Final = re.compile(r"(current_timestamp|now|localtime|localtimestamp)\b.*", re.IGNORECASE)


def created(table: Table, *, comments: bool = False) -> TableChange:
    """Return the change of a table that is new to the history; `comments` as `include.schema.comments` says."""
    return _change("CREATE", table, None, comments)


def altered(table: Table, *, previous: TableId | None = None, comments: bool = False) -> TableChange:
    """Return the change of a table that is known already; `previous` is its name before a RENAME."""
    return _change("ALTER", table, previous, comments)


def dropped(table_id: TableId) -> TableChange:
    """Return the change of a table that is gone."""
    return {"type": "DROP", "id": quoted_id(table_id)}


def quoted_id(table_id: TableId) -> str:
    """Return `"database"."table"`, double quotes in a name being doubled.

    Source: Debezium 3.6.1 `TableId.toDoubleQuotedString`. It leaves a name that begins or ends with a double quote as
    it is, and cannot read all of these back; it reads what this returns.
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in (table_id.database, table_id.table))


def history_record(
    server: str,
    position: Mapping[str, Any],
    ts_ms: int,
    database: str,
    ddl: str | None,
    changes: Sequence[TableChange],
    schema: str | None = None,
) -> dict[str, Any]:
    """Return one record of the history: `server` is the topic prefix, `position` the source offset's map.

    `ddl` is None where no statement is known, `schema` where none is told.
    """
    return {
        "source": {"server": server},
        "position": dict(position),
        "ts_ms": ts_ms,
        "databaseName": database,
        **({} if schema is None else {"schemaName": schema}),
        **({} if ddl is None else {"ddl": ddl}),
        "tableChanges": list(changes),
    }


def history_json(record: Mapping[str, Any]) -> str:
    """Return a record as it is stored: compact JSON."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _change(kind: str, table: Table, previous: TableId | None, comments: bool) -> TableChange:
    change: TableChange = {"type": kind, "id": quoted_id(table.id)}
    if previous is not None:
        change["previousId"] = quoted_id(previous)
    change["table"] = {
        "defaultCharsetName": table.charset,
        "primaryKeyColumnNames": list(table.primary_key),
        "columns": [_column(column, comments) for column in table.columns],
        "attributes": [],
    }
    change["comment"] = (table.comment or None) if comments else None
    return change


def _column(column: Column, comments: bool) -> dict[str, Any]:
    type_name = _type_name(column)
    length, scale = _length(column), column.scale
    made_by_the_server = column.auto_increment or column.on_update
    described: dict[str, Any] = {
        "name": column.name,
        "jdbcType": _JDBC_TYPES.get(column.type_name, _OTHER),
        "typeName": type_name,
        "typeExpression": type_name,
        "charsetName": column.charset,
    }
    if length is not None:
        described["length"] = length
    if scale is not None:
        described["scale"] = scale
    described |= {
        "position": column.position + 1,
        "optional": column.nullable,
        "autoIncremented": made_by_the_server,
        "generated": made_by_the_server,
        "comment": (column.comment or None) if comments else None,
    }
    default = None if column.generated else _default(column)
    described["hasDefaultValue"] = column.nullable or default is not None
    if default is not None:
        described["defaultValueExpression"] = default
    described["enumValues"] = [f"'{shown_text(label)}'" for label in column.enum_values]
    return described


def _type_name(column: Column) -> str:
    """Return the type as the server prints it without its arguments: `INT UNSIGNED`, `GEOMCOLLECTION`."""
    if column.type_name in ("enum", "set"):
        return column.type_name.upper()
    unsigned = " unsigned" if column.unsigned else ""  # a table map alone gives no type expression
    printed = re.sub(r"\([^)]*\)", "", column.type_expression) or column.type_name + unsigned
    return printed.split("/*")[0].strip().upper()


def _length(column: Column) -> int | None:
    if column.type_name == "enum":
        return 1
    if column.type_name == "set":
        return max(0, 2 * len(column.enum_values) - 1)
    if column.type_name in _WITH_FRACTION:
        return column.length or None
    return column.length


def _default(column: Column) -> str | None:
    """Return the text of a literal default; None where there is none, or an expression."""
    text = column.default
    if text is None:
        return None
    if column.type_name in _MOMENTS and _NOW.fullmatch(text):
        return EPOCH
    if column.default_is_expression:
        return None
    bits = _BIT_LITERAL.fullmatch(text)
    if bits is not None and column.type_name == "bit":
        return bits[1]
    if column.type_name in _BINARIES:
        return shown_binary(_bytes_of(text).ljust((column.length or 0) if column.type_name == "binary" else 0, b"\0"))
    return shown_text(text)


def _bytes_of(text: str) -> bytes:
    """information_schema prints binary defaults as 0x and hexadecimal digits."""
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode("utf-8")
