"""What the server says of its structures as text: the statements that a snapshot of structures is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from pymysql.connections import Connection

from faust_cdc.errors import CdcError, TransientError
from faust_cdc.mysql.connection import query
from faust_cdc.mysql.names import quote
from faust_cdc.relational.model import TableId

_COUNTER: Final = re.compile(r"^(\) (?:/\*!\d+ TABLESPACE .*? \*/ )?ENGINE=\w+) AUTO_INCREMENT=\d+", re.MULTILINE)
"""In the one line that begins so: names and comments have no line breaks there."""


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


def databases(connection: Connection[Any], names: Iterable[str]) -> list[DatabaseText]:
    """Return those of the databases that exist, by name."""
    wanted = set(names)
    rows = query(
        connection,
        "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata "
        "ORDER BY schema_name",
        doing="reading databases",
    )
    found = [DatabaseText(*(text_of(cell) for cell in row)) for row in rows]
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
            yield table, text_of(rows[0][1])


def structure_text(connection: Connection[Any], table: TableId) -> str | None:
    """Return a text that is another whenever the table's structure is; None where the server does not say.

    It is SHOW CREATE TABLE, a tenth of the work of reading the structure, without the counter that rows move on.
    """
    for _, text in create_statements(connection, (table,)):
        return _COUNTER.sub(r"\1", text)
    return None


def text_of(value: Any) -> str:
    """Return what a server gave as text or, where it has no charset, as bytes."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
