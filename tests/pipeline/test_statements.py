"""Statements in the binlog: what frames a transaction, what is DDL, what hides rows."""

from __future__ import annotations

import pytest

from faust_cdc.pipeline.statements import (
    changes_system_table,
    first_words,
    is_about_account,
    is_change,
    readable,
)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("BEGIN", ("begin", "")),
        ("/* app */ -- x\n commit", ("commit", "")),
        ("ROLLBACK TO `a`", ("rollback", "to")),
        ("/*!50000 INSERT */ INTO t VALUES (1)", ("insert", "into")),
        ("/*M!100100 UPDATE*/ t SET a = 1", ("update", "t")),
        ("SET STATEMENT max_statement_time = 60 FOR DELETE FROM t", ("delete", "from")),
        ("SET PASSWORD FOR u = 'x'", ("set", "password")),
        ("# Dummy event replacing event type 160", ("", "")),
        ("/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`h`*/ /*!50003 TRIGGER g BEFORE INSERT ON t*/", ("create", "definer")),
    ],
)
def test_first_words_are_those_that_the_server_executes(statement: str, words: tuple[str, str]) -> None:
    assert first_words(readable(statement)) == words


@pytest.mark.parametrize(
    ("word", "outside", "inside"),
    [
        ("insert", True, True),
        ("with", True, True),
        ("create", False, False),
        ("grant", False, True),
        ("", False, False),
    ],
)
def test_inside_a_transaction_the_unknown_counts_as_a_change(word: str, outside: bool, inside: bool) -> None:
    assert (is_change(word, in_transaction=False), is_change(word, in_transaction=True)) == (outside, inside)


@pytest.mark.parametrize(
    ("statement", "database", "expected"),
    [
        ("INSERT INTO mysql.rds_heartbeat2(id, value) values (1,2) ON DUPLICATE KEY UPDATE value = 2", "", True),
        ("insert ignore into `mysql`.`a` VALUES (1)", "shop", True),
        ("DELETE FROM mysql.rds_sysinfo where name = 'x'", "shop", True),
        ("UPDATE a SET b = 1", "mysql", True),
        ("REPLACE INTO mysql.ha_health_check SET id = 1", "", True),
        ("INSERT INTO shop.t VALUES (1)", "mysql", False),
        ("INSERT INTO t VALUES (1)", "shop", False),
        ("UPDATE mysql.a, shop.t SET t.x = 1", "mysql", False),
        ("UPDATE mysql.a AS a JOIN shop.t SET t.x = 1", "mysql", False),
        ("DELETE FROM mysql.a, shop.t USING mysql.a JOIN shop.t", "mysql", False),
        ("WITH c AS (SELECT 1) UPDATE mysql.a SET b = 1", "mysql", False),
    ],
)
def test_only_one_table_of_a_system_database_may_be_passed_over(statement: str, database: str, expected: bool) -> None:
    assert changes_system_table(statement, database) is expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("GRANT SELECT ON a.* TO u", True),
        ("/* app */ revoke ALL ON a FROM u", True),
        ("SET PASSWORD FOR u = 'x'", True),
        ("CREATE OR REPLACE USER u IDENTIFIED BY 'x'", True),
        ("/*!50000 ALTER USER u*/", True),
        ("SET STATEMENT max_statement_time=1 FOR DROP ROLE r", True),
        ("CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (PASSWORD 'x')", True),
        ("CREATE TABLE user (id INT)", False),
        ("ALTER TABLE role ADD grants INT", False),
        ("CREATE NOVELTY n ON user", False),
    ],
)
def test_statements_about_accounts(statement: str, expected: bool) -> None:
    assert is_about_account(readable(statement)) is expected
