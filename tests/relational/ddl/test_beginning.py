"""What is shown of a statement never has a literal in it."""

from __future__ import annotations

import pytest

from faust_cdc.relational.ddl import beginning
from faust_cdc.relational.ddl.beginning import SHOWN_MAX


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("DROP  TABLE\n t", "DROP TABLE t"),
        ("CREATE TABLE f (i INT) CONNECTION='mysql://u:secret@h/d/t'", "CREATE TABLE f (i INT) CONNECTION= …"),
        ('CREATE USER u IDENTIFIED BY "secret" REQUIRE SSL', "CREATE USER u IDENTIFIED BY …"),
        # Where NO_BACKSLASH_ESCAPES ends a literal is not to be told: nothing behind one is shown.
        ("ALTER TABLE t COMMENT 'a\\' CONNECTION='mysql://u:secret@h'", "ALTER TABLE t COMMENT …"),
        ("", ""),
    ],
)
def test_the_beginning(statement: str, shown: str) -> None:
    assert beginning(statement) == shown


def test_long_statements_are_cut() -> None:
    assert beginning("x" * 10_000_000) == "x" * SHOWN_MAX + " …"
    assert len(beginning(f"ALTER TABLE {'t ' * 1000}COMMENT 'secret'")) <= SHOWN_MAX + 2
