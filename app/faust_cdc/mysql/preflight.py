"""What must hold on the source server before capture starts: one `ensure_…` per requirement.

Each raises an error that names the setting, the value found, the value needed and the statement that sets it, so a
task fails within its first second instead of losing rows quietly later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection

from faust_cdc.errors import BinlogNotAvailable, CdcError, GtidGap, ServerMisconfigured, SourceRefused
from faust_cdc.mysql.connection import ServerInfo, describe, query, server_variables
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet

_NEW_SNAPSHOT = (
    "take a new snapshot (with snapshot.mode=when_needed, or by deleting the connector's offsets), and keep binlogs "
    "longer (binlog_expire_logs_seconds) than the connector may be down."
)

_ANOTHER_SERVER = (
    "it is another server, or a failover lost them: point the connector at a server that has them, or delete the "
    "offsets and take a new snapshot."
)
_FIRST_EVENT = 4
"""The position of a file's first event, behind the magic number."""


def run_preflight(
    connection: Connection[Any],
    info: ServerInfo,
    server_id: int,
    start: BinlogPosition | GtidSet | MariaDbGtidSet | None,
) -> None:
    """Run every check; `start` is where streaming resumes, None before the first snapshot.

    Raises ServerMisconfigured, SourceRefused, BinlogNotAvailable, GtidGap.
    """
    ensure_log_bin(connection)
    ensure_row_format(connection)
    ensure_full_row_image(connection)
    ensure_own_server_id(info, server_id)
    ensure_privileges(connection)
    if isinstance(start, BinlogPosition):
        ensure_binlog_file(connection, start)
    elif isinstance(start, GtidSet):
        ensure_gtids_available(connection, start)
    elif isinstance(start, MariaDbGtidSet):
        ensure_mariadb_gtids_available(connection, start)


def _variable(connection: Connection[Any], name: str) -> str:
    return server_variables(connection, (name,)).get(name, "").upper()


def ensure_log_bin(connection: Connection[Any]) -> None:
    """The server writes a binlog."""
    found = _variable(connection, "log_bin")
    if found not in ("ON", "1"):
        raise ServerMisconfigured(
            f"log_bin of {describe(connection)} is {found or 'unknown'}; expected ON: without a binlog there are no "
            "changes to read.",
            remedy="start the server with --log-bin and a server_id.",
        )


def ensure_row_format(connection: Connection[Any]) -> None:
    """The binlog holds rows, not statements."""
    found = _variable(connection, "binlog_format")
    if found not in ("ROW", ""):  # a server without the variable knows only ROW
        raise ServerMisconfigured(
            f"binlog_format of {describe(connection)} is {found}; expected ROW: statements do not tell the rows.",
            remedy="SET GLOBAL binlog_format = ROW; and in its configuration; then reconnect the sessions.",
        )


def ensure_full_row_image(connection: Connection[Any]) -> None:
    """Row images hold every column, before and after.

    Debezium 3.6.1 refuses to start too (`BinlogSourceTask.validateBinlogConfiguration`). With MINIMAL the images leave
    out what did not change, with NOBLOB long columns: a reader could not tell null from unknown. A session may set its
    own; its rows stop the task by table and column (Debezium: "internal schema size 13, but row size 12").
    """
    found = _variable(connection, "binlog_row_image")
    if found not in ("FULL", ""):
        raise ServerMisconfigured(
            f"binlog_row_image of {describe(connection)} is {found}; expected FULL: otherwise columns are missing "
            "from change events.",
            remedy="SET GLOBAL binlog_row_image = FULL; and in its configuration; then reconnect the sessions.",
        )


def ensure_own_server_id(info: ServerInfo, server_id: int) -> None:
    """The connector's server id is not the server's own."""
    if server_id == info.server_id:
        raise SourceRefused(
            f"database.server.id {server_id} is the source server's own server_id; expected a number that no "
            "server and no other replica of it has.",
            remedy="choose another database.server.id.",
        )


_GRANT = re.compile(r"^GRANT (?P<what>.*) ON (?:TABLE )?(?P<where>.*) TO ", re.DOTALL)
_NEEDED = {
    "REPLICATION SLAVE": ("REPLICATION SLAVE", "REPLICATION REPLICA"),
    "REPLICATION CLIENT": ("REPLICATION CLIENT", "BINLOG MONITOR", "SUPER"),
}
"""Privilege -> the names under which servers print it (MariaDB 10.5 renamed REPLICATION CLIENT)."""


def granted_privileges(connection: Connection[Any]) -> tuple[set[str], bool]:
    """Return (global privileges, whether SELECT is granted anywhere), roles that are active included."""
    lines = _grant_lines(connection)
    global_privileges: set[str] = set()
    may_select = False
    for line in lines:
        match = _GRANT.match(line)
        if match is None:
            continue
        what = {re.sub(r"\s*\(.*?\)", "", part).strip().upper() for part in _split_privileges(match["what"])}
        everything = bool(what & {"ALL PRIVILEGES", "ALL"})
        may_select = may_select or everything or "SELECT" in what
        if match["where"].strip() == "*.*":
            global_privileges |= what
    return global_privileges, may_select


def _split_privileges(text: str) -> Iterable[str]:
    """Split a grant's list on the commas outside column lists."""
    return re.split(r",\s*(?![^()]*\))", text)


def _grant_lines(connection: Connection[Any]) -> list[str]:
    doing = "reading the grants"
    lines = [str(row[0]) for row in query(connection, "SHOW GRANTS", doing=doing)]
    try:
        role = query(connection, "SELECT CURRENT_ROLE()", doing=doing)[0][0]
    except CdcError:  # a server without roles
        return lines
    if role is None or str(role).upper() == "NONE":
        return lines
    roles = [part.strip() for part in str(role).split(",")]
    if any("`" in part for part in roles):  # MySQL quotes them: `name`@`host`
        using = f"SHOW GRANTS FOR CURRENT_USER() USING {', '.join(roles)}"
        return [*lines, *(str(row[0]) for row in query(connection, using, doing=doing))]
    for part in roles:
        lines.extend(str(row[0]) for row in query(connection, f"SHOW GRANTS FOR {quote(part)}", doing=doing))
    return lines


def ensure_privileges(connection: Connection[Any]) -> None:
    """The user may read the binlog, its position, and at least one table."""
    found, may_select = granted_privileges(connection)
    everything = bool(found & {"ALL PRIVILEGES", "ALL"})
    missing = [name for name, spellings in _NEEDED.items() if not everything and not found & set(spellings)]
    if not may_select:
        missing.insert(0, "SELECT")
    if missing:
        account = query(connection, "SELECT CURRENT_USER()", doing="asking who we are")[0][0]
        user, _, host = str(account).rpartition("@")
        raise SourceRefused(
            f"The account {account} at {describe(connection)} lacks {', '.join(missing)}.",
            remedy=f"GRANT {', '.join(missing)} ON *.* TO '{user}'@'{host}';",
        )


def ensure_binlog_file(connection: Connection[Any], start: BinlogPosition) -> None:
    """The file of a position is still on the server, and long enough."""
    rows = query(connection, "SHOW BINARY LOGS", doing="listing the binlog files")
    files = {str(row[0]): int(row[1]) for row in rows}
    if start.file not in files:
        oldest = min((BinlogPosition(name, 0) for name in files), default=None)
        raise BinlogNotAvailable(
            f"The binlog file {start.file} is not on {describe(connection)}; the oldest there is "
            f"{oldest.file if oldest else '(none)'}.",
            remedy=_NEW_SNAPSHOT,
        )
    if start.pos > files[start.file]:
        raise BinlogNotAvailable(
            f"The position {start} lies behind the end of the file at {describe(connection)}, which has "
            f"{files[start.file]} bytes: the server's binlog was reset, or it is another server.",
            remedy=_NEW_SNAPSHOT,
        )


def ensure_gtids_available(connection: Connection[Any], start: GtidSet) -> None:
    """No transaction after `start` was purged, and the server has everything in `start`.

    What is in its binlog may be sent before it is executed: semi-sync holds the commit up behind it. A session owns its
    GTID until then, and the server adds those too when a replica asks: mysql-server rpl_binlog_sender.cc,
    `Binlog_sender::check_start_file`. They are read first, for what is not owned any more is executed by then.
    """
    owned = GtidSet.parse_owned(server_variables(connection, ("gtid_owned",)).get("gtid_owned", ""))
    found = server_variables(connection, ("gtid_purged", "gtid_executed", "gtid_mode"))
    if found.get("gtid_mode", "OFF").upper() != "ON":
        raise ServerMisconfigured(
            f"gtid_mode of {describe(connection)} is {found.get('gtid_mode')}; expected ON, as the offsets hold GTIDs.",
            remedy="turn gtid_mode on again, or delete the connector's offsets and take a new snapshot.",
        )
    purged = GtidSet.parse(found.get("gtid_purged", ""))
    executed = GtidSet.parse(found.get("gtid_executed", ""))
    gap = purged.subtract(start)
    if gap:
        raise GtidGap(
            f"The transactions {gap} were purged from {describe(connection)} before they were read.",
            remedy=_NEW_SNAPSHOT,
        )
    ahead = start.subtract(executed.union(owned))
    if ahead:
        raise GtidGap(
            f"The offsets hold transactions that {describe(connection)} never executed: {ahead}.",
            remedy=_ANOTHER_SERVER,
        )


def ensure_mariadb_gtids_available(connection: Connection[Any], start: MariaDbGtidSet) -> None:
    """The transactions after `start` are in the binlog files that are left, and the server has those before it.

    MariaDB keeps no list of what was purged, but each file begins with the state that the files before it left. As the
    server decides it when a replica asks: MariaDB sql_repl.cc, `check_slave_start_position`.
    """
    oldest = oldest_point(connection, is_mariadb_server=True)
    purged = MariaDbGtidSet.parse(oldest.gtids or "")
    if not start.contains(purged):
        raise GtidGap(
            f"The offset is at {start or 'the beginning'}; the oldest binlog file of {describe(connection)}, "
            f"{oldest.position.file}, begins after {purged}: what lies between was purged before it was read.",
            remedy=_NEW_SNAPSHOT,
        )
    written = MariaDbGtidSet.parse(server_variables(connection, ("gtid_binlog_pos",)).get("gtid_binlog_pos", ""))
    ahead = start.ahead_of(written)
    if ahead:
        raise GtidGap(
            f"The offset is at {ahead}, and {describe(connection)} has written its binlog only up to {written}.",
            remedy=_ANOTHER_SERVER,
        )


@dataclass(frozen=True, slots=True)
class OldestPoint:
    """Where the oldest binlog file begins."""

    position: BinlogPosition
    gtids: str | None
    """Executed before it; None on MySQL without GTIDs."""


def oldest_point(connection: Connection[Any], *, is_mariadb_server: bool, gtid_mode: bool = True) -> OldestPoint:
    """Return the earliest point from which the server can still send everything. Raises BinlogNotAvailable."""
    files = [str(row[0]) for row in query(connection, "SHOW BINARY LOGS", doing="listing the binlog files")]
    if not files:
        raise BinlogNotAvailable(f"{describe(connection)} lists no binlog file.", remedy="set log_bin and restart it.")
    position = min(BinlogPosition(name, _FIRST_EVENT) for name in files)
    if is_mariadb_server:
        sql = "SELECT BINLOG_GTID_POS(%s, %s)"
        state = query(connection, sql, (position.file, position.pos), doing="asking where the oldest binlog begins")
        return OldestPoint(position, _plain(state[0][0]))
    if not gtid_mode:
        return OldestPoint(position, None)
    return OldestPoint(
        position, server_variables(connection, ("gtid_purged",)).get("gtid_purged", "").replace("\n", "")
    )


def _plain(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
