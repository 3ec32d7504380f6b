"""Which tables a statement renames, empties and makes of partitions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faust_cdc.relational.ddl import DdlContext
from faust_cdc.relational.ddl.tokens import ANSI_QUOTES
from faust_cdc.relational.model import TableId
from tests.pipeline.said import MARIADB, MYSQL, said, with_mode

ANSI = with_mode(MYSQL, ANSI_QUOTES)
LOWER = replace(MYSQL, lower_case_table_names=1)


def pairs(sql: str, context: DdlContext = MYSQL) -> list[tuple[str, str]]:
    return [(str(old), str(new)) for old, new in said(sql, context).renames()]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("RENAME TABLE a TO b", [("shop.a", "shop.b")]),
        ("rename tables `a b` to x.`c``d` , x.e TO `f`", [("shop.a b", "x.c`d"), ("x.e", "shop.f")]),
        (
            "RENAME TABLE a TO tmp, b TO a, tmp TO b",
            [("shop.a", "shop.tmp"), ("shop.b", "shop.a"), ("shop.tmp", "shop.b")],
        ),
        ("RENAME /* gh-ost */ TABLE `shop`.`t` TO `shop`.`_t_del`", [("shop.t", "shop._t_del")]),
        ("RENAME TABLE `a` TO `a#2`, b TO a", [("shop.a", "shop.a#2"), ("shop.b", "shop.a")]),
        ("ALTER TABLE a RENAME b", [("shop.a", "shop.b")]),
        ("ALTER TABLE x.a ADD COLUMN c INT, RENAME TO x.b", [("x.a", "x.b")]),
        ("ALTER ONLINE TABLE a RENAME AS b", [("shop.a", "shop.b")]),
        ("ALTER TABLE a RENAME COLUMN c TO d", []),
        ("ALTER TABLE a RENAME INDEX i TO j, RENAME KEY k TO l", []),
        ("ALTER TABLE a ADD COLUMN c INT", []),
        ("ALTER TABLE a RENAME COLUMN x TO y, COMMENT 'do not rename it'", []),
        ("ALTER TABLE a COMMENT '#1', RENAME TO d", [("shop.a", "shop.d")]),
        ("ALTER TABLE a SOMETHING NEW, COMMENT '#1', RENAME TO d", [("shop.a", "shop.d")]),
        ("CREATE TABLE rename_table (a INT)", []),
        ("DROP TABLE a", []),
    ],
)
def test_old_and_new_names(statement: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(statement) == expected


def test_names_in_double_quotes() -> None:
    assert pairs('RENAME TABLE "a" TO "a_old", "n" TO "a"', ANSI) == [
        ("shop.a", "shop.a_old"),
        ("shop.n", "shop.a"),
    ]
    assert said('TRUNCATE TABLE "shop2"."a"', ANSI).truncated() == TableId("shop2", "a")


def test_names_as_the_server_keeps_them() -> None:
    assert pairs("ALTER TABLE A RENAME Shop2.B", LOWER) == [("shop.a", "shop2.b")]
    assert said("TRUNCATE A", LOWER).truncated() == TableId("shop", "a")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("TRUNCATE TABLE t", TableId("shop", "t")),
        ("truncate t", TableId("shop", "t")),
        ("TRUNCATE TABLE `other db` . `odd ``name`", TableId("other db", "odd `name")),
        ("/* app */ TRUNCATE/**/TABLE/**/x.y NOWAIT", TableId("x", "y")),
        ("TRUNCATE tables", TableId("shop", "tables")),
        ("TRUNCATE TABLE t SOMETHING NEW", TableId("shop", "t")),
        ("ALTER TABLE t TRUNCATE PARTITION p0", None),
        ("DROP TABLE t", None),
    ],
)
def test_which_table_a_truncate_empties(statement: str, expected: TableId | None) -> None:
    assert said(statement, MARIADB).truncated() == expected


def test_a_partition_becomes_a_table() -> None:
    made = said("ALTER TABLE x.t CONVERT PARTITION p TO TABLE t2", MARIADB).split_off()
    assert list(made) == [TableId("shop", "t2")]
    assert list(said("ALTER TABLE t CONVERT TABLE t2 TO PARTITION p VALUES LESS THAN (9)", MARIADB).split_off()) == []
