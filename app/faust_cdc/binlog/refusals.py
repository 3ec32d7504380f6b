"""What the server's refusal to go on with a dump means, told apart by number and text.

Most arrive as error 1236 (ER_SOURCE_FATAL_ERROR_READING_BINLOG), whose text alone says which it is; MariaDB gives some
of the same texts other numbers. Texts:
mysql-server `share/messages_to_clients.txt`, `sql/rpl_binlog_sender.cc`; MariaDB `sql/sql_repl.cc`.
"""

from __future__ import annotations

import pymysql

from faust_cdc.errors import (
    BinlogCorrupt,
    BinlogNotAvailable,
    CdcError,
    GtidGap,
    ServerMisconfigured,
    SourceConnectionLost,
    SourceRefused,
)
from faust_cdc.mysql.connection import SourceAddress, connect, query, translate_mysql_error

_FATAL_READING_BINLOG = 1236
_NO_GTIDS = ("anonymous transaction", "cannot start in auto_position mode")

_NEW_SNAPSHOT = (
    "take a new snapshot (with snapshot.mode=when_needed, or by deleting the connector's offsets), and keep binlogs "
    "longer (binlog_expire_logs_seconds) than the connector may be down."
)
_OTHER_SERVER = (
    "the server is not the one the offsets come from, or lost transactions in a failover: point the connector at "
    "a server that has them, or delete the offsets and take a new snapshot."
)

_BY_TEXT: tuple[tuple[str, type[CdcError], str], ...] = (
    (
        "same server_uuid/server_id",
        SourceRefused,
        "give each connector and replica of this server its own database.server.id.",
    ),
    ("purged required binary logs", GtidGap, _NEW_SNAPSHOT),
    ("purged binary logs containing gtids", GtidGap, _NEW_SNAPSHOT),
    ("binlog files have been purged", GtidGap, _NEW_SNAPSHOT),
    ("could not find gtid state requested", GtidGap, _NEW_SNAPSHOT),
    ("which is not in the master's binlog", GtidGap, _OTHER_SERVER),
    ("more gtids than the", GtidGap, _OTHER_SERVER),
    ("could not find first log file", BinlogNotAvailable, _NEW_SNAPSHOT),
    ("could not open log file", BinlogNotAvailable, _NEW_SNAPSHOT),
    ("could not find next log", BinlogNotAvailable, _NEW_SNAPSHOT),
    ("impossible position", BinlogNotAvailable, _NEW_SNAPSHOT),
    ("position > file size", BinlogNotAvailable, _NEW_SNAPSHOT),
    ("max_allowed_packet", ServerMisconfigured, "raise max_allowed_packet on the source server."),
    ("binary log is not open", ServerMisconfigured, "start the source server with log_bin."),
    (
        "cannot replicate gtid-transaction",
        ServerMisconfigured,
        "SET GLOBAL gtid_mode = OFF_PERMISSIVE until the connector has read what was written with GTIDs, then OFF.",
    ),
    ("gtid_mode", ServerMisconfigured, "set gtid_mode=ON on the source, or remove the GTIDs from the offsets."),
    ("checksum", BinlogCorrupt, "verify the file on the source with mysqlbinlog --verify-binlog-checksum."),
    ("crc check", BinlogCorrupt, "verify the file on the source with mysqlbinlog --verify-binlog-checksum."),
    ("bogus data", BinlogCorrupt, "verify the file on the source with mysqlbinlog --verify-binlog-checksum."),
    ("truncated in the middle", BinlogCorrupt, "verify the file on the source with mysqlbinlog."),
    ("error reading", BinlogCorrupt, "verify the file on the source with mysqlbinlog."),
    ("killed", SourceConnectionLost, ""),
    ("shutdown", SourceConnectionLost, ""),
)


def dump_refused(number: int, text: str, where: str) -> CdcError:
    """Return the error that an ERR packet in the dump means; `where` names connection and position."""
    text = text.rstrip(". ")
    lowered = text.lower()
    for words, error_class, remedy in _BY_TEXT:
        if words in lowered:
            return error_class(
                f"The source server ended the binlog dump {where}: error {number}: {text}.", remedy=remedy or None
            )
    if number != _FATAL_READING_BINLOG:
        return translate_mysql_error(pymysql.err.OperationalError(number, text), f"reading the binlog {where}")
    return BinlogNotAvailable(f"The source server ended the binlog dump {where}: {text}.", remedy=_NEW_SNAPSHOT)


def left_gtids(text: str, address: SourceAddress) -> SourceConnectionLost | None:
    """Return what a refusal of a dump by GTIDs means on a MySQL that has left them.

    The next attempt asks for the binlog by file and position, which the server takes. None for any other refusal, and
    where GTIDs are ON (again): what a dump by them leaves out is not to be had. Raises what `connect` does.
    """
    if not any(words in text.lower() for words in _NO_GTIDS):
        return None
    with connect(address, purpose="asking for gtid_mode") as connection:
        ((mode,),) = query(connection, "SELECT @@global.gtid_mode", doing="asking for gtid_mode")
    if mode == "ON":
        return None
    return SourceConnectionLost(f"gtid_mode of {address} is {mode} now: going on by file and position ({text}).")
