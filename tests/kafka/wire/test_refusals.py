"""What a broker refuses, delays or has no room for: the same error and behaviour as with librdkafka."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from uuid import uuid4

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from faust_cdc.config.definitions.own import OWN_CLIENT, PRODUCER_CLIENTS
from faust_cdc.errors import AbortableError, BrokerRefused, CdcError, ProducerFenced
from faust_cdc.kafka.clients import open_producer
from faust_cdc.kafka.task_producer import ProducerState, TaskProducer
from faust_cdc.kafka.wire.producer import WireProducer
from tests.kafka.test_transactions import await_written, visible
from tests.lab import KafkaBroker
from tests.lab.commands import run
from tests.lab.process import wait_until
from tests.oracle.topics import written_ends

pytestmark = pytest.mark.integration
QUEUE = 1 << 20
QUOTA_BYTES = 100_000
"""A second, of the client `slow`."""
FORBIDDEN, NOT_MINE = "forbidden", "not-mine"


class StrictKafka(KafkaBroker):
    """A broker that forbids a topic and a transactional id, and allows one client few bytes a second."""

    def __init__(self) -> None:
        authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        super().__init__(
            properties={
                "authorizer.class.name": authorizer,
                "allow.everyone.if.no.acl.found": "true",
                "quota.window.size.seconds": "1",
                "quota.window.num": "2",
                "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
            }
        )

    def set_up(self) -> None:
        """Rules that the running broker is told."""
        acls = [
            AclBinding(kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, permission)
            for kind, name in ((ResourceType.TOPIC, FORBIDDEN), (ResourceType.TRANSACTIONAL_ID, NOT_MINE))
            for operation, permission in (
                (AclOperation.WRITE, AclPermissionType.DENY),
                (AclOperation.DESCRIBE, AclPermissionType.ALLOW),
            )
        ]
        admin = self.admin()  # kept: its answers end with it
        for future in admin.create_acls(acls).values():
            future.result(60)
        command = [*self._jvm("-Xmx128m"), "kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap]
        quota = ["--alter", "--add-config", f"producer_byte_rate={QUOTA_BYTES}"]
        run([*command, *quota, "--entity-type", "clients", "--entity-name", "slow"], what="setting a quota")


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictKafka]:
    with StrictKafka() as broker:
        broker.set_up()
        broker.create_topic(FORBIDDEN)
        yield broker


def refused(broker: KafkaBroker, client: str, who: str, name: str, more: Mapping[str, str]) -> CdcError:
    """Return the error of a transaction with one record."""

    def attempt() -> None:
        made = open_producer(client, {"bootstrap.servers": broker.bootstrap, **more}, who, QUEUE)
        try:
            write(made, name)
        finally:
            made.close()

    with pytest.raises(CdcError) as caught:
        attempt()
    return caught.value


def write(made: TaskProducer, name: str) -> None:
    made.begin()
    made.produce(name, b"k", b"v", [])
    made.commit()


REFUSALS: dict[str, tuple[str | None, str, dict[str, str], type[CdcError], str]] = {
    "a transactional id that is forbidden": (
        NOT_MINE,
        "any",
        {},
        BrokerRefused,
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    ),
    "transactions that are to last too long": (
        None,
        "any",
        {"transaction.timeout.ms": "2000000"},
        BrokerRefused,
        "INVALID_TRANSACTION_TIMEOUT",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_the_same_error_with_both_clients(strict: StrictKafka, refusal: str) -> None:
    who, name, options, expected, code = REFUSALS[refusal]
    errors = [refused(strict, client, who or f"x-{uuid4()}", name, options) for client in PRODUCER_CLIENTS]
    for error in errors:
        assert type(error) is expected, error
        assert code in str(error)
    assert errors[0].remedy == errors[1].remedy


def test_a_refused_topic_leaves_the_producer_as_it_is(strict: StrictKafka) -> None:
    """It is a refusal for good; librdkafka says to abort and try again."""
    made = WireProducer({"bootstrap.servers": strict.bootstrap}, f"x-{uuid4()}", QUEUE)
    made.init()
    with pytest.raises(BrokerRefused, match=r"TOPIC_AUTHORIZATION_FAILED.*grant the worker's principal WRITE"):
        write(made, FORBIDDEN)
    made.abort()
    assert made.state is ProducerState.READY
    name = f"after-{uuid4().hex[:8]}"
    write(made, name)
    made.close()
    assert [record.value for record in visible(strict, name)] == [b"v"]


def test_a_transaction_that_the_broker_timed_out(strict: StrictKafka) -> None:
    """The task stood still for longer than transaction.timeout.ms, as with its whole machine."""
    options = {"bootstrap.servers": strict.bootstrap, "transaction.timeout.ms": "5000", "linger.ms": "0"}
    names = [f"late-{uuid4().hex[:8]}" for _ in range(2)]
    commits, produces = (open_producer(OWN_CLIENT, options, f"x-{name}", QUEUE) for name in names)
    for made, name in zip((commits, produces), names, strict=True):
        strict.create_topic(name)
        made.begin()
        made.produce(name, b"k", b"hidden", [])
        made.serve()
        await_written(strict, name, made.serve)
    places = [TopicPartition(name, 0) for name in names]
    wait_until(
        lambda: set(written_ends(strict.bootstrap, places).values()) == {2}, timeout_s=60, what="the aborts' markers"
    )
    # What was sent is found to be acknowledged first, late as it is looked for.
    with pytest.raises(AbortableError, match="INVALID_TXN_STATE"):
        commits.commit()
    commits.abort()
    write(commits, names[0])
    commits.close()
    assert [record.value for record in visible(strict, names[0])] == [b"v"]
    # What is sent late is refused by its epoch, as if another had taken over.
    with pytest.raises(ProducerFenced, match="INVALID_PRODUCER_EPOCH"):
        finish(produces, names[1])
    assert produces.state is ProducerState.FATAL
    produces.close()
    assert visible(strict, names[1]) == []


def finish(made: TaskProducer, name: str) -> None:
    made.produce(name, b"k", b"late", [])
    made.commit()


def test_a_quota_slows_and_nothing_is_lost(strict: StrictKafka) -> None:
    name, options = f"slow-{uuid4().hex[:8]}", {"client.id": "slow", "compression.type": "none"}
    strict.create_topic(name)
    made = WireProducer({"bootstrap.servers": strict.bootstrap, **options}, f"x-{uuid4()}", QUEUE)
    muted_until = 0.0
    began = time.monotonic()
    try:
        made.init()
        for number in range(5):
            made.begin()
            for _ in range(4):
                made.produce(name, b"k", b"%d" % number + bytes(25_000), [])
            made.commit()
            muted_until = max(muted_until, *(one.mute_until for one in made._cluster._connections.values()))
    finally:
        made.close()
    assert muted_until > began, "the broker asked for a pause, and it was heard"
    assert time.monotonic() - began > 1.5, "500 KB, 100 KB a second, over a window of two"
    assert [(record.value or b"")[:1] for record in visible(strict, name)] == [b"%d" % (n // 4) for n in range(20)]
