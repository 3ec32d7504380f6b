"""Geometries and vectors: stored bytes into structs, schemas, and both paths on real servers."""

import contextlib
import io
import json
import random
import struct
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.errors import ValueConversionError
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.spatial import geometry_of, point_of, vector_of
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server
from tests.transcode.ddl import column_from_ddl
from tests.transcode.images import SOURCE, TOPIC, columns, table, transcoder

LINE = b"\x01\x02\x00\x00\x00\x01\x00\x00\x00" + struct.pack("<dd", 1, 2)


def stored_point(srid: int, x: float, y: float) -> bytes:
    return struct.pack("<IBIdd", srid, 1, 1, x, y)


def both(ddl: str, code: int, stored: bytes) -> list[Any]:
    column = column_from_ddl("c", 0, ddl)
    made = transcoder(table(column), TableMapColumn(code, 4, "NOT NULL" not in ddl))
    row, end = made.read_row(memoryview(b"\x00" + struct.pack("<I", len(stored)) + stored), 0, b"\x01")
    assert end == 5 + len(stored)
    return [row[0], made.read_text_row([stored])[0]]


def test_a_point_on_both_paths() -> None:
    stored = stored_point(4326, 20, 10)
    assert both("point", 255, stored) == [{"x": 20.0, "y": 10.0, "wkb": stored[4:], "srid": 4326}] * 2


def test_a_geometry_without_srid_on_both_paths() -> None:
    assert both("linestring", 255, b"\x00" * 4 + LINE) == [{"wkb": LINE, "srid": None}] * 2


@pytest.mark.parametrize("ddl", ["geometry", "geometry NOT NULL", "multipolygon NOT NULL", "point"])
def test_no_bytes_are_null_where_the_field_can_be_null(ddl: str) -> None:
    assert both(ddl, 255, b"") == [None, None]


def test_a_vector_on_both_paths() -> None:
    assert both("vector(3)", 242, struct.pack("<fff", 1.5, -2, 3)) == [[1.5, -2.0, 3.0]] * 2


BROKEN = [
    ("point", 255, stored_point(0, 1, 2)[:-1], "a point of 24 bytes, expected 25"),
    ("point", 255, struct.pack("<IBIdd", 0, 0, 1, 1, 2), "byte order 0 and geometry type 1"),
    ("point NOT NULL", 255, b"", "a point of 0 bytes, expected 25"),
    ("geometry", 255, b"\x00" * 4, "a geometry of 4 bytes, expected at least 9"),
    ("vector(3)", 242, b"\x00" * 7, "a vector of 7 bytes, expected a multiple of 4"),
]


@pytest.mark.parametrize(("ddl", "code", "stored", "message"), BROKEN)
def test_a_broken_body_is_named(ddl: str, code: int, stored: bytes, message: str) -> None:
    with pytest.raises(ValueConversionError, match=f"shop.t, column 'c'.*{message}"):
        both(ddl, code, stored)


@given(st.binary(max_size=40))
def test_any_body_gives_a_value_or_a_value_error(stored: bytes) -> None:
    for convert in (geometry_of, point_of, vector_of):
        with contextlib.suppress(ValueError):
            convert(stored)


def test_a_record_type_is_written_out_once_and_read_back() -> None:
    described = table(*columns("point", "point NOT NULL", "geometry NOT NULL", "polygon", "vector(2) NOT NULL"))
    plan = build_plan(described, TOPIC, TranscodeOptions())
    fields = plan.value_schema["fields"][0]["type"][1]["fields"]
    point, geometry = "io.debezium.data.geometry.Point", "io.debezium.data.geometry.Geometry"
    assert fields[0]["type"][1]["name"] == "Point"
    assert fields[1] == {"name": "c1", "type": point}
    assert fields[2]["type"][1]["connect.doc"] == "Geometry", "optional though NOT NULL, as Debezium's"
    assert fields[3] == {"name": "c3", "type": ["null", geometry], "default": None}
    made = transcoder(described)
    shape = b"\x00" * 4 + LINE
    row = made.read_text_row([None, stored_point(0, 1, 2), shape, shape, struct.pack("<ff", 1, 2)])
    schema = fastavro.parse_schema(json.loads(plan.value_schema_json))
    decoded: Any = fastavro.schemaless_reader(_body(made.value("c", None, row, SOURCE, 1)), schema)
    assert tuple(decoded["after"].values()) == row


def _body(message: bytes) -> io.BytesIO:
    return io.BytesIO(message[5:])


def shapes(rnd: random.Random) -> list[str]:
    def pair() -> str:
        return f"{rnd.uniform(-1e9, 1e9)!r} {rnd.choice([0.0, -0.0, 1e-300, rnd.uniform(-180, 180)])!r}"

    def ring() -> str:
        x, y, size = rnd.randint(-99, 99), rnd.randint(-99, 99), rnd.randint(1, 9)
        return f"({x} {y},{x + size} {y},{x + size} {y + size},{x} {y})"

    line, many = f"({pair()},{pair()},{pair()})", f"({pair()},{pair()})"
    texts = [
        f"POINT({pair()})",
        rnd.choice([f"POINT({pair()})", f"LINESTRING{line}", f"POLYGON({ring()})"]),
        f"LINESTRING{line}",
        f"POLYGON({ring()})",
        f"MULTIPOINT{many}",
        f"MULTILINESTRING({line},{line})",
        f"MULTIPOLYGON(({ring()}),({ring()}))",
        f"GEOMETRYCOLLECTION(POINT({pair()}),LINESTRING{line})",
    ]
    return [f"ST_GeomFromText('{text}', {rnd.choice([0, 3857])})" if rnd.random() < 0.9 else "NULL" for text in texts]


KINDS = [
    *("point", "geometry", "linestring", "polygon"),
    *("multipoint", "multilinestring", "multipolygon", "geometrycollection"),
]


def check_shapes(server: SqlServer, database: str, extra: str, literal: str) -> None:
    rnd = random.Random(20_261_121)
    body = ", ".join(f"c{n} {kind}" for n, kind in enumerate(KINDS))
    server.execute(f"CREATE TABLE t (id int PRIMARY KEY, {body}{extra})", database)
    rows = [f"({key}, {', '.join(shapes(rnd))}{literal})" for key in range(80)]
    sql = f"INSERT INTO t VALUES {', '.join(rows)}; UPDATE t SET c0 = NULL WHERE id < 9"
    found = captured(server, tables_from_server(server, database, "t"), sql)["t"]
    rows_now = {row[0]: row for row in found.inserted}
    for before, after in found.updated:
        assert rows_now[before[0]] == before
        rows_now[after[0]] = after
    assert len(rows_now) == 80
    assert differences(found.transcoder, list(rows_now.values()), snapshot(server, found.transcoder)) == []
    for row, text_x, text_y in zip(
        (rows_now[key] for key in sorted(rows_now)), *_coordinates(server, database), strict=True
    ):
        assert (row[1] is None) == (text_x is None)
        if row[1] is not None:
            assert (row[1]["x"], row[1]["y"]) == (float(text_x), float(text_y))


def _coordinates(server: SqlServer, database: str) -> tuple[list[Any], list[Any]]:
    found = server.query(f"SELECT ST_X(c0), ST_Y(c0) FROM {database}.t ORDER BY id")
    return [x for x, _ in found], [y for _, y in found]


@pytest.mark.integration
def test_random_shapes_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    vector = ", string_to_vector('[1.5,-2e38,1e-30]')"
    check_shapes(mysql, mysql_database, ", v vector(3) NOT NULL, p point NOT NULL SRID 4326", f"{vector}, {POINT_4326}")


POINT_4326 = "ST_GeomFromText('POINT(10 20)', 4326)"


@pytest.mark.integration
def test_random_shapes_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_shapes(mariadb, mariadb_database, "", "")


@pytest.mark.integration
def test_rows_that_were_there_before_a_geometry(mariadb: MariaDbServer, mariadb_database: str) -> None:
    mariadb.execute(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); ALTER TABLE t ADD shape geometry NOT NULL",
        mariadb_database,
    )
    found = captured(mariadb, tables_from_server(mariadb, mariadb_database, "t"), "UPDATE t SET id = 2")["t"]
    assert found.updated == [((1, None), (2, None))]
    assert snapshot(mariadb, found.transcoder) == [(2, None)]


@pytest.mark.integration
def test_expression_defaults_are_no_schema_defaults(
    mysql: MySqlServer, mysql_database: str, mariadb: MariaDbServer, mariadb_database: str
) -> None:
    for server, database in ((mysql, mysql_database), (mariadb, mariadb_database)):
        server.execute("CREATE TABLE d (id int PRIMARY KEY, p point NOT NULL DEFAULT (point(1,2)))", database)
        plan = build_plan(tables_from_server(server, database, "d")[0], TOPIC, TranscodeOptions())
        assert "default" not in plan.columns[1].avro_field
