"""What a task asks its source server beside the stream, each time on a connection of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from faust_cdc.binlog.reader import DumpStart
from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.errors import BinlogNotAvailable, GtidGap
from faust_cdc.mysql import structure_text
from faust_cdc.mysql.binlog_end import binlog_end
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, connect, inspect_server
from faust_cdc.mysql.ddl_context import read_ddl_context
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet
from faust_cdc.mysql.preflight import oldest_point, run_preflight
from faust_cdc.mysql.row_counts import estimated_rows
from faust_cdc.mysql.schema import as_named, captured_tables, read_tables
from faust_cdc.mysql.structure_text import DatabaseText
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.resume import check_server
from faust_cdc.relational.ddl import DdlContext
from faust_cdc.relational.model import Table, TableId

log = logging.getLogger(__name__)


class SourceAccess:
    """The server's answers. All methods raise what connecting and asking raise."""

    def __init__(self, config: MySqlConnectorConfig) -> None:
        self.address = SourceAddress.of(config)
        self._server_id = config.database_server_id
        self.accepts: Callable[[TableId], bool] = lambda _: True
        """Says which tables are captured."""

    def preflight(self, signal_tables: Sequence[TableId]) -> tuple[ServerInfo, list[TableId]]:
        """Return what the server is, and signal tables as it names them.

        Raises ServerMisconfigured for a server that cannot be read.
        """
        with connect(self.address, purpose="preflight") as connection:
            info = inspect_server(connection)
            run_preflight(connection, info, self._server_id, None)
            return info, as_named(connection, signal_tables)

    def ensure_readable(self, offset: SourceOffset) -> None:
        """Raise BinlogNotAvailable or GtidGap when what comes after `offset` is not there any more."""
        with connect(self.address, purpose="preflight") as connection:
            info = inspect_server(connection)
            check_server(offset, info.identity)
            start = dump_start(info, offset)
            wanted = start.position if start.gtid_set is None else start.gtid_set
            run_preflight(connection, info, self._server_id, wanted)

    def is_readable(self, stored: SourceOffset) -> bool:
        """Return whether what comes after `stored` is there; the log says why not."""
        try:
            self.ensure_readable(stored)
        except (BinlogNotAvailable, GtidGap) as lost:
            log.warning("The snapshot begins anew: %s", lost)
            return False
        return True

    def oldest_offset(self, info: ServerInfo) -> SourceOffset:
        """Return the first place that the server has."""
        with connect(self.address, purpose="the oldest position") as connection:
            is_mariadb = info.flavor == "mariadb"
            oldest = oldest_point(connection, is_mariadb_server=is_mariadb, gtid_mode=info.gtid_mode)
        log.warning("No snapshot and no offset: the binlog is read from %s on", oldest.position)
        return SourceOffset(oldest.position.file, oldest.position.pos, oldest.gtids)

    def list_tables(self) -> list[TableId]:
        """Return the tables that are captured."""
        with connect(self.address, purpose="table list") as connection:
            return captured_tables(connection, self.accepts)

    def all_tables(self) -> list[TableId]:
        """Return all tables but the server's own."""
        with connect(self.address, purpose="table list") as connection:
            return captured_tables(connection, lambda _: True)

    def read_tables(self, ids: Iterable[TableId]) -> dict[TableId, Table]:
        """Return structures as of now, absent tables being absent."""
        with connect(self.address, purpose="table structures") as connection:
            return read_tables(connection, list(ids))

    def create_statements(self, ids: Iterable[TableId]) -> list[tuple[TableId, str]]:
        """Return SHOW CREATE TABLE of each table that is there."""
        with connect(self.address, purpose="table definitions") as connection:
            return list(structure_text.create_statements(connection, ids))

    def databases(self, names: Iterable[str]) -> list[DatabaseText]:
        """Return those databases that exist, with their charsets."""
        with connect(self.address, purpose="databases") as connection:
            return structure_text.databases(connection, names)

    def server_defaults(self) -> tuple[str, str]:
        """Return the server's charset and collation."""
        with connect(self.address, purpose="charsets") as connection:
            return structure_text.server_defaults(connection)

    def ends_at(self, position: BinlogPosition) -> bool:
        """Return whether nothing is in the binlog behind a position."""
        with connect(self.address, purpose="the end of the binlog") as connection:
            return binlog_end(connection, inspect_server(connection)) == position

    def ddl_context(self) -> DdlContext:
        """Return what DDL statements mean on the server."""
        with connect(self.address, purpose="the meaning of statements") as connection:
            return read_ddl_context(connection, inspect_server(connection))

    def estimated_rows(self, ids: Iterable[TableId]) -> dict[TableId, int]:
        """Return how many rows the server estimates tables to have."""
        with connect(self.address, purpose="row estimates") as connection:
            return estimated_rows(connection, ids)


def dump_start(info: ServerInfo, offset: SourceOffset) -> DumpStart:
    """Say how to ask for the binlog: by GTID set where both sides have one, else by file and position."""
    position = BinlogPosition(offset.file, offset.pos)
    if offset.gtids is not None and info.gtid_mode:
        parse = MariaDbGtidSet.parse if info.flavor == "mariadb" else GtidSet.parse
        return DumpStart(position, parse(offset.gtids))
    return DumpStart(position, None)
