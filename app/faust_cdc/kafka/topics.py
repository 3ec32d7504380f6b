"""Creating topics before they are used, and checking what exists."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from faust_cdc.errors import BrokerRefused, BrokerUnavailable
from faust_cdc.kafka.errors import translate_kafka_error

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S = 10.0
LISTED_FOR_S = 30.0
"""How long a list of the cluster's topics is used."""
BROKER_DEFAULT = -1
INTERNAL_TOPIC = {"cleanup.policy": "compact"}
"""Configuration of new internal topics, as Connect makes them."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to have. -1 partitions or replicas mean the broker's default."""

    name: str
    partitions: int = BROKER_DEFAULT
    replication_factor: int = BROKER_DEFAULT
    config: Mapping[str, str] = field(default_factory=dict)
    must_be_compacted: bool = False
    """Connect's rule for its internal topics: cleanup.policy must be exactly `compact`."""


def ensure_topics(client_config: Mapping[str, str], specs: Sequence[TopicSpec]) -> dict[str, int]:
    """Create the missing topics and return the real partition count of each.

    Raises BrokerUnavailable when the cluster does not answer, BrokerRefused when it refuses or when an existing
    internal topic would lose records (cleanup.policy not `compact`).
    """
    return TopicCreator(client_config).ensure(specs)


class TopicCreator:
    """Creates topics on first use and remembers which are there.

    All topics are listed once for many tables: a list for each would take time by the square of their number.
    """

    def __init__(self, client_config: Mapping[str, str]) -> None:
        self._admin = AdminClient(dict(client_config), logger=log)
        self.cluster_id = ""
        """What the cluster calls itself; '' until topics were listed, and where it has no name."""
        self._known: dict[str, int] = {}
        self._listed: dict[str, int] = {}
        self._listed_at = -LISTED_FOR_S

    def ensure(self, specs: Sequence[TopicSpec]) -> dict[str, int]:
        """Create what is missing; return name → partition count of the given topics."""
        wanted = [spec for spec in specs if spec.name not in self._known]
        if wanted:
            existing = self._recent_list()
            missing = [spec for spec in wanted if spec.name not in existing]
            if missing:
                self._create(missing)
                existing = existing | self._await({spec.name for spec in missing})
            self._check_compaction([spec for spec in wanted if spec.must_be_compacted])
            self._known.update({spec.name: existing[spec.name] for spec in wanted})
        return {spec.name: self._known[spec.name] for spec in specs}

    def _recent_list(self) -> dict[str, int]:
        if time.monotonic() - self._listed_at > LISTED_FOR_S:
            self._listed, self._listed_at = self._partitions(), time.monotonic()
        return self._listed

    def _partitions(self, name: str | None = None) -> dict[str, int]:
        try:
            metadata = self._admin.list_topics(name, timeout=REQUEST_TIMEOUT_S)
        except KafkaException as error:
            raise translate_kafka_error(error, "Listing topics") from error
        self.cluster_id = metadata.cluster_id or ""
        return {name: len(topic.partitions) for name, topic in metadata.topics.items() if topic.error is None}

    def _create(self, specs: Sequence[TopicSpec]) -> None:
        new = [
            NewTopic(
                spec.name,
                num_partitions=spec.partitions,
                replication_factor=spec.replication_factor,
                config=dict(spec.config),
            )
            for spec in specs
        ]
        futures = self._admin.create_topics(new, request_timeout=REQUEST_TIMEOUT_S)
        for name, future in futures.items():
            try:
                future.result()
                log.info("Created topic %s", name)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise translate_kafka_error(error, f"Creating topic {name}") from error

    def _await(self, names: set[str]) -> dict[str, int]:
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        one = next(iter(names)) if len(names) == 1 else None
        while True:
            existing = self._partitions(one)
            if names <= {name for name, count in existing.items() if count > 0}:
                return existing
            if time.monotonic() > deadline:
                missing = ", ".join(sorted(names - set(existing)))
                raise BrokerUnavailable(f"Topics {missing} were created but are not in the metadata after 10 s.")
            time.sleep(0.05)

    def _check_compaction(self, specs: Sequence[TopicSpec]) -> None:
        if not specs:
            return
        resources = [ConfigResource(ResourceType.TOPIC, spec.name) for spec in specs]
        for resource, future in self._admin.describe_configs(resources).items():
            try:
                entries = future.result()
            except KafkaException as error:
                raise translate_kafka_error(error, f"Describing topic {resource.name}") from error
            entry = entries.get("cleanup.policy")
            if entry is not None and entry.value != "compact":
                raise BrokerRefused(
                    f"Topic {resource.name} has cleanup.policy={entry.value}, expected compact: it would lose "
                    "connector configurations or offsets.",
                    remedy=f"set cleanup.policy=compact on {resource.name} or name another topic",
                )
