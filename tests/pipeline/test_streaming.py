"""Where a source transaction ends: the position moves there and only there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
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
    RowsEvent,
    TableMapEvent,
    XaPrepareEvent,
    XidEvent,
)
from faust_cdc.errors import AbortableError, FatalError
from faust_cdc.mysql.positions import BinlogPosition, MariaDbGtidSet
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.ddl_reading import Reading, read_nothing
from faust_cdc.pipeline.dispatcher import Dispatcher, DispatchRules
from faust_cdc.pipeline.prepared import Xid
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.savepoints import Rollbacks
from faust_cdc.pipeline.streaming import FindPrepared, StreamingSource, nowhere
from faust_cdc.pipeline.transaction_metadata import TransactionTopic
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.metadata import transaction_value_schema

TABLE = TableId("d", "t")


class Ends:
    """Stands where the writer and the cache stand and notes what is told to them."""

    def __init__(self) -> None:
        self.offsets: list[SourceOffset] = []
        self.invalidated: list[str] = []
        self.written: list[tuple[int, ChangeRecord]] = []
        """(source transactions ended before, record)"""
        self.commits = 0

    def end_source_transaction(self, offset: Callable[[], SourceOffset], *, source_us: int) -> None:
        self.offsets.append(offset())

    def commit(self) -> None:
        self.commits += 1

    def write(self, record: ChangeRecord) -> None:
        self.written.append((len(self.offsets), record))

    def read(self, event: QueryEvent) -> Reading:
        return read_nothing(event, {})

    def foresee(self, event: QueryEvent, reading: Reading, words: str, commit: Callable[[], None]) -> None:
        self.invalidated.append(event.query)


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
    dispatcher = Dispatcher(ends, [], DispatchRules())  # type: ignore[arg-type]
    stream = StreamingSource(block, start, gtids, dispatcher, ends, ends, metadata)  # type: ignore[arg-type]
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
    ends, stream = feed("mysql", gtid(100, None), query(110, "BEGIN"), query(120, "SAVEPOINT a"), query(120, text))
    stream.close()
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


class Rows(Dispatcher):
    """Makes one record of each rows event, without a transcoder."""

    def __init__(self, cache: Any) -> None:
        super().__init__(cache, [], DispatchRules())

    def records(self, event: RowsEvent, *_: object, is_xa: bool = False) -> Iterator[ChangeRecord]:
        record = ChangeRecord("t", None, bytes(event.rows), [], table=TABLE)
        return iter([record]) if is_xa else self.decided([record])


def rows_event(end: int, content: bytes) -> RowsEvent:
    table_map = TableMapEvent(header(end), 1, "d", "t", (), None, b"")
    return RowsEvent(header(end), "write", 1, 1, 0, (b"",), memoryview(content), table_map)


def xa_stream(
    ends: Ends, *, publish_at_prepare: bool, find: FindPrepared = nowhere, rollbacks: Rollbacks | None = None
) -> StreamingSource:
    start = SourceOffset("binlog.000001", 4)
    block = SourceInfo.for_server(connector="mysql", name="p")
    writer: Any = ends
    cache: Any = ends
    return StreamingSource(
        block,
        start,
        None,
        Rows(cache),
        cache,
        writer,
        find_prepared=find,
        publish_at_prepare=publish_at_prepare,
        rollbacks=rollbacks,
    )


class Signals:
    """Has a signal for each row, due at its transaction's end."""

    def __init__(self) -> None:
        self.read_now = self.due = 0

    def read(self, event: RowsEvent, *, is_held: bool) -> None:
        self.read_now += 1

    def end_transaction(self) -> None:
        self.due, self.read_now = self.read_now, 0

    def __bool__(self) -> bool:
        return self.due > 0


def test_signals_are_carried_out_before_the_edge_at_which_their_end_may_be_committed() -> None:
    ends, signals, order = Ends(), Signals(), list[tuple[str, int]]()
    stream = xa_stream(ends, publish_at_prepare=False)
    channel: Any = signals
    stream.signals = channel

    def obey() -> None:
        order.append(("signals", len(ends.offsets)))
        signals.due = 0

    stream.on_signals = obey
    stream.edge = lambda position: order.append(("edge", position.pos))
    for end, is_signal in ((100, False), (200, True)):
        rows = [rows_event(end + 20, b"s")] if is_signal else []
        for event in (gtid(end, None), query(end + 10, "BEGIN"), *rows, XidEvent(header(end + 30), 1)):
            stream.handle(event)
    assert order == [("edge", 130), ("signals", 2), ("edge", 230)]


def prepared(number: int, content: bytes, *, one_phase: bool = False) -> list[BinlogEvent]:
    return [
        gtid(100 * number, None),
        query(100 * number + 10, f"XA START X'3{number}',X'',1"),
        rows_event(100 * number + 20, content),
        query(100 * number + 30, f"XA END X'3{number}',X'',1"),
        XaPrepareEvent(header(100 * number + 40), one_phase, 1, f"{number}".encode(), b""),
    ]


def decided(end: int, word: str, number: int) -> list[BinlogEvent]:
    return [gtid(end, None), query(end + 10, f"XA {word} X'3{number}',X'',1")]


@pytest.mark.parametrize(
    ("at_prepare", "order"), [(False, [(2, b"b"), (4, b"c")]), (True, [(0, b"a"), (1, b"b"), (4, b"c")])]
)
def test_rows_are_written_at_xa_commit_or_as_debezium_has_it_at_prepare(
    at_prepare: bool, order: list[tuple[int, bytes]]
) -> None:
    ends = Ends()
    stream = xa_stream(ends, publish_at_prepare=at_prepare)
    events = [*prepared(1, b"a"), *prepared(2, b"b"), *decided(300, "COMMIT", 2), *decided(320, "ROLLBACK", 1)]
    for event in [*events, *prepared(4, b"c", one_phase=True)]:
        stream.handle(event)
    # Written in the source transaction of the decision: the number is that of transactions that ended before.
    assert [(ended, record.value) for ended, record in ends.written] == order
    assert [offset.pos for offset in ends.offsets] == [140, 240, 310, 330, 440]


def test_whether_a_copy_shows_rows_is_asked_at_their_commit() -> None:
    ends, asked = Ends(), list[int]()
    stream = xa_stream(ends, publish_at_prepare=False)

    def is_muted() -> bool:
        asked.append(len(ends.offsets))
        return True

    def take(*events: BinlogEvent) -> None:
        for event in events:
            stream.handle(event)

    take(*prepared(1, b"a"))
    stream.awaited[TABLE] = is_muted
    take(*prepared(2, b"b"), *prepared(3, b"c"), *prepared(4, b"d"), *decided(500, "COMMIT", 1))
    take(*decided(520, "COMMIT", 2), *decided(540, "ROLLBACK", 3), *prepared(6, b"e", one_phase=True))
    assert not ends.written
    assert asked == [4, 5, 7], "at the decisions, also where the rows were read before the table was awaited"
    del stream.awaited[TABLE]
    take(*decided(700, "COMMIT", 4))
    assert [record.value for _, record in ends.written] == [b"d"]


def test_a_commit_whose_rows_cannot_be_found_does_not_move_the_position() -> None:
    ends = Ends()
    stream = xa_stream(ends, publish_at_prepare=False)
    begin, commit = decided(300, "COMMIT", 1)
    stream.handle(begin)
    with pytest.raises(FatalError, match="XA COMMIT X'31',X'',1"):
        stream.handle(commit)
    assert ends.offsets == []


def test_rows_are_read_again_for_a_commit_whose_prepare_was_not_seen() -> None:
    ends = Ends()
    asked: list[object] = []

    def find(xid: Xid, decision: BinlogPosition) -> Iterator[BinlogEvent]:
        asked.append((str(xid), decision))
        return iter(prepared(1, b"a"))

    stream = xa_stream(ends, publish_at_prepare=False, find=find)
    for event in decided(300, "COMMIT", 1):
        stream.handle(event)
    assert asked == [("X'31',X'',1", BinlogPosition("binlog.000001", 300))]
    assert [record.value for _, record in ends.written] == [b"a"]
    assert [offset.pos for offset in ends.offsets] == [310]
    assert ends.commits == 1, "what was complete did not wait for the search"


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["SAVEPOINT `a`", "+b", "SAVEPOINT `B c`", "+c", "ROLLBACK TO `b C`", "+d", "COMMIT"], [b"a", b"b", b"d"]),
        (["SAVEPOINT a", "+b", "ROLLBACK TO SAVEPOINT a", "+c", "ROLLBACK TO a", "COMMIT"], [b"a"]),
        (["SAVEPOINT a", "+b", "SAVEPOINT a", "+c", "ROLLBACK TO a", "COMMIT"], [b"a", b"b"]),
    ],
)
def test_rows_behind_a_savepoint_wait_and_are_dropped(texts: list[str], kept: list[bytes]) -> None:
    ends = Ends()
    stream = xa_stream(ends, publish_at_prepare=False)
    for event in (gtid(100, None), query(110, "BEGIN"), rows_event(120, b"a")):
        stream.handle(event)
    for number, text in enumerate(texts):
        end = 130 + number
        stream.handle(rows_event(end, text[1:].encode()) if text[0] == "+" else query(end, text))
    assert [record.value for _, record in ends.written] == kept
    assert len(ends.offsets) == 1


def test_an_unknown_savepoint_stops_the_task() -> None:
    ends, stream = feed("mysql", gtid(100, None), query(110, "BEGIN"))
    with pytest.raises(FatalError, match="ROLLBACK TO `x`"):
        stream.handle(query(120, "ROLLBACK TO `x`"))
    assert ends.offsets == []
    stream.close()


def test_a_group_that_ends_with_rollback_is_repeated_without_its_rows() -> None:
    rollbacks = Rollbacks()
    group = [gtid(100, None), query(110, "BEGIN"), rows_event(120, b"a")]
    for attempt in (1, 2):
        ends = Ends()
        stream = xa_stream(ends, publish_at_prepare=False, rollbacks=rollbacks)
        for event in group:
            stream.handle(event)
        if attempt == 1:
            with pytest.raises(AbortableError, match=r"binlog.000001:90 ends with ROLLBACK"):
                stream.handle(query(130, "ROLLBACK"))
            assert ends.offsets == []
        else:
            stream.handle(query(130, "ROLLBACK"))
            assert ends.written == []
            assert [offset.pos for offset in ends.offsets] == [130]
