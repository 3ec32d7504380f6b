"""The schemas topic on a real Kafka: format, races of two workers, fencing, replay, and topics that do not fit."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import ConfigResource, ResourceType

from faust_cdc.errors import BrokerUnavailable, ConfigError
from faust_cdc.registry.embedded import EmbeddedRegistry, RegistryProblem
from faust_cdc.registry.log import WriterFenced
from faust_cdc.registry.records import LogRecord
from faust_cdc.registry.schemas_topic import KafkaSchemaLog
from tests.lab.kafka_servers import KafkaBroker
from tests.registry.support import ORDER_V1, ORDER_V2

V1, V2 = json.dumps(ORDER_V1), json.dumps(ORDER_V2)


class Lab:
    """One schemas topic, and as many workers on it as a test wants."""

    def __init__(self, kafka: KafkaBroker) -> None:
        self.kafka = kafka
        self.topic = f"_schemas_{uuid4().hex}"
        self.logs: list[KafkaSchemaLog] = []

    def log(self, **options: float) -> KafkaSchemaLog:
        config = {"bootstrap.servers": self.kafka.bootstrap}
        log = KafkaSchemaLog(config, self.topic, topic=self.topic, timeout_s=options.get("timeout_s", 90.0))
        self.logs.append(log)
        return log

    def records(self) -> list[tuple[bytes | None, bytes | None]]:
        """What a read_committed consumer finds in the topic, read without our code."""
        return [(record.key, record.value) for record in self.kafka.read_topic(self.topic)]

    def worker(self) -> EmbeddedRegistry:
        return EmbeddedRegistry(self.log())


@pytest.fixture
def lab(kafka: KafkaBroker) -> Iterator[Lab]:
    lab = Lab(kafka)
    yield lab
    for log in lab.logs:
        log.close()


@pytest.mark.integration
def test_records_are_confluents_in_one_compacted_partition(lab: Lab) -> None:
    registry = lab.worker()
    assert registry.register("s", V1) == 1
    registry.set_level(None, "FULL")
    registry.delete_subject("s")
    assert [(key, json.loads(value or b"null")) for key, value in lab.records()] == [
        (
            b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}',
            {
                "subject": "s",
                "version": 1,
                "id": 1,
                "schema": json.dumps(ORDER_V1, separators=(",", ":")),
                "deleted": False,
            },
        ),
        (b'{"keytype":"CONFIG","subject":null,"magic":0}', {"compatibilityLevel": "FULL"}),
        (b'{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}', {"subject": "s", "version": 1}),
    ]
    resource = ConfigResource(ResourceType.TOPIC, lab.topic)
    admin = lab.kafka.admin()
    entries = admin.describe_configs([resource])[resource].result()
    assert entries["cleanup.policy"].value == "compact"


@pytest.mark.integration
def test_workers_see_each_other_at_once_and_after_a_restart(lab: Lab) -> None:
    one, two = lab.worker(), lab.worker()
    assert one.register("s", V1) == 1
    assert two.register("s", V2) == 2
    assert one.versions("s") == [1, 2]
    assert one.register("t", V2) == 2
    assert two.lookup("t", V2).version == 1
    restarted = lab.worker()
    assert restarted.subjects() == ["s", "t"]
    assert restarted.by_id(2).schema == two.by_id(2).schema


@pytest.mark.integration
def test_two_workers_that_race_never_share_an_id(lab: Lab) -> None:
    workers = [lab.worker(), lab.worker()]
    schemas = [json.dumps({**ORDER_V1, "name": f"N{n}"}) for n in range(12)]
    given: dict[int, dict[int, int]] = {0: {}, 1: {}}
    barrier = threading.Barrier(2)

    def work(index: int) -> None:
        barrier.wait()
        # Half the schemas are registered by both, the other half by one only; opposite order, same subject.
        mine = [n for n in range(12) if n < 6 or n % 2 == index]
        for n in mine if index else reversed(mine):
            given[index][n] = workers[index].register(f"s{n % 3}", schemas[n])

    for worker in workers:
        worker.set_level(None, "NONE")
    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(given[0][n] == given[1][n] for n in range(6))
    ids = {**given[0], **given[1]}
    assert sorted(ids.values()) == list(range(1, 13))
    records = [json.loads(value or b"") for key, value in lab.records() if b"SCHEMA" in (key or b"")]
    assert len(records) == 12
    assert len({(r["subject"], r["version"]) for r in records}) == 12
    assert lab.worker().subjects() == ["s0", "s1", "s2"]


@pytest.mark.integration
def test_an_overtaken_writer_appends_nothing(lab: Lab) -> None:
    one, two = lab.log(), lab.log()
    one.claim()
    assert one.read_new() == []
    two.claim()
    two.append([LogRecord(b"two", b"2")])
    with pytest.raises(WriterFenced):
        one.append([LogRecord(b"one", b"1")])
    # All that is written: a commit returns to its writer before others see it.
    assert one.read_new(all_written=True) == [LogRecord(b"two", b"2")]
    one.claim()
    one.append([LogRecord(b"one", b"1"), LogRecord(b"gone", None)])
    expected = [LogRecord(b"two", b"2"), LogRecord(b"one", b"1"), LogRecord(b"gone", None)]
    assert lab.records() == expected
    assert two.read_new(all_written=True) == expected
    assert two.read_new(all_written=True) == []


@pytest.mark.integration
def test_a_transaction_left_open_is_ended_by_the_next_writer(lab: Lab) -> None:
    registry = lab.worker()
    registry.register("s", V1)
    dying = Producer({"bootstrap.servers": lab.kafka.bootstrap, "transactional.id": f"{lab.topic}-schema-registry"})
    dying.init_transactions(120)
    dying.begin_transaction()
    dying.produce(lab.topic, b"{}", b'{"keytype":"SCHEMA","subject":"s","version":2,"magic":1}', partition=0)
    assert dying.flush(120) == 0
    assert registry.versions("s") == [1]
    assert lab.worker().versions("s") == [1]
    assert registry.register("t", V2) == 2
    assert registry.versions("s") == [1]


@pytest.mark.integration
def test_a_foreign_open_transaction_delays_writers_only(lab: Lab) -> None:
    lab.worker().register("s", V1)
    foreign = Producer(
        {
            "bootstrap.servers": lab.kafka.bootstrap,
            "transactional.id": uuid4().hex,
            "transaction.timeout.ms": 600_000,
        }
    )
    foreign.init_transactions(120)
    foreign.begin_transaction()
    foreign.produce(lab.topic, None, b'{"keytype":"NOOP","magic":0}', partition=0)
    assert foreign.flush(120) == 0
    log = lab.log(timeout_s=90.0)
    assert len(log.read_new()) == 1
    impatient = lab.log(timeout_s=3.0)
    with pytest.raises(BrokerUnavailable, match="still open"):
        impatient.read_new(all_written=True)
    foreign.commit_transaction(120)
    assert len(log.read_new(all_written=True)) == 1


@pytest.mark.integration
def test_a_schema_too_large_for_the_topic(lab: Lab) -> None:
    registry = lab.worker()
    registry.register("s", V1)
    huge = json.dumps({**ORDER_V1, "doc": "x" * 1_500_000})
    with pytest.raises(RegistryProblem) as caught:
        registry.register("s", huge)
    assert caught.value.error_code == 42209
    assert registry.register("s", V2) == 2


@pytest.mark.integration
def test_topics_that_cannot_hold_the_log_are_refused(lab: Lab) -> None:
    lab.kafka.create_topic(lab.topic, partitions=2, config={"cleanup.policy": "compact"})
    with pytest.raises(ConfigError, match="has 2 partitions"):
        lab.worker().subjects()
    other = Lab(lab.kafka)
    lab.kafka.create_topic(other.topic, config={"cleanup.policy": "delete"})
    with pytest.raises(ConfigError, match=r"cleanup\.policy=delete"):
        other.worker().subjects()


@pytest.mark.integration
def test_the_topic_is_made_with_one_partition_whatever_the_brokers_default(lab: Lab) -> None:
    lab.worker().catch_up()
    metadata = lab.kafka.admin().list_topics(lab.topic, timeout=60)
    assert len(metadata.topics[lab.topic].partitions) == 1


def test_without_a_broker_the_error_comes_within_its_time() -> None:
    log = KafkaSchemaLog({"bootstrap.servers": "127.0.0.1:1"}, "g", timeout_s=1.0)
    begun = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="_schemas"):
        log.read_new()
    with pytest.raises(BrokerUnavailable):
        log.claim()
    assert time.monotonic() - begun < 30
    log.close()
