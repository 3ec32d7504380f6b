"""What a source server says of its own distress: how far it is behind its source, how much undo waits for its purge."""

from __future__ import annotations

from typing import Any

from pymysql.connections import Connection

from faust_cdc.mysql.connection import greeted_version, is_mariadb, query, query_by_name

_LAG_COLUMNS = ("seconds_behind_source", "seconds_behind_master")


def replica_lag_ms(connection: Connection[Any]) -> list[int | None]:
    """Return how far the server is behind each of its sources; empty when it is no replica.

    None for a source of which it cannot say, for instance as replication is stopped. Servers say it in whole seconds.
    Raises SourceRefused without REPLICATION CLIENT (MySQL) or SLAVE MONITOR (MariaDB), and what else `query` raises.
    """
    if is_mariadb(connection):
        statement = "SHOW ALL SLAVES STATUS"
    else:
        statement = "SHOW REPLICA STATUS" if greeted_version(connection) >= (8, 0, 22) else "SHOW SLAVE STATUS"
    rows = query_by_name(connection, statement, doing="asking for replica lag")
    lags = [next((row[name] for name in _LAG_COLUMNS if name in row), None) for row in rows]
    return [None if lag is None else int(lag) * 1000 for lag in lags]


def history_list_length(connection: Connection[Any]) -> int | None:
    """Return the length of InnoDB's history list; None when the server does not say.

    Raises SourceRefused without PROCESS on MySQL, and what else `query` raises.
    """
    doing = "asking for the history list's length"
    if is_mariadb(connection):
        rows = query(connection, "SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'", doing=doing)
        return int(rows[0][1]) if rows else None
    sql = "SELECT count FROM information_schema.innodb_metrics WHERE name = 'trx_rseg_history_len'"
    rows = query(connection, sql, doing=doing)
    return int(rows[0][0]) if rows else None
