"""The same rows through the binlog and through a snapshot query, on a real server."""

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import Any

from pymysql.cursors import Cursor

from faust_cdc.binlog.events import RowsEvent, TableMapEvent
from faust_cdc.binlog.reader import BinlogReader, DumpStart
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.relational.table_map import reconcile
from faust_cdc.routing import topic_for
from faust_cdc.transcode.partial_rows import full_images
from faust_cdc.transcode.plan import TranscodeOptions, TranscodePlan, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder, Row
from faust_cdc.transcode.text import CellReader, cell_reader
from tests.lab import SqlServer

_replica_ids = itertools.count(71_000)


@dataclass
class Changes:
    """What the binlog said of one table, in order."""

    transcoder: ReferenceTranscoder
    inserted: list[Row] = field(default_factory=list)
    updated: list[tuple[Row, Row]] = field(default_factory=list)
    deleted: list[Row] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    """Of the rows events."""
    raw: list[bytes] = field(default_factory=list)
    """Their row images."""
    table_map: TableMapEvent | None = None
    """The last one."""


def address(server: SqlServer) -> SourceAddress:
    """The capturing user's address."""
    return SourceAddress(server.host, server.port, server.user, server.password)


def tables_from_server(server: SqlServer, database: str, *names: str) -> list[Table]:
    """The tables as information_schema tells them."""
    ids = [TableId(database, name) for name in names]
    with connect(address(server), purpose="a test") as connection:
        tables = read_tables(connection, ids)
    return [tables[table_id] for table_id in ids]


def captured(
    server: SqlServer,
    tables: list[Table],
    sql: str,
    options: TranscodeOptions | None = None,
    *,
    from_map: bool = True,
    prefix: str = "gp",
    null_outside: bool = False,
) -> dict[str, Changes]:
    """Run `sql` in the tables' database and return what the binlog says of `tables`.

    With `from_map` the structure that each table map tells must give the same plan. With `null_outside` values that a
    mode cannot hold are null, so that the others of their rows can be compared.
    """
    database = tables[0].id.database
    shaping = options or TranscodeOptions()
    plans = [build_plan(table, topic_for(prefix, table.id), shaping) for table in tables]
    if null_outside:
        plans = [with_nulls_outside(plan) for plan in plans]
    changes = {plan.table.id: Changes(ReferenceTranscoder(plan, 1, 2)) for plan in plans}
    with connect(address(server), purpose="a test") as connection:
        info = inspect_server(connection)
    start = _position(server)
    server.execute(sql, database)
    end = _position(server)
    with BinlogReader(address(server), next(_replica_ids), DumpStart(start, None), info) as reader:
        while reader.position < end:
            event = reader.next_event(60_000)
            assert event is not None, f"the binlog is silent at {reader.position}, before {end}"
            if isinstance(event, RowsEvent):
                found = changes.get(TableId(event.table_map.database, event.table_map.table))
                if found is not None:
                    if from_map:
                        _check_map(found, event)
                    _take(found, event)
    return {table_id.table: found for table_id, found in changes.items()}


def with_nulls_outside(plan: TranscodePlan) -> TranscodePlan:
    """The plan with null for what a column's mode cannot hold."""
    columns, key_columns = (
        tuple(dataclasses.replace(one, null_outside=True) for one in some) for some in (plan.columns, plan.key_columns)
    )
    return dataclasses.replace(plan, columns=columns, key_columns=key_columns)


def refused_cells(server: SqlServer, transcoder: ReferenceTranscoder) -> set[tuple[Any, str]]:
    """(first column, column name) of the cells that a snapshot refuses because their mode cannot hold them."""
    plan, found = transcoder.plan, set()
    strict = [dataclasses.replace(one, null_outside=False) for one in plan.columns]
    adjust = plan.options.enable_time_adjuster
    readers = [cell_reader(one.column, one.mapping, adjust, one.zero, one.encode) for one in strict]
    for cells, row in zip(text_cells(server, plan), snapshot(server, transcoder), strict=True):
        for one, read, cell in zip(strict, readers, cells, strict=True):
            if cell is not None and _refuses(read, cell):
                found.add((row[0], one.column.name))
    return found


def _refuses(read: CellReader, cell: bytes) -> bool:
    try:
        read(cell)
    except ValueError as error:
        return "choose another time.precision.mode" in str(error)
    return False


def snapshot(server: SqlServer, transcoder: ReferenceTranscoder) -> list[Row]:
    """All rows of a table as a snapshot reads them."""
    return [transcoder.read_text_row(cells) for cells in text_cells(server, transcoder.plan)]


def text_cells(server: SqlServer, plan: TranscodePlan) -> list[tuple[bytes | None, ...]]:
    """All rows of a table as the server sends them to a snapshot."""
    table_id = plan.table.id
    expressions = ", ".join(plan.select_list())
    with connect(address(server), purpose="a test") as connection:
        connection.decoders, connection.use_unicode = {}, False
        with connection.cursor(Cursor) as cursor:
            cursor.execute(f"SELECT {expressions} FROM `{table_id.database}`.`{table_id.table}`")
            return list(cursor.fetchall())


def shown(column: Column, value: Any) -> str:
    """A value for a failed comparison, its type visible."""
    return f"{column.name} {column.type_expression}: {value!r}"


def differences(transcoder: ReferenceTranscoder, streamed: list[Row], read: list[Row]) -> list[str]:
    """Rows that the two paths saw differently, one line per column; -0.0 differs from 0.0."""
    found = []
    by_key = {row[0]: row for row in read}
    for row in streamed:
        for one, left, right in zip(transcoder.plan.columns, row, by_key.pop(row[0]), strict=True):
            if repr(left) != repr(right):
                found.append(f"row {row[0]}: streamed {shown(one.column, left)}, snapshot {right!r}")
    return found + [f"only in the snapshot: {key}" for key in by_key]


def _position(server: SqlServer) -> BinlogPosition:
    file, pos = server.query(server.position_statement)[0][:2]
    return BinlogPosition(str(file), int(pos))


def _check_map(changes: Changes, event: RowsEvent) -> None:
    plan = changes.transcoder.plan
    reconciled = build_plan(reconcile(event.table_map, plan.table), plan.topic, plan.options)
    assert reconciled.describe() == plan.describe(), "table map and information_schema give one plan"
    assert reconciled.value_schema_json == plan.value_schema_json


def _take(changes: Changes, event: RowsEvent) -> None:
    transcoder = changes.transcoder
    changes.table_map = event.table_map
    transcoder.bind(event.table_map)
    changes.kinds.add(event.kind)
    changes.raw.append(event.rows.tobytes())
    if event.kind == "partial_update":
        event = full_images(event)
    offset = 0
    while offset < len(event.rows):
        first, offset = transcoder.read_row(event.rows, offset, event.columns_present[0])
        if event.kind == "write":
            changes.inserted.append(first)
        elif event.kind == "delete":
            changes.deleted.append(first)
        else:
            second, offset = transcoder.read_row(event.rows, offset, event.columns_present[1])
            changes.updated.append((first, second))
    assert offset == len(event.rows)


def rows_events(server: SqlServer, tables: list[Table], sql: str) -> dict[TableId, list[RowsEvent]]:
    """Run `sql` in the tables' database and return the rows events of `tables`, undecoded."""
    found: dict[TableId, list[RowsEvent]] = {table.id: [] for table in tables}
    with connect(address(server), purpose="a test") as connection:
        info = inspect_server(connection)
    start = _position(server)
    server.execute(sql, tables[0].id.database)
    end = _position(server)
    with BinlogReader(address(server), next(_replica_ids), DumpStart(start, None), info) as reader:
        while reader.position < end:
            event = reader.next_event(60_000)
            assert event is not None, f"the binlog is silent at {reader.position}, before {end}"
            if isinstance(event, RowsEvent):
                table_id = TableId(event.table_map.database, event.table_map.table)
                if table_id in found:
                    found[table_id].append(event)
    return found


def text_rows(server: SqlServer, table_id: TableId, expressions: list[str], where: str = "") -> list[tuple[Any, ...]]:
    """The cells of a snapshot query, as bytes."""
    with connect(address(server), purpose="a test") as connection:
        connection.decoders, connection.use_unicode = {}, False
        with connection.cursor(Cursor) as cursor:
            cursor.execute(f"SELECT {', '.join(expressions)} FROM `{table_id.database}`.`{table_id.table}` {where}")
            return list(cursor.fetchall())
