"""Statements of both servers read into what they say: a corpus, and what is refused with its place."""

from __future__ import annotations

import resource
import time

import pytest

from faust_cdc.relational.ddl import DdlContext, DdlSyntaxError, named_tables, parse
from faust_cdc.relational.ddl.parse import Flavor
from faust_cdc.relational.ddl.statements import (
    AlterTable,
    CreateTable,
    DropTable,
    Irrelevant,
    RenameTable,
    TruncateTable,
)
from faust_cdc.relational.ddl.tokens import ANSI_QUOTES, NO_BACKSLASH_ESCAPES
from tests.relational.ddl.corpus import BOTH, MARIADB, MYSQL
from tests.relational.ddl.hostile import hostile

_CASES = [
    *[("mysql", sql, kind) for kind, statements in (*BOTH.items(), *MYSQL.items()) for sql in statements],
    *[("mariadb", sql, kind) for kind, statements in (*BOTH.items(), *MARIADB.items()) for sql in statements],
]


@pytest.mark.parametrize(("flavor", "sql", "kind"), _CASES)
def test_the_corpus_is_read_as_what_it_is(flavor: Flavor, sql: str, kind: str) -> None:
    found = parse(sql, flavor=flavor)
    assert [type(one).__name__ for one in found] == [kind]


def test_the_corpus_has_the_size_it_claims() -> None:
    assert len(_CASES) >= 320


def test_irrelevant_statements_say_what_they_are() -> None:
    assert parse("CREATE ALGORITHM=MERGE DEFINER=`a`@`b` VIEW v AS SELECT 1", flavor="mysql") == (
        Irrelevant("CREATE VIEW"),
    )
    assert parse("INSERT INTO t VALUES (';')", flavor="mysql") == (Irrelevant("INSERT"),)


def test_a_routine_takes_the_rest_of_the_text() -> None:
    sql = "CREATE PROCEDURE p() BEGIN DROP TABLE a; DROP TABLE b; END"
    assert parse(sql, flavor="mysql") == (Irrelevant("CREATE PROCEDURE"),)


def test_several_statements_come_in_their_order() -> None:
    found = parse(";; DROP TABLE a; CREATE VIEW v AS SELECT ';'; TRUNCATE b;", flavor="mysql")
    assert [type(one) for one in found] == [DropTable, Irrelevant, TruncateTable]


def test_a_text_of_comments_is_no_statement() -> None:
    assert parse(" /* DROP TABLE a */ -- DROP TABLE b\n# DROP TABLE c", flavor="mysql") == ()


@pytest.mark.parametrize(
    ("sql", "flavor", "version", "columns"),
    [
        ("CREATE TABLE t (a INT /*!80023 INVISIBLE */)", "mysql", (8, 0, 30), [("a", True)]),
        ("CREATE TABLE t (a INT /*!80023 INVISIBLE */)", "mysql", (8, 0, 22), [("a", False)]),
        ("CREATE TABLE t (a INT /*!80023 INVISIBLE */)", "mariadb", (10, 11, 6), [("a", False)]),
        ("CREATE TABLE t (a INT /*M!100303 INVISIBLE */)", "mariadb", (10, 11, 6), [("a", True)]),
        ("CREATE TABLE t (a INT /*M!100303 INVISIBLE */)", "mysql", (9, 7, 4), [("a", False)]),
        ("CREATE TABLE t (a INT /*!110400 , b INT */)", "mariadb", (10, 11, 6), [("a", False)]),
        ("/*! CREATE TABLE t (a /* inner */ INT) */", "mysql", (9, 7, 4), [("a", False)]),
    ],
)
def test_comments_that_the_server_executes(
    sql: str, flavor: Flavor, version: tuple[int, ...], columns: list[tuple[str, bool]]
) -> None:
    (found,) = parse(sql, flavor=flavor, version=version)
    assert isinstance(found, CreateTable)
    assert [(column.name, column.invisible) for column in found.columns] == columns


def test_quotes_mean_what_sql_mode_says() -> None:
    sql = 'CREATE TABLE "t""x" (a ENUM(\'\\\') COMMENT \'"\')'
    (found,) = parse(sql, flavor="mysql", sql_mode=ANSI_QUOTES | NO_BACKSLASH_ESCAPES)
    assert isinstance(found, CreateTable)
    assert (found.name.table, found.columns[0].type.labels) == ('t"x', ("\\",))
    with pytest.raises(DdlSyntaxError):
        parse(sql, flavor="mysql")


def test_escapes_in_strings() -> None:
    (found,) = parse(r"""CREATE TABLE t (a ENUM('it''s', "q""q", 'a\'b\n\\', 'x' 'y'))""", flavor="mysql")
    assert isinstance(found, CreateTable)
    assert found.columns[0].type.labels == ("it's", 'q"q', "a'b\n\\", "xy")


@pytest.mark.parametrize(
    ("sql", "offset", "expected"),
    [
        ("ALTER TABLE t ADD COLUMN", 24, "the name of a column"),
        ("CREATE TABLE t (a INT", 21, "',' or ')' after a column or a key"),
        ("CREATE TABLE t (a INT DEFAULT (1 + (2)", 38, "')' for the '(' at character 30"),
        ("CREATE TABLE t (a VARCHAR(x))", 26, "a length as a number"),
        ("ALTER TABLE t ADD a INT frobnicate", 24, "',' or the end after a clause of ALTER TABLE"),
        ("DROP TABLE a b", 13, "the end of the statement"),
        ("RENAME TABLE a b", 15, "TO"),
        ("ALTER TABLE `t", 12, "the quote's end"),
        ("CREATE TABLE t /* never ended", 15, "the comment's end '*/'"),
        ("CREATE frobnicate x", 19, "what is created, altered or dropped"),
        ("CREATE TABLE t", 14, "the table's columns in parentheses"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(sql: str, offset: int, expected: str) -> None:
    with pytest.raises(DdlSyntaxError) as caught:
        parse(sql, flavor="mysql")
    assert (caught.value.offset, caught.value.expected) == (offset, expected)
    assert "\n" not in str(caught.value)


def refusal(sql: str, flavor: Flavor) -> DdlSyntaxError | None:
    """Read a text; return the error, None when there is none."""
    try:
        parse(sql, flavor=flavor)
    except DdlSyntaxError as error:
        return error
    return None


def test_every_beginning_of_a_statement_is_read_or_refused() -> None:
    sql = (
        "CREATE TABLE `a b`.t (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, v VARCHAR(10) CHARACTER SET utf8mb4 DEFAULT "
        "'x', e ENUM('a','b'), g INT GENERATED ALWAYS AS (id + 1) STORED, PRIMARY KEY (id), UNIQUE KEY k (v(3) DESC), "
        "CONSTRAINT f FOREIGN KEY (e) REFERENCES o (e) ON DELETE SET NULL) ENGINE=InnoDB COMMENT='c' "
        "PARTITION BY HASH (id)"
    )
    for end in range(len(sql) + 1):
        error = refusal(sql[:end], "mysql")
        assert error is None or 0 <= error.offset <= end


@pytest.mark.parametrize(
    ("flavor", "options"),
    [
        ("mysql", "ENGINE InnoDB, AUTO_INCREMENT 7 STATS_PERSISTENT DEFAULT, TABLESPACE ts STORAGE DISK"),
        ("mysql", "AUTOEXTEND_SIZE=4M COMPRESSION='zlib' ENCRYPTION 'Y' SECONDARY_ENGINE NULL ENGINE_ATTRIBUTE='{}'"),
        ("mysql", "DATA DIRECTORY='/x' INDEX DIRECTORY '/y' UNION=(a, b) INSERT_METHOD LAST START TRANSACTION"),
        ("mysql", "STORAGE DISK DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_bin COMMENT 'x' ROW_FORMAT=COMPRESSED"),
        ("mariadb", "STORAGE ENGINE=Aria TRANSACTIONAL=1 PAGE_CHECKSUM 1 SEQUENCE=0 ENCRYPTED=YES ENCRYPTION_KEY_ID 2"),
        ("mariadb", "ENGINE=CONNECT TABLE_TYPE=CSV FILE_NAME='x' `quoted`='1' IETF_QUOTES=YES PAGE_COMPRESSED=1"),
    ],
)
def test_options_are_those_that_the_server_knows(flavor: Flavor, options: str) -> None:
    """MariaDB's engines have options of any name, with `=`."""
    for sql in (f"CREATE TABLE t (a INT) {options}", f"ALTER TABLE t {options.replace(', ', ' ')}"):
        parse(sql, flavor=flavor)
        with pytest.raises(DdlSyntaxError):
            parse(f"{sql} BRAND NEW", flavor=flavor)


@pytest.mark.parametrize("what", hostile())
def test_hostile_text_ends_soon_in_little_memory(what: str) -> None:
    sql = hostile()[what]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    error = refusal(sql, "mariadb")
    assert error is None or len(str(error)) < 300
    assert time.process_time() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


def test_tables_are_named_in_the_order_of_the_text() -> None:
    context = DdlContext("mysql", (9, 7, 4), "d")

    def named(sql: str) -> list[str]:
        return [str(one) for statement in parse(sql, flavor="mysql") for one in named_tables(statement, context)]

    assert named("RENAME TABLE a TO o.tmp, b TO a, o.tmp TO b") == ["d.a", "o.tmp", "d.b"]
    assert named("ALTER TABLE o.a RENAME TO b") == ["o.a", "d.b"]
    assert named("DROP TABLE a, `x.y`.`b``c`; TRUNCATE TABLE c") == ["d.a", "x.y.b`c", "d.c"]
    assert named("CREATE TEMPORARY TABLE a (b INT); DROP TEMPORARY TABLE a; CREATE VIEW v AS SELECT 1") == []
    assert named("CREATE UNIQUE INDEX i ON o.a (b); DROP INDEX i ON a") == ["o.a", "d.a"]


def test_the_kinds_are_told() -> None:
    (rename,) = parse("RENAME TABLE a TO b, b TO c", flavor="mysql")
    assert isinstance(rename, RenameTable)
    assert len(rename.pairs) == 2
    (alter,) = parse("ALTER ONLINE IGNORE TABLE t ADD (a INT, b INT), DROP c", flavor="mariadb")
    assert isinstance(alter, AlterTable)
    assert [type(clause).__name__ for clause in alter.clauses] == ["AddColumn", "AddColumn", "DropColumn"]
