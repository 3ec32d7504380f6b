"""Reading topics as a downstream reader does, and decoding them through the registry."""

from __future__ import annotations

import json
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

READ_TIMEOUT_S = 120.0
ASK_TIMEOUT_S = 60.0
"""How long a broker or registry may take over one question; a busy machine's often take long."""
SILENCE_S = 8.0
"""Without a message or an end for so long, the consumer is replaced: after a broker stood still and fenced itself,
librdkafka can go on waiting for a leader that is long back (seen once in some hundred runs, for over a minute)."""
OPEN_S = 10.0
"""How long records that are written, but whose transaction is not decided yet, are waited for. A commit returns to its
writer before the markers stand in the partitions, and until then nobody sees the records."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One Kafka record."""

    topic: str
    partition: int
    kafka_offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int


def topics_with_prefix(bootstrap: str, prefix: str) -> list[str]:
    """Return the topics `<prefix>.<database>.<table>`, sorted."""
    metadata = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=ASK_TIMEOUT_S)
    return topics_with_prefix_in(metadata.topics, prefix)


def topics_with_prefix_in(names: Iterable[str], prefix: str) -> list[str]:
    """Return those of `names` that are a table's topic, sorted."""
    return sorted(name for name in names if name.startswith(prefix + ".") and name.count(".") >= 2)


class TopicReader:
    """Reads topics from their start; every call to `read_new` goes on where the last ended."""

    def __init__(self, bootstrap: str, isolation: str = "read_committed") -> None:
        self._config: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "group.id": "oracle",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "topic.metadata.refresh.interval.ms": 5000,
        }
        self._consumer = Consumer(self._config)
        self._ends = WrittenEnds(bootstrap)
        self._positions: dict[tuple[str, int], int] = {}

    def close(self) -> None:
        self._consumer.close()
        self._ends.close()

    def __enter__(self) -> TopicReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def read_new(self, topics: Sequence[str]) -> list[RawRecord]:
        """Return the records up to the present end of all partitions, per partition in order.

        Of a transaction that is open now they are part when it is committed within OPEN_S.
        """
        there = self._partitions(topics)
        ends = self._ends.of(there)
        wanted = [tp for tp in there if tp.offset != ends[tp.topic, tp.partition]]
        if not wanted:
            return []
        self._consumer.assign(wanted)
        pending = {(tp.topic, tp.partition) for tp in wanted}
        behind: set[tuple[str, int]] = set()
        records: list[RawRecord] = []
        began = heard = time.monotonic()
        while pending - behind if time.monotonic() - began > OPEN_S else pending:
            message = self._consumer.poll(0.2)
            now = time.monotonic()
            if now - began > READ_TIMEOUT_S:
                raise TimeoutError(f"Partitions without an end after {READ_TIMEOUT_S} s: {sorted(pending)}")
            if message is None:
                if now - heard > SILENCE_S and pending - behind:
                    self._start_over(pending)
                    heard = time.monotonic()
                continue
            place = (str(message.topic()), int(message.partition() or 0))
            if at_the_end(message):
                heard = now
                self._positions[place] = int(message.offset() or 0)
                behind.add(place)
                if self._positions[place] >= ends[place]:
                    pending.discard(place)
            elif message.error() is None:
                heard = now
                self._positions[place] = int(message.offset() or 0) + 1
                behind.discard(place)
                records.append(_record(message))
        self._consumer.unassign()
        return records

    def _start_over(self, pending: Iterable[tuple[str, int]]) -> None:
        """Go on with a new consumer where the old one stood."""
        self._consumer.close()
        self._consumer = Consumer(self._config)
        self._consumer.assign(
            [
                TopicPartition(topic, partition, self._positions.get((topic, partition), 0))
                for topic, partition in pending
            ]
        )

    def _partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        return [
            TopicPartition(name, partition, self._positions.get((name, partition), 0))
            for name in topics
            for partition in self._partitions_of(name)
        ]

    def _partitions_of(self, topic: str) -> list[int]:
        """Those of this topic only: a broker that tests share has thousands, and to be told of all takes its time."""
        found = self._consumer.list_topics(topic, timeout=ASK_TIMEOUT_S).topics[topic]
        if found.error is not None and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return []
        return list(found.partitions)


class WrittenEnds:
    """How far partitions are written, as the broker says; one connection for all questions."""

    def __init__(self, bootstrap: str) -> None:
        self._config: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "group.id": "oracle",
            "isolation.level": "read_uncommitted",
        }
        self._consumer: Consumer | None = None

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def of(self, partitions: Iterable[TopicPartition]) -> dict[tuple[str, int], int]:
        """Return the offset behind the last record of each partition, whether its transaction is decided or not."""
        wanted = list(partitions)
        deadline = time.monotonic() + ASK_TIMEOUT_S
        while True:
            try:
                return {(str(tp.topic), int(tp.partition)): self._end(tp) for tp in wanted}
            except KafkaException:
                # A partition made a moment ago has no leader yet; nor has one of a broker that comes up again. By a new
                # client then: librdkafka remembers for long that a topic was not there.
                self.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _end(self, partition: TopicPartition) -> int:
        if self._consumer is None:
            self._consumer = Consumer(self._config)
        # Ten times as fast as an admin client's list_offsets, which at times answers a second late.
        return int(self._consumer.get_watermark_offsets(partition, timeout=ASK_TIMEOUT_S / 2)[1])


def written_ends(bootstrap: str, partitions: Iterable[TopicPartition]) -> dict[tuple[str, int], int]:
    """As `WrittenEnds.of`, for one question."""
    with closing(WrittenEnds(bootstrap)) as ends:
        return ends.of(partitions)


def at_the_end(message: Message) -> bool:
    """Whether this says that a partition ends here; other errors than passing ones are raised."""
    error = message.error()
    if error is None or error.code() == KafkaError._PARTITION_EOF:
        return error is not None
    if error.fatal() or not (error.retriable() or error.code() in _PASSING):
        raise KafkaException(error)
    return False


_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)
"""What librdkafka tells and mends by itself: lost connections, partitions without a leader yet."""


def _record(message: Message) -> RawRecord:
    given: list[tuple[str, Any]] = list(message.headers() or [])  # type: ignore[arg-type]
    return RawRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        _bytes(message.key()),
        _bytes(message.value()),
        tuple((name, _bytes(value)) for name, value in given),
        int(message.timestamp()[1]),
    )


class LiveReader:
    """Follows all topics of a prefix, read_committed, as a live consumer does; finds new topics every second."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._assigned: set[tuple[str, int]] = set()
        self._looked_at = 0.0
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "live",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
            }
        )

    def close(self) -> None:
        self._consumer.close()

    def poll(self, timeout_s: float) -> list[RawRecord]:
        """Return what arrives within `timeout_s` after the first record, at most 500 records."""
        if time.monotonic() - self._looked_at > 1:
            self._look_for_topics()
        message = self._consumer.poll(timeout_s)
        records: list[RawRecord] = []
        while message is not None and len(records) < 500:
            if message.error() is None:
                records.append(_record(message))
            else:
                at_the_end(message)
            message = self._consumer.poll(0)
        return records

    def _look_for_topics(self) -> None:
        self._looked_at = time.monotonic()
        topics = self._consumer.list_topics(timeout=ASK_TIMEOUT_S).topics
        new = [
            TopicPartition(name, partition, 0)
            for name in topics_with_prefix_in(topics, self._prefix)
            for partition in topics[name].partitions
            if (name, partition) not in self._assigned
        ]
        if new:
            self._consumer.incremental_assign(new)
            self._assigned |= {(str(tp.topic), int(tp.partition)) for tp in new}


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


class AvroDecoder:
    """Decodes the wire format 0x00 + 4-byte id through a registry's Confluent API."""

    def __init__(self, registry_url: str) -> None:
        self._url = registry_url.rstrip("/")
        self._schemas: dict[int, tuple[dict[str, Any], Any]] = {}

    def schema(self, raw: bytes) -> dict[str, Any]:
        """Return the schema as registered, property order kept."""
        return self._load(self._id(raw))[0]

    def decode(self, raw: bytes) -> Any:
        """Return the value; every byte must be used."""
        parsed = self._load(self._id(raw))[1]
        body = BytesIO(raw[5:])
        value = fastavro.schemaless_reader(body, parsed)
        left = body.read()
        assert not left, f"{len(left)} bytes left over"
        return value

    @staticmethod
    def _id(raw: bytes) -> int:
        magic, schema_id = struct.unpack_from(">bI", raw)
        assert magic == 0, f"magic byte {magic}"
        return int(schema_id)

    def _load(self, schema_id: int) -> tuple[dict[str, Any], Any]:
        if schema_id not in self._schemas:
            schema = json.loads(_asked(f"{self._url}/schemas/ids/{schema_id}")["schema"])
            self._schemas[schema_id] = (schema, fastavro.parse_schema(schema))
        return self._schemas[schema_id]


def _asked(url: str) -> Any:
    """GET a JSON document, again while the server is away or not ready."""
    deadline = time.monotonic() + ASK_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code < 500 or time.monotonic() > deadline:
                    raise
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)


def changes(records: Sequence[RawRecord], decoder: AvroDecoder) -> Iterator[tuple[RawRecord, Any, Any]]:
    """Yield (record, decoded key, decoded value); both may be None."""
    for record in records:
        key = None if record.key is None else decoder.decode(record.key)
        value = None if record.value is None else decoder.decode(record.value)
        yield record, key, value
