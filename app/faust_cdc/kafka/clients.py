"""Which client a task's producer is, by `producer.client`.

Where none is named, our own is taken if it can do what is asked (an option, a broker's versions, the hot path not
built); else librdkafka, and the log says why. Where one is named, it is that one or an error: nobody gets another
client than the one asked for, and no option is passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache

from faust_cdc.config.definitions.own import DEFAULT_CLIENT, OWN_CLIENT
from faust_cdc.errors import ClientUnfit
from faust_cdc.kafka.task_producer import TaskProducer

log = logging.getLogger(__name__)


def open_producer(
    client: str | None,
    client_config: Mapping[str, str],
    transactional_id: str,
    queue_max_bytes: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> TaskProducer:
    """Return a producer that has fenced its older owners; `client` None: by default.

    Raises ClientUnfit where the client that is named cannot do it, ConfigError, and what `init` raises.
    """
    # Imported where it is used: a worker of one client needs not the other's modules.
    if (client or DEFAULT_CLIENT) == OWN_CLIENT:
        from faust_cdc.kafka.wire.producer import WireProducer

        try:
            return _initialised(WireProducer(client_config, transactional_id, queue_max_bytes, should_stop))
        except ClientUnfit as unfit:
            if client is not None:
                raise
            _say_once(transactional_id, unfit.message)
    from faust_cdc.kafka.producer import TransactionalProducer

    return _initialised(TransactionalProducer(client_config, transactional_id, queue_max_bytes, should_stop))


def _initialised(producer: TaskProducer) -> TaskProducer:
    try:
        producer.init()
    except BaseException:
        producer.close()
        raise
    return producer


@lru_cache(maxsize=1000)
def _say_once(transactional_id: str, why: str) -> None:
    """Log it at the first of a task's starts only."""
    log.warning("%s: librdkafka writes to Kafka, not producer.client=%s: %s", transactional_id, OWN_CLIENT, why)
