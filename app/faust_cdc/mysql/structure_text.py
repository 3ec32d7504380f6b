"""What the server says of its structures as text: the statements that a snapshot of structures is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from pymysql.connections import Connection

from faust_cdc.errors import CdcError, TransientError
from faust_cdc.mysql.connection import query
from faust_cdc.mysql.names import quote
from faust_cdc.relational.model import TableId


class DatabaseText(NamedTuple):
    """A database and its defaults."""

    name: str
    charset: str
    collation: str


def server_defaults(connection: Connection[Any]) -> tuple[str, str]:
    """Return the server's charset and collation."""
    rows = query(
        connection, "SELECT @@global.character_set_server, @@global.collation_server", doing="reading charsets"
    )
    return str(rows[0][0]), str(rows[0][1])


_DDL_VARIABLES: Final = (
    "character_set_server",
    "collation_server",
    "default_collation_for_utf8mb4",
    "explicit_defaults_for_timestamp",
    "lower_case_table_names",
)


def ddl_variables(connection: Connection[Any]) -> dict[str, str]:
    """Return the server's variables that decide what a DDL statement means; those that it does not have are absent."""
    marks = ", ".join(["%s"] * len(_DDL_VARIABLES))
    rows = query(
        connection,
        f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({marks})",
        _DDL_VARIABLES,
        doing="reading server variables",
    )
    return {_text(name).lower(): _text(value) for name, value in rows}


def databases(connection: Connection[Any], names: Iterable[str]) -> list[DatabaseText]:
    """Return those of the databases that exist, by name."""
    wanted = set(names)
    rows = query(
        connection,
        "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata "
        "ORDER BY schema_name",
        doing="reading databases",
    )
    found = [DatabaseText(*(_text(cell) for cell in row)) for row in rows]
    return [one for one in found if one.name in wanted]


def create_statements(connection: Connection[Any], tables: Iterable[TableId]) -> Iterator[tuple[TableId, str]]:
    """Yield SHOW CREATE TABLE of each table that is there and may be read."""
    for table in tables:
        named = f"{quote(table.database)}.{quote(table.table)}"
        try:
            rows = query(connection, f"SHOW CREATE TABLE {named}", doing=f"reading the definition of {table}")
        except TransientError:
            raise
        except CdcError:
            continue  # dropped since it was listed, or not for this user
        if rows:
            yield table, _text(rows[0][1])


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
