"""Every type and collation that a key may have, on real servers: the chunks of a table hold each of its rows once."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pymysql.connections import Connection

from faust_cdc.mysql.indexes import read_indexes
from faust_cdc.mysql.key_ranges import ChunkKey, chunk_key
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.model import TableId
from tests.lab.sql_servers import SqlServer
from tests.mysql.chunks.walking import SIZES, check_walk, key_of, some_key_of

pytestmark = pytest.mark.integration

WORDS = (
    *(
        "",
        "a",
        "A",
        "á",
        "Á",
        "ä",
        "ae",
        "æ",
        "b",
        "B",
        "z",
        "Z",
        "é",
        "e",
        "ñ",
        "n",
        "ß",
        "ss",
        "sz",
        "ch",
        "cz",
        "ll",
    ),
    *(
        "l",
        "ł",
        "ı",
        "i",
        "I",
        "İ",
        "å",
        "aa",
        "я",
        "Я",
        "ё",
        "中",
        "文",
        "あ",
        "ア",
        "ｱ",
        "ﬁ",
        "fi",
        "😀",
        "-",
        "co-op",
    ),
    *("coop", "'", '"', "\\", "%", "_", "0x", " ", "a ", "a\t", "a\0", "\x01", "\x7f", "1", "10", "9", "a b", "ab"),
)

MOMENTS = (
    "0000-00-00",
    "0000-01-01",
    "1000-01-01",
    "1970-01-01",
    "2024-00-00",
    "2024-02-00",
    "2024-02-31",
    "9999-12-31",
)
BYTES = ("", "00", "0000", "00ff", "01", "20", "27", "41", "4100", "5c", "61", "6100", "7f", "80", "ff", "ff00", "ffff")

KEYS: dict[str, tuple[str, list[object]]] = {
    "tinyint": ("TINYINT", [-128, -127, -2, -1, 0, 1, 2, 126, 127]),
    "smallint": ("SMALLINT UNSIGNED", [0, 1, 2, 32767, 32768, 65534, 65535]),
    "mediumint": ("MEDIUMINT", [-8388608, -1, 0, 1, 8388607]),
    "zerofill": ("INT(10) UNSIGNED ZEROFILL", [0, 1, 8, 9, 10, 77, 2**31, 2**32 - 1]),
    "bigint": ("BIGINT", [-(2**63), -(2**63) + 1, -(2**53) - 1, -1, 0, 1, 2**53 + 1, 2**63 - 2, 2**63 - 1]),
    "unsigned": ("BIGINT UNSIGNED", [0, 1, 2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 2, 2**64 - 1]),
    "decimal": ("DECIMAL(10,2)", ["-99999999.99", "-0.01", "0", "0.01", "1.10", "1.11", "99999999.99"]),
    "wide_decimal": (
        "DECIMAL(65,30)",
        [
            f"{sign}{whole}.{part}"
            for sign in ("", "-")
            for whole in ("0", "9" * 35, "9" * 34 + "8")
            for part in ("0" * 29 + "1", "9" * 30)
        ],
    ),
    "whole_decimal": ("DECIMAL(65,0) UNSIGNED", ["0", "1", str(2**64), str(2**64 + 1), "9" * 65, "9" * 64 + "8"]),
    "bit": ("BIT(1)", [0, 1]),
    "bits": ("BIT(64)", [0, 1, 127, 128, 255, 256, 2**63 - 1, 2**63, 2**64 - 1]),
    "year": ("YEAR", [0, 1901, 1970, 1999, 2000, 2024, 2069, 2155]),
    "date": ("DATE", list(MOMENTS)),
    "time": (
        "TIME(6)",
        ["-838:59:59", "-00:00:01", "-00:00:00.000001", "0", "00:00:00.000001", "9:00:00", "838:59:59"],
    ),
    "whole_time": ("TIME", ["-838:59:59", "-10:00:00", "-9:59:59", "0", "9:59:59", "100:00:00", "838:59:59"]),
    "datetime": ("DATETIME", [f"{day} {clock}" for day in MOMENTS for clock in ("00:00:00", "23:59:59")]),
    "datetime6": ("DATETIME(6)", [f"{day} 00:00:00.{part}" for day in MOMENTS for part in ("000000", "000001", "1")]),
    "timestamp": (
        "TIMESTAMP(6)",
        [
            "0000-00-00",
            "1970-01-01 00:00:01",
            "1970-01-01 00:00:01.000001",
            "2024-03-31 02:30:00",
            "2024-10-27 02:30:00",
            "2038-01-19 03:14:07",
            "2038-01-19 03:14:07.999999",
        ],
    ),
    "varbinary": ("VARBINARY(4)", [bytes.fromhex(one) for one in BYTES]),
    "binary": ("BINARY(3)", [bytes.fromhex(one) for one in BYTES]),
    "uuid_bytes": ("BINARY(16)", [random.Random(n).randbytes(16) for n in range(20)]),
    "char": ("CHAR(5) CHARACTER SET utf8mb4", list(WORDS)),
    "latin1": ("VARCHAR(9) CHARACTER SET latin1", list(WORDS)),
    "german": ("VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german2_ci", list(WORDS)),
    "czech": ("VARCHAR(9) CHARACTER SET latin2 COLLATE latin2_czech_cs", list(WORDS)),
    "utf8mb3": ("VARCHAR(9) CHARACTER SET utf8mb3", list(WORDS)),
    "ucs2": ("CHAR(9) CHARACTER SET ucs2", list(WORDS)),
    "utf16": ("VARCHAR(9) CHARACTER SET utf16", list(WORDS)),
    "utf32": ("VARCHAR(9) CHARACTER SET utf32", list(WORDS)),
    "sjis": ("VARCHAR(9) CHARACTER SET sjis", list(WORDS)),
    "gbk": ("VARCHAR(9) CHARACTER SET gbk", list(WORDS)),
    "bin": ("VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", list(WORDS)),
    "general": ("VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", list(WORDS)),
    "unicode": ("VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", list(WORDS)),
}

OF_ONE_SERVER: dict[str, dict[str, tuple[str, list[object]]]] = {
    "mysql": {
        "gb18030": ("VARCHAR(9) CHARACTER SET gb18030", list(WORDS)),
        "0900_ai_ci": ("VARCHAR(9) COLLATE utf8mb4_0900_ai_ci", list(WORDS)),
        "0900_as_cs": ("VARCHAR(9) COLLATE utf8mb4_0900_as_cs", list(WORDS)),
        "0900_char": ("CHAR(9) COLLATE utf8mb4_0900_as_ci", list(WORDS)),
        "0900_bin": ("CHAR(9) COLLATE utf8mb4_0900_bin", list(WORDS)),
        "japanese": ("VARCHAR(9) COLLATE utf8mb4_ja_0900_as_cs_ks", list(WORDS)),
    },
    "mariadb": {
        "nopad": ("VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", list(WORDS)),
        "nopad_general": ("VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_nopad_ci", list(WORDS)),
        "uca1400": ("VARCHAR(9) CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci", list(WORDS)),
        "uuid": (
            "UUID",
            [
                *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
                *("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
                *("00000001-9dad-11d2-80b4-00c04fd430c8", "ffffff01-9dad-11d0-80b4-00c04fd430c8"),
                *("01890f7e-0000-7000-8000-000000000000", "01890f7f-0000-7000-8000-000000000000"),
                *("f47ac10b-58cc-4372-a567-0e02b2c3d479", "047ac10b-58cc-4372-a567-0e02b2c3d479"),
                *("f47ac10b-58cc-1372-0567-0e02b2c3d479", "f47ac10b-58cc-6372-0567-0e02b2c3d400"),
            ],
        ),
        "inet4": ("INET4", ["0.0.0.0", "1.2.3.4", "9.0.0.0", "10.0.0.0", "127.0.0.1", "255.255.255.255"]),
        "inet6": ("INET6", ["::", "::1", "::ffff:1.2.3.4", "1::", "a::", "fe80::1", "ffff::"]),
    },
}

CASES = [
    *((flavor, name) for flavor in ("mysql", "mariadb") for name in KEYS),
    *((flavor, name) for flavor, own in OF_ONE_SERVER.items() for name in own),
]


def fill(server: SqlServer, table: TableId, values: list[object]) -> None:
    """Insert what is not there yet: by many collations words are the same."""
    with server.admin(table.database) as opened, opened.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES'")
        for value in random.Random(7).sample(values, len(values)):
            cursor.execute("INSERT IGNORE INTO t VALUES (%s, 1)", (value,))


@pytest.mark.parametrize(("server", "name"), CASES, indirect=["server"])
def test_one_column(server: SqlServer, connection: Connection[Any], database: str, name: str) -> None:
    definition, values = {**KEYS, **OF_ONE_SERVER[server.name]}[name]
    table = TableId(database, "t")
    server.execute(f"SET sql_mode = ''; CREATE TABLE t (k {definition} NOT NULL PRIMARY KEY, v INT)", database)
    fill(server, table, values)
    count = server.query("SELECT COUNT(*) FROM t", database)[0][0]
    assert count >= min(len(values), 12)
    key = some_key_of(connection, table)
    for size in SIZES:
        check_walk(connection, table, key, size)
    # As the first of two columns the value is compared for equality too.
    server.execute(
        f"SET sql_mode = 'ALLOW_INVALID_DATES'; CREATE TABLE two (k {definition} NOT NULL, n INT, PRIMARY KEY (k, n));"
        "INSERT INTO two SELECT k, n.n FROM t, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) AS n",
        database,
    )
    pairs = TableId(database, "two")
    for size in (2, 7):
        check_walk(connection, pairs, some_key_of(connection, pairs), size)


UNUSUAL = [
    ("mysql", "(v INT) COMMENT 'invisible key'", ("my_row_id",)),
    ("mysql", "(g INT AS (50 - v) STORED PRIMARY KEY, v INT)", ("g",)),
    ("mysql", "(v INT PRIMARY KEY) ENGINE=MyISAM", ("v",)),
    ("mariadb", "(v INT PRIMARY KEY) ENGINE=Aria", ("v",)),
    ("mariadb", "(v INT PRIMARY KEY) WITH SYSTEM VERSIONING", ("v",)),
    (
        "mariadb",
        "(v INT, a DATE DEFAULT '2024-01-01', b DATE DEFAULT '2024-01-02', PERIOD FOR p (a, b), "
        "PRIMARY KEY (v, p WITHOUT OVERLAPS))",
        ("v", "b", "a"),
    ),
]


@pytest.mark.parametrize(("server", "definition", "columns"), UNUSUAL, indirect=["server"])
def test_unusual_tables(
    server: SqlServer, connection: Connection[Any], database: str, definition: str, columns: tuple[str, ...]
) -> None:
    generate = "SET sql_generate_invisible_primary_key = 1;" if server.name == "mysql" else ""
    values = ", ".join(f"({n})" for n in range(30))
    server.execute(
        f"{generate} CREATE TABLE t {definition}; INSERT INTO t (v) VALUES {values};"
        "UPDATE t SET v = v + 100 WHERE v < 5; DELETE FROM t WHERE v = 9",
        database,
    )
    table = TableId(database, "t")
    key = some_key_of(connection, table)
    assert tuple(column.name for column in key.columns) == columns
    for size in SIZES:
        check_walk(connection, table, key, size)


@pytest.mark.parametrize("order", ["a, b, c", "a, b DESC, c", "a DESC, b DESC, c DESC", "c, a DESC, b"])
def test_three_columns(server: SqlServer, connection: Connection[Any], database: str, order: str) -> None:
    chooser = random.Random(order)
    words = ("", "a", "A", "b", "ä", "aa", "z")
    rows = {
        (chooser.randint(-2, 2), chooser.choice(words).casefold(), f"2024-01-0{chooser.randint(1, 5)} 00:00:00.5")
        for _ in range(90)
    }
    server.execute(
        f"CREATE TABLE t (a SMALLINT, b VARCHAR(9) COLLATE utf8mb4_unicode_ci, c DATETIME(1), PRIMARY KEY ({order}))",
        database,
    )
    with server.admin(database) as opened, opened.cursor() as cursor:
        cursor.executemany("INSERT IGNORE INTO t VALUES (%s, %s, %s)", sorted(rows))
    table = TableId(database, "t")
    key = some_key_of(connection, table)
    assert key.order().replace("`", "") == order
    for size in SIZES:
        check_walk(connection, table, key, size)


def collations(server: SqlServer, type_name: str) -> list[tuple[str, str]]:
    """All (charset, collation) that a key of a type can have; of MariaDB's newest 640 those of utf8mb4."""
    is_mariadb = server.name.startswith("mariadb")
    table = "information_schema.collation_character_set_applicability"
    found = server.query(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'information_schema' "
        "AND table_name = 'COLLATION_CHARACTER_SET_APPLICABILITY' AND column_name = 'FULL_COLLATION_NAME'"
    )
    name = "full_collation_name" if found else "collation_name"
    rows = server.query(f"SELECT character_set_name, {name} FROM {table} WHERE character_set_name <> 'binary'")
    every = sorted((str(charset), str(collation)) for charset, collation in rows)
    every = [one for one in every if "uca1400" not in one[1] or one[0] == "utf8mb4"]
    if type_name == "CHAR" and is_mariadb:
        every = [one for one in every if not {"nopad", "0900"} & set(one[1].split("_"))]
    assert len(every) > 200
    return every


@pytest.mark.parametrize("type_name", ["VARCHAR", "CHAR"])
def test_every_collation(server: SqlServer, connection: Connection[Any], database: str, type_name: str) -> None:
    check_every_collation(server, connection, database, type_name)


def check_every_collation(server: SqlServer, connection: Connection[Any], database: str, type_name: str) -> None:
    """One column and index for each, 40 to a table; equal words stay in one chunk."""
    every = collations(server, type_name)
    words = (*WORDS[::2], "a", "A", "Ä", "a ", "ss", "a\t")
    for first in range(0, len(every), 40):
        some = every[first : first + 40]
        columns = ", ".join(
            f"c{n} {type_name}(6) CHARACTER SET {charset} COLLATE {collation} NOT NULL, INDEX (c{n})"
            for n, (charset, collation) in enumerate(some)
        )
        name = f"t{first}"
        server.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY AUTO_INCREMENT, {columns})", database)
        with server.admin(database) as opened, opened.cursor() as cursor:
            cursor.execute("SET sql_mode = ''")
            for word in words:
                cursor.execute(f"INSERT IGNORE INTO {name} VALUES (NULL{', %s' * len(some)})", [word] * len(some))
        table = TableId(database, name)
        structure = read_tables(connection, [table])[table]
        indexes = read_indexes(connection, [table])[table]
        for n in range(len(some)):
            key = chunk_key(structure, indexes, f"c{n}", mariadb=server.name.startswith("mariadb"))
            assert isinstance(key, ChunkKey)
            assert not key.unique
            for size in (1, 7):
                check_walk(connection, table, key, size)


def test_a_surrogate_key_may_have_values_twice(server: SqlServer, connection: Connection[Any], database: str) -> None:
    server.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, w VARCHAR(9) COLLATE utf8mb4_unicode_ci NOT NULL, u INT NOT NULL UNIQUE,"
        "INDEX (w))",
        database,
    )
    with server.admin(database) as opened, opened.cursor() as cursor:
        for n in range(60):
            cursor.execute("INSERT INTO t VALUES (%s, %s, %s)", (n, ("a", "Ä", "b", "B ", "c", "zz")[n % 6], -n))
    table = TableId(database, "t")
    key = some_key_of(connection, table, "W")
    assert key.columns[0].name == "w"
    assert not key.unique
    for size in SIZES:
        check_walk(connection, table, key, size)
    unique = some_key_of(connection, table, "u")
    assert unique.unique
    for size in SIZES:
        check_walk(connection, table, unique, size)


def test_an_empty_table_has_no_chunk(server: SqlServer, connection: Connection[Any], database: str) -> None:
    server.execute("CREATE TABLE t (id INT PRIMARY KEY)", database)
    key = key_of(connection, TableId(database, "t"))
    assert isinstance(key, ChunkKey)
    for size in SIZES:
        check_walk(connection, TableId(database, "t"), key, size)
