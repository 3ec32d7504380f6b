"""Rows events through the compiled encoder and through the reference transcoder: the same records, byte for byte."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import TableError
from faust_cdc.transcode.compiled.program import row_encoder
from faust_cdc.transcode.compiled.rows import DELETE, INSERT, UPDATE, RowEncoder
from faust_cdc.transcode.compiled.source import SourceHead, after_row, after_transaction
from faust_cdc.transcode.reference import ReferenceTranscoder, Row
from tests.transcode.images import SOURCE

KINDS = {"write": INSERT, "update": UPDATE, "delete": DELETE}
NOW_NS = 1_795_230_302_246_980_123


def encoder_of(transcoder: ReferenceTranscoder, event: RowsEvent) -> RowEncoder | None:
    return row_encoder(transcoder, event.table_map, skip_unchanged=False)


def compare_event(transcoder: ReferenceTranscoder, encoder: RowEncoder, event: RowsEvent) -> tuple[int, int]:
    """Assert equal records; return (rows encoded, rows left to the reference transcoder).

    A row may be left only when its key has floating-point columns or the reference transcoder refuses it too.
    """
    kind, rows, offset, index, encoded, left = KINDS[event.kind], bytes(event.rows), 0, 0, 0, 0
    operation = {INSERT: "c", UPDATE: "u", DELETE: "d"}[kind]
    before, after, tail = _around(operation)
    while offset < len(rows):
        records = encoder.encode(kind, rows, offset, index, before, after, tail)
        moved = {place: (old, new) for place, old, new in encoder.moved}
        place = 0
        while place < len(records):
            images, offset = _images(transcoder, event, offset)
            first, second = images[0], images[-1]
            source = replace(SOURCE, row=index)
            if place in moved:
                texts = tuple(transcoder.key_struct_json(image).encode() for image in images)
                assert moved[place] == texts, f"the headers of row {index}"
                assert transcoder.key_changed(first, second), f"row {index} keeps its key"
                gone = transcoder.key(first), transcoder.value("d", first, None, source, NOW_NS)
                made = transcoder.key(second), transcoder.value("c", None, second, source, NOW_NS)
                assert records[place : place + 2] == [gone, made], f"the two records of row {index}"
                place += 1
            else:
                key, value = records[place]
                old = None if kind == INSERT else first
                new = None if kind == DELETE else second
                expected = transcoder.value(operation, old, new, source, NOW_NS)
                assert key == transcoder.key(second), f"the key of row {index}"
                is_equal = value == expected or (len(value) == len(expected) and _has_nan(images))
                assert is_equal, f"the value of row {index}"
            place, index, encoded = place + 1, index + 1, encoded + 1
        assert (encoder.next_offset, encoder.next_row) == (offset, index)
        if offset == len(rows):
            break
        left += 1
        try:
            images, offset = _images(transcoder, event, offset)
        except TableError:
            break
        assert kind == UPDATE, "left without a reason"
        assert float_keys(transcoder), "left without a reason"
        index += 1
    return encoded, left


def float_keys(transcoder: ReferenceTranscoder) -> bool:
    """Whether bytes do not tell if a key changed: 0.0 and -0.0 are equal."""
    return any(one.mapping.avro in ("float", "double") for one in transcoder.plan.key_columns)


def _has_nan(images: Sequence[Row]) -> bool:
    """Say whether a VECTOR holds a NaN: Python's floats make a signalling one quiet, and no server stores any."""
    values = (value for image in images for value in image if isinstance(value, list))
    return any(isinstance(one, float) and math.isnan(one) for value in values for one in value)


def _images(transcoder: ReferenceTranscoder, event: RowsEvent, offset: int) -> tuple[list[Row], int]:
    images = []
    for present in event.columns_present:
        row, offset = transcoder.read_row(event.rows, offset, present)
        images.append(row)
    return images, offset


def _around(operation: str) -> tuple[bytes, bytes, bytes]:
    assert SOURCE.ts_us is not None
    assert SOURCE.table is not None
    assert SOURCE.gtid is not None
    before = SourceHead(SOURCE.version, SOURCE.connector, SOURCE.name).before_row(
        SOURCE.snapshot.encode(),
        SOURCE.db.encode(),
        SOURCE.table.encode(),
        SOURCE.ts_us,
        SOURCE.server_id,
        SOURCE.gtid.encode(),
        SOURCE.file.encode(),
        SOURCE.pos,
    )
    return before, after_row(SOURCE.thread, None), b"\x00" + after_transaction(operation.encode(), NOW_NS)
