"""The schemas of `<topic.prefix>.quarantine`: rows that could not be read, with all that is needed to read them later.

A schema of our own; Debezium has no such topic.
"""

from __future__ import annotations

from typing import Any

from faust_cdc_schemas.connect_avro import field, record

NAMESPACE = "io.faust_cdc.quarantine"


def quarantine_key_schema() -> dict[str, Any]:
    """Return the Avro schema of keys: the table and the place of the row.

    One row image and no other, but for compressed transactions: their events all stand at one position.
    """
    return record(f"{NAMESPACE}.Key", _place(), version=1)


def quarantine_value_schema() -> dict[str, Any]:
    """Return the Avro schema of values.

    `op` is c, u, d, or r for a snapshot row. Row images are as in the binlog: null bitmap, then the cells of the
    columns whose bits are set in `…_columns` (least significant bit first). `rest` stands in their place when the
    row's end could not be found: all bytes of the event from this row on; or all rows of a partial JSON update that
    does not fit its old documents, as that event has them. `cells` is a snapshot row as the server sent it. Masked
    columns are in all these bytes as they are. `row_key` is the record key as JSON, where it could be read.
    """
    column = record(f"{NAMESPACE}.Column", [field("name", "string"), field("type", "string")])
    bad_cell = record(
        f"{NAMESPACE}.BadCell", [field("column", "string"), field("bytes", "bytes"), field("cause", "string")]
    )
    fields = [
        *_place(),
        field("op", "string"),
        field("gtid", "string", optional=True),
        field("ts_ms", "long"),
        field("row_key", "string", optional=True),
        field("error_code", "string"),
        field("message", "string"),
        field("bad_cells", {"type": "array", "items": bad_cell}),
        field("columns", {"type": "array", "items": column}),
        field("table_map", "bytes", optional=True),
        field("before", "bytes", optional=True),
        field("before_columns", "bytes", optional=True),
        field("after", "bytes", optional=True),
        field("after_columns", "bytes", optional=True),
        field("rest", "bytes", optional=True),
        field("cells", {"type": "array", "items": ["null", "bytes"]}, optional=True),
    ]
    return record(f"{NAMESPACE}.Row", fields, version=1)


def _place() -> list[dict[str, Any]]:
    return [
        field("database", "string"),
        field("table", "string"),
        field("snapshot", "boolean"),
        field("file", "string"),
        field("pos", "long"),
        field("row", "long"),
    ]
