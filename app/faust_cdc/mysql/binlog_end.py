"""What is asked of the server at a DDL statement: structures as of its position.

Structures are those of information_schema as of now, where the binlog proves that nothing came behind the position. The
end of the binlog is asked after the structures: every change of them that was committed by then is in the binlog before
that end. Does it equal the position, then no change lies between, and the structures are those behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymysql.connections import Connection

from faust_cdc.mysql.connection import ServerInfo, SourceAddress, connect, query
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.model import Table, TableId


def current_structures(
    address: SourceAddress, info: ServerInfo, tables: Iterable[TableId], position: BinlogPosition
) -> dict[TableId, Table]:
    """Return the structures behind `position`, none when the binlog goes on. Raises SourceConnectionLost."""
    with connect(address, purpose="structures behind a statement") as connection:
        found = read_tables(connection, list(tables))
        return found if binlog_end(connection, info) == position else {}


def binlog_end(connection: Connection[Any], info: ServerInfo) -> BinlogPosition | None:
    """Return where the binlog ends now, None where there is none. Raises SourceConnectionLost."""
    rows = query(connection, info.binlog_status_statement, doing="asking for the end of the binlog")
    return BinlogPosition(str(rows[0][0]), int(rows[0][1])) if rows else None
