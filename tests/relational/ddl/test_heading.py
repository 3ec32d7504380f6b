"""What is told of statements that nobody can read, and how statements are written down."""

from __future__ import annotations

import pytest

from faust_cdc.relational.ddl import DdlContext, DdlSyntaxError, StatementText, heading, named_tables, parse, words_of
from faust_cdc.relational.ddl.statements import AlterTable, CreateDatabase, DropDatabase, DropTable
from faust_cdc.relational.ddl.tokens import ANSI_QUOTES

MARIADB = (10, 11, 6)


def named(sql: str, sql_mode: int = 0) -> tuple[str, list[str]] | None:
    """The kind of a statement that cannot be read, and its tables."""
    with pytest.raises(DdlSyntaxError):
        parse(sql, flavor="mariadb", sql_mode=sql_mode, version=MARIADB)
    found = heading(sql, flavor="mariadb", sql_mode=sql_mode, version=MARIADB)
    if found is None:
        return None
    return type(found).__name__, [str(one) for one in named_tables(found, DdlContext("mariadb", MARIADB, "d"))]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE a ADD 'x'", ("AlterTable", ["d.a"])),
        ("ALTER ONLINE TABLE IF EXISTS x.a ADD 'x'", ("AlterTable", ["x.a"])),
        ("ALTER TABLE `a#b` ADD 'x' # c", ("AlterTable", ["d.a#b"])),
        ("ALTER TABLE `a -- b` ADD 'x'", ("AlterTable", ["d.a -- b"])),
        ("ALTER TABLE b ADD 'x', RENAME TO b2, RENAME COLUMN c TO d", ("AlterTable", ["d.b", "d.b2"])),
        ("ALTER TABLE b ADD 'x', COMMENT 'do, rename it'", ("AlterTable", ["d.b"])),
        ("ALTER TABLE b ADD 'x' (NEW, RENAME TO c)", ("AlterTable", ["d.b"])),
        ("ALTER TABLE b COMMENT '#1', RENAME AS x.c, ADD 'x'", ("AlterTable", ["d.b", "x.c"])),
        ("create/**/or replace table a SOMETHING NEW", ("CreateTable", ["d.a"])),
        ("CREATE TABLE IF NOT EXISTS a (i SOMETHING NEW", ("CreateTable", ["d.a"])),
        ("CREATE TEMPORARY TABLE a SOMETHING NEW", ("CreateTable", [])),
        ("DROP TABLE a, `x#`.b SOMETHING NEW", ("DropTable", ["d.a", "x#.b"])),
        ("DROP TABLE a, 'b'", ("DropTable", ["d.a"])),
        ("RENAME TABLE a TO b, c NOWAIT TO d SOMETHING NEW", ("RenameTable", ["d.a", "d.b", "d.c", "d.d"])),
        ("RENAME TABLE a TO b, 'c' TO d", ("RenameTable", ["d.a", "d.b"])),
        ("TRUNCATE TABLE x.a SOMETHING NEW", ("TruncateTable", ["x.a"])),
        ("CREATE VECTOR INDEX i ON a SOMETHING NEW", ("AlterTable", ["d.a"])),
        ("DROP INDEX i SOMETHING ON `x`.`a`", ("AlterTable", ["x.a"])),
        ("SET STATEMENT x = 'for' FOR ALTER TABLE a ADD 'x'", ("AlterTable", ["d.a"])),
        ("/*!50000 ALTER*/ TABLE a ADD 'x'", ("AlterTable", ["d.a"])),
        ("ALTER TABLE /*!999999 a */ b ADD 'x'", ("AlterTable", ["d.b"])),
        ("ALTER TABLE a COMMENT 'never ended", ("AlterTable", ["d.a"])),
        ("CREATE NOVELTY n ON a", None),
        ("ALTER INDEX i ON a", None),
        ("RENAME NOVELTY a TO b, ''", None),
    ],
)
def test_a_heading_tells_what_a_statement_is_about(sql: str, expected: tuple[str, list[str]] | None) -> None:
    if expected is None and not sql.startswith(("CREATE", "ALTER")):
        assert heading(sql, flavor="mariadb") is None
    else:
        assert named(sql) == expected


def test_names_in_double_quotes() -> None:
    assert named('RENAME TABLE "a" TO "b", "n" TO "a" SOMETHING NEW', ANSI_QUOTES) == (
        "RenameTable",
        ["d.a", "d.b", "d.n"],
    )


@pytest.mark.parametrize(
    ("sql", "name", "kind"),
    [
        ("DROP DATABASE IF EXISTS `shop` SOMETHING", "shop", DropDatabase),
        ('drop/**/schema "shop"', "shop", DropDatabase),
        ("CREATE OR REPLACE DATABASE Shop", "Shop", CreateDatabase),
    ],
)
def test_databases(sql: str, name: str, kind: type) -> None:
    found = heading(sql, flavor="mariadb", sql_mode=ANSI_QUOTES)
    assert isinstance(found, kind)
    assert isinstance(found, CreateDatabase | DropDatabase)
    assert found.name == name


def test_words_are_what_stands_in_no_literal_and_no_comment() -> None:
    sql = "ALTER `a``b` x /* y */ 'it''s z' \"q\" -- w\n END"
    assert words_of(sql, flavor="mysql") == {"alter", "a`b", "x", "end"}
    assert words_of(sql, flavor="mysql", sql_mode=ANSI_QUOTES) == {"alter", "a`b", "x", "q", "end"}
    assert words_of("ALTER a 'b c", flavor="mysql") == {"alter", "a", "b", "c"}


@pytest.mark.parametrize(
    ("sql", "whole"),
    [
        ("  DROP TABLE a ; ", "DROP TABLE a"),
        ("/* one */ /* two */ DROP TABLE a /* three */ -- four", "DROP TABLE a"),
        ("# one\n-- two\n/* three */ DROP TABLE a; -- four; five", "DROP TABLE a"),
        ("DROP TABLE a # one", "DROP TABLE a"),
        ("ALTER TABLE a COMMENT '-- x'", "ALTER TABLE a COMMENT '-- x'"),
        ("ALTER TABLE a RENAME `b -- c`", "ALTER TABLE a RENAME `b -- c`"),
        ("ALTER TABLE a\n# why\nADD x INT", "ALTER TABLE a\n# why\nADD x INT"),
        ("CREATE TABLE a (i INT) /*M!100100 COMMENT 'x' */ ;", "CREATE TABLE a (i INT) /*M!100100 COMMENT 'x' */"),
        ("/**/ /*!50000 ALTER*/ TABLE a ADD /*! b */ INT", "/*!50000 ALTER*/ TABLE a ADD /*! b */ INT"),
        ("/*! SET STATEMENT a=1 FOR */ DROP TABLE /*! a */", "DROP TABLE /*! a */"),
        ("DROP TABLE b /*!999999 , a */", "DROP TABLE b"),
        ("ALTER TABLE a COMMENT '/*!50000 x */'", "ALTER TABLE a COMMENT '/*!50000 x */'"),
        ("ALTER TABLE a COMMENT 'x /* y */' /* z */", "ALTER TABLE a COMMENT 'x /* y */'"),
        ("SET STATEMENT max_statement_time=1, x='a for b' FOR DROP TABLE a", "DROP TABLE a"),
        ("ALTER TABLE a /* b */ SOMETHING 'never ended ", "ALTER TABLE a /* b */ SOMETHING 'never ended "),
        ("/* nothing */", ""),
        ("", ""),
    ],
)
def test_the_text_that_is_written_down(sql: str, whole: str) -> None:
    assert StatementText(sql, flavor="mariadb", version=MARIADB).whole == whole


def test_parts_of_a_text_are_cut_by_the_places_of_names() -> None:
    sql = "/* by */ DROP TABLE /*!40000 IF EXISTS */ `a``b` . c /* x */, d CASCADE"
    (statement,) = parse(sql, flavor="mysql")
    assert isinstance(statement, DropTable)
    text = StatementText(sql, flavor="mysql")
    assert text.before(statement.names[0].at) == "DROP TABLE   IF EXISTS   "
    assert [text.cut(one.at, one.end) for one in statement.names] == ["`a``b` . c", "d"]
    assert statement.behaviour == "CASCADE"


def test_an_index_is_told_from_an_alter() -> None:
    found = [*parse("CREATE INDEX i ON a (b)", flavor="mysql"), *parse("ALTER TABLE a ADD INDEX (b)", flavor="mysql")]
    assert [isinstance(one, AlterTable) and one.is_about_index for one in found] == [True, False]
