"""Equal rows give equal bytes: key and value from the binlog and a snapshot, every type under every set of options.

A table is written once; its rows events and its snapshot cells are then transcoded anew for each set.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import ValueConversionError
from faust_cdc.relational.model import Table, TableId
from faust_cdc.relational.table_map import reconcile
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder, Row
from faust_cdc.transcode.rescue import Rescued, rescue_cells, rescue_image
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import rows_events, tables_from_server, text_rows
from tests.transcode.images import SOURCE
from tests.transcode.option_sets import option_sets
from tests.transcode.test_both_paths import COLUMNS, JSON_VALUES, Literal, insert, members, moment

pytestmark = pytest.mark.integration

ROWS = 24
SEED = 4_711
CELLS_MIN = 100_000


def one_of(*literals: str) -> Literal:
    return lambda dice: dice.choice(literals)


def shape(wkt: str, srid: str = "") -> str:
    return f"ST_GeomFromText('{wkt}'{srid})"


_SHAPES = {
    "point": ("POINT(1.5 -2)", "POINT(0 0)"),
    "linestring": ("LINESTRING(0 0,1 1,2 -2)",),
    "polygon": ("POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))",),
    "multipoint": ("MULTIPOINT(1 1,2 2)",),
    "multilinestring": ("MULTILINESTRING((0 0,1 1),(2 2,3 3))",),
    "multipolygon": ("MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))",),
    "geometrycollection": ("GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,3 3))",),
}
_ODD_DATES = one_of("'0000-00-00'", "'2024-00-01'", "'2024-01-00'", "'0001-01-01'", "'0069-12-31'", "'0070-01-01'")

BOTH: list[tuple[str, Literal]] = [
    *COLUMNS,
    *[(name, one_of(*map(shape, texts))) for name, texts in _SHAPES.items()],
    ("geometry", one_of(*[shape(text, ", 4326") for text in ("POINT(1 2)", "LINESTRING(0 0,1 1)")])),
    ("date", _ODD_DATES),
    ("datetime", _ODD_DATES),
    ("datetime(6)", _ODD_DATES),
    ("timestamp(6) NULL", one_of("'0000-00-00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'")),
    ("enum('ä','ö') CHARACTER SET latin1", one_of("1", "2")),
    ("varchar(9) CHARACTER SET utf16", one_of("'漢😀'", "''")),
    ("varchar(9) CHARACTER SET cp1251", one_of("'я'", "''")),
    ("varchar(9) CHARACTER SET gbk", one_of("'漢字'", "''")),
    ("varchar(9) COLLATE utf8mb4_bin", one_of("'aA'", "''")),
]
"""Column definition → its values, on both servers. A new type joins by a line here."""

MYSQL_ONLY: list[tuple[str, Literal]] = [
    ("json", one_of(*[value for value in JSON_VALUES if "70000" not in value])),
    ("vector(3)", one_of("STRING_TO_VECTOR('[1,-2.5,3e30]')", "STRING_TO_VECTOR('[0,-0.0,1e-30]')")),
]
MARIADB_ONLY: list[tuple[str, Literal]] = [
    ("json", one_of("""'{"a":  [1, 2.50]}'""", "'[]'")),
]

REQUIRED: list[tuple[str, Literal]] = [
    ("bigint unsigned", lambda dice: str(dice.randrange(1 << 64))),
    ("decimal(20,5)", lambda dice: str(dice.randrange(-(10**15), 10**15))),
    ("varbinary(20)", lambda dice: f"X'{dice.randbytes(dice.randrange(21)).hex()}'"),
    ("binary(3)", lambda dice: f"X'{dice.randbytes(2).hex()}'"),
    ("varchar(20)", one_of("'é'", "''", "'漢'")),
    ("date", moment("1969-01-01", "2400-12-31", "%Y-%m-%d", 0)),
    ("datetime(6)", moment("1970-01-01", "2200-12-31", "%Y-%m-%d %H:%M:%S.%f", 6)),
    ("time(3)", one_of("'12:34:56.789'", "'00:00:00'", "'23:59:59.999'")),
    ("timestamp(2)", moment("1971-01-01", "2037-12-31", "%Y-%m-%d %H:%M:%S.%f", 2)),
    ("year", one_of("1901", "2155", "0")),
    ("bit(9)", members(9)),
    ("enum('a','b')", one_of("1", "2")),
]
"""NOT NULL and all of them the record key, after `id`."""


@dataclass(frozen=True)
class Seen:
    """A row as one of the paths has it, with the columns whose values the options have no form for."""

    row: Row
    refused: tuple[str, ...] = ()


def image_row(transcoder: ReferenceTranscoder, event: RowsEvent, offset: int, side: int) -> tuple[Seen, int]:
    """The row image at `offset`, and the offset after it."""
    present = event.columns_present[side]
    try:
        row, end = transcoder.read_row(event.rows, offset, present)
    except ValueConversionError:
        rescued = rescue_image(transcoder, event.table_map, event.rows, offset, present)
        return _rescued(rescued), rescued.end
    return Seen(row), end


def snapshot_row(transcoder: ReferenceTranscoder, cells: Sequence[Any]) -> Seen:
    """The row of a SELECT's cells."""
    try:
        return Seen(transcoder.read_text_row(cells))
    except ValueConversionError:
        return _rescued(rescue_cells(transcoder, cells))


def _rescued(rescued: Rescued) -> Seen:
    assert rescued.bad
    return Seen(tuple(rescued.values), tuple(cell.column.column.name for cell in rescued.bad))


def final_rows(transcoder: ReferenceTranscoder, events: list[RowsEvent]) -> dict[object, Seen]:
    """The rows as the binlog leaves them, by their first column."""
    rows: dict[object, Seen] = {}
    transcoder.bind(events[0].table_map)
    for event in events:
        offset = 0
        while offset < len(event.rows):
            seen, offset = image_row(transcoder, event, offset, 0)
            if event.kind != "write":
                assert rows.pop(seen.row[0]) == seen, "the image before is the image after of the last change"
            if event.kind == "update":
                seen, offset = image_row(transcoder, event, offset, 1)
            if event.kind != "delete":
                rows[seen.row[0]] = seen
    return rows


def compare(server: SqlServer, table: Table, events: list[RowsEvent], options: TranscodeOptions) -> int:
    """Assert that both paths give the same bytes and refuse the same values; return how many cells that were."""
    plan = build_plan(table, "p.d.t", options)
    from_map = build_plan(reconcile(events[0].table_map, table), "p.d.t", options)
    assert from_map.value_schema_json == plan.value_schema_json
    transcoder = ReferenceTranscoder(plan, 1, 2)
    streamed = final_rows(transcoder, events)
    cells = _cells(server, table, tuple(plan.select_list()))
    read = {seen.row[0]: seen for seen in (snapshot_row(transcoder, one) for one in cells)}
    assert len(cells) == len(read) == len(streamed)
    for key, seen in streamed.items():
        row, other = seen.row, read[key].row
        for one, left, right in zip(plan.columns, row, other, strict=True):
            assert repr(left) == repr(right), f"{options}: {one.column.name} {one.column.type_expression}, row {key!r}"
        assert seen.refused == read[key].refused, f"{options}: row {key!r}"
        assert transcoder.key(row) == transcoder.key(other)
        assert transcoder.value("r", None, row, SOURCE, 1) == transcoder.value("r", None, other, SOURCE, 1)
    return sum(len(seen.row) - len(seen.refused) for seen in streamed.values())


_read_cells: dict[tuple[int, str, tuple[str, ...]], list[tuple[Any, ...]]] = {}


def _cells(server: SqlServer, table: Table, expressions: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The snapshot's cells, asked for once per list of expressions."""
    place = (server.port, str(table.id), expressions)
    if place not in _read_cells:
        _read_cells[place] = text_rows(server, table.id, list(expressions))
    return _read_cells[place]


def written_tables(
    server: SqlServer, database: str, more: list[tuple[str, Literal]]
) -> tuple[list[Table], dict[TableId, list[RowsEvent]]]:
    """Two tables of all types, written once, and their rows events."""
    dice = random.Random(SEED)
    all_types = [*BOTH, *more]
    body = ", ".join(f"`c{n}` {definition}" for n, (definition, _) in enumerate(all_types))
    required = ", ".join(f"`c{n}` {definition} NOT NULL" for n, (definition, _) in enumerate(REQUIRED))
    key = ", ".join(f"c{n}" for n in range(len(REQUIRED)))
    server.execute(
        f"SET sql_mode=''; CREATE TABLE t (id int PRIMARY KEY, {body}); "
        f"CREATE TABLE k (id int, {required}, PRIMARY KEY (id, {key}))",
        database,
    )
    tables = tables_from_server(server, database, "t", "k")
    sql = "; ".join(
        (
            "SET sql_mode='ALLOW_INVALID_DATES'",
            insert(all_types, ROWS, dice),
            "UPDATE t SET id = id + 1000 WHERE id % 2 = 0; DELETE FROM t WHERE id % 5 = 0",
            _insert_required(dice),
        )
    )
    return tables, rows_events(server, tables, sql)


def check(server: SqlServer, database: str, connector: str, more: list[tuple[str, Literal]]) -> None:
    tables, events = written_tables(server, database, more)
    sets = option_sets(connector)
    cells = sum(compare(server, table, events[table.id], options) for options in sets for table in tables)
    columns = sum(len(table.columns) for table in tables)
    print(f"{server.name}: {cells} cells of {columns} columns equal under {len(sets)} sets of options")
    assert cells >= CELLS_MIN


def _insert_required(dice: random.Random) -> str:
    values = ", ".join(f"({key}, {', '.join(one(dice) for _, one in REQUIRED)})" for key in range(1, ROWS + 1))
    return f"INSERT INTO k VALUES {values}"


def test_equal_bytes_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check(mysql, mysql_database, "mysql", MYSQL_ONLY)


def test_equal_bytes_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check(mariadb, mariadb_database, "mariadb", MARIADB_ONLY)
