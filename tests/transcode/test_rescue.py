"""A row read again cell by cell: every type's size is known, so that one bad cell hides no other."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.binlog.events import RowsEvent, TableMapColumn
from faust_cdc.binlog.reader import BinlogReader, DumpStart
from faust_cdc.mysql.connection import connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import UNAVAILABLE, ReferenceTranscoder
from faust_cdc.transcode.rescue import Unwalkable, rescue_cells, rescue_image
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import address, tables_from_server
from tests.transcode.images import columns, table, table_map, transcoder

COLUMNS = (
    "ti TINYINT, si SMALLINT UNSIGNED, mi MEDIUMINT, i INT, bi BIGINT UNSIGNED, f FLOAT, d DOUBLE, "
    "n1 DECIMAL(5,2), n2 DECIMAL(65,30), b1 BIT(1), b9 BIT(9), y YEAR, dt DATE, t0 TIME, t3 TIME(3), t6 TIME(6), "
    "dt0 DATETIME, dt2 DATETIME(2), dt5 DATETIME(5), ts0 TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, c CHAR(5), "
    "c2 CHAR(200), v VARCHAR(20), v2 VARCHAR(300), bn BINARY(4), vb VARBINARY(300), tt TINYTEXT, tx TEXT, "
    "mt MEDIUMTEXT, lt LONGTEXT, tb TINYBLOB, lb LONGBLOB, e ENUM('a','b'), s SET('x','y','z'), j JSON, "
    "p POINT, g GEOMETRY"
)
VALUES = (
    "-1, 65535, -8388608, 2147483647, 18446744073709551615, 1.5, 2.25, -123.45, 12345678901234567890.5, 1, 257, 2024, "
    "'2024-02-29', '-01:02:03', '10:11:12.345', '-838:59:58.999999', '2024-02-29 01:02:03', '2024-02-29 01:02:03.25', "
    "'2024-02-29 01:02:03.12345', '2024-02-29 01:02:03', '2024-02-29 01:02:03.123456', 'ch', REPEAT('ü', 150), 'vä', "
    "REPEAT('w', 280), 'bin', REPEAT('q', 290), 'tiny', 'text', 'medium', REPEAT('l', 300), 'tb', REPEAT('b', 300), "
    "'b', 'x,z', '{\"a\": [1, 2.5, null]}', ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('LINESTRING(0 0, 1 1)')"
)


def rows_of(server: SqlServer, database: str) -> tuple[ReferenceTranscoder, RowsEvent]:
    """The rows event of one INSERT with values, nulls, and values again, and the transcoder bound to it."""
    server.execute(f"CREATE TABLE t ({COLUMNS})", database)
    (described,) = tables_from_server(server, database, "t")
    file, pos, *_ = server.query("SHOW BINARY LOG STATUS" if isinstance(server, MySqlServer) else "SHOW MASTER STATUS")[
        0
    ]
    nulls = ", ".join(["NULL"] * len(described.columns))
    server.execute(f"INSERT INTO t VALUES ({VALUES}), ({nulls}), ({VALUES})", database)
    with connect(address(server), purpose="a test") as connection:
        info = inspect_server(connection)
    made = ReferenceTranscoder(build_plan(described, "p.d.t", TranscodeOptions(connector=info.flavor)), None, 1)
    start = DumpStart(BinlogPosition(str(file), int(pos)), None)
    with BinlogReader(address(server), next(_replica_ids), start, info, heartbeat_ms=1000) as reader:
        while True:
            event = reader.next_event(1000)
            if isinstance(event, RowsEvent):
                made.bind(event.table_map)
                return made, event


_replica_ids = itertools.count(91_000)


def broken(_data: bytes, _pos: int) -> Any:
    raise ValueError("broken on purpose")


@pytest.mark.integration
@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_each_column_of_every_type_can_be_bad_alone(flavor: str, request: pytest.FixtureRequest) -> None:
    server: MySqlServer | MariaDbServer = request.getfixturevalue(flavor)
    made, event = rows_of(server, str(request.getfixturevalue(f"{flavor}_database")))
    present = event.columns_present[0]
    expected, offset = [], 0
    while offset < len(event.rows):
        row, end = made.read_row(event.rows, offset, present)
        rescued = rescue_image(made, event.table_map, event.rows, offset, present)
        assert (tuple(rescued.values), rescued.end, rescued.bad) == (row, end, ())
        expected.append((row, offset, end))
        offset = end
    assert len(expected) == 3
    bound = made._bound
    assert bound is not None
    raw = 0
    for index in range(len(made.plan.columns)):
        made._bound = replace(bound, reads=(*bound.reads[:index], broken, *bound.reads[index + 1 :]))
        for row, offset, end in expected:
            rescued = rescue_image(made, event.table_map, event.rows, offset, present)
            assert rescued.end == end
            assert tuple(rescued.values) == (*row[:index], None, *row[index + 1 :])
            assert [cell.column.index for cell in rescued.bad] == ([] if row[index] is None else [index])
            raw += sum(len(cell.raw) for cell in rescued.bad)
    sizes = sum(end - offset - (len(made.plan.columns) + 7) // 8 for _, offset, end in expected)
    assert raw == sizes, "the bad cells of all columns together are the rows, less their null bitmaps"


def test_a_size_that_leaves_the_rows_ends_the_walk() -> None:
    wire = (TableMapColumn(3, 0, True), TableMapColumn(15, 80, True))
    made = transcoder(table(*columns("int", "varchar(20)")), *wire)
    image = b"\x00\x01\0\0\0\x09short"
    with pytest.raises(Unwalkable, match="'c1' would end at byte 15"):
        rescue_image(
            made, table_map(TableMapColumn(3, 0, True), TableMapColumn(15, 80, True)), memoryview(image), 0, b"\x03"
        )


def test_columns_that_an_image_leaves_out_stay_out_and_nulls_must_be_allowed() -> None:
    wire = (TableMapColumn(3, 0, False), TableMapColumn(3, 0, True), TableMapColumn(3, 0, False))
    made = transcoder(table(*columns("int NOT NULL", "int", "int NOT NULL")), *wire)
    rescued = rescue_image(made, table_map(*wire), memoryview(b"\x02\x07\0\0\0"), 0, b"\x05")
    assert rescued.values == [7, UNAVAILABLE, None]
    assert [(cell.column.index, cell.raw, cell.cause) for cell in rescued.bad] == [
        (2, b"", "NULL in a NOT NULL column")
    ]


def test_snapshot_cells_are_read_as_far_as_they_can_be() -> None:
    made = transcoder(table(*columns("int", "date", "varchar(9)")))
    rescued = rescue_cells(made, [b"x", b"2024-02-31", b"fine"])
    assert rescued.values == [None, None, "fine"]
    assert [(cell.column.index, cell.raw) for cell in rescued.bad] == [(0, b"x"), (1, b"2024-02-31")]
