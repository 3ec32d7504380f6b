"""What holds behind a statement, live and after a restart: the same, whatever its names and its session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faust_cdc.history.recovered import RecoveredHistory
from faust_cdc.pipeline.parsed import Parsed
from faust_cdc.pipeline.statement_changes import StatementContext
from faust_cdc.relational.ddl import DdlContext
from faust_cdc.relational.ddl.tokens import ANSI_QUOTES
from faust_cdc.relational.model import Key, Table, TableId
from tests.pipeline.said import MARIADB, MYSQL, with_mode
from tests.pipeline.test_structure_ledger import Kept, Server
from tests.pipeline.test_structure_ledger import table as plain

ANSI = with_mode(MYSQL, ANSI_QUOTES)
LOWER = replace(MYSQL, lower_case_table_names=1)
COLUMNS = ["id", "x"]


def table(name: str) -> Table:
    """With the record key `id`."""
    made = plain(name, *COLUMNS)
    columns = (replace(made.columns[0], nullable=False), *made.columns[1:])
    return replace(made, columns=columns, primary_key=("id",), keys=(Key("PRIMARY", ("id",), True),))


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def kept(*names: str) -> Kept:
        """A ledger of these tables, whose server is far ahead: it has none of them any more."""
        server = Server(*map(table, names))
        made.append(Kept(tmp_path / "history.dat", server))
        server.tables = {}
        return made[-1]

    yield kept
    for one in made:
        one.store.close()


def live(kept: Kept) -> dict[str, list[str]]:
    found = ((one.table, kept.ledger.table(one)) for one in kept.ledger.known)
    return {name: [column.name for column in one.columns] for name, one in found if one is not None}


def restarted(kept: Kept, tmp_path: Path) -> RecoveredHistory:
    history = RecoveredHistory("p", lambda _: True)
    for line in (tmp_path / "history.dat").read_bytes().splitlines():
        history.add(line)
    return history


def columns(history: RecoveredHistory) -> dict[str, list[str]]:
    found = ((one.table, history.table(one)) for one in history)
    return {name: [column.name for column in one.columns] for name, one in found if one is not None}


AB = {"a": COLUMNS, "b": COLUMNS}
RENAMED = {"a": ["id", "y"], "b": COLUMNS}


@pytest.mark.parametrize(
    ("sql", "context", "names", "left"),
    [
        ("ALTER TABLE `a#b` RENAME COLUMN x TO y", MYSQL, ["a#b"], {"a#b": ["id", "y"]}),
        ("ALTER TABLE `a -- b` DROP x", MYSQL, ["a -- b"], {"a -- b": ["id"]}),
        ("ALTER TABLE `a/*b*/` DROP x", MYSQL, ["a/*b*/"], {"a/*b*/": ["id"]}),
        ("ALTER TABLE .a DROP x", MYSQL, ["a"], {"a": ["id"]}),
        ("ALTER TABLE shop.1a DROP x", MYSQL, ["1a"], {"1a": ["id"]}),
        ("RENAME TABLE `a` TO `a#2`, b TO a", MYSQL, ["a", "b"], {"a#2": COLUMNS, "a": COLUMNS}),
        ("DROP TABLE `a#1`, b", MYSQL, ["a#1", "b", "c"], {"c": COLUMNS}),
        ("DROP TABLE b /*!999999 , a */", MYSQL, ["a", "b"], {"a": COLUMNS}),
        ("/*!999999 DROP TABLE a */", MYSQL, ["a", "b"], AB),
        ('RENAME TABLE "a" TO "old", "b" TO "a"', ANSI, ["a", "b"], {"old": COLUMNS, "a": COLUMNS}),
        ('ALTER TABLE "a" RENAME COLUMN "x" TO "y"', ANSI, ["a", "b"], RENAMED),
        ("ALTER TABLE A RENAME COLUMN X TO y", LOWER, ["a", "b"], RENAMED),
        ("DROP TABLE A", LOWER, ["a", "b"], {"b": COLUMNS}),
        ("RENAME TABLE A TO Old, B TO A", LOWER, ["a", "b"], {"old": COLUMNS, "a": COLUMNS}),
        ("DROP DATABASE SHOP", LOWER, ["a", "b"], {}),
        ("ALTER TABLE a RENAME COLUMN x TO y, COMMENT 'do not rename it'", MYSQL, ["a", "b"], RENAMED),
        ('DROP DATABASE "shop"', ANSI, ["a", "b"], {}),
        ("drop/**/database shop", MYSQL, ["a", "b"], {}),
        ("CREATE OR REPLACE DATABASE shop", MARIADB, ["a", "b"], {}),
        ("SET STATEMENT max_statement_time=0 FOR ALTER TABLE a DROP x", MARIADB, ["a", "b"], AB | {"a": ["id"]}),
        ("ALTER TABLE IF EXISTS a WAIT 10 DROP x", MARIADB, ["a", "b"], AB | {"a": ["id"]}),
        ("ALTER TABLE a CONVERT PARTITION p TO TABLE c", MARIADB, ["a", "b"], AB | {"c": COLUMNS}),
        ("ALTER TABLE a CONVERT TABLE b TO PARTITION p DEFAULT", MARIADB, ["a", "b"], {"a": COLUMNS}),
    ],
)
def test_a_restart_knows_what_was_known_before_it(
    keep: Callable[..., Kept],
    tmp_path: Path,
    sql: str,
    context: DdlContext,
    names: list[str],
    left: dict[str, list[str]],
) -> None:
    kept = keep(*names)
    kept.read(sql, context)
    new = kept.new_lines()
    assert live(kept) == left
    assert columns(restarted(kept, tmp_path)) == left
    assert len(kept.records) == len(new)
    assert bool(new) == (left != dict.fromkeys(names, COLUMNS))


def test_a_new_name_behind_a_literal(keep: Callable[..., Kept]) -> None:
    kept = keep("a")
    kept.read("ALTER TABLE a COMMENT '#1', RENAME TO d")
    (line,) = kept.new_lines()
    assert [one["id"] for one in json.loads(line)["tableChanges"]] == ['"shop"."d"']
    assert live(kept) == {"d": COLUMNS}


@pytest.mark.parametrize("sql", ["DROP INDEX `PRIMARY` ON a", "ALTER TABLE a DROP PRIMARY KEY"])
def test_a_record_key_that_is_dropped_is_dropped_after_a_restart(
    keep: Callable[..., Kept], tmp_path: Path, sql: str
) -> None:
    kept, a = keep("a"), TableId("shop", "a")
    kept.read(sql)
    kept.ledger.before_commit()
    found = kept.ledger.table(a), restarted(kept, tmp_path).table(a)
    assert [one.primary_key if one else None for one in found] == [(), ()]


@pytest.mark.parametrize(
    ("sql", "context"),
    [
        ("CREATE INDEX i ON a (x)", MYSQL),
        ("CREATE VECTOR INDEX i ON a (x)", MARIADB),
        ("CREATE FULLTEXT INDEX i ON a (x)", MYSQL),
        ("CREATE UNIQUE INDEX i ON a (x)", MYSQL),
        ("DROP INDEX i ON unknown", MYSQL),
    ],
)
def test_an_index_that_is_no_record_key_is_no_change_of_the_table(
    keep: Callable[..., Kept], sql: str, context: DdlContext
) -> None:
    kept = keep("a", "b")
    kept.read(sql, context)
    (line,) = map(json.loads, kept.new_lines())
    assert (line["ddl"], line["tableChanges"]) == (sql, [])


def test_an_index_that_becomes_the_record_key_is_written_with_its_table(keep: Callable[..., Kept]) -> None:
    kept = keep("a")
    kept.read("ALTER TABLE a DROP PRIMARY KEY")
    kept.new_lines()
    kept.read("CREATE UNIQUE INDEX i ON a (id)")
    (line,) = map(json.loads, kept.new_lines())
    assert [(one["type"], one["table"]["primaryKeyColumnNames"]) for one in line["tableChanges"]] == [("ALTER", ["id"])]


def test_what_was_read_holds_also_when_nothing_is_written_down_of_it(
    keep: Callable[..., Kept], caplog: pytest.LogCaptureFixture
) -> None:
    kept = keep("a")

    def broken(parsed: Parsed, context: StatementContext) -> None:
        raise AssertionError

    kept.ledger._resolvers = [broken]
    kept.read("ALTER TABLE a DROP x")
    assert live(kept) == {"a": ["id"]}
    assert "names failed" in caplog.text


@pytest.mark.parametrize(
    ("sql", "context", "written"),
    [
        (" /* by */ ALTER TABLE a /* why */ DROP x -- end\n ; ", MYSQL, ["ALTER TABLE a /* why */ DROP x"]),
        ("/*!50100 ALTER TABLE a DROP x */", MYSQL, ["/*!50100 ALTER TABLE a DROP x */"]),
        ("SET STATEMENT max_statement_time=9 FOR ALTER TABLE a DROP x", MARIADB, ["ALTER TABLE a DROP x"]),
        ("create unique index i on a (x)", MYSQL, ["create unique index i on a (x)"]),
        ("rename table /* it */ a to c", MYSQL, ["rename table /* it */ a to c"]),
        (
            "rename table /* it */ a to c , b  to a",
            MYSQL,
            ["rename table /* it */ a to c", "rename table /* it */ b  to a"],
        ),
        ("drop table  if exists a /* it */", MYSQL, ["drop table  if exists `shop`.`a`"]),
        (
            "drop /* it */ table a, b cascade",
            MYSQL,
            ["drop /* it */ table `shop`.`a` cascade", "drop /* it */ table `shop`.`b` cascade"],
        ),
        ('DROP TABLE "a"', ANSI, ["DROP TABLE `shop`.`a`"]),
    ],
)  # fmt: skip
def test_what_is_as_it_was_run_and_what_is_written_anew(
    keep: Callable[..., Kept], sql: str, context: DdlContext, written: list[str]
) -> None:
    """As differences.toml says it of "statement-as-run"."""
    kept = keep("a", "b")
    kept.read(sql, context)
    assert [json.loads(line)["ddl"] for line in kept.new_lines()] == written
