"""Where a source transaction ends: the position moves there and only there."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import fastavro
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
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.streaming import StreamingSource
from faust_cdc.pipeline.transaction_metadata import TransactionTopic
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.metadata import transaction_value_schema


class Ends:
    """Stands where the writer and the cache stand and notes what is told to them."""

    def __init__(self) -> None:
        self.offsets: list[SourceOffset] = []
        self.invalidated: list[str] = []
        self.written: list[tuple[int, ChangeRecord]] = []
        """(source transactions ended before, record)"""

    def end_source_transaction(self, offset: Callable[[], SourceOffset]) -> None:
        self.offsets.append(offset())

    def write(self, record: ChangeRecord) -> None:
        self.written.append((len(self.offsets), record))

    def invalidate(self, statement: str) -> None:
        self.invalidated.append(statement)


def header(end: int) -> EventHeader:
    return EventHeader(1_700_000_000, 2, 1, 10, 0, "binlog.000001", end - 10, end)


def query(end: int, text: str) -> QueryEvent:
    return QueryEvent(header(end), 5, "d", text, 0)


def gtid(end: int, name: str | None, *, standalone: bool = False) -> GtidEvent:
    return GtidEvent(header(end), name, None, None, None, standalone=standalone)


def feed(flavor: str, *events: BinlogEvent, metadata: TransactionTopic | None = None) -> tuple[Ends, StreamingSource]:
    ends = Ends()
    start = SourceOffset("binlog.000001", 4)
    gtids: Any = MariaDbGtidSet.parse("") if flavor == "mariadb" else None
    block = SourceInfo.for_server(connector=flavor, name="p")
    stream = StreamingSource(block, start, gtids, SimpleNamespace(), ends, ends, metadata)  # type: ignore[arg-type]
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


class Registered:
    """A transaction topic whose registry and broker are lists."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.topics: list[str] = []
        self.topic = TransactionTopic("p.transaction", avro_converters(self.register), self.topics.append)

    def register(self, subject: str, schema: str) -> int:
        self.subjects.append(subject)
        return len(self.subjects)


def begins_and_ends(ends: Ends) -> list[tuple[int, str, str, int]]:
    schema = fastavro.parse_schema(transaction_value_schema())
    found = []
    for ended, record in ends.written:
        value: Any = fastavro.schemaless_reader(BytesIO((record.value or b"")[5:]), schema, None)
        found.append((ended, value["status"], value["id"], value["ts_ms"]))
    return found


def test_an_empty_transaction_has_metadata_before_its_end() -> None:
    registered = Registered()
    begun = GtidEvent(header(100), "u:1", None, 1_795_230_302_246_980, None)
    ends, _ = feed("mysql", begun, query(110, "BEGIN"), XidEvent(header(130), 1), metadata=registered.topic)
    assert begins_and_ends(ends) == [(0, "BEGIN", "u:1", 1_795_230_302_246), (0, "END", "u:1", 1_795_230_302_246)]
    assert (registered.topics, registered.subjects) == (["p.transaction"], ["p.transaction-key", "p.transaction-value"])


def test_without_gtids_the_id_is_the_place_of_begin() -> None:
    ends, _ = feed("mysql", gtid(100, None), query(110, "BEGIN"), query(120, "COMMIT"), metadata=Registered().topic)
    name = "file=binlog.000001,pos=100"
    assert begins_and_ends(ends) == [(0, "BEGIN", name, 1_700_000_000_000), (0, "END", name, 1_700_000_000_000)]


def test_ddl_and_xa_have_no_metadata() -> None:
    registered = Registered()
    ends, _ = feed(
        "mysql",
        gtid(100, "u:1"),
        query(110, "ALTER TABLE t ADD x INT"),
        gtid(120, "u:2"),
        query(130, "XA START X'31',X'',1"),
        query(140, "XA END X'31',X'',1"),
        XaPrepareEvent(header(150), False, 1, b"1", b""),
        gtid(160, "u:3"),
        query(170, "XA COMMIT X'31',X'',1"),
        metadata=registered.topic,
    )
    assert len(ends.offsets) == 3
    assert ends.written == []
    assert registered.topics == []


def test_a_mariadb_group_begins_with_its_gtid() -> None:
    ends, _ = feed(
        "mariadb",
        gtid(100, "0-1-1"),
        XidEvent(header(130), 1),
        gtid(140, "0-1-2"),
        query(150, "XA START X'31',X'',1"),
        query(160, "XA COMMIT X'31',X'',1"),
        gtid(170, "0-1-3", standalone=True),
        query(180, "ALTER TABLE t ADD x INT"),
        metadata=Registered().topic,
    )
    assert [(status, name) for _, status, name, _ in begins_and_ends(ends)] == [("BEGIN", "0-1-1"), ("END", "0-1-1")]
