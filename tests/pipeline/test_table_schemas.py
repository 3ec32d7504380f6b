"""Lines of table versions: numbers, ids that come later, what waits for a commit, and how much memory they take."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from faust_cdc.errors import FatalError
from faust_cdc.notifications.notification import Notification
from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.schema_book import SchemaBook, tables_shown
from faust_cdc.pipeline.schema_records import SchemaRecords
from faust_cdc.pipeline.table_schemas import (
    VERSIONS_MAX,
    TableSchema,
    TableSchemas,
    goes_on_elsewhere,
    is_line_of,
    line_key,
    line_of,
    read_line_key,
    versions_of,
)
from faust_cdc.relational.model import TableId

SHOP = SourcePartition("shop", "p")
T = TableId("db", "t")
ONE = TableSchema(0, "p.db.t", 1, "digest", "k", None, "v", None, file="f", pos=4, ts_ms=1)


def test_versions_are_numbered_and_ids_come_in_place() -> None:
    schemas = TableSchemas(SHOP)
    assert schemas.note(T, ONE).version == 1
    assert schemas.note(T, replace(ONE, ts_ms=9)).ts_ms == 1
    filled = schemas.note(T, replace(ONE, key_schema_id=1, value_schema_id=2, file="g", origin="table map"))
    assert (filled.version, filled.value_schema_id, filled.file, filled.origin) == (1, 2, "f", "server")
    assert schemas.note(T, ONE) == filled  # met again at a statement: the ids stay
    second = schemas.note(T, replace(ONE, schema="other"))
    assert second.version == 2
    assert schemas.note(T, ONE).version == 3  # taken back: a version of its own
    assert schemas.latest(T) is not None


def test_a_restart_knows_what_was_written_and_no_other_connectors_lines() -> None:
    schemas = TableSchemas(SHOP)
    schemas.note(T, ONE)
    lines = dict(schemas.take())
    assert schemas.take() == []
    other = SourcePartition("shop", "p2")
    stored = {**lines, line_key(other, T): line_of((replace(ONE, version=7),))}
    again = TableSchemas(SHOP, stored)
    assert again.tables() == [T]
    assert again.latest(T) == replace(ONE, version=1)
    again.note(T, ONE)
    assert again.take() == []
    assert [is_line_of(SHOP)(key) for key in stored] == [True, False]


def test_old_versions_are_let_go_and_numbers_go_on() -> None:
    schemas = TableSchemas(SHOP)
    for number in range(VERSIONS_MAX + 5):
        schemas.note(T, replace(ONE, schema=str(number)))
    ((_, line),) = schemas.take()
    versions = versions_of(line, "t")
    assert len(versions) == VERSIONS_MAX
    assert (versions[0].version, versions[-1].version) == (6, VERSIONS_MAX + 5)


def test_a_commit_takes_the_lines_and_tells_of_what_is_no_first_version() -> None:
    schemas, told = TableSchemas(SHOP), list[Notification]()
    records = SchemaRecords(schemas, "topic", 3, told.append, "p")
    schemas.note(T, ONE)
    (record,) = records()
    assert (record.topic, record.partition, record.key) == ("topic", 3, line_key(SHOP, T))
    assert told == []
    schemas.note(T, replace(ONE, schema="b"))
    schemas.note(T, replace(ONE, schema="c"))
    assert len(records()) == 1
    assert [one.additional_data["version"] for one in told] == ["2", "3"]
    assert told[0].additional_data["position"] == "f:4"
    assert records() == []


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b'{"versions":[{}]}', b'{"versions":[3]}', b"\xff"])
def test_a_line_that_is_none_is_named(value: bytes) -> None:
    with pytest.raises(FatalError, match=r"db\.t"):
        TableSchemas(SHOP, {line_key(SHOP, T): value}).latest(T)
    assert "problem" in tables_shown({T: value})[0]


@pytest.mark.parametrize("key", [b"", b"{}", b'["a"]', b'["a",3,"b","c"]', b'["a",{"server":"s"}]'])
def test_foreign_keys_are_passed_over(key: bytes) -> None:
    assert read_line_key(key) is None
    book = SchemaBook()
    book.note(key, b"x")
    assert book.lines(SHOP) == {}


def test_the_book_finds_tables_by_name_also_with_dots() -> None:
    book, odd = SchemaBook(), TableId("d.b", "t")
    for table in (T, odd):
        book.note(line_key(SHOP, table), line_of((replace(ONE, version=1),)))
    assert (book.named(SHOP, "db.t") or (None,))[0] == T
    assert (book.named(SHOP, "d.b.t") or (None,))[0] == odd
    assert book.named(SHOP, "db.u") is None
    book.note(line_key(SHOP, T), None)
    assert book.named(SHOP, "db.t") is None
    assert [entry["database"] for entry in tables_shown(book.lines(SHOP))] == ["d.b"]


def test_ten_thousand_tables_take_little_memory() -> None:
    tracemalloc.start()
    try:
        schemas, book = TableSchemas(SHOP), SchemaBook()
        for number in range(10_000):
            table = TableId("database_of_some_length", f"table_of_some_length_{number}")
            topic = f"prefix.{table}"
            schemas.note(table, replace(ONE, topic=topic, key_subject=f"{topic}-key", value_subject=f"{topic}-value"))
        for key, value in schemas.take():
            book.note(key, value)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used < 16 * 1024 * 1024, f"{used:,} bytes"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (line_of((TableSchema(1, "t", 1, "a"),)), False),
        (line_of((TableSchema(1, "t", 1, "a"), TableSchema(2, "t.v2", 2, "b"))), True),
        (b'{"versions": []}', False),
        (b"{", False),
    ],
)
def test_a_line_of_a_versioned_topic_outlives_its_connector(line: bytes, expected: bool) -> None:
    assert goes_on_elsewhere(line) is expected
