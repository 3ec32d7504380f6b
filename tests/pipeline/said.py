"""Statements as the pipeline gets them parsed."""

from __future__ import annotations

from dataclasses import replace

from faust_cdc.binlog.events import EventHeader, QueryEvent
from faust_cdc.pipeline.parsed import Parsed, headed, parsed
from faust_cdc.relational.ddl import CharsetPair, DdlContext, DdlSyntaxError

UTF8 = CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci")
MYSQL = DdlContext("mysql", (9, 7, 0), "shop", UTF8, {"shop": UTF8})
GENERAL = CharsetPair("utf8mb4", "utf8mb4_general_ci")
MARIADB = DdlContext("mariadb", (10, 11, 6), "shop", GENERAL, {"shop": GENERAL})


def query(sql: str, sql_mode: int = 0) -> QueryEvent:
    """A statement of a session whose database is `shop`."""
    header = EventHeader(0, 2, 1, 100, 0, "binlog.000001", 100, 200)
    return QueryEvent(header, 1, "shop", sql, 0, sql_mode)


def said(sql: str, context: DdlContext = MYSQL) -> Parsed:
    """What it says, as far as it can be read."""
    event = query(sql, context.sql_mode)
    try:
        return parsed(event, context)
    except DdlSyntaxError:
        return headed(event, context)


def with_mode(context: DdlContext, sql_mode: int) -> DdlContext:
    """The same place in a session with that sql_mode."""
    return replace(context, sql_mode=sql_mode)
