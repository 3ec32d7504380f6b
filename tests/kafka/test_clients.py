"""Which client a task gets: the one it names or an error, and by default one that can do what is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

import pytest

from faust_cdc.config.definitions.own import LIBRDKAFKA, OWN_CLIENT
from faust_cdc.errors import ClientUnfit
from faust_cdc.kafka import clients
from faust_cdc.kafka.producer import TransactionalProducer
from faust_cdc.kafka.task_producer import TaskProducer
from faust_cdc.kafka.wire.producer import WireProducer
from tests.kafka.test_transactions import topic, visible
from tests.lab import KafkaBroker

pytestmark = pytest.mark.integration
FOR_LIBRDKAFKA_ONLY = {"socket.keepalive.enable": "true"}


@contextmanager
def opened(kafka: KafkaBroker, client: str | None, more: Mapping[str, str]) -> Iterator[TaskProducer]:
    made = clients.open_producer(client, {"bootstrap.servers": kafka.bootstrap, **more}, f"x-{uuid4()}", 1 << 20)
    try:
        yield made
    finally:
        made.close()


def test_a_named_client_is_the_one_or_an_error(kafka: KafkaBroker) -> None:
    with opened(kafka, OWN_CLIENT, {}) as made:
        assert isinstance(made, WireProducer)
    with opened(kafka, LIBRDKAFKA, FOR_LIBRDKAFKA_ONLY) as made:
        assert isinstance(made, TransactionalProducer)
    with (
        pytest.raises(ClientUnfit, match=r"socket.keepalive.enable is not known.*set producer.client=librdkafka"),
        opened(kafka, OWN_CLIENT, FOR_LIBRDKAFKA_ONLY),
    ):
        pass


def test_where_none_is_named_what_ours_cannot_do_is_librdkafkas_and_said_once(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clients, "DEFAULT_CLIENT", OWN_CLIENT)
    with opened(kafka, None, {}) as made:
        assert isinstance(made, WireProducer)
    name, who = topic(kafka), f"x-{uuid4()}"
    for number in range(2):
        settings = {"bootstrap.servers": kafka.bootstrap, **FOR_LIBRDKAFKA_ONLY}
        made = clients.open_producer(None, settings, who, 1 << 20)
        assert isinstance(made, TransactionalProducer)
        made.begin()
        made.produce(name, b"k", b"%d" % number, [])
        made.commit()
        made.close()
    assert [record.value for record in visible(kafka, name)] == [b"0", b"1"]
    said = [record.getMessage() for record in caplog.records if "librdkafka writes to Kafka" in record.getMessage()]
    assert said == [
        f"{who}: librdkafka writes to Kafka, not producer.client=faust-cdc: "
        "socket.keepalive.enable is not known to producer.client=faust-cdc."
    ]
