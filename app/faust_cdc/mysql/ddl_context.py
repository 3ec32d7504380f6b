"""What DDL statements mean on a server: its defaults and those of its databases, as of now."""

from __future__ import annotations

from typing import Any, Final

from pymysql.connections import Connection

from faust_cdc.mysql.connection import ServerInfo, query
from faust_cdc.mysql.structure_text import text_of
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

_VARIABLES: Final = (
    "character_set_server",
    "collation_server",
    "default_collation_for_utf8mb4",
    "explicit_defaults_for_timestamp",
    "lower_case_table_names",
    "sql_mode",
)


def read_ddl_context(connection: Connection[Any], info: ServerInfo, database: str = "") -> DdlContext:
    """Ask the server. `database` is the session's. Raises SourceConnectionLost, SourceRefused."""
    doing = "reading what DDL statements mean here"
    marks = ", ".join(["%s"] * len(_VARIABLES))
    rows = query(
        connection, f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({marks})", _VARIABLES, doing=doing
    )  # those that a server does not have are absent
    variables = {text_of(name).lower(): text_of(value) for name, value in rows}
    databases = query(
        connection,
        "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata",
        doing=doing,
    )
    charset, collation = variables["character_set_server"], variables["collation_server"]
    utf8mb4 = variables.get("default_collation_for_utf8mb4")
    ids = query(
        connection, "SELECT id FROM information_schema.collations WHERE collation_name = %s", (collation,), doing=doing
    )  # none of MariaDB's that go with several charsets has one here
    return DdlContext(
        "mariadb" if info.flavor == "mariadb" else "mysql",
        info.version,
        database,
        CharsetPair(charset, collation) if charset and collation else None,
        {text_of(name): CharsetPair(text_of(chars), text_of(order)) for name, chars, order in databases},
        sum(_MODES.get(mode, 0) for mode in variables["sql_mode"].split(",")),
        int(variables.get("lower_case_table_names") or 0),
        variables.get("explicit_defaults_for_timestamp", "ON").upper() in ("ON", "1"),
        {"utf8mb4": utf8mb4} if utf8mb4 else {},
        next((int(one) for (one,) in ids if one is not None), None),
    )
