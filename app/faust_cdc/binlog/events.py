"""Typed binlog events: what the wire says, nothing interpreted beyond it.

Source: MySQL Internals, "Binary Log Event" (libs/mysql/binlog/event/*.h of mysql-server); MariaDB Knowledge Base,
"Replication Protocol: Event types".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from faust_cdc.binlog.codes import LONGLONG

_HASH = re.compile(r"DB_ROW_HASH_\d+")


@dataclass(frozen=True, slots=True)
class EventHeader:
    """The 19-byte common header plus where the event stands.

    `file` and `pos` are the start of the event in the server's binlog (bytes, counted in 64 bits, so files above
    4 GiB are right); `end_pos` is its end. For events inside a transaction payload `pos`/`end_pos` are the outer
    event's.
    """

    timestamp: int
    """Seconds since the epoch; 0 for artificial events."""
    event_type: int
    server_id: int
    event_size: int
    flags: int
    file: str
    pos: int
    end_pos: int


@dataclass(frozen=True, slots=True)
class BinlogEvent:
    """Base of all events."""

    header: EventHeader


@dataclass(frozen=True, slots=True)
class FormatDescriptionEvent(BinlogEvent):
    """Start of a binlog file as written by the server (type 15)."""

    binlog_version: int
    server_version: str
    checksum_algorithm: int
    """0 none, 1 CRC32."""


@dataclass(frozen=True, slots=True)
class RotateEvent(BinlogEvent):
    """The stream goes on in `next_file` at `next_pos` (type 4); artificial ones open a dump."""

    next_file: str
    next_pos: int
    artificial: bool


@dataclass(frozen=True, slots=True)
class GtidEvent(BinlogEvent):
    """A transaction begins: MySQL GTID (33), tagged (42), anonymous (34, `gtid` None) or MariaDB GTID (162)."""

    gtid: str | None
    """`uuid:n`, `uuid:tag:n` (lower-case) or MariaDB `domain-server-seq`."""
    immediate_commit_us: int | None
    original_commit_us: int | None
    transaction_length: int | None
    """Bytes of the whole transaction, this event included, when the server says so."""
    last_committed: int | None = None
    sequence_number: int | None = None
    standalone: bool = False
    """MariaDB FL_STANDALONE: no COMMIT/XID follows (DDL)."""
    is_ddl: bool = False
    """MariaDB FL_DDL."""
    xa_prepared: bool = False
    """MariaDB FL_PREPARED_XA: an XA PREPARE ends it; stands for XA START too, which MariaDB does not write."""
    is_undone: bool = False
    """MariaDB FL_START_ALTER_E1 or FL_ROLLBACK_ALTER_E1 (`binlog_alter_two_phase`): the ALTER behind it is not done
    there; it is where it stands once more, behind a GTID with FL_COMMIT_ALTER_E1, or never."""


@dataclass(frozen=True, slots=True)
class QueryEvent(BinlogEvent):
    """A statement: BEGIN, COMMIT, ROLLBACK, XA …, SAVEPOINT or DDL (type 2; MariaDB's compressed 165)."""

    thread_id: int
    database: str
    query: str
    error_code: int
    sql_mode: int | None = None
    charset_client: int | None = None
    microseconds: int | None = None
    explicit_defaults_for_timestamp: bool | None = None
    """The session's, where MySQL 8 tells it."""
    utf8mb4_collation: int | None = None
    """The session's default_collation_for_utf8mb4, where MySQL 8 tells it."""
    server_collation: int | None = None
    """The session's collation_server: what a database gets that it makes without a charset."""


@dataclass(frozen=True, slots=True)
class TableMapColumn:
    """One column as the table map describes it; the optional parts are None when the server did not send them."""

    type_code: int
    """MYSQL_TYPE_*, with ENUM (247), SET (248) resolved out of STRING."""
    metadata: int
    """Type metadata, normalised: VARCHAR/STRING max bytes; BLOB/JSON/GEOMETRY length bytes; DECIMAL precision<<8|scale;
    BIT bytes<<8|bits; *2 temporal types fraction digits; ENUM/SET pack length; FLOAT/DOUBLE size."""
    nullable: bool
    unsigned: bool | None = None
    name: str | None = None
    collation_id: int | None = None
    enum_values: tuple[bytes, ...] | None = None
    """Raw label bytes in the column's charset; SET labels too."""
    geometry_type: int | None = None
    visible: bool | None = None
    vector_dimensionality: int | None = None


@dataclass(frozen=True, slots=True)
class TableMapEvent(BinlogEvent):
    """Names and types of the rows that follow (type 19)."""

    table_id: int
    database: str
    table: str
    columns: tuple[TableMapColumn, ...]
    primary_key: tuple[tuple[int, int], ...] | None
    """(column index, prefix length or 0) in key order; None when not sent; () when the table has none."""
    body: bytes
    """The event body without table id: equal bodies mean equal structure, so caches compare these bytes."""

    @property
    def has_full_metadata(self) -> bool:
        """True when the server sends names (binlog_row_metadata=FULL)."""
        return bool(self.columns) and self.columns[0].name is not None

    def hides_from(self, count: int) -> bool:
        """Say whether the columns behind the first `count` can be MariaDB's own, and there are any.

        For each unique key whose values are too long for an index MariaDB keeps a hash in a column behind all others,
        `DB_ROW_HASH_1` and so on, which no statement shows.
        """
        behind = self.columns[count:]
        return bool(behind) and all(
            one.type_code == LONGLONG and (one.name is None or _HASH.fullmatch(one.name) is not None) for one in behind
        )


@dataclass(frozen=True, slots=True)
class RowsEvent(BinlogEvent):
    """Row images of one table, undecoded (types 23–25 v1, 30–32 v2, 39 partial, MariaDB 166–171 decompressed).

    `kind` is "write", "update", "delete" or "partial_update". `columns_present` holds one bitmap (two for updates:
    before, after); `rows` is all of the bytes that the row images fill exactly. Whoever makes records of them releases
    it as soon as the last row was read: it may have a gigabyte.
    """

    kind: str
    table_id: int
    flags: int
    column_count: int
    columns_present: tuple[bytes, ...]
    rows: memoryview
    table_map: TableMapEvent
    """The table map in force; the decoder raises BinlogCorrupt when there is none."""

    @property
    def end_of_statement(self) -> bool:
        """STMT_END_F: the table maps of this statement are void after it."""
        return bool(self.flags & 1)


@dataclass(frozen=True, slots=True)
class XidEvent(BinlogEvent):
    """Commit of a transactional engine's transaction (type 16)."""

    xid: int


@dataclass(frozen=True, slots=True)
class XaPrepareEvent(BinlogEvent):
    """XA PREPARE or XA COMMIT ONE PHASE ends a transaction (type 38)."""

    one_phase: bool
    format_id: int
    gtrid: bytes
    bqual: bytes


@dataclass(frozen=True, slots=True)
class HeartbeatEvent(BinlogEvent):
    """The server is alive and has nothing to send (types 27 and 41); names its current position."""

    log_file: str
    log_pos: int


@dataclass(frozen=True, slots=True)
class PreviousGtidsEvent(BinlogEvent):
    """GTIDs of earlier files (35; MariaDB GTID_LIST 163, START_ENCRYPTION excluded)."""

    gtids: str


@dataclass(frozen=True, slots=True)
class RowsQueryEvent(BinlogEvent):
    """The SQL text of the rows that follow (29; MariaDB ANNOTATE_ROWS 160)."""

    query: str


@dataclass(frozen=True, slots=True)
class IncidentEvent(BinlogEvent):
    """The server lost events (type 26): capture cannot be complete."""

    incident: int
    message: str


@dataclass(frozen=True, slots=True)
class TransactionPayloadEvent(BinlogEvent):
    """Edge of a compressed transaction (type 40): its inner events follow as if they stood in the stream."""

    uncompressed_size: int
    compressed_size: int


@dataclass(frozen=True, slots=True)
class IgnorableEvent(BinlogEvent):
    """An event with no bearing on rows, known by number (STOP, RAND, INTVAR, USER_VAR, VIEW_CHANGE …) or flagged
    LOG_EVENT_IGNORABLE_F by the server. Counted, never silent."""

    name: str
