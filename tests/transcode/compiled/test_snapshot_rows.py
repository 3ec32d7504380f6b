"""Snapshot rows through the compiled transcoder: the reference's bytes, under every type, option and charset."""

import pytest

from faust_cdc.config.column_rules import column_rules
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.transcode.compiled import cells, is_compiled
from faust_cdc.transcode.compiled.result_program import result_cell, writes_results
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.transcode.both_paths import tables_from_server, text_cells
from tests.transcode.compiled.result_sets import Answer, answer, compare_rows
from tests.transcode.option_sets import option_sets
from tests.transcode.test_both_paths import (
    HUGE_JSON,
    JSON_VALUES,
    MULTI_BYTE,
    SINGLE_BYTE,
    ZERO_DATES,
    Literal,
    create_table,
)
from tests.transcode.test_equal_bytes import MARIADB_ONLY, MYSQL_ONLY, written_tables

pytestmark = pytest.mark.integration

ALLOW_INVALID = "SET sql_mode='ALLOW_INVALID_DATES'; SET time_zone='+00:00';"


def check(server: SqlServer, database: str, connector: str, more: list[tuple[str, Literal]]) -> None:
    assert is_compiled(), "the hot path is not compiled: run hatch_build.py"
    tables, _ = written_tables(server, database, more)
    answers: dict[str, Answer] = {}
    texts: dict[str, list[tuple[bytes | None, ...]]] = {}
    equal = left = 0
    sets = [*option_sets(connector), TranscodeOptions(connector=connector)]
    for options in sets:
        for table in tables:
            transcoder = ReferenceTranscoder(build_plan(table, "p.d.t", options), 1, 2)
            if not writes_results(transcoder):
                assert options.compatible
                continue
            asked = f"{table.id} {transcoder.plan.select_list(as_text=False)}"
            if asked not in answers:
                answers[asked] = answer(server, table.id, transcoder.plan.select_list(as_text=False))
                texts[asked] = text_cells(server, transcoder.plan)
            found = answers[asked]
            done, rest = compare_rows(transcoder, found.columns, found.packets, texts[asked])
            equal, left = equal + done, left + rest
    print(f"{server.name}: {equal} rows equal under {len(sets)} sets of options, {left} left to the reference path")
    assert equal > 5_000


def test_every_type_and_option_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check(mysql, mysql_database, "mysql", MYSQL_ONLY)


def test_every_type_and_option_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check(mariadb, mariadb_database, "mariadb", MARIADB_ONLY)


def check_table(
    server: SqlServer, database: str, rows: int, options: TranscodeOptions | None = None
) -> ReferenceTranscoder:
    """All rows of table `t` come out equal."""
    (table,) = tables_from_server(server, database, "t")
    transcoder = ReferenceTranscoder(build_plan(table, "p.d.t", options or TranscodeOptions()), 1, 2)
    found = answer(server, table.id, transcoder.plan.select_list(as_text=False))
    texts = text_cells(server, transcoder.plan)
    assert compare_rows(transcoder, found.columns, found.packets, texts) == (rows, 0)
    return transcoder


def check_charsets(server: SqlServer, database: str, charsets: list[str]) -> None:
    """Every character of the BMP that a character set holds."""
    server.execute(create_table([f"longtext CHARACTER SET {name}" for name in charsets]), database)
    points = [code for code in range(1, 0xFFFE) if not 0xD800 <= code < 0xE000]
    rows = []
    for key, start in enumerate(range(0, len(points), 4000)):
        block = "".join(map(chr, points[start : start + 4000])).encode().hex()
        values = ", ".join(f"CONVERT(_utf8mb4 X'{block}' USING {name})" for name in charsets)
        rows.append(f"INSERT INTO t VALUES ({key}, {values})")
    server.execute("SET sql_mode='';" + ";".join(rows), database)
    check_table(server, database, len(rows))


def test_charsets_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_charsets(mysql, mysql_database, [*SINGLE_BYTE, *MULTI_BYTE, "gb18030"])


def test_charsets_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_charsets(mariadb, mariadb_database, [*SINGLE_BYTE, *MULTI_BYTE])


def check_odd_values(server: SqlServer, database: str) -> None:
    """Zero and partial dates, signed zeros, subnormal numbers."""
    kinds = ["date", "datetime NOT NULL", "datetime(6)", "timestamp(6) NOT NULL DEFAULT '2020-01-02'", "float"]
    server.execute(ALLOW_INVALID + create_table([*kinds, "double"]) + ";" + ZERO_DATES, database)
    check_table(server, database, 3)


def test_odd_values_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_odd_values(mysql, mysql_database)


def test_odd_values_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_odd_values(mariadb, mariadb_database)


def test_json_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    """Documents of all kinds, up to several MB."""
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, j json, e enum('a') DEFAULT 'a', s set('x') DEFAULT 'x', "
        "y year DEFAULT 2026, bt bit(9) DEFAULT b'101', vb varbinary(3) DEFAULT 'vb', "
        "ts timestamp(6) DEFAULT '2026-01-02 03:04:05.6')",
        mysql_database,
    )
    documents = [*JSON_VALUES, *HUGE_JSON]
    inserts = [f"INSERT INTO t (id, j) VALUES ({key}, NULL); UPDATE t SET j = {value} WHERE id = {key}"
               for key, value in enumerate(documents)]  # fmt: skip
    mysql.execute("SET sql_mode = '';" + ";".join(inserts), mysql_database)
    check_table(mysql, mysql_database, len(documents))


def test_columns_for_the_key_alone_and_changed(mysql: MySqlServer, mysql_database: str) -> None:
    """A key column may stand in the key alone, another order; rules go through Python."""
    mysql.execute(
        "CREATE TABLE t (a int, b varchar(20), c json, e bit(9), g text, j char(9), k int NOT NULL, "
        "PRIMARY KEY (k, a)); INSERT INTO t VALUES (1,'bé','{}',5,'text','j',7), (2,NULL,NULL,NULL,NULL,NULL,8)",
        mysql_database,
    )
    rules = column_rules({"column.mask.with.4.chars": r".*\.t\.[bj]", "column.truncate.to.3.chars": r".*\.t\.g"})
    selection = ColumnSelection.parse(None, r".*\.t\.[cek]", None, rules, None, None, False)
    check_table(mysql, mysql_database, 2, TranscodeOptions(columns=selection))


def check_common_columns(server: SqlServer, database: str) -> None:
    """What most tables hold does not go through Python."""
    server.execute(
        "CREATE TABLE t (a bigint unsigned PRIMARY KEY, b int, c enum('new','paid'), d decimal(12,2), e char(3), "
        "f varchar(255), g json, h datetime(3), i timestamp(6) NULL, j set('x'), k double, l tinyint(1), m date, "
        "n time, o year, p text CHARACTER SET latin1, q blob, r binary(16), s float, t bit(8), u smallint unsigned, "
        "v bit(1), w varchar(9) CHARACTER SET gbk, x mediumint, y time(6))",
        database,
    )
    (table,) = tables_from_server(server, database, "t")
    transcoder = ReferenceTranscoder(build_plan(table, "p.d.t", TranscodeOptions()), 1, 2)
    columns = answer(server, table.id, transcoder.plan.select_list(as_text=False)).columns
    programs = zip(transcoder.plan.columns, columns, transcoder.text_readers, strict=True)
    assert cells.COLD not in [result_cell(*one, True).code for one in programs]


def test_common_columns_have_an_operation_on_mysql(mysql: MySqlServer, mysql_database: str) -> None:
    check_common_columns(mysql, mysql_database)


def test_common_columns_have_an_operation_on_mariadb(mariadb: MariaDbServer, mariadb_database: str) -> None:
    check_common_columns(mariadb, mariadb_database)
