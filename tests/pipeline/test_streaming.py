"""Where a source transaction ends: the position moves there and only there."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from faust_cdc.binlog.events import (
    BinlogEvent,
    EventHeader,
    GtidEvent,
    IncidentEvent,
    QueryEvent,
    RotateEvent,
    XaPrepareEvent,
    XidEvent,
)
from faust_cdc.errors import FatalError
from faust_cdc.mysql.positions import MariaDbGtidSet
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.streaming import StreamingSource
from faust_cdc.transcode.source_block import SourceInfo


class Ends:
    """Stands where the writer and the cache stand and notes what is told to them."""

    def __init__(self) -> None:
        self.offsets: list[SourceOffset] = []
        self.invalidated: list[str] = []

    def end_source_transaction(self, offset: Callable[[], SourceOffset]) -> None:
        self.offsets.append(offset())

    def invalidate(self, statement: str) -> None:
        self.invalidated.append(statement)


def header(end: int) -> EventHeader:
    return EventHeader(1_700_000_000, 2, 1, 10, 0, "binlog.000001", end - 10, end)


def query(end: int, text: str) -> QueryEvent:
    return QueryEvent(header(end), 5, "d", text, 0)


def gtid(end: int, name: str | None, *, standalone: bool = False) -> GtidEvent:
    return GtidEvent(header(end), name, None, None, None, standalone=standalone)


def feed(flavor: str, *events: BinlogEvent) -> tuple[Ends, StreamingSource]:
    ends = Ends()
    start = SourceOffset("binlog.000001", 4)
    gtids: Any = MariaDbGtidSet.parse("") if flavor == "mariadb" else None
    block = SourceInfo.for_server(connector=flavor, name="p")
    stream = StreamingSource(block, start, gtids, SimpleNamespace(), ends, ends)  # type: ignore[arg-type]
    for event in events:
        stream.handle(event)
    return ends, stream


def test_mysql_create_select_ends_at_its_xid() -> None:
    ends, _ = feed(
        "mysql",
        gtid(100, "u:1"),
        query(110, "BEGIN"),
        query(120, "CREATE TABLE `c` (id int) START TRANSACTION"),
        XidEvent(header(130), 1),
    )
    assert [offset.pos for offset in ends.offsets] == [130]
    assert len(ends.invalidated) == 1


def test_mariadb_create_select_ends_at_its_xid_and_standalone_ddl_at_once() -> None:
    ends, _ = feed(
        "mariadb",
        gtid(100, "0-1-1"),
        query(120, "CREATE TABLE c (id int)"),
        XidEvent(header(130), 1),
        gtid(140, "0-1-2", standalone=True),
        query(150, "ALTER TABLE c ADD x INT"),
    )
    assert [(offset.pos, offset.gtids) for offset in ends.offsets] == [(130, "0-1-1"), (150, "0-1-2")]


@pytest.mark.parametrize(
    ("text", "ends_at"),
    [
        ("COMMIT", [120]),
        ("ROLLBACK", [120]),
        ("/* app */ COMMIT", [120]),
        ("SAVEPOINT `a`", []),
        ("ROLLBACK TO `a`", []),
        ("XA END X'31',X'',1", []),
    ],
)
def test_what_ends_a_transaction_in_words(text: str, ends_at: list[int]) -> None:
    ends, _ = feed("mysql", gtid(100, None), query(110, "BEGIN"), query(120, text))
    assert [offset.pos for offset in ends.offsets] == ends_at


def test_xa_prepare_ends_its_transaction_and_xa_commit_is_one_of_its_own() -> None:
    ends, _ = feed(
        "mysql",
        gtid(100, None),
        query(110, "XA START X'31',X'',1"),
        query(115, "XA END X'31',X'',1"),
        XaPrepareEvent(header(120), False, 1, b"1", b""),
        gtid(130, None),
        query(140, "XA COMMIT X'31',X'',1"),
    )
    assert [offset.pos for offset in ends.offsets] == [120, 140]


def test_rotation_moves_the_file_and_the_dumps_opening_does_not_move_back() -> None:
    ends, stream = feed("mysql", gtid(100, None), query(110, "BEGIN"), XidEvent(header(200), 1))
    stream.handle(RotateEvent(header(0), "binlog.000001", 4, artificial=True))
    assert (stream.offset().file, stream.offset().pos) == ("binlog.000001", 200)
    stream.handle(RotateEvent(header(300), "binlog.000002", 4, artificial=False))
    assert (stream.offset().file, stream.offset().pos) == ("binlog.000002", 4)
    assert len(ends.offsets) == 1


@pytest.mark.parametrize("text", ["INSERT INTO t VALUES (1)", "update t set a = 1", "REPLACE INTO t VALUES (1)"])
def test_a_change_logged_as_statement_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(FatalError, match=r"binlog\.000001:110.*expected row images") as caught:
        feed("mysql", gtid(100, None), query(110, "BEGIN"), query(120, text))
    assert "binlog_format=ROW" in str(caught.value.remedy)


def test_lost_events_stop_the_task() -> None:
    with pytest.raises(FatalError, match="INCIDENT"):
        feed("mysql", IncidentEvent(header(100), 1, "LOST_EVENTS"))


def test_no_statement_text_reaches_a_log_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """MariaDB's binlog holds the passwords of CREATE USER in clear."""
    with caplog.at_level("DEBUG"):
        feed("mariadb", gtid(100, "0-1-1", standalone=True), query(110, "CREATE USER u IDENTIFIED BY 'pl4intext'"))
    assert "CREATE USER" in caplog.text
    assert "pl4intext" not in caplog.text
    with pytest.raises(FatalError) as caught:
        feed("mysql", gtid(100, None), query(110, "BEGIN"), query(120, "UPDATE d.t SET secret = 'pl4intext'"))
    assert "UPDATE" in str(caught.value)
    assert "pl4intext" not in str(caught.value)
