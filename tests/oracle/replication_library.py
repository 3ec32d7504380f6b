"""mysql-replication as oracle, for the types it is known to decode rightly.

Left out, each a known fault of it: FLOAT (widened), BIT and SET (other shapes), YEAR 0000 (1900), TIME (negative
fractions), TIMESTAMP 0 (1970), JSON (bytes, no opaque values), labels and character sets other than UTF-8, ASCII and
plain latin1.
"""

import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import WriteRowsEvent

from faust_cdc.relational.model import Column
from tests.lab import SqlServer

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_CHARACTERS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_BYTES = frozenset({"varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_CHARSETS = frozenset({"utf8mb4", "utf8mb3", "ascii", "latin1"})


def covers(column: Column) -> bool:
    """Whether the library's values of `column` can be relied upon."""
    if column.type_name in _CHARACTERS:
        return column.charset in _CHARSETS
    return column.type_name in _INTEGERS | _BYTES | {"decimal", "double", "date", "datetime"}


def read_rows(server: SqlServer, file: str, table: str) -> list[dict[str, Any]]:
    """The inserted rows of `table` in a binlog file, by column name."""
    address = {"host": server.host, "port": server.port, "user": server.user, "passwd": server.password}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        stream = BinLogStreamReader(
            connection_settings=address,
            server_id=72_001,
            log_file=file,
            log_pos=4,
            resume_stream=True,
            blocking=False,
            only_events=[WriteRowsEvent],
            only_tables=[table],
        )
        try:
            return [row["values"] for event in stream for row in event.rows]
        finally:
            stream.close()


def same(column: Column, value: Any, theirs: Any) -> bool:
    """Say whether the library's value is the decoded Avro `value` (times in microseconds)."""
    if value is None or theirs is None:
        return value is theirs
    if column.type_name == "bigint" and column.unsigned:
        return bool(value % (1 << 64) == theirs)
    if column.type_name == "decimal":
        return bool(Decimal(value) == theirs)
    if column.type_name == "date":
        return bool(date(1970, 1, 1).toordinal() + value == theirs.toordinal())
    if column.type_name == "datetime":
        since = theirs.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return bool(value == (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
    if column.type_name in _BYTES and isinstance(theirs, str):
        return bool(value == theirs.encode())
    return bool(value == theirs)
