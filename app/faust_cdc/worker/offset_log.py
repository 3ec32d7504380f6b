"""`faust_cdc.connect.store.OffsetLog`: offsets and what hangs on them are removed as the task would write them.

Why nothing comes back afterwards: the tombstones go through a producer with the task's own transactional id. Its
`init_transactions` fences a task that still runs somewhere (a frozen worker that thaws), and decides its open
transaction; only then the progress of snapshots and the versions of tables' schemas are read, strongly, and removed in
the same Kafka transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from faust_cdc.config.worker import WorkerConfig
from faust_cdc.connect.desired import TASK_ID
from faust_cdc.errors import BrokerUnavailable
from faust_cdc.kafka.queue_bounds import QUEUE_BYTES
from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.pipeline.table_schemas import is_line_of, partition_number
from faust_cdc.snapshot.progress import belongs_to, snapshot_key
from faust_cdc.worker.gate import in_daemon_thread
from faust_cdc.worker.settings import client_settings
from faust_cdc.worker.topic_view import TopicView

READ_WITHIN_S = 30.0
SEEN_WITHIN_S = 15.0
POLL_S = 0.02


class FencedOffsetLog:
    """Erases a stopped connector's offsets; what was erased is gone from this worker's own tables on return."""

    def __init__(
        self, config: WorkerConfig, offsets: TopicView, snapshots: TopicView, table_schemas: TopicView
    ) -> None:
        self._config = config
        self._offsets = offsets
        self._snapshots = snapshots
        self._table_schemas = table_schemas

    async def erase(self, connector: str, keys: Mapping[bytes, str]) -> None:
        """Write the tombstones; return when they are visible here."""
        removed = await in_daemon_thread(lambda: self._write(connector, keys))
        deadline = asyncio.get_running_loop().time() + SEEN_WITHIN_S
        while any(self._offsets.get(key) is not None for key in keys) or any(
            view.get(key) is not None for view, key, _ in removed
        ):
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerUnavailable(
                    f"The offsets of connector {connector} are removed, but this worker does not see it within "
                    f"{SEEN_WITHIN_S:g} s.",
                    remedy="see whether Kafka answers and whether a foreign transaction is open on the topic",
                )
            await asyncio.sleep(POLL_S)

    def _write(self, connector: str, keys: Mapping[bytes, str]) -> list[tuple[TopicView, bytes, int]]:
        """Fence the task and write; return what was removed beside the offsets: where, key, partition's number."""
        # Imported here: what only tasks need comes with the first of them.
        from faust_cdc.kafka.clients import open_producer
        from faust_cdc.kafka.strong_read import read_all
        from faust_cdc.kafka.task_producer import task_transactional_id

        config = self._config
        client = client_settings(config, config.client_config)
        settings = client_settings(config, config.producer_config)
        producer = open_producer(
            config.producer_client, settings, task_transactional_id(config.group_id, connector, TASK_ID), QUEUE_BYTES
        )
        try:
            places: list[tuple[TopicView, bytes, int]] = []
            for server in dict.fromkeys(keys.values()):
                partition = SourcePartition(connector, server)
                number = murmur2_partition(snapshot_key(partition), self._snapshots.partition_count)
                stored = read_all(client, self._snapshots.topic, number, belongs_to(partition), READ_WITHIN_S)
                places += [(self._snapshots, key, number) for key in stored]
                number = partition_number(partition, self._table_schemas.partition_count)
                stored = read_all(client, self._table_schemas.topic, number, is_line_of(partition), READ_WITHIN_S)
                places += [(self._table_schemas, key, number) for key in stored]
            if keys or places:
                producer.begin()
                for key in keys:
                    producer.produce(self._offsets.topic, key, None, [])
                for view, key, number in places:
                    producer.produce(view.topic, key, None, [], number)
                producer.commit()
        finally:
            producer.close()
        return places
