"""What `validate` asks the source server: can we log in, is it set up for us, do the filters match a table.

The only module of this package that opens a connection. Problems come back as findings at the option where
they are mended; they are texts of the same errors that a task would fail with.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Any

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.routes import OPTION
from faust_cdc.connect.validation import HOSTNAME, SourceFinding, unmatched_problem
from faust_cdc.errors import CdcError
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server, query
from faust_cdc.mysql.preflight import run_preflight
from faust_cdc.mysql.schema import captured_tables, read_tables
from faust_cdc.pipeline.connector_options import column_selection
from faust_cdc.pipeline.route_check import find_route_problems
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import TableId
from faust_cdc.routing.changes import RouteChange

_CLASS_OF = {
    "mysql": "io.debezium.connector.mysql.MySqlConnector",
    "mariadb": "io.debezium.connector.mariadb.MariaDbConnector",
}


def check_source_server(config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
    """Connect, run the preflight, look for captured tables. Blocking: run it in a thread."""
    try:
        address = SourceAddress.of(config, config.connection_validation_timeout_ms)
        with closing(connect(address, purpose="validation")) as connection:
            info = inspect_server(connection)
            if info.flavor != config.flavor:
                return [_wrong_class(config, info.flavor, info.version_text)]
            run_preflight(connection, info, config.database_server_id, None)
            return _unmatched(connection, config, change)
    except CdcError as error:
        return [SourceFinding(HOSTNAME, f"Error during connection validation: {error}")]


def _wrong_class(config: MySqlConnectorConfig, flavor: str, version: str) -> SourceFinding:
    where = f"{config.database_hostname}:{config.database_port}"
    problem = f"The server at {where} is {flavor} ({version}): use connector.class={_CLASS_OF[flavor]}"
    return SourceFinding("connector.class", problem)


def _unmatched(connection: Any, config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
    """A finding when the filters leave nothing to capture."""
    table_filter = TableFilter(
        config.database_include_list,
        config.database_exclude_list,
        config.table_include_list,
        config.table_exclude_list,
    )
    captured = captured_tables(connection, table_filter.accepts)
    if captured:
        return [
            *_column_problems(connection, config, captured),
            *_route_problems(connection, config, captured, change),
            *_versioned(connection, config, captured),
        ]
    if config.table_include_list:
        names = [str(table) for table in captured_tables(connection, lambda _: True)]
        problem = unmatched_problem("table.include.list", config.table_include_list, names)
        return [SourceFinding("table.include.list", problem)]
    if config.database_include_list and not _matching_databases(connection, config):
        databases = _databases(connection)
        problem = unmatched_problem("database.include.list", config.database_include_list, databases)
        return [SourceFinding("database.include.list", problem)]
    return []


def _column_problems(connection: Any, config: MySqlConnectorConfig, ids: list[TableId]) -> list[SourceFinding]:
    """Findings of column lists that match nothing, and of masks that would leave a column in clear."""
    selection = column_selection(config)
    if selection == ColumnSelection(comments=selection.comments):
        return []
    tables = list(read_tables(connection, ids).values())
    findings = [SourceFinding(option, problem) for option, problem in selection.unmatched(tables)]
    for table in tables:
        for column in table.columns:
            problem, shaping = selection.clear_problem(table, column), selection.shaping_of(table.id, column)
            if problem is not None and shaping is not None:
                findings.append(SourceFinding(shaping.option, f"The '{shaping.option}' value is invalid: {problem}"))
    return findings


def _route_problems(
    connection: Any, config: MySqlConnectorConfig, ids: list[TableId], change: RouteChange
) -> list[SourceFinding]:
    """Findings of routes that do not suit the tables, one another, or the order of what was written before."""
    if not change.before and not change.after:
        return []
    found = find_route_problems(partial(read_tables, connection), config, ids, change)
    return [SourceFinding(OPTION, f"The '{OPTION}' value is invalid: {problem}") for problem in found.problems]


def _versioned(connection: Any, config: MySqlConnectorConfig, ids: list[TableId]) -> list[SourceFinding]:
    """Findings of MariaDB's tables with versions: each former version is a row of the binlog, and of no SELECT."""
    if config.flavor != "mariadb":
        return []
    sql = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'SYSTEM VERSIONED'"
    rows = query(connection, sql, doing="listing tables with versions")
    return [
        SourceFinding(
            "table.exclude.list",
            f"The 'table.exclude.list' value is invalid: {table} is WITH SYSTEM VERSIONING. Its former versions are in "
            "the binlog as rows of their own, under another key, so its topic would not be the table. Leave it out, or "
            "take the versioning away: ALTER TABLE … DROP SYSTEM VERSIONING",
        )
        for table in sorted({TableId(str(row[0]), str(row[1])) for row in rows}.intersection(ids))
    ]


def _matching_databases(connection: Any, config: MySqlConnectorConfig) -> list[str]:
    databases = TableFilter(config.database_include_list, config.database_exclude_list)
    return [name for name in _databases(connection) if databases.accepts_database(name)]


def _databases(connection: Any) -> list[str]:
    return [str(row[0]) for row in query(connection, "SHOW DATABASES", doing="listing databases")]
