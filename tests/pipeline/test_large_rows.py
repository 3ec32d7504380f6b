"""What one large row costs in memory on the long way, and that nothing of it stays behind."""

from __future__ import annotations

import tracemalloc

import pytest

from faust_cdc.binlog.events import RowsEvent, TableMapColumn
from faust_cdc.pipeline.bad_rows import BadRows
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.dispatcher import Dispatcher, DispatchRules
from faust_cdc.routing import TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions
from tests.transcode.images import HEADER, SOURCE, columns, table, table_map

LONGTEXT = TableMapColumn(252, 4, True)
SIZE = 8 << 20


def dispatcher() -> Dispatcher:
    known = table(*columns("longtext CHARACTER SET utf8mb4"))
    register = avro_converters(lambda _subject, _schema: 7)
    cache = TranscoderCache(
        TopicNaming("p"),
        TranscodeOptions(),
        lambda _: True,
        lambda ids: dict.fromkeys(ids, known),
        register,
        lambda _: None,
    )
    return Dispatcher(cache, [], DispatchRules(), BadRows())


def event(kind: str, *texts: bytes) -> RowsEvent:
    rows = b"".join(b"\x00" + len(text).to_bytes(4, "little") + text for text in texts)
    present = (b"\x01",) * (2 if kind == "update" else 1)
    return RowsEvent(HEADER, kind, 7, 1, 1, present, memoryview(rows), table_map(LONGTEXT))


def test_three_copies_at_most_and_none_afterwards() -> None:
    through = dispatcher()
    list(through.records(event("write", b"x"), SOURCE))  # what is made once for a table is not counted
    tracemalloc.start()
    try:
        large = event("write", b"x" * SIZE)
        tracemalloc.reset_peak()
        (record,) = through.records(large, SOURCE)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert record.value is not None
    assert b"x" * SIZE in record.value
    assert peak < 3.5 * SIZE, "the event, its text's bytes and its text; later the text, it in UTF-8 and the record"
    assert now < 1.5 * SIZE, "the record alone stays"
    with pytest.raises(ValueError, match="released"):
        bytes(large.rows)


@pytest.mark.parametrize(("kind", "count"), [("write", 3), ("delete", 3), ("update", 2)])
def test_all_rows_of_an_event_are_read_before_it_goes(kind: str, count: int) -> None:
    texts = [f"{kind} {number}".encode() for number in range(4 if kind == "update" else count)]
    records = [one for one in dispatcher().records(event(kind, *texts), SOURCE) if one.value is not None]
    assert len(records) == count
    shown = b"".join(one.value or b"" for one in records)
    assert all(text in shown for text in texts)
