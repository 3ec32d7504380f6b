"""Random and extreme values on real servers: binlog and snapshot give the same rows, whatever the type.

The oracle for characters is the server's own conversion to utf8mb4, which the snapshot path reads.
"""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server
from tests.transcode.golden_modes import RUNS

pytestmark = pytest.mark.integration

ROWS = 150
SEED = 20_261_121

Literal = Callable[[random.Random], str]


def whole(low: int, high: int) -> Literal:
    return lambda rnd: str(rnd.choice([low, high, 0, 1, rnd.randint(low, high)]))


def decimal(precision: int, scale: int) -> Literal:
    def literal(rnd: random.Random) -> str:
        digits = "".join(rnd.choice("0123456789") for _ in range(precision))
        digits = rnd.choice([digits, "9" * precision, "0" * precision])
        point = precision - scale
        return rnd.choice(["", "-"]) + (digits[:point] or "0") + "." + digits[point:] + ("0" if not scale else "")

    return literal


def real(largest: float) -> Literal:
    return lambda rnd: repr(
        rnd.choice([0.0, 1e-30, -1.5, largest, -largest, rnd.uniform(-1, 1), rnd.uniform(-1, 1) * min(largest, 1e9)])
    )


def moment(first: str, last: str, form: str, digits: int) -> Literal:
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)

    def literal(rnd: random.Random) -> str:
        value = rnd.choice([start, end, start + timedelta(seconds=rnd.uniform(0, (end - start).total_seconds()))])
        unit = 10 ** (6 - digits)
        return "'" + value.replace(microsecond=value.microsecond // unit * unit).strftime(form) + "'"

    return literal


def clock(digits: int) -> Literal:
    def literal(rnd: random.Random) -> str:
        fraction = "." + "".join(rnd.choice("0123456789") for _ in range(digits)) if digits else ""
        text = f"{rnd.randint(0, 837)}:{rnd.randint(0, 59):02}:{rnd.randint(0, 59):02}{fraction}"
        return f"'{rnd.choice(['', '-'])}{text}'"

    return literal


def text(alphabet: str, longest: int) -> Literal:
    def literal(rnd: random.Random) -> str:
        value = "".join(rnd.choice(alphabet) for _ in range(rnd.choice([0, 1, longest, rnd.randint(0, longest)])))
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"

    return literal


def binary(longest: int) -> Literal:
    return lambda rnd: f"X'{rnd.randbytes(rnd.choice([0, 1, longest])).hex()}'"


def members(count: int) -> Literal:
    return lambda rnd: str(rnd.choice([0, 1, 1 << (count - 1), (1 << count) - 1, rnd.getrandbits(count)]))


UNICODE = "aZ09 é€ñ漢字😀\t\n\\'\"%_ "
SET64 = "set(" + ",".join(f"'m{n}'" for n in range(64)) + ")"
DATETIME = "%Y-%m-%d %H:%M:%S.%f"

COLUMNS: list[tuple[str, Literal]] = [
    ("tinyint", whole(-128, 127)),
    ("tinyint unsigned", whole(0, 255)),
    ("tinyint(1)", whole(0, 1)),
    ("smallint", whole(-32768, 32767)),
    ("smallint unsigned", whole(0, 65535)),
    ("mediumint", whole(-(2**23), 2**23 - 1)),
    ("mediumint unsigned", whole(0, 2**24 - 1)),
    ("int", whole(-(2**31), 2**31 - 1)),
    ("int unsigned", whole(0, 2**32 - 1)),
    ("bigint", whole(-(2**63), 2**63 - 1)),
    ("bigint unsigned", whole(0, 2**64 - 1)),
    *[(f"decimal({p},{s})", decimal(p, s)) for p, s in ((1, 0), (9, 9), (10, 2), (18, 9), (28, 10), (65, 0), (65, 30))],
    ("float", real(3e38)),
    ("float(7,3)", real(9999.999)),
    ("double", real(1.7e308)),
    ("double(10,4)", real(999999.9999)),
    ("bit(1)", members(1)),
    ("bit(7)", members(7)),
    ("bit(33)", members(33)),
    ("bit(64)", members(64)),
    ("year", lambda rnd: str(rnd.choice([0, 1901, 2155, rnd.randint(1901, 2155)]))),
    ("date", moment("1000-01-01", "9999-12-31", "%Y-%m-%d", 0)),
    *[(f"time({n})", clock(n)) for n in range(7)],
    *[(f"datetime({n})", moment("1000-01-01", "9999-12-31 23:59:59.999999", DATETIME, n)) for n in range(7)],
    *[(f"timestamp({n}) NULL", moment("1970-01-01 00:00:01", "2038-01-19 03:14:07", DATETIME, n)) for n in range(7)],
    ("char(10)", text(UNICODE, 10)),
    ("char(100)", text(UNICODE, 100)),
    ("varchar(20)", text(UNICODE, 20)),
    ("varchar(300)", text(UNICODE, 300)),
    ("varchar(20) CHARACTER SET utf8mb3", text("aé€漢", 20)),
    ("varchar(20) CHARACTER SET latin1", text("aé€ÿ", 20)),
    ("char(20) CHARACTER SET ascii", text("aZ09", 20)),
    ("tinytext", text(UNICODE, 40)),
    ("text", text(UNICODE, 400)),
    ("mediumtext CHARACTER SET latin1", text("aé€ÿ", 400)),
    ("longtext", text(UNICODE, 400)),
    ("binary(8)", binary(8)),
    ("varbinary(300)", binary(300)),
    ("tinyblob", binary(255)),
    ("blob", binary(500)),
    ("mediumblob", binary(500)),
    ("longblob", binary(500)),
    ("enum('a','b,c','d''e','漢','\\\\')", lambda rnd: str(rnd.randint(1, 5))),
    ("set('x','y','z w')", members(3)),
    (SET64, members(64)),
]


def create_table(columns: list[str]) -> str:
    body = ", ".join(f"`c{n}` {definition}" for n, definition in enumerate(columns))
    return f"CREATE TABLE t (id int PRIMARY KEY, {body})"


def insert(columns: list[tuple[str, Literal]], rows: int, rnd: random.Random) -> str:
    def cells() -> str:
        return ", ".join("NULL" if rnd.random() < 0.1 else literal(rnd) for _, literal in columns)

    values = ",\n".join(f"({key}, {cells()})" for key in range(1, rows + 1))
    return f"SET time_zone='+00:00'; INSERT INTO t VALUES {values}"


def check_random_rows(server: SqlServer, database: str, options: TranscodeOptions | None = None) -> None:
    rnd = random.Random(SEED)
    server.execute(create_table([definition for definition, _ in COLUMNS]), database)
    sql = insert(COLUMNS, ROWS, rnd) + "; UPDATE t SET id = id + 1000 WHERE id % 2 = 0; DELETE FROM t WHERE id % 5 = 0"
    found = captured(server, tables_from_server(server, database, "t"), sql, options, null_outside=True)["t"]
    assert len(found.inserted) == ROWS
    assert len(found.updated) == ROWS // 2
    rows = {row[0]: row for row in found.inserted}
    for before, after in found.updated:
        assert rows.pop(before[0]) == before
        rows[after[0]] = after
    for row in found.deleted:
        assert rows.pop(row[0]) == row
    assert differences(found.transcoder, list(rows.values()), snapshot(server, found.transcoder)) == []


def test_random_rows_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_random_rows(mysql, mysql_database)


def test_random_rows_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_random_rows(mariadb, mariadb_database)


@pytest.mark.parametrize("run", list(RUNS))
def test_random_rows_in_the_other_modes_on_mysql(mysql: MySqlServer, mysql_database: str, run: str) -> None:
    check_random_rows(mysql, mysql_database, RUNS[run])


@pytest.mark.parametrize("run", list(RUNS))
def test_random_rows_in_the_other_modes_on_mariadb(mariadb: MariaDbServer, mariadb_database: str, run: str) -> None:
    check_random_rows(mariadb, mariadb_database, RUNS[run])


ZERO_DATES = """
SET sql_mode='ALLOW_INVALID_DATES';
INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00 00:00:00', -0e0, -0e0),
 (2, '2024-00-01', '2024-01-00', '0000-01-01', '1970-01-01 00:00:01', 0, 0),
 (3, '0001-01-01', '0069-12-31', '0070-01-01', '2038-01-19 03:14:07.999999', 1e-45, 5e-324)
"""


def check_zero_dates(server: SqlServer, database: str) -> None:
    kinds = [
        "date",
        "datetime NOT NULL",
        "datetime(6)",
        "timestamp(6) NOT NULL DEFAULT '2020-01-02'",
        "float",
        "double",
    ]
    server.execute("SET sql_mode='ALLOW_INVALID_DATES'; " + create_table(kinds), database)
    found = captured(server, tables_from_server(server, database, "t"), ZERO_DATES)["t"]
    assert differences(found.transcoder, found.inserted, snapshot(server, found.transcoder)) == []
    assert [row[1] for row in found.inserted] == [None, None, 11323]
    assert [row[2] for row in found.inserted] == [0, 0, 3_155_673_600_000]
    assert [row[4] for row in found.inserted] == [
        "2020-01-02T00:00:00.000000Z",
        "1970-01-01T00:00:01.000000Z",
        "2038-01-19T03:14:07.999999Z",
    ]


def test_zero_dates_and_signed_zeros_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_zero_dates(mysql, mysql_database)


def test_zero_dates_and_signed_zeros_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_zero_dates(mariadb, mariadb_database)


def test_old_temporal_layouts_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    mariadb.execute("SET GLOBAL mysql56_temporal_format=OFF")
    try:
        mariadb.execute(create_table(["time", "datetime", "timestamp NULL"]), mariadb_database)
    finally:
        mariadb.execute("SET GLOBAL mysql56_temporal_format=ON")
    sql = """SET time_zone='+00:00';
      INSERT INTO t VALUES (1, '-838:59:59', '1000-01-01 00:00:00', '1970-01-01 00:00:01'),
      (2, '838:59:59', '9999-12-31 23:59:59', '2038-01-19 03:14:07'), (3, '00:00:00', NULL, NULL)"""
    # Full metadata of old layouts leaves the fraction out, so the table map alone is refused before it gets here.
    found = captured(mariadb, tables_from_server(mariadb, mariadb_database, "t"), sql, from_map=False)["t"]
    assert differences(found.transcoder, found.inserted, snapshot(mariadb, found.transcoder)) == []
    assert found.inserted[0] == (1, -3_020_399_000_000, -30_610_224_000_000, "1970-01-01T00:00:01Z")


SINGLE_BYTE = [
    *("ascii", "latin1", "latin2", "latin5", "latin7", "cp850", "cp852", "cp1250", "cp1251", "cp1256", "cp1257"),
    *("hp8", "koi8r", "macce", "macroman", "armscii8", "cp866", "dec8", "geostd8", "greek", "hebrew", "keybcs2"),
    *("koi8u", "swe7", "tis620"),
]
MULTI_BYTE = ["utf8mb4", "utf8mb3", "ucs2", "utf16", "utf16le", "utf32", "gbk", "gb2312", "cp932", "big5", "euckr"]
MULTI_BYTE += ["eucjpms", "sjis", "ujis"]


def check_charsets(server: SqlServer, database: str, charsets: list[str]) -> None:
    """Every character of the BMP that a character set holds, through both paths."""
    server.execute(create_table([f"longtext CHARACTER SET {name}" for name in charsets]), database)
    points = [code for code in range(1, 0xFFFE) if not 0xD800 <= code < 0xE000]
    rows = []
    for key, start in enumerate(range(0, len(points), 4000)):
        block = "".join(map(chr, points[start : start + 4000])).encode().hex()
        cells = ", ".join(f"CONVERT(_utf8mb4 X'{block}' USING {name})" for name in charsets)
        rows.append(f"INSERT INTO t VALUES ({key}, {cells})")
    found = captured(server, tables_from_server(server, database, "t"), "SET sql_mode='';" + ";".join(rows))["t"]
    read = {row[0]: row for row in snapshot(server, found.transcoder)}
    for row in found.inserted:
        for name, streamed, seen in zip(charsets, row[1:], read[row[0]][1:], strict=True):
            wrong = [(hex(ord(a)), hex(ord(b))) for a, b in zip(streamed, seen, strict=True) if a != b]
            assert wrong == [], name
    shown = ", ".join(f"CONVERT(c{n} USING utf8mb4)" for n in range(len(charsets)))
    selected = {row[0]: row for row in server.query(f"SELECT id, {shown} FROM t", database)}
    assert {row[0]: row for row in found.inserted} == selected


def test_charsets_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_charsets(mysql, mysql_database, [*SINGLE_BYTE, *MULTI_BYTE, "gb18030"])


def test_charsets_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_charsets(mariadb, mariadb_database, [*SINGLE_BYTE, *MULTI_BYTE])


JSON_VALUES = [
    "'[1e7,1e-3,1e-4,0.00001,1.0,100.0,123456789.125,-0.0,1e16,1e15,1e22,1e300,5e-324,0.1,3.14,12345678.0]'",
    "'[0,1,-1,32767,32768,65535,65536,-32769,2147483648,4294967296,9223372036854775807,18446744073709551615]'",
    "JSON_OBJECT('d',CAST(1.50 AS DECIMAL(10,2)),'n',CAST(-0.05 AS DECIMAL(5,2)),'z',CAST(1.5 AS DECIMAL(30,3)))",
    "JSON_OBJECT('dt',CAST('2026-01-02 03:04:05.12' AS DATETIME(6)),'da',CAST('2026-01-02' AS DATE),"
    "'t',CAST('-10:11:12.5' AS TIME(3)),'t2',CAST('101:02:03' AS TIME),'ts',TIMESTAMP'2026-11-21 02:41:28')",
    "JSON_ARRAY(CAST(REPEAT('abc',60) AS BINARY(180)),b'101',x'00ff',CAST('' AS BINARY))",
    "JSON_ARRAY('2026-01-02 03:04:05.120000', '10:11:12.500000', 'base64:type15:AQI=', '1e5', '{\"a\": 1}')",
    "'null'",
    "'true'",
    "'\"str\"'",
    "'{}'",
    "'[]'",
    "'[null,true,false]'",
    """'{"a/b":"q\\\\"uo\\\\\\\\te\\\\n\\\\t\\\\u0001\\\\u001f\\\\b\\\\f\\\\r é ü 😀 \\\\u2028 </x>","\\\\n k":[ ]}'""",
    '\'{"bb":1,"a":2,"ccc":{"x":[[],{}]}}\'',
    "CONCAT('[\"',REPEAT('x',70000),'\",1,2]')",
    "JSON_ARRAY(ST_GeomFromText('POINT(1.5 2)'))",
]


def test_json_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    large = ",".join(f'"key{n}": [{n}, {n}.25, "v{n}"]' for n in range(4000))
    values = [*JSON_VALUES, "'{" + large + "}'", "'" + "[" * 99 + "]" * 99 + "'"]
    mysql.execute(create_table(["json"]), mysql_database)
    sql = ";".join(f"INSERT INTO t VALUES ({key}, {value})" for key, value in enumerate(values))
    found = captured(mysql, tables_from_server(mysql, mysql_database, "t"), sql)["t"]
    assert len(found.inserted) == len(values)
    assert differences(found.transcoder, found.inserted, snapshot(mysql, found.transcoder)) == []
    assert found.inserted[2][1] == '{"d":1.50,"n":-0.05,"z":1.500}'


def test_json_on_mariadb_is_plain_text(mariadb: MariaDbServer, mariadb_database: str) -> None:
    mariadb.execute(create_table(["json"]), mariadb_database)
    found = captured(
        mariadb, tables_from_server(mariadb, mariadb_database, "t"), """INSERT INTO t VALUES (1, '{"a":  1}')"""
    )["t"]
    assert found.inserted == snapshot(mariadb, found.transcoder) == [(1, '{"a":  1}')]
    assert found.transcoder.plan.columns[1].mapping.name is None


def test_generated_and_invisible_columns(mysql: MySqlServer, mysql_database: str) -> None:
    columns = [
        "int",
        "int GENERATED ALWAYS AS (c0 + 1) STORED",
        "int GENERATED ALWAYS AS (c0 + 2) VIRTUAL",
        "int INVISIBLE",
    ]
    mysql.execute(create_table(columns), mysql_database)
    sql = "INSERT INTO t (id, c0, c3) VALUES (1, 5, 9), (2, NULL, NULL)"
    found = captured(mysql, tables_from_server(mysql, mysql_database, "t"), sql)["t"]
    assert found.inserted == snapshot(mysql, found.transcoder) == [(1, 5, 6, 7, 9), (2, None, None, None, None)]


DEFAULTS = [
    "int DEFAULT 5",
    "int NOT NULL DEFAULT -7",
    "bigint unsigned DEFAULT 18446744073709551615",
    "varchar(20) DEFAULT 'it''s \"q\" é'",
    "varchar(20) NOT NULL DEFAULT ''",
    "varchar(20) DEFAULT 'NULL'",
    "varchar(20) DEFAULT 'CURRENT_TIMESTAMP'",
    "varchar(20) DEFAULT (concat('a','b'))",
    "decimal(5,2) DEFAULT 1.5",
    "double DEFAULT 1e20",
    "bit(4) DEFAULT b'1010'",
    "enum('a','b,c') DEFAULT 'b,c'",
    "set('x','y') NOT NULL DEFAULT 'x,y'",
    "binary(3) DEFAULT 'ab'",
    "date DEFAULT '2020-01-02'",
    "time(3) DEFAULT '-10:11:12.5'",
    "datetime(6) DEFAULT '2020-01-02 03:04:05.123456'",
    "datetime DEFAULT CURRENT_TIMESTAMP",
    "timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
    "timestamp(3) NULL DEFAULT '2020-01-02 03:04:05'",
    "year DEFAULT 2020",
    "int DEFAULT NULL",
    "text",
]


def test_both_servers_defaults_give_one_schema(
    mysql: MySqlServer, mysql_database: str, mariadb: MariaDbServer, mariadb_database: str
) -> None:
    fields = []
    for server, database in ((mysql, mysql_database), (mariadb, mariadb_database)):
        server.execute(create_table(DEFAULTS), database)
        plan = build_plan(tables_from_server(server, database, "t")[0], "p.d.t", TranscodeOptions())
        fields.append([one.avro_field for one in plan.columns])
    assert fields[0] == fields[1]


def deep(levels: int) -> str:
    """A document of objects and arrays in turn, `levels` deep, and a value in the middle."""
    return (
        "".join('{"k": ' if n % 2 else "[" for n in range(levels))
        + "1"
        + "".join("}" if n % 2 else "]" for n in reversed(range(levels)))
    )


HUGE_JSON = [
    f"'{deep(100)}'",
    "CONCAT('{\"big\": \"', REPEAT('0123456789', 500000), '\", \"after\": [1.5, true]}')",
    'CONCAT(\'[\', REPEAT(\'{"id": 12345, "name": "some text", "n": null},\', 60000), \'{}]\')',
    "JSON_OBJECT(REPEAT('k', 65535), 1, REPEAT('漢', 21845), JSON_ARRAY(), '', 'empty')",
    """'{"a": 1, "b": 2, "a": 3, "\\\\u0061": 4, "A": 5}'""",
    "JSON_ARRAY(CAST(-1 AS SIGNED), CAST(18446744073709551615 AS UNSIGNED), 1e308, 5e-324, 0.1e0, -0e0, 1e0)",
    "JSON_ARRAY(CAST('-838:59:59.999999' AS TIME(6)), CAST('0000-00-00' AS DATE), CAST('9999-12-31' AS DATE))",
    "JSON_ARRAY(CAST(REPEAT('9', 65) AS DECIMAL(65,0)), CAST(-1e-30 AS DECIMAL(65,30)), CAST(0 AS DECIMAL(1,0)))",
    "JSON_ARRAY(CAST('x' AS BINARY), X'', X'ffee', b'1', CAST(2026 AS YEAR), ST_GeomFromText('LINESTRING(0 0,1 1)'))",
    "JSON_ARRAY(e, s, y, bt, vb, ts)",
]


def test_huge_and_odd_json_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, j json, e enum('a') DEFAULT 'a', s set('x') DEFAULT 'x', "
        "y year DEFAULT 2026, bt bit(9) DEFAULT b'101', vb varbinary(3) DEFAULT 'vb', "
        "ts timestamp(6) DEFAULT '2026-01-02 03:04:05.6')",
        mysql_database,
    )
    inserts = [f"INSERT INTO t (id, j) VALUES ({key}, NULL); UPDATE t SET j = {value} WHERE id = {key}"
               for key, value in enumerate(HUGE_JSON)]  # fmt: skip
    sql = "SET sql_mode = ''; SET time_zone = '+00:00';" + ";".join(inserts)
    found = captured(mysql, tables_from_server(mysql, mysql_database, "t"), sql)["t"]
    after = [row for _, row in found.updated]
    assert len(after) == len(HUGE_JSON)
    assert differences(found.transcoder, after, snapshot(mysql, found.transcoder)) == []
    for document, (shown,) in zip(after, mysql.query("SELECT j FROM t ORDER BY id", mysql_database), strict=True):
        assert json.loads(document[1]) == json.loads(shown)
    assert len(after[1][1]) > 5_000_000
    assert after[4][1] == '{"A":5,"a":4,"b":2}'
