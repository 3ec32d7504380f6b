"""Real Debezium 3.6.1 and we with the CustomConverters and the post processor that it ships."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.oracle.topics import AvroDecoder
from tests.parity.beside import Beside
from tests.parity.comparison import Comparison, await_as_many, await_records, read_all
from tests.parity.differences import CUSTOM_DIFFERENCES

pytestmark = [pytest.mark.integration, pytest.mark.parity]

BINLOG = "io.debezium.connector.binlog.converters."
OPTIONS = {
    "time.precision.mode": "isostring",
    "converters": "tiny, sink,floats,null,zero",
    "tiny.type": "io.debezium.connector.mysql.converters.TinyIntOneToBooleanConverter",
    "tiny.selector": r".*\.flags\.t.,.*\.tinykey\..*,.*\.again\.b",
    "sink.type": f"{BINLOG}JdbcSinkDataTypesConverter",
    "sink.selector.boolean": r".*\.b_.*",
    "sink.selector.real": r".*\.R_.*",
    "sink.selector.string": r".*\.sink[sx]\.s_.*",
    "floats.type": "io.debezium.connector.mysql.converters.JdbcSinkDataTypesConverter",
    "floats.selector.real": r".*\.f_.*",
    "floats.treat.real.as.double": "false",
    "null.type": f"{BINLOG}ZeroDateFallbackConverter",
    "null.selector": r".*\.nulls\..*,.*\.nullable\..*,.*\.datekey\..*",
    "zero.type": f"{BINLOG}ZeroDateFallbackConverter",
    "zero.selector": r".*\.(zeros|fallback)\..*",
    "zero.target.types": "date,Datetime,TIMESTAMP",
    "zero.fallback.date": "1900-01-01",
    "zero.fallback.datetime": "1901-02-03 04:05:06",
    "zero.fallback.timestamp": "1970-01-01T01:00:00.5+01:00",
    "post.processors": "again",
    "post.processors.again.type": "io.debezium.processors.reselect.ReselectColumnsPostProcessor",
    "post.processors.again.reselect.columns.include.list": r".*\.(again:[^o]*|keyless:.*)",
    "post.processors.again.reselect.error.handling.mode": "warn",
}


def test_every_record_equals_debeziums_with_custom_converters(beside: Beside) -> None:
    beside.run_script("custom_setup.sql")
    options = OPTIONS | {f"zero.column.{beside.database}.zeros.dd.fallback": "null"}
    beside.start_theirs("theirs_cc", options)
    kafka = beside.kafka
    with beside.worker() as worker:
        worker.wait_ready()
        beside.start_ours(worker, "ours__cc", options)
        beside.await_our_snapshot(worker, "ours__cc")
        await_records(kafka, f"theirs_cc.{beside.database}.done", 1, 240)
        time.sleep(2)
        beside.run_script("custom_stream.sql")
        for prefix in ("theirs_cc", "ours__cc"):
            await_records(kafka, f"{prefix}.{beside.database}.done", 5, 240)
        await_as_many(lambda: (read_all(kafka, "theirs_cc"), read_all(kafka, "ours__cc")))
        time.sleep(1)  # what would come too much
        # Its reselecting leaves a transaction open, which would keep the database from being dropped.
        beside.delete_theirs()
        theirs, ours = read_all(kafka, "theirs_cc"), read_all(kafka, "ours__cc")
    decoder = AvroDecoder(beside.apicurio.ccompat_url)
    comparison = Comparison(decoder, "theirs_cc", "ours__cc", CUSTOM_DIFFERENCES)
    comparison.all(theirs, ours)
    print(f"\n{comparison.records} records compared; explained: {dict(comparison.explained)}")
    assert not comparison.faults, "\n".join(comparison.faults)
    explained: Counter[str] = comparison.explained
    unseen = [entry.name for entry in CUSTOM_DIFFERENCES if not explained[entry.name]]
    assert not unseen, f"differences listed but not seen: {unseen}"
