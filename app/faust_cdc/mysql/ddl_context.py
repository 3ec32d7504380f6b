"""What DDL statements mean on a server: its defaults and those of its databases, as of now."""

from __future__ import annotations

from typing import Any, Final

from pymysql.connections import Connection

from faust_cdc.mysql.connection import ServerInfo, query
from faust_cdc.relational.ddl import CharsetPair, DdlContext

_MODES: Final = {
    "REAL_AS_FLOAT": 1,
    "PIPES_AS_CONCAT": 2,
    "ANSI_QUOTES": 4,
    "IGNORE_SPACE": 8,
    "NO_BACKSLASH_ESCAPES": 0x100000,
    "STRICT_TRANS_TABLES": 0x200000,
    "STRICT_ALL_TABLES": 0x400000,
}
"""Bits of sql_mode that a statement's meaning depends on, as query events have them; the same in both servers."""


def read_ddl_context(connection: Connection[Any], info: ServerInfo, database: str = "") -> DdlContext:
    """Ask the server. `database` is the session's. Raises SourceConnectionLost, SourceRefused."""
    doing = "reading what DDL statements mean here"
    charset, collation, modes, lower, explicit = query(
        connection,
        "SELECT @@global.character_set_server, @@global.collation_server, @@global.sql_mode,"
        " @@global.lower_case_table_names, @@global.explicit_defaults_for_timestamp",
        doing=doing,
    )[0]
    databases = query(
        connection,
        "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata",
        doing=doing,
    )

    return DdlContext(
        "mariadb" if info.flavor == "mariadb" else "mysql",
        info.version,
        database,
        CharsetPair(str(charset), str(collation)),
        {str(name): CharsetPair(str(chars), str(order)) for name, chars, order in databases},
        sum(_MODES.get(mode, 0) for mode in str(modes).split(",")),
        int(lower),
        bool(int(explicit)),
    )
