"""Hostile text through all that looks at a statement, not only the parser."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faust_cdc.history.recovered import RecoveredHistory
from faust_cdc.history.table_changes import history_json, history_record
from faust_cdc.pipeline.ddl_reading import NotTold
from faust_cdc.pipeline.statement_changes import ReadAgain, StatementContext
from faust_cdc.pipeline.statements import first_words, is_about_account, is_about_database, readable
from faust_cdc.relational.ddl import words_of
from tests.pipeline.said import said
from tests.pipeline.test_structure_ledger import Kept, Server, table
from tests.relational.ddl.hostile import hostile

SIZE, CPU_MAX_S = 200_000, 10


def written_down(sql: str) -> None:
    parsed = said(sql)
    ReadAgain(lambda _: {})(parsed, StatementContext(lambda _: None))
    list(parsed.renames())
    parsed.truncated()


def recovered(sql: str) -> None:
    history = RecoveredHistory("p", lambda _: True)
    history.add(history_json(history_record("p", {"pos": 1}, 1, "shop", sql, [])).encode())
    assert history.damaged == 0


def told(sql: str) -> None:
    text = readable(sql)
    first_words(text)
    is_about_account(text)
    is_about_database(text)


@pytest.mark.parametrize("look", [written_down, recovered, told, lambda sql: words_of(sql, flavor="mysql")])
@pytest.mark.parametrize("what", hostile(1_000))
def test_hostile_text_ends_soon(what: str, look: Callable[[str], object]) -> None:
    sql = hostile(SIZE)[what]
    started = time.process_time()
    look(sql)
    assert time.process_time() - started < CPU_MAX_S


def test_comments_in_comments_of_columns_take_no_time(tmp_path: Path) -> None:
    """They took 20 seconds of the task's thread: each opening in a literal was looked at up to the text's end."""
    kept = Kept(tmp_path / "history.dat", Server(table("a", "id")))
    comment = "/* " * 341
    sql = f"CREATE TABLE t ({', '.join(f'c{number} INT COMMENT {comment!r}' for number in range(80))})"
    started = time.process_time()
    assert not isinstance(kept.read(sql), NotTold)
    assert time.process_time() - started < 2
    assert len(kept.records) == 1
    kept.store.close()
