"""What is asked of the server at a DDL statement: structures as of its position, and what statements mean there.

Structures are those of information_schema as of now, where the binlog proves that nothing came behind the position. The
end of the binlog is asked after the structures: every change of them that was committed by then is in the binlog before
that end. Does it equal the position, then no change lies between, and the structures are those behind it.
"""

from __future__ import annotations

from collections.abc import Iterable

from faust_cdc.mysql.connection import ServerInfo, SourceAddress, connect, query
from faust_cdc.mysql.ddl_context import read_ddl_context
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.ddl import DdlContext
from faust_cdc.relational.model import Table, TableId


def current_structures(
    address: SourceAddress, info: ServerInfo, tables: Iterable[TableId], position: BinlogPosition
) -> dict[TableId, Table]:
    """Return the structures behind `position`, none when the binlog goes on. Raises SourceConnectionLost."""
    with connect(address, purpose="structures behind a statement") as connection:
        found = read_tables(connection, list(tables))
        # SHOW MASTER STATUS went away in MySQL 8.4; its successor came in 8.2, and is unknown to MariaDB.
        is_newer = info.flavor != "mariadb" and info.version >= (8, 2, 0)
        statement = "SHOW BINARY LOG STATUS" if is_newer else "SHOW MASTER STATUS"
        rows = query(connection, statement, doing="asking for the end of the binlog")
    return found if rows and BinlogPosition(str(rows[0][0]), int(rows[0][1])) == position else {}


def ddl_context(address: SourceAddress, info: ServerInfo) -> DdlContext:
    """Return what DDL statements mean on the server. Raises SourceConnectionLost."""
    with connect(address, purpose="the meaning of statements") as connection:
        return read_ddl_context(connection, info)
