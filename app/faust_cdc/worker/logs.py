"""How the herder's protocols reach Kafka: the config topic's log, the command bus, and the status writer.

Delivery reports are served by whoever waits (`ControlProducer.poll` in short turns on the loop): no thread of its own
for a few records a minute.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence

from faust_cdc.config.versions import DEBEZIUM_VERSION
from faust_cdc.connect.entities import ConnectError
from faust_cdc.connect.records import StatusRecord
from faust_cdc.connect.store import Command, Record
from faust_cdc.errors import BrokerUnavailable, CdcError
from faust_cdc.kafka.control import ControlProducer
from faust_cdc.pipeline.route_log import routes_partition
from faust_cdc.pipeline.table_schemas import goes_on_elsewhere, partition_number, read_line_key
from faust_cdc.worker.leases import slot_of
from faust_cdc.worker.status import Status
from faust_cdc.worker.topic_view import TopicView

log = logging.getLogger(__name__)

ACKNOWLEDGED_WITHIN_S = 15.0
SEEN_WITHIN_S = 15.0
FORGOTTEN_WITHIN_S = 5.0
"""How long DELETE of a connector waits for its task's end, to have what is kept of its tables deleted too."""
POLL_S = 0.005

ProducerProvider = Callable[[], ControlProducer]
"""Gives the control producer; raises BrokerUnavailable while Kafka has not answered yet."""

CONFIG_PARTITION = 0
"""The config topic has exactly one partition: Connect's readers rely on the order of its records."""


async def send_and_wait(producer: ControlProducer, topic: str, records: Sequence[Record], partition: int) -> None:
    """Write records in order and return when Kafka has them all. Raises what the delivery raised."""
    waiting = len(records)
    failures: list[CdcError] = []

    def delivered(error: CdcError | None) -> None:
        nonlocal waiting
        waiting -= 1
        if error is not None:
            failures.append(error)

    for key, value in records:
        producer.send(topic, key, value, partition, on_delivery=delivered)
    deadline = asyncio.get_running_loop().time() + ACKNOWLEDGED_WITHIN_S
    while waiting and asyncio.get_running_loop().time() < deadline:
        producer.poll(0)
        await asyncio.sleep(POLL_S)
    if failures:
        raise failures[0]
    if waiting:
        raise BrokerUnavailable(
            f"Kafka did not acknowledge {waiting} record(s) for topic {topic} within {ACKNOWLEDGED_WITHIN_S:g} s.",
            remedy="see whether the brokers answer; the records may still arrive",
        )


class TopicConfigLog:
    """`faust_cdc.connect.store.ConfigLog`: what was written is visible in this worker's own table on return."""

    def __init__(self, producer: ProducerProvider, view: TopicView) -> None:
        self._producer = producer
        self._view = view

    async def append(self, records: Sequence[Record]) -> None:
        """Write the records in order; return when the last is visible here."""
        if not records:
            return
        key, value = records[-1]
        visible = self._view.expect(key.encode(), value)
        try:
            await send_and_wait(self._producer(), self._view.topic, records, CONFIG_PARTITION)
        except CdcError:
            visible.cancel()
            raise
        await self._view.seen(visible, SEEN_WITHIN_S)


class TopicRouteRecords:
    """`faust_cdc.connect.routes.RouteRecords`: what was written is visible in this worker's own table on return."""

    def __init__(self, producer: ProducerProvider, view: TopicView) -> None:
        self._producer = producer
        self._view = view

    async def append(self, connector: str, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Write the records in order into the connector's partition; return when the last is visible here."""
        key, value = records[-1]
        visible = self._view.expect(key, value)
        try:
            partition = routes_partition(connector, self._view.partition_count)
            texts = [(one.decode(), value) for one, value in records]
            await send_and_wait(self._producer(), self._view.topic, texts, partition)
        except CdcError:
            visible.cancel()
            raise
        await self._view.seen(visible, SEEN_WITHIN_S)


class TopicSchemaLines:
    """The lines of tables' schemas, seen from where connectors are deleted."""

    def __init__(self, producer: ProducerProvider, view: TopicView) -> None:
        self._producer = producer
        self._view = view

    async def forget(self, connector: str, tasks_gone: Callable[[str], Awaitable[None]]) -> None:
        """Write tombstones for a connector that is deleted, once its task has ended: it would write lines again.

        Lines by which one made anew goes on in a versioned topic stay (`goes_on_elsewhere`), and all of them where the
        task does not end in time, or Kafka does not take the tombstones. The answer to DELETE waits for it: a connector
        that is made anew by the name at once would go on from these lines.
        """
        try:
            async with asyncio.timeout(FORGOTTEN_WITHIN_S):
                await tasks_gone(connector)
        except (ConnectError, TimeoutError):
            log.warning(
                "Connector %r is deleted, and versions of its tables' schemas are kept in %s: its task is still ending",
                connector, self._view.topic,
            )  # fmt: skip
            return
        places: dict[int, list[Record]] = {}
        for key, value in self._view.items():
            found = read_line_key(key)
            if found is not None and found[0].connector == connector and not goes_on_elsewhere(value):
                number = partition_number(found[0], self._view.partition_count)
                places.setdefault(number, []).append((key.decode(), None))
        try:
            for number, records in places.items():
                await send_and_wait(self._producer(), self._view.topic, records, number)
        except CdcError as error:
            log.warning("Connector %r is deleted, and versions of its tables' schemas are kept: %s", connector, error)


class LeaseCommandBus:
    """`faust_cdc.connect.store.CommandBus`: a command is a record on the lease slot of its connector."""

    def __init__(self, producer: ProducerProvider, topic: str, slot_count: Callable[[], int]) -> None:
        self._producer = producer
        self._topic = topic
        self._slot_count = slot_count

    async def send(self, connector: str, command: Command) -> None:
        """Write the command; return when Kafka has it."""
        value = encode_command(connector, command)
        await send_and_wait(self._producer(), self._topic, [(connector, value)], slot_of(connector, self._slot_count()))


def encode_command(connector: str, command: Command) -> bytes:
    """Return a command's record value: the command's own members and the connector it is for."""
    return json.dumps({"connector": connector, **command}, separators=(",", ":"), ensure_ascii=False).encode()


class StatusWriter:
    """Writes status records; a lost one is written again by the next owner of the lease."""

    def __init__(self, producer: ProducerProvider, topic: str, worker_id: str, generation: Callable[[], int]) -> None:
        self._producer = producer
        self._topic = topic
        self._worker_id = worker_id
        self._generation = generation

    def __call__(self, key: str, status: Status | None) -> None:
        """Queue the status of a connector or task; None destroys it."""
        value = None
        if status is not None:
            record = StatusRecord(status.state, self._worker_id, self._generation(), status.trace, DEBEZIUM_VERSION)
            value = record.encode()
        self._producer().send(self._topic, key, value)
