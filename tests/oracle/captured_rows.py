"""Rows as a reader of our topics gets them: written, streamed, encoded to Avro, decoded again with the schema."""

import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import fastavro

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.relational.model import Table
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.transcode.images import SOURCE

OPTIONS = TranscodeOptions(time_precision_mode="microseconds", field_name_adjustment="avro", enable_time_adjuster=False)
"""Microseconds whatever the column's digits, and no years but those that were written."""


@dataclass(frozen=True)
class AvroRow:
    """One inserted row."""

    fields: dict[str, Any]
    """Column name → decoded Avro value; decimals as Decimal."""


def inserted_rows(table: Table, events: list[RowsEvent]) -> list[AvroRow]:
    """The inserted rows of one table, in order."""
    plan = build_plan(table, "p.d.t", OPTIONS)
    transcoder = ReferenceTranscoder(plan, None if not plan.key_columns else 1, 2)
    schema = fastavro.parse_schema(plan.value_schema)
    scales = {one.column.name: one.mapping.scale for one in plan.columns if one.column.type_name == "decimal"}
    found = []
    for event in events:
        if event.kind != "write":
            continue
        transcoder.bind(event.table_map)
        offset = 0
        while offset < len(event.rows):
            row, offset = transcoder.read_row(event.rows, offset, event.columns_present[0])
            value = transcoder.value("c", None, row, SOURCE, 1)
            after = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)["after"]
            for name, scale in scales.items():
                if isinstance(after[name], bytes):
                    after[name] = Decimal(int.from_bytes(after[name], "big", signed=True)).scaleb(-scale)
            found.append(AvroRow(after))
    return found
