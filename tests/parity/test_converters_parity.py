"""Real Debezium 3.6.1 and we with the same converters and topic names, on one server and one script.

JSON and text are compared byte for byte, but for times of processing and the prefix. Avro schemas must get the same ids
from the same registry, whoever comes first.
"""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from confluent_kafka.admin import AdminClient

from tests.lab import Apicurio, KafkaBroker
from tests.lab.kafka_servers import avro_converter, http_json
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader
from tests.parity.beside import Beside
from tests.parity.comparison import await_as_many, await_records, schema_text

pytestmark = [pytest.mark.integration, pytest.mark.parity]

JSON = "org.apache.kafka.connect.json.JsonConverter"
STRATEGIES = "io.debezium.schema"


@dataclass(frozen=True)
class OptionSet:
    """Options of one pair of connectors; `done` names the topic of table `done` of (prefix, database)."""

    options: dict[str, str]
    done: Callable[[str, str], str]


SETS: dict[str, OptionSet] = {
    "json": OptionSet(
        {
            "key.converter": JSON,
            "value.converter": JSON,
            "value.converter.replace.null.with.default": "true",
            "topic.delimiter": "-",
            "topic.transaction": "tx",
            "topic.heartbeat.prefix": "jsonbeat",
            "heartbeat.interval.ms": "300",
            "provide.transaction.metadata": "true",
        },
        lambda prefix, database: f"{prefix}-{database}-done",
    ),
    "text": OptionSet(
        {
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": JSON,
            "value.converter.schemas.enable": "false",
            "value.converter.decimal.format": "NUMERIC",
            "value.converter.replace.null.with.default": "true",
            "time.precision.mode": "connect",
            "topic.naming.strategy": f"{STRATEGIES}.DefaultRegexTopicNamingStrategy",
            "topic.regex": r"(?<head>.*)\.shard_\d+",
            "topic.replacement": "${head}.shards",
            "topic.key.field.regex": r".*\.(.*)",
            "topic.key.field.replacement": "$1",
            "provide.transaction.metadata": "true",
        },
        lambda prefix, database: f"{prefix}.{database}.done",
    ),
    "unicode": OptionSet(
        {
            "key.converter": JSON,
            "value.converter": JSON,
            "key.converter.schemas.enable": "false",
            "value.converter.decimal.format": "NUMERIC",
            "value.converter.replace.null.with.default": "true",
            "topic.naming.strategy": f"{STRATEGIES}.SchemaUnicodeTopicNamingStrategy",
        },
        lambda prefix, database: f"{prefix}.done",
    ),
}
"""Sets whose records are compared as bytes."""


def avro(apicurio: Apicurio, **more: str) -> dict[str, str]:
    """Apicurio's converter on both sides; `more` are further keys of each, with `__` for dots."""
    extra = {name.replace("__", "."): value for name, value in more.items()}
    return {
        **avro_converter("key", apicurio),
        **avro_converter("value", apicurio),
        **{f"{side}.converter.{name}": value for side in ("key", "value") for name, value in extra.items()},
    }


def plain(raw: bytes | None, prefix: str) -> str | None:
    """A record's text without what may differ: times, the prefix."""
    if raw is None:
        return None
    return re.sub(r'"ts_(ms|us|ns)":\d+', r'"ts_\1":0', raw.decode()).replace(prefix, "PREFIX")


def shown(record: RawRecord, prefix: str) -> tuple[object, ...]:
    headers = [
        (name, (value or b"").decode().replace(prefix, "PREFIX"))
        for name, value in record.headers
        if not name.endswith("runId")
    ]
    return record.partition, plain(record.key, prefix), plain(record.value, prefix), headers


def by_topic(kafka: KafkaBroker, start: str) -> dict[str, list[RawRecord]]:
    """All records of all topics whose name begins with `start`."""
    names = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=60).topics
    found: dict[str, list[RawRecord]] = {}
    with TopicReader(kafka.bootstrap) as reader:
        for record in reader.read_new([name for name in names if name.startswith(start)]):
            found.setdefault(record.topic, []).append(record)
    return found


def data_topics(kafka: KafkaBroker, prefix: str) -> dict[str, list[RawRecord]]:
    """The topics of a prefix but for schema changes, which we do not write yet, named without the prefix."""
    found = by_topic(kafka, prefix)
    return {name.replace(prefix, "PREFIX"): records for name, records in found.items() if name != prefix}


def both_topics(kafka: KafkaBroker) -> tuple[dict[str, list[RawRecord]], dict[str, list[RawRecord]]]:
    """All that both sides of all sets wrote, by set and topic."""
    theirs, ours = (
        {f"{name} {topic}": records for name in SETS for topic, records in data_topics(kafka, f"{side}{name}").items()}
        for side in ("theirs", "ours")
    )
    return theirs, ours


def first_record(kafka: KafkaBroker, start: str) -> RawRecord:
    """The first record of a topic whose name begins with `start`, once there is one."""
    deadline = time.monotonic() + 120
    while not (found := by_topic(kafka, start)):
        assert time.monotonic() < deadline, f"no record in {start}"
        time.sleep(0.3)
    return next(iter(found.values()))[0]


def ids(records: list[RawRecord], part: str) -> set[int]:
    raws = [getattr(record, part) for record in records]
    return {struct.unpack_from(">bi", raw)[1] for raw in raws if raw is not None}


def test_json_text_and_topics_are_debeziums(beside: Beside) -> None:
    beside.run_script("converters_setup.sql")
    for name, wanted in SETS.items():
        beside.start_theirs(f"theirs{name}", wanted.options)
    kafka, database = beside.kafka, beside.database
    subjects = http_json("GET", f"{beside.apicurio.ccompat_url}/subjects")
    # A registry that nobody answers for: with these converters none is asked.
    nowhere = {
        "value.converter": "io.confluent.connect.avro.AvroConverter",
        "value.converter.schema.registry.url": "http://127.0.0.1:9",
    }
    with beside.worker(nowhere) as worker:
        worker.wait_ready()
        for name, wanted in SETS.items():
            beside.start_ours(worker, f"ours{name}", wanted.options)
        for name, wanted in SETS.items():
            beside.await_our_snapshot(worker, f"ours{name}")
            await_records(kafka, wanted.done(f"theirs{name}", database), 1, 240)
        time.sleep(3)  # both have closed the snapshots and stream now
        beside.run_script("converters_stream.sql")
        for name, wanted in SETS.items():
            for side in ("theirs", "ours"):
                await_records(kafka, wanted.done(f"{side}{name}", database), 2, 240)
        beats = {side: first_record(kafka, f"jsonbeat-{side}json") for side in ("theirs", "ours")}
        await_as_many(partial(both_topics, kafka))
        time.sleep(2)  # what would come too much
    faults, compared = [], 0
    for name in SETS:
        theirs, ours = (data_topics(kafka, f"{side}{name}") for side in ("theirs", "ours"))
        assert sorted(theirs) == sorted(ours), name
        for topic, records in theirs.items():
            left = [shown(record, f"theirs{name}") for record in records]
            right = [shown(record, f"ours{name}") for record in ours[topic]]
            compared += len(left)
            if len(left) != len(right):
                faults.append(f"{topic}: {len(left)} records of theirs, {len(right)} of ours")
            pairs = zip(left, right, strict=False)
            faults += [f"{name} {topic}\n  theirs {a}\n  ours   {b}" for a, b in pairs if a != b]
    first = [shown(beats[side], f"{side}json") for side in ("theirs", "ours")]
    print(f"\n{compared} records compared as bytes")
    assert not faults, "\n".join(faults)
    assert first[0] == first[1]
    assert compared > 100
    assert http_json("GET", f"{beside.apicurio.ccompat_url}/subjects") == subjects, "JSON registers nothing"


AVRO_SETS: dict[str, dict[str, str]] = {
    "topic": {},
    "record": {
        "apicurio__registry__artifact-resolver-strategy": (
            "io.apicurio.registry.serde.avro.strategy.QualifiedRecordIdStrategy"
        ),
    },
    "bare": {"connect__meta__data": "false"},
}


def test_schema_ids_are_the_same_whoever_comes_first(beside: Beside) -> None:
    beside.run_script("converters_setup.sql")
    kafka, apicurio = beside.kafka, beside.apicurio
    schema_topics = {"topic.naming.strategy": f"{STRATEGIES}.SchemaTopicNamingStrategy"}
    options = {name: avro(apicurio, **more) | schema_topics for name, more in AVRO_SETS.items()}

    def theirs(prefix: str, name: str) -> None:
        before = seen(prefix)  # asked behind the start, it may count what is waited for
        connector = beside.start_theirs(prefix, options[name])
        await_records(kafka, f"{prefix}.done", before + 1, 240)
        beside.await_their_snapshot(connector)

    def seen(prefix: str) -> int:
        return len(by_topic(kafka, f"{prefix}.done").get(f"{prefix}.done", []))

    with beside.worker({}) as worker:
        worker.wait_ready()

        def ours(prefix: str, name: str) -> None:
            beside.start_ours(worker, prefix, options[name])
            beside.await_our_snapshot(worker, prefix)

        pairs = {f"first{name}": (theirs, ours) for name in AVRO_SETS} | {
            f"after{name}": (ours, theirs) for name in AVRO_SETS
        }
        for prefix, both in pairs.items():
            for side in both:
                side(prefix, prefix[5:])
    decoder = AvroDecoder(apicurio.ccompat_url)
    registered = set(http_json("GET", f"{apicurio.ccompat_url}/subjects"))
    checked = 0
    for prefix in pairs:
        found = data_topics(kafka, prefix)
        assert len(found) == 8, sorted(found)
        for topic, records in found.items():
            half = len(records) // 2
            for part in ("key", "value"):
                texts = [schema_text(decoder, getattr(records[place], part), prefix) for place in (0, half)]
                assert texts[0] == texts[1], (prefix, topic, part)
                assert ids(records[:half], part) == ids(records[half:], part), (prefix, topic, part)
                assert len(ids(records, part)) <= 1
                checked += len(ids(records, part))
        records = found["PREFIX.done"]
        text = schema_text(decoder, records[0].value, prefix) or ""
        assert ("connect.name" in text) == (not prefix.endswith("bare"))
        subject = {"record": f"{prefix}.done.Envelope"}.get(prefix[5:], f"{prefix}.done-value")
        assert subject in registered
    print(f"\n{checked} schema ids the same from both sides")
    assert checked == len(pairs) * 15
