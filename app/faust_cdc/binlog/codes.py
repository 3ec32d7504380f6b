"""Numbers of the binlog protocol: event types, column types, commands, flags.

Sources: mysql-server `libs/mysql/binlog/event/binlog_event.h`, `include/field_types.h`; MariaDB
`sql/log_event.h`. Only what this package uses.
"""

from __future__ import annotations

HEADER_BYTES = 19
CHECKSUM_BYTES = 4
FIRST_POS = 4
"""A binlog file's first event stands after the four magic bytes."""

# Events
QUERY = 2
STOP = 3
ROTATE = 4
FORMAT_DESCRIPTION = 15
XID = 16
TABLE_MAP = 19
INCIDENT = 26
HEARTBEAT = 27
ROWS_QUERY = 29
GTID = 33
ANONYMOUS_GTID = 34
PREVIOUS_GTIDS = 35
XA_PREPARE = 38
PARTIAL_UPDATE_ROWS = 39
TRANSACTION_PAYLOAD = 40
HEARTBEAT_V2 = 41
GTID_TAGGED = 42
MARIA_ANNOTATE_ROWS = 160
MARIA_GTID = 162
MARIA_GTID_LIST = 163
MARIA_QUERY_COMPRESSED = 165

ROWS_KINDS: dict[int, tuple[str, int, bool]] = {
    23: ("write", 1, False),
    24: ("update", 1, False),
    25: ("delete", 1, False),
    30: ("write", 2, False),
    31: ("update", 2, False),
    32: ("delete", 2, False),
    39: ("partial_update", 2, False),
    166: ("write", 1, True),
    167: ("update", 1, True),
    168: ("delete", 1, True),
    169: ("write", 2, True),
    170: ("update", 2, True),
    171: ("delete", 2, True),
}
"""Event type -> (kind, version of the row event, MariaDB's zlib compression)."""

IGNORABLE_NAMES: dict[int, str] = {
    STOP: "STOP",
    5: "INTVAR",
    13: "RAND",
    14: "USER_VAR",
    28: "IGNORABLE",
    36: "TRANSACTION_CONTEXT",
    37: "VIEW_CHANGE",
    161: "BINLOG_CHECKPOINT",
    164: "START_ENCRYPTION",
}
"""Events that say nothing about rows: server bookkeeping, and the context of a statement event that follows."""

STATEMENT_EVENTS: dict[int, str] = {
    6: "LOAD",
    7: "SLAVE",
    8: "CREATE_FILE",
    9: "APPEND_BLOCK",
    10: "EXEC_LOAD",
    11: "DELETE_FILE",
    12: "NEW_LOAD",
    17: "BEGIN_LOAD_QUERY",
    18: "EXECUTE_LOAD_QUERY",
}
"""Statement-based LOAD DATA: the rows themselves are not in the binlog."""

FLAG_ARTIFICIAL = 0x20
FLAG_IGNORABLE = 0x80

DUMMY_TABLE_ID = 0x00FFFFFF
"""A rows event with this table id carries no row and only ends the statement."""

# Column types
TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, INT24 = 1, 2, 3, 4, 5, 6, 7, 8, 9
DATE, TIME, DATETIME, YEAR, NEWDATE, VARCHAR, BIT = 10, 11, 12, 13, 14, 15, 16
TIMESTAMP2, DATETIME2, TIME2 = 17, 18, 19
MARIA_BLOB_COMPRESSED, MARIA_VARCHAR_COMPRESSED = 140, 141
VECTOR, JSON, NEWDECIMAL, ENUM, SET = 242, 245, 246, 247, 248
TINY_BLOB, MEDIUM_BLOB, LONG_BLOB, BLOB, VAR_STRING, STRING, GEOMETRY = 249, 250, 251, 252, 253, 254, 255

# Commands and dump flags
COM_BINLOG_DUMP = 0x12
COM_REGISTER_SLAVE = 0x15
COM_BINLOG_DUMP_GTID = 0x1E
DUMP_USE_HEARTBEAT_V2 = 0x02
DUMP_THROUGH_GTID = 0x04
DUMP_SEND_ANNOTATE_ROWS = 0x02
"""MariaDB only; the number means something else to MySQL."""
