"""What two sides wrote through the same transforms, made equal but for what transforms did."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.lab import Apicurio, KafkaBroker
from tests.oracle.topics import RawRecord, TopicReader
from tests.parity.transform_chains import ChainCase
from tests.parity.wires import AvroWire

VOLATILE = re.compile(r"(^|[._])(ts_ms|ts_us|ts_ns|file|pos|gtid|snapshot|server_id|row|thread|query)$")
"""Fields of the event and its source that tell of the moment, not of the row: compared elsewhere."""


def read_side(kafka: KafkaBroker, prefix: str) -> list[RawRecord]:
    """Return all records of the topics that begin with a prefix, in order."""
    with TopicReader(kafka.bootstrap) as reader:
        topics = sorted(name for name in kafka.topics() if name.startswith(f"{prefix}."))
        records = reader.read_new(topics)
    return sorted(records, key=lambda one: (one.topic, one.partition, one.kafka_offset))


def shown(records: list[RawRecord], prefix: str, apicurio: Apicurio, case: ChainCase) -> list[Any]:
    """Return records as JSON: topic, partition, key and value with their schemas, headers."""
    wire = AvroWire(apicurio.ccompat_url)

    def part(raw: bytes | None) -> Any:
        if raw is None:
            return None
        if raw[:1] == b"\0":
            return {"schema": wire.schema(raw), "value": _still(wire.decode(raw))}
        text = raw.decode()
        return _still(json.loads(text)) if text[:1] in '{["n' else text

    made = []
    for one in records:
        headers = [
            [name, "*" if VOLATILE.search(name) or name.endswith("runId") else _text(value)]
            for name, value in one.headers
        ]
        # Debezium adds a header to the delete event and its tombstone alike, to both at once: there twice.
        headers = [header for place, header in enumerate(headers) if header not in headers[:place]]
        whole = [one.topic, one.partition, part(one.key), part(one.value), headers]
        if case.timed:
            whole.append(one.timestamp_ms)
        made.append(json.loads(json.dumps(whole).replace(prefix, "PREFIX")))
    return made


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: "*" if VOLATILE.search(name) else _still(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_still(one) for one in value]
    return f"bytes {value.hex()}" if isinstance(value, bytes) else value
