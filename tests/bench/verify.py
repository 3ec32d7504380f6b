"""Speed of wrong output is worth nothing: records are counted in every round and compared with Debezium's in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4
from zlib import crc32

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tests.lab import LabError
from tests.oracle.topics import AvroDecoder, RawRecord
from tests.parity.comparison import Comparison
from tests.parity.differences import DIFFERENCES

COMPARED = 500
"""Records of a topic that are compared, about: those whose key's checksum says so, the same on both sides."""
PREFIX_BYTES = 5
"""Magic byte and schema id, which differ between topics."""
SILENCE_S = 30.0


class WrongOutput(LabError):
    """A topic does not hold what was written to the table."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a topic got in a round, as a read_committed reader sees it."""

    records: int
    keys: int
    """Different ones."""
    value_bytes: int
    sample: tuple[RawRecord, ...]
    """About `COMPARED` of them, in the topic's order, chosen by key."""


def read_written(bootstrap: str, topic: str, base: int, rows: int = COMPARED) -> Written:
    """Read a topic of one partition from offset `base` to its end; `rows`: of the side that has the fewest."""
    every = max(1, rows // COMPARED)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bench-{uuid4()}",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.message.max.bytes": 128 << 20,
            "fetch.max.bytes": 256 << 20,
        }
    )
    records, value_bytes = 0, 0
    keys: set[bytes | str | None] = set()
    sample: list[Message] = []
    consumer.assign([TopicPartition(topic, 0, base)])
    try:
        while True:
            messages = consumer.consume(2000, 0.5) or consumer.consume(1, SILENCE_S)
            if not messages:
                raise LabError(f"{topic}: nothing read for {SILENCE_S:g} s after {records} records")
            for message in messages:
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        return Written(records, len(keys), value_bytes, tuple(map(_raw, sample)))
                    raise KafkaException(error)
                records += 1
                keys.add(message.key())
                value_bytes += len(message.value() or b"")
                if crc32((_bytes(message.key()) or b"")[PREFIX_BYTES:]) % every == 0:
                    sample.append(message)
    finally:
        consumer.close()


def require(topic: str, written: Written, rows: int) -> None:
    """Raise WrongOutput unless every row came, once."""
    if written.records != rows or written.keys != rows:
        raise WrongOutput(
            f"{topic}: {rows} rows were written to the table, the topic has {written.records} records "
            f"of {written.keys} different keys"
        )


def compare(registry_url: str, table: str, theirs: Written, ours: Written, *, snapshot: bool = False) -> int:
    """Compare the records of the same keys pairwise: schemas as text, keys, values, headers; returns their number.

    The bytes follow: Avro has one way to write a value under a schema. Left out is what must differ: time of
    processing, version, topic prefix. Streams must have them in the same order; snapshots, where the list of
    differences says so, another form of JSON. Raises WrongOutput for any other difference.
    """
    common = {_key(record) for record in theirs.sample} & {_key(record) for record in ours.sample}
    pair = [[record for record in side.sample if _key(record) in common] for side in (theirs, ours)]
    if snapshot:
        pair = [sorted(records, key=_key) for records in pair]
    if not common:
        raise WrongOutput(f"{table}: no records to compare")
    their_prefix, our_prefix = (records[0].topic.partition(".")[0] for records in pair)
    comparison = Comparison(AvroDecoder(registry_url), their_prefix, our_prefix, DIFFERENCES if snapshot else ())
    comparison.table(table, *pair)
    if comparison.faults:
        shown = "\n".join(comparison.faults[:5])
        raise WrongOutput(f"{table}: {len(comparison.faults)} differences from Debezium, such as\n{shown}")
    return comparison.records


def _key(record: RawRecord) -> bytes:
    return (record.key or b"")[PREFIX_BYTES:]


def _raw(message: Message) -> RawRecord:
    headers: Any = message.headers() or []
    return RawRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        _bytes(message.key()),
        _bytes(message.value()),
        tuple(headers),
        int(message.timestamp()[1]),
    )


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
