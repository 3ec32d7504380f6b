"""Rows whose end cannot be found: with the quarantine the rest of the event is kept, else the task stops there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import fastavro
import pytest

from faust_cdc.binlog.events import RowsEvent, TableMapColumn
from faust_cdc.errors import ValueConversionError
from faust_cdc.pipeline.bad_rows import BadRows, QuarantineTopic
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.dispatcher import Dispatcher, DispatchRules
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.routing import TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc_schemas.quarantine import quarantine_key_schema, quarantine_value_schema
from tests.transcode.images import HEADER, SOURCE, TABLE, columns, table, table_map, transcoder
from tests.transcode.test_partial_json import DOCUMENT, cell, difference, partial_event

WIRE = (TableMapColumn(3, 0, False), TableMapColumn(15, 80, True))
GOOD, BROKEN = b"\x00\x01\0\0\0\x01a", b"\x00\x02\0\0\0\x30short"


def captured() -> CapturedTable:
    made = transcoder(table(*columns("int NOT NULL", "varchar(20)"), key=("c0",)), *WIRE)
    return CapturedTable(TABLE, "p.shop.t", made)


def event() -> RowsEvent:
    return RowsEvent(HEADER, "write", 7, 1, 2, (b"\x03",), memoryview(GOOD + BROKEN), table_map(*WIRE))


def error_of(made: ReferenceTranscoder, rows: memoryview) -> ValueConversionError:
    with pytest.raises(ValueConversionError) as found:
        made.read_row(rows, len(GOOD), b"\x03")
    return found.value


def quarantine(topics: list[str]) -> BadRows:
    register: Callable[[str, str], int] = lambda subject, schema: 7  # noqa: E731
    return BadRows("quarantine", QuarantineTopic("p", [("h", b"1")], avro_converters(register), topics.append))


def value_of(record: ChangeRecord | None) -> dict[str, Any]:
    assert record is not None
    assert record.value is not None
    value = fastavro.schemaless_reader(BytesIO(record.value[5:]), quarantine_value_schema(), None)
    assert isinstance(value, dict)
    return value


def test_the_rest_of_the_event_goes_to_the_quarantine() -> None:
    topics: list[str] = []
    rows, table_of_rows = event(), captured()
    salvage = quarantine(topics).image(
        error_of(table_of_rows.transcoder, rows.rows), table_of_rows, rows, len(GOOD), SOURCE
    )
    assert salvage.end == len(rows.rows), "nothing after it is read as rows"
    record = salvage.record
    value = value_of(record)
    assert record is not None
    assert (record.topic, record.headers, topics) == ("p.quarantine", [("h", b"1")], ["p.quarantine"])
    key = fastavro.schemaless_reader(BytesIO((record.key or b"")[5:]), quarantine_key_schema(), None)
    assert key == {"database": "shop", "table": "t", "snapshot": False, "file": SOURCE.file, "pos": 19724, "row": 2}
    assert (value["rest"], value["before"], value["after"], value["bad_cells"]) == (BROKEN, None, None, [])
    assert "the rows after it cannot be found" in value["message"]


def partial_update() -> tuple[Dispatcher, RowsEvent]:
    """A partial JSON update whose difference has no place in the old document, and who dispatches it."""
    ends: list[str] = []
    known = table(*columns("json"))
    cache = TranscoderCache(
        TopicNaming("p"),
        TranscodeOptions(),
        lambda _: True,
        lambda ids: dict.fromkeys(ids, known),
        avro_converters(lambda _subject, _schema: 7),
        ends.append,
    )
    rows = b"\x00" + cell(DOCUMENT) + b"\x01\x01\x00" + cell(difference(2, "$.absent"))
    return Dispatcher(cache, [], DispatchRules(), quarantine(ends)), partial_event(rows)


def test_a_partial_update_that_does_not_fit_goes_to_the_quarantine_and_the_stream_goes_on() -> None:
    through, broken = partial_update()
    (record,) = through.records(broken, SOURCE)
    value = value_of(record)
    assert (value["op"], value["rest"]) == ("u", bytes(broken.rows))
    assert (value["before_columns"], value["after_columns"]) == (b"\x01", b"\x01")
    assert "cannot remove $.absent" in value["message"]


def test_row_images_that_leave_columns_out_are_no_matter_of_a_value() -> None:
    through, broken = partial_update()
    with pytest.raises(ValueConversionError, match="binlog_row_image=FULL"):
        list(through.records(replace(broken, columns_present=(b"\x00", b"\x01")), SOURCE))


@pytest.mark.parametrize("mode", ["fail", "warn", "skip"])
def test_every_other_mode_stops(mode: str) -> None:
    rows, table_of_rows = event(), captured()
    error = error_of(table_of_rows.transcoder, rows.rows)
    with pytest.raises(ValueConversionError, match=r"shop.t at binlog.000001:19724 row 2: .*overruns"):
        BadRows(mode).image(error, table_of_rows, rows, len(GOOD), SOURCE)
