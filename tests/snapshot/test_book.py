"""Speed, estimate and time left, from progress records as they come by."""

from __future__ import annotations

import json
import logging

import pytest

from faust_cdc.offsets import SourcePartition
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.book import WINDOW_MS, RowRate, SnapshotBook, SnapshotReport, Turn
from faust_cdc.snapshot.commands import ExecuteSnapshot
from faust_cdc.snapshot.progress import (
    SnapshotKind,
    SnapshotProgress,
    SnapshotState,
    TableProgress,
    TableState,
    snapshot_key,
    table_key,
)
from faust_cdc.snapshot.wording import duration_text

SHOP = SourcePartition("shop", "s")
ORDERS, ITEMS, LOG = TableId("db", "orders"), TableId("db", "items"), TableId("other.db", "log")
START_MS = 1_700_000_000_000


class Records:
    """A snapshot whose records go into a book."""

    def __init__(self, *tables: TableId, partition: SourcePartition = SHOP) -> None:
        self.turns: list[Turn] = []
        self.book, self.partition, self.tables = SnapshotBook(self.turns.append), partition, tables
        self.whole()

    def whole(self, state: SnapshotState = SnapshotState.RUNNING, snapshot_id: str = "1", at_ms: int = 0) -> None:
        progress = SnapshotProgress(
            snapshot_id, SnapshotKind.INITIAL, state, START_MS, START_MS + at_ms, tuple(self.tables)
        )
        self.book.note(snapshot_key(self.partition), progress.to_json())

    def table(
        self, table: TableId, state: TableState, rows: int, at_ms: int, estimated: int | None = None, reason: str = ""
    ) -> None:
        started = 0 if state is TableState.PENDING else START_MS
        progress = TableProgress(
            table, state, rows, estimated, started_ms=started, updated_ms=START_MS + at_ms, reason=reason
        )
        self.book.note(table_key(self.partition, table), progress.to_json())

    def report(self, at_ms: int) -> SnapshotReport:
        report = self.book.report(self.partition, START_MS + at_ms)
        assert report is not None
        return report


def test_speed_is_of_late_and_not_since_the_beginning() -> None:
    records = Records(ORDERS)
    for second in range(120):  # a minute of 100 rows/s, then one of 1000
        rows = 100 * min(second, 60) + 1000 * max(0, second - 60)
        records.table(ORDERS, TableState.RUNNING, rows, second * 1000, 159_000)
    (orders,) = records.report(119_000).tables
    assert orders.rows_per_s == records.report(119_000).rows_per_s == 1000
    assert orders.eta_s == (159_000 - 65_000) / 1000
    assert records.report(119_000).sentence() == (
        "65,000 of about 159,000 rows (40.9 %), 1,000 rows/s, 1 min 34 s left, 0 of 1 tables done, "
        "now in db.orders (40.9 %, 1 min 34 s left)"
    )


def test_what_stands_still_has_no_speed_and_no_end() -> None:
    records = Records(ORDERS)
    records.table(ORDERS, TableState.RUNNING, 0, 0, 1000)
    records.table(ORDERS, TableState.RUNNING, 100, 5_000, 1000)
    assert records.report(5_000).rows_per_s == 20
    still = records.report(5_001 + WINDOW_MS)
    assert (still.rows_per_s, still.eta_s, still.tables[0].rows_per_s, still.tables[0].eta_s) == (0, None, 0, None)


def test_the_whole_counts_done_tables_and_estimates_the_rest() -> None:
    records = Records(ORDERS, ITEMS, LOG)
    records.table(ORDERS, TableState.COMPLETED, 300, 2_000, 1000)
    records.table(ITEMS, TableState.RUNNING, 100, 2_000, 50)
    records.table(LOG, TableState.PENDING, 0, 0, 600)
    report = records.report(3_000)
    assert (report.rows, report.estimated_rows, report.percent) == (400, 1000, 40.0)
    assert [each.progress.table for each in report.tables] == [ORDERS, ITEMS, LOG]
    assert report.tables_done == 1
    assert report.tables[0].progress.percent == 100
    assert report.tables[1].progress.percent == 99.9, "more rows than were estimated: not at its end for that"
    assert report.tables[1].eta_s is None


def test_a_table_without_an_estimate_leaves_the_whole_without() -> None:
    records = Records(ORDERS, ITEMS)
    records.table(ORDERS, TableState.RUNNING, 10, 0, 1000)
    records.table(ORDERS, TableState.RUNNING, 20, 1000, 1000)
    report = records.report(1000)
    assert (report.estimated_rows, report.percent, report.eta_s) == (None, None, None)
    records.table(ITEMS, TableState.SKIPPED, 0, 1000, reason="no key")
    assert records.report(1000).percent == 2.0
    entry = records.report(1000).tables[1].to_json()
    assert (entry["state"], entry["reason"], entry["eta_s"]) == ("skipped", "no key", None)


def test_completed_is_100_percent_and_lasted_until_its_last_record() -> None:
    records = Records(ORDERS)
    records.table(ORDERS, TableState.COMPLETED, 4000, 2_000, 5000)
    records.whole(SnapshotState.COMPLETED, at_ms=2_500)
    report = records.report(1_000_000)
    assert (report.percent, report.duration_s, report.rows_per_s, report.eta_s) == (100.0, 2.5, None, None)
    assert report.tables[0].rows_per_s == 2000, "from its start to its end"
    assert records.book.running() == []


def test_what_waits_is_shown() -> None:
    records = Records(ORDERS)
    assert records.report(0).to_json()["waiting"] == []
    waiting = ExecuteSnapshot("2", ("db.items",), surrogate_key="n")
    progress = SnapshotProgress("1", SnapshotKind.INITIAL, tables=(ORDERS,), waiting=(waiting,))
    records.book.note(snapshot_key(SHOP), progress.to_json())
    assert records.report(0).to_json()["waiting"] == [
        {"id": "2", "kind": "incremental", "data_collections": ["db.items"], "surrogate_key": "n"}
    ]


def test_an_empty_snapshot_is_complete_and_not_before() -> None:
    records = Records()
    assert records.report(0).percent == 0.0
    records.whole(SnapshotState.COMPLETED)
    assert records.report(0).percent == 100.0


def test_a_new_snapshot_shows_nothing_of_the_one_before() -> None:
    records = Records(ORDERS, ITEMS)
    for second in range(10):
        records.table(ORDERS, TableState.RUNNING, second * 500, second * 1000, 5000)
    records.tables = (ITEMS,)
    records.book.note(table_key(SHOP, ORDERS), None)
    records.whole(snapshot_id="2", at_ms=60_000)
    report = records.report(60_000)
    assert (report.rows, report.rows_per_s, len(report.tables)) == (0, None, 1)
    records.table(ITEMS, TableState.RUNNING, 0, 60_000, 100)
    records.table(ITEMS, TableState.RUNNING, 10, 61_000, 100)
    assert records.report(61_000).rows_per_s == 10


def test_connectors_and_servers_are_apart_and_deletions_leave_nothing() -> None:
    records = Records(ORDERS)
    assert records.book.report(SourcePartition("shop", "other"), 0) is None
    assert records.book.running() == [SHOP]
    records.book.note(snapshot_key(SHOP), None)
    assert records.book.report(SHOP, 0) is None
    assert records.book._pages == {}


def test_records_that_cannot_be_read_are_named_and_harm_nothing(caplog: pytest.LogCaptureFixture) -> None:
    records = Records(ORDERS)
    records.table(ORDERS, TableState.RUNNING, 10, 0, 1000)
    with caplog.at_level(logging.WARNING):
        records.book.note(table_key(SHOP, ORDERS), b"{}")
        records.book.note(snapshot_key(SHOP), b"not JSON")
        records.book.note(b"foreign", b"{}")
        records.book.note(b'["shop",{"server":"s"},"one"]', b"{}")
    assert "The stored progress of db.orders cannot be read" in caplog.text
    assert records.report(0).rows == 10


def test_rates_survive_clocks_that_differ_and_counts_that_begin_anew() -> None:
    rate = RowRate()
    rate.note(10_000, 100)
    rate.note(9_990, 200)
    assert rate.per_s(10_000) is None, "no time has passed"
    rate.note(12_000, 300)
    assert rate.per_s(12_000) == 100
    rate.note(13_000, 5)
    assert rate.per_s(13_000) is None
    rate.note(15_000, 25)
    assert rate.per_s(15_000) == 10
    rate.note(5_000, 30)  # another machine's clock
    rate.note(6_000, 40)
    assert rate.per_s(6_000) == 10


def test_memory_is_bounded_however_often_is_told() -> None:
    rate = RowRate()
    for step in range(100_000):
        rate.note(step * 10, step)
    assert len(rate._samples) < 2 * WINDOW_MS / 1000
    assert rate.per_s(1_000_000) == pytest.approx(100)


def test_the_json_has_every_member_always() -> None:
    records = Records(ORDERS)
    running = records.report(0).to_json()
    records.whole(SnapshotState.COMPLETED)
    assert list(running) == list(records.report(0).to_json())
    assert json.loads(json.dumps(running)) == running


def test_each_other_state_is_a_turn_and_rows_are_none() -> None:
    records = Records(ORDERS)
    records.table(ORDERS, TableState.RUNNING, 0, 0)
    for rows in (10, 20):
        records.table(ORDERS, TableState.RUNNING, rows, rows)
    records.table(ORDERS, TableState.COMPLETED, 30, 30)
    records.whole(SnapshotState.RUNNING, at_ms=30)
    records.whole(SnapshotState.COMPLETED, at_ms=30)
    records.whole(SnapshotState.COMPLETED, "2")
    assert {turn.partition for turn in records.turns} == {SHOP}
    assert [(type(turn.progress), turn.progress.state) for turn in records.turns] == [
        (SnapshotProgress, SnapshotState.RUNNING),
        (TableProgress, TableState.RUNNING),
        (TableProgress, TableState.COMPLETED),
        (SnapshotProgress, SnapshotState.COMPLETED),
        (SnapshotProgress, SnapshotState.COMPLETED),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7510, "2 h 5 min"),
        (9e5, "10 d 10 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
