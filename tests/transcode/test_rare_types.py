"""Rare values and column kinds on real servers: both paths give the server's own answer, or one and the same error."""

from decimal import Decimal

import pytest

from faust_cdc.errors import ValueConversionError
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc_schemas import connect_avro
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server

pytestmark = pytest.mark.integration


def check_undefined_bytes(server: SqlServer, database: str, charset: str, stored: str) -> None:
    """`stored` are bytes that the server keeps though it has no character for them, and shows as ?."""
    server.execute(f"CREATE TABLE t (id int PRIMARY KEY, c varchar(9) CHARACTER SET {charset})", database)
    tables = tables_from_server(server, database, "t")
    with pytest.raises(ValueConversionError, match=r"column 'c' \(varchar\(9\)\): '.*' codec"):
        captured(server, tables, f"INSERT INTO t VALUES (1, X'{stored}')")
    assert "?" in server.query("SELECT CONVERT(c USING utf8mb4) FROM t", database)[0][0]
    server.execute("DELETE FROM t", database)
    transcoder = captured(server, tables, "INSERT INTO t VALUES (2, 'plain')")["t"].transcoder
    server.execute(f"INSERT INTO t VALUES (1, X'{stored}')", database)
    with pytest.raises(ValueConversionError, match=r"column 'c' \(varchar\(9\)\).*'.*' codec"):
        snapshot(server, transcoder)


@pytest.mark.parametrize(("charset", "stored"), [("dec8", "61ff"), ("cp1250", "81"), ("swe7", "e4"), ("euckr", "a2fe")])
def test_undefined_bytes_are_an_error_on_mysql(
    mysql: MySqlServer, mysql_database: str, charset: str, stored: str
) -> None:
    check_undefined_bytes(mysql, mysql_database, charset, stored)


def test_undefined_bytes_are_an_error_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_undefined_bytes(mariadb, mariadb_database, "dec8", "61ff")


LONG = "long label " * 23
LABELLED = {
    "enum('a,b','c''d','e\\\\f','',' lead','é,ü','漢字😀')": 7,
    "set('x y','','z''q','é','漢')": 31,
    f"enum('{LONG}','{'漢' * 255}','{'é' * 64}')": 3,
    f"set('{'漢' * 100}','{'b' * 255}')": 3,
    "enum('é','ß','€') CHARACTER SET latin1": 3,
    "set('é','ß') CHARACTER SET latin1": 3,
    "enum('ソ','表','\\\\') CHARACTER SET sjis": 3,
    "enum('漢','字') CHARACTER SET ucs2": 2,
    "set('Ä','ö') CHARACTER SET swe7": 3,
    "enum('ж','я') CHARACTER SET koi8u": 2,
    "enum('α','ω') CHARACTER SET utf16": 2,
    "enum('bin','ary') CHARACTER SET binary": 2,
    "enum('why?','a') CHARACTER SET binary": 2,
    "set('why?','表','?') CHARACTER SET sjis": 7,
    "enum(" + ",".join(f"'e{n}'" for n in range(1, 256)) + ")": 255,
    "enum(" + ",".join(f"'m{n}'" for n in range(1, 1001)) + ")": 1000,
    "set(" + ",".join(f"'s{n}'" for n in range(64)) + ")": (1 << 64) - 1,
    "set(" + ",".join(f"'s{n}'" for n in range(9)) + ")": 511,
    "set(" + ",".join(f"'s{n}'" for n in range(33)) + ")": (1 << 33) - 1,
}
"""Declaration → largest number."""


def check_labels(server: SqlServer, database: str) -> None:
    names = [f"{'漢' * 60}{n}" for n in range(len(LABELLED))]
    table = "é" * 64
    columns = ", ".join(f"`{name}` {declared}" for name, declared in zip(names, LABELLED, strict=True))
    server.execute(f"CREATE TABLE `{table}` (id int PRIMARY KEY, {columns})", database)
    rows = [
        [0 for _ in LABELLED],
        [1 for _ in LABELLED],
        [min(2, largest) for largest in LABELLED.values()],
        [min(3, largest) for largest in LABELLED.values()],
        [largest // 2 + 1 for largest in LABELLED.values()],
        list(LABELLED.values()),
    ]
    values = ",".join(f"({key}, {', '.join(map(str, row))})" for key, row in enumerate(rows))
    sql = f"SET sql_mode = ''; INSERT INTO `{table}` VALUES {values}"
    options = TranscodeOptions(field_name_adjustment="avro")
    found = captured(server, tables_from_server(server, database, table), sql, options)[table]
    shown = ", ".join(f"CONVERT(`{name}` USING utf8mb4)" for name in names)
    assert found.inserted == server.query(f"SELECT id, {shown} FROM `{table}` ORDER BY id", database)
    assert found.inserted == snapshot(server, found.transcoder)
    assert found.inserted[0][1:] == ("",) * len(LABELLED)
    allowed = found.transcoder.plan.columns[1].mapping.parameters["allowed"]
    assert allowed == "a\\,b,c'd,e\\\\f,, lead,é\\,ü,漢字?", "as the server prints the column, and so Debezium"


def test_labels_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_labels(mysql, mysql_database)


def test_labels_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_labels(mariadb, mariadb_database)


CONVERTED = {
    ("latin1", "utf8mb4", "x,bü,y"): ("x", "b", "y"),
    ("latin1", "ascii", "x,bü,y"): ("x", "b?", "y"),
    ("utf16", "latin1", "x,bü,y"): ("\0x", "\0b\0ü", "\0y"),
    ("sjis", "utf8mb3", "x,b\\\\c,y"): ("x", "x'62815f63'", "y"),
}
"""From, to, labels as written → as the server shows them then."""


def test_labels_whose_bytes_a_conversion_kept_are_those_that_mysql_shows(
    mysql: MySqlServer, mysql_database: str
) -> None:
    for number, ((before, after, written), shown) in enumerate(CONVERTED.items()):
        labels = "'" + written.replace(",", "','") + "'"
        table = f"t{number}"
        mysql.execute(
            f"CREATE TABLE {table} (id int PRIMARY KEY, e ENUM({labels})) CHARSET {before}; "
            f"ALTER TABLE {table} CONVERT TO CHARACTER SET {after}",
            mysql_database,
        )
        sql = f"INSERT INTO {table} VALUES (1, 1), (2, 2), (3, 3)"
        found = captured(mysql, tables_from_server(mysql, mysql_database, table), sql)[table]
        assert found.transcoder.plan.columns[1].column.enum_values == shown
        assert found.inserted == list(enumerate(shown, start=1))
        assert found.inserted == snapshot(mysql, found.transcoder)


NUMBERS = """CREATE TABLE t (id int PRIMARY KEY, y year, z int(8) unsigned zerofill, zs smallint(5) zerofill,
 zd decimal(8,3) zerofill, f float(10,3), d double(20,6), big decimal(65,30), whole decimal(65,0), {bits})"""
BITS = (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64)


def check_numbers(server: SqlServer, database: str) -> None:
    server.execute(NUMBERS.format(bits=", ".join(f"b{n} bit({n})" for n in BITS)), database)
    big = "9" * 35 + "." + "9" * 30
    rows = [
        ["0", "0", "0", "0", "0", "0", "0", "0", *["0"] * len(BITS)],
        ["1901", "42", "7", "1.5", "-1234567.125", "-1e12", f"-{big}", "9" * 65, *["1"] * len(BITS)],
        ["2155", "4294967295", "65535", "99999.999", "9999999.5", "0.000001", big, f"-{'9' * 65}"]
        + [str((1 << n) - 1) for n in BITS],
        ["0000", "1", "1", "0.001", "0.001", "123456.654321", "0.000000000000000000000000000001", "-1"]
        + [str(1 << (n - 1)) for n in BITS],
    ]
    values = ",".join(f"({key}, {', '.join(row)})" for key, row in enumerate(rows))
    found = captured(server, tables_from_server(server, database, "t"), f"INSERT INTO t VALUES {values}")["t"]
    assert differences(found.transcoder, found.inserted, snapshot(server, found.transcoder)) == []
    plain = TranscodeOptions(decimal_handling_mode="string")
    transcoder = ReferenceTranscoder(build_plan(found.transcoder.plan.table, "p.d.t", plain), 1, 2)
    assert [row[1:4] for row in snapshot(server, transcoder)] == [
        *((0, 0, 0), (1901, 42, 7), (2155, 4294967295, 65535), (0, 1, 1)),
    ]
    exact = server.query("SELECT CAST(zd AS char), CAST(big AS char), CAST(whole AS char) FROM t ORDER BY id", database)
    seen = [(row[4], row[7], row[8]) for row in snapshot(server, transcoder)]
    assert [tuple(map(Decimal, row)) for row in seen] == [tuple(map(Decimal, row)) for row in exact]


def test_numbers_at_their_limits_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_numbers(mysql, mysql_database)


def test_numbers_at_their_limits_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_numbers(mariadb, mariadb_database)


def test_generated_and_invisible_columns_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    mariadb.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int, p int AS (a + 1) PERSISTENT, v int AS (a + 2) VIRTUAL, "
        "i int INVISIBLE, vt varchar(20) AS (concat('x', a)) VIRTUAL)",
        mariadb_database,
    )
    sql = "INSERT INTO t (id, a, i) VALUES (1, 5, 9), (2, NULL, NULL); UPDATE t SET a = 7 WHERE id = 1"
    found = captured(mariadb, tables_from_server(mariadb, mariadb_database, "t"), sql)["t"]
    assert found.inserted == [(1, 5, 6, 7, 9, "x5"), (2, None, None, None, None, None)]
    assert found.updated == [((1, 5, 6, 7, 9, "x5"), (1, 7, 8, 9, 9, "x7"))]
    assert snapshot(mariadb, found.transcoder) == [(1, 7, 8, 9, 9, "x7"), (2, None, None, None, None, None)]


@pytest.mark.parametrize("metadata", ["FULL", "NO_LOG"])
def test_the_hidden_hash_of_a_long_unique_key_is_no_column(
    mariadb: MariaDbServer, mariadb_database: str, metadata: str
) -> None:
    mariadb.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, a TEXT UNIQUE, b INT, c TEXT NOT NULL UNIQUE)", mariadb_database
    )
    rows = "(1, 'x', 1, 'p'), (2, NULL, 2, 'q'), (3, 'y', NULL, 'r')"
    sql = f"INSERT INTO t VALUES {rows}; UPDATE t SET a = 'z' WHERE id = 1; DELETE FROM t WHERE id = 3"
    (known,) = tables_from_server(mariadb, mariadb_database, "t")
    mariadb.execute(f"SET GLOBAL binlog_row_metadata = {metadata}")
    try:
        found = captured(mariadb, [known], sql)["t"]
    finally:
        mariadb.execute("SET GLOBAL binlog_row_metadata = FULL")
    assert found.table_map is not None
    assert len(found.table_map.columns) == len(known.columns) + 2, "the server hides a column for each such key"
    assert found.inserted == [(1, "x", 1, "p"), (2, None, 2, "q"), (3, "y", None, "r")]
    assert found.updated == [((1, "x", 1, "p"), (1, "z", 1, "p"))]
    assert found.deleted == [(3, "y", None, "r")]


def test_generated_invisible_primary_key(mysql: MySqlServer, mysql_database: str) -> None:
    mysql.execute("SET sql_generate_invisible_primary_key = ON; CREATE TABLE t (a int, b varchar(9))", mysql_database)
    tables = tables_from_server(mysql, mysql_database, "t")
    found = captured(mysql, tables, "INSERT INTO t VALUES (5, 'x'), (6, 'y'); UPDATE t SET a = 8 WHERE b = 'y'")["t"]
    assert [(one.name, one.invisible, one.auto_increment) for one in tables[0].columns] == [
        *(("my_row_id", True, True), ("a", False, False), ("b", False, False)),
    ]
    assert tables[0].primary_key == ("my_row_id",)
    assert found.inserted == [(1, 5, "x"), (2, 6, "y")]
    assert found.updated == [((2, 6, "y"), (2, 8, "y"))]
    assert snapshot(mysql, found.transcoder) == [(1, 5, "x"), (2, 8, "y")]


def test_expression_defaults_and_comments(mysql: MySqlServer, mysql_database: str) -> None:
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, u char(36) DEFAULT (uuid()) COMMENT 'it''s a; \"comment\" é', "
        "n int NOT NULL DEFAULT (1 + 1), j json DEFAULT (JSON_ARRAY()), p point DEFAULT (POINT(1, 2)), "
        "d date DEFAULT (CURRENT_DATE), b blob DEFAULT ('x')) COMMENT 'of the table'",
        mysql_database,
    )
    (table,) = tables_from_server(mysql, mysql_database, "t")
    found = captured(mysql, [table], "INSERT INTO t (id) VALUES (1)")["t"]
    assert (table.comment, table.columns[1].comment) == ("of the table", 'it\'s a; "comment" é')
    assert all(one.default_is_expression for one in table.columns[1:])
    assert all(one.default is connect_avro.MISSING or one.default is None for one in found.transcoder.plan.columns)
    assert found.inserted == snapshot(mysql, found.transcoder)
    assert found.inserted[0][2:4] == (2, "[]")
