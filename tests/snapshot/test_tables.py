"""Which tables a snapshot reads, and in which order."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pytest

from faust_cdc.config.snapshot_settings import RowCountOrder, SnapshotSettings
from faust_cdc.errors import ConfigError
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.tables import SnapshotTables

CAPTURED = [TableId("d", name) for name in ("b", "a", "B", "c", "big", "odd.name")] + [TableId("Z", "a")]
ROWS = {TableId("d", "a"): 5, TableId("d", "big"): 1000, TableId("d", "c"): 5}


def estimate(tables: Iterable[TableId]) -> dict[TableId, int]:
    return {table: ROWS[table] for table in tables if table in ROWS}


def chosen(include: str | None = None, table_include: str | None = None, order: str = "disabled") -> list[str]:
    tables = SnapshotTables(SnapshotSettings(include=include, order=RowCountOrder(order)), table_include, estimate)
    return [str(table) for table in tables.by_row_count(tables.of(CAPTURED))]


@pytest.mark.parametrize(
    ("include", "table_include", "order", "expected"),
    [
        (None, None, "disabled", ["Z.a", "d.B", "d.a", "d.b", "d.big", "d.c", "d.odd.name"]),
        (None, r"d\.c,.*\.A,.*", "disabled", ["d.c", "Z.a", "d.a", "d.B", "d.b", "d.big", "d.odd.name"]),
        (r"D\.c, d\.[ab]", r"d\.b,.*", "disabled", ["d.B", "d.b", "d.a", "d.c"]),
        (r"d\.b{1\,2},d\.a", None, "disabled", ["d.B", "d.a", "d.b"]),
        (r"a", None, "disabled", []),
        (r'"d"\."odd\.name"', None, "disabled", ["d.odd.name"]),
        (None, None, "ascending", ["Z.a", "d.B", "d.b", "d.odd.name", "d.a", "d.c", "d.big"]),
        (None, None, "descending", ["d.big", "d.a", "d.c", "Z.a", "d.B", "d.b", "d.odd.name"]),
        (r"d\.c,d\.a,d\.big", r"d\.c,.*", "ascending", ["d.c", "d.a", "d.big"]),
    ],
)
def test_order(include: str | None, table_include: str | None, order: str, expected: list[str]) -> None:
    assert chosen(include, table_include, order) == expected


def test_a_pattern_that_matches_nothing_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert chosen(r"d\.a,d\.nobody") == ["d.a"]
    assert [record.getMessage() for record in caplog.records] == [
        r"snapshot.include.collection.list: 'd\\.nobody' matches no captured table."
    ]


def test_a_list_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"snapshot\.include\.collection\.list"):
        SnapshotTables(SnapshotSettings(include="d.("), None, estimate)
