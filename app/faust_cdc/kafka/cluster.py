"""What the cluster says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from faust_cdc.kafka.errors import translate_kafka_error

REQUEST_TIMEOUT_S = 10.0


def cluster_id(client_config: Mapping[str, str]) -> str:
    """Return the cluster's id, '' when the broker has none. Raises BrokerUnavailable when nobody answers."""
    try:
        metadata = AdminClient(dict(client_config)).list_topics(timeout=REQUEST_TIMEOUT_S)
    except KafkaException as error:
        raise translate_kafka_error(error, f"Asking {client_config.get('bootstrap.servers')} for its id") from error
    return metadata.cluster_id or ""
