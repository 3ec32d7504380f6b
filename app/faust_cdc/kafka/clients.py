"""Which client a task's producer is, by `producer.client`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from faust_cdc.config.definitions.own import OWN_CLIENT
from faust_cdc.kafka.task_producer import TaskProducer


def make_producer(
    client: str,
    client_config: Mapping[str, str],
    transactional_id: str,
    queue_max_bytes: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> TaskProducer:
    """Return a producer that is not initialised yet. Raises ConfigError for options that it cannot follow."""
    # Imported where it is used: a worker of one client needs not the other's modules.
    if client == OWN_CLIENT:
        from faust_cdc.kafka.wire.producer import WireProducer

        return WireProducer(client_config, transactional_id, queue_max_bytes, should_stop)
    from faust_cdc.kafka.producer import TransactionalProducer

    return TransactionalProducer(client_config, transactional_id, queue_max_bytes, should_stop)
