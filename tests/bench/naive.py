"""The stack one would put together: mysql-replication reads, fastavro encodes, confluent-kafka produces.

There are no transactions. Its records have Debezium's envelope with a source block cut short.
"""

from __future__ import annotations

import json
import time
import warnings
from io import BytesIO
from typing import Any

import fastavro

from tests.bench.programs import Here, Program, run_as_program
from tests.bench.sides import Position
from tests.lab import MySqlServer

warnings.simplefilter("ignore", DeprecationWarning)

ROWS: dict[str, list[tuple[str, Any]]] = {
    "orders": [
        ("id", "long"), ("customer_id", "int"), ("status", "string"),
        ("amount", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}), ("currency", "string"),
        ("note", ["null", "string"]), ("tags", ["null", "string"]), ("created_at", "long"), ("updated_at", "string"),
        ("flags", "string"), ("weight", "double"), ("is_gift", "int"),
    ],
    "sbtest": [("id", "int"), ("k", "int"), ("c", "string"), ("pad", "string")],
}  # fmt: skip


def program(mysql: MySqlServer, bootstrap: str, topic: str, table: str, start: Position, end: Position) -> Program:
    """Return the program that reads `table` from `start` to `end`."""
    connection = {"host": mysql.host, "port": mysql.port, "user": mysql.user, "passwd": mysql.password}
    return Program(
        "naive", connection=connection, bootstrap=bootstrap, topic=topic, table=table,
        shape="sbtest" if table.startswith("sbtest") else "orders",
        file=start.file, pos=start.pos, end_file=end.file, end_pos=end.pos,
    )  # fmt: skip


def schema_of(shape: str) -> Any:
    """The envelope's Avro schema."""
    fields = [{"name": name, "type": kind} for name, kind in ROWS[shape]]
    row = {"type": "record", "name": "Value", "fields": fields}
    source = [("ts_ms", "long"), ("db", "string"), ("table", "string"), ("file", "string"), ("pos", "long")]
    block = {"type": "record", "name": "Source", "fields": [{"name": name, "type": kind} for name, kind in source]}
    envelope = [
        {"name": "before", "type": ["null", row], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
        {"name": "source", "type": block},
        {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": "long"},
    ]
    return fastavro.parse_schema({"type": "record", "name": "Envelope", "fields": envelope})


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Bring mysql-replication's values into the schema's types."""
    if "tags" in values:
        values["tags"] = json.dumps(text(values["tags"]))
        values["created_at"] = int(values["created_at"].timestamp() * 1000)
        values["updated_at"] = values["updated_at"].isoformat()
        values["flags"] = ",".join(sorted(values["flags"] or ()))
    return values


def text(value: Any) -> Any:
    """Return a JSON value of mysql-replication with str in place of bytes."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {text(name): text(one) for name, one in value.items()}
    return [text(one) for one in value] if isinstance(value, list) else value


def main(here: Here) -> None:
    """Read, encode, produce."""
    from confluent_kafka import Producer
    from pymysqlreplication import BinLogStreamReader
    from pymysqlreplication.row_event import WriteRowsEvent

    given = here.parameters
    schema, key_schema = schema_of(given["shape"]), fastavro.parse_schema("long")
    producer = Producer({"bootstrap.servers": given["bootstrap"], "compression.type": "lz4", "linger.ms": 5})
    here.await_go()
    stream = BinLogStreamReader(
        connection_settings=given["connection"], server_id=71_003, log_file=given["file"], log_pos=given["pos"],
        resume_stream=True, blocking=False, only_events=[WriteRowsEvent], only_tables=[given["table"]],
    )  # fmt: skip
    for event in stream:
        source = {"ts_ms": event.timestamp * 1000, "db": event.schema, "table": event.table,
                  "file": stream.log_file, "pos": stream.log_pos}  # fmt: skip
        for row in event.rows:
            after = plain(row["values"])
            key, value = BytesIO(), BytesIO()
            fastavro.schemaless_writer(key, key_schema, after["id"])
            envelope = {"before": None, "after": after, "source": source, "op": "c", "ts_ms": int(time.time() * 1000)}
            fastavro.schemaless_writer(value, schema, envelope)
            while True:
                try:
                    producer.produce(given["topic"], value.getvalue(), key.getvalue())
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)
    stream.close()
    producer.flush(60)
    here.answer({})
    time.sleep(60)  # its CPU and memory are read from outside until it is told to go


if __name__ == "__main__":
    run_as_program(main)
