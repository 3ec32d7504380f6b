"""Rows of a chunk that the compiled transcoder leaves to the reference one: from cells to records."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from faust_cdc.errors import ValueConversionError
from faust_cdc.kafka.direct import Row as KafkaRow
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.chunk_reader import Chunk
from faust_cdc.transcode.reference import Row
from faust_cdc.transcode.source_block import SourceInfo

NumberOf = Callable[[str, TableId, int | None], int]
"""`TransactionWriter.topic_number`."""


def to_records(chunk: Chunk, dispatcher: Dispatcher, number_of: NumberOf) -> None:
    """Take the cells of a chunk to records, behind those that it has; what is quarantined stands aside.

    A row is as many records as its table has topics, none where a route's filter keeps it back.

    Raises ValueConversionError where `event.converting.failure.handling.mode` says so.
    """
    captured = chunk.request.captured
    for cells in chunk.cells:
        try:
            row = captured.transcoder.read_text_row(cells)
        except ValueConversionError as error:
            source = replace(chunk.request.source, row=len(chunk.rows))
            settled = dispatcher.bad_rows.cells(error, captured, cells, source)
            if isinstance(settled, ChangeRecord):
                chunk.aside.append(settled)
                continue
            row = settled
        for target in captured.targets if dispatcher.shows(captured, row) else ():
            make = partial(_record, dispatcher, target, row, number_of)
            chunk.made[len(chunk.rows)] = make
            chunk.rows.append(make(chunk.request.source))
    chunk.cells = []


def block_of(block: SourceInfo, captured: CapturedTable, position: BinlogPosition, marker: str) -> SourceInfo:
    """Return the source block of a table's rows that are read now and written at `position`."""
    return block.at(
        ts_us=int(time.time()) * 1_000_000,
        server_id=0,
        gtid=None,
        file=position.file,
        pos=position.pos,
        thread=None,
        snapshot=marker,
        db=captured.id.database,
        table=captured.id.table,
    )


def _record(
    dispatcher: Dispatcher, captured: CapturedTable, row: Row, number_of: NumberOf, source: SourceInfo
) -> KafkaRow:
    record = dispatcher.snapshot_record(captured, row, source)
    return number_of(record.topic, captured.id, record.partition), record.key, record.value
