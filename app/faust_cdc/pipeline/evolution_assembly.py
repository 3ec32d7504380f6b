"""Schema evolution of a task, made from its settings and from what was kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from faust_cdc.kafka.strong_read import read_all
from faust_cdc.kafka.topics import TopicCreator
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.captured import EnsureTopic
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.evolution import SchemaEvolution
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.schema_records import SchemaRecords
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.table_schemas import TableSchemas, is_line_of, partition_number


def evolution_of(
    spec: TaskSpec, topics: TopicCreator, partition: SourcePartition, converters: Converters, ensure_topic: EnsureTopic
) -> SchemaEvolution:
    """Make what settles table versions, with those known so far. The producer must be initialised before.

    Without a topic for them none are kept: what rows become behind transforms is of another schema than the table's.
    """
    topic, stored = spec.table_schemas_topic, dict[bytes, bytes]()
    if topic is not None:
        number = partition_number(partition, topics.ensure([topic])[topic.name])
        stored = read_all(spec.client_config, topic.name, number, is_line_of(partition))
    policy = spec.config.schema_evolution_policy
    known = TableSchemas(partition, stored)
    has_aliases = spec.config.schema_evolution_aliases and topic is not None
    return SchemaEvolution(converters, ensure_topic, policy, known, has_aliases=has_aliases)


def schema_records_of(
    spec: TaskSpec, topics: TopicCreator, partition: SourcePartition, schemas: TableSchemas, notifier: Notifier
) -> Callable[[], Iterable[ChangeRecord]]:
    """Make what each commit takes along of new versions."""
    topic = spec.table_schemas_topic
    if topic is None:
        return tuple
    number = partition_number(partition, topics.ensure([topic])[topic.name])
    return SchemaRecords(schemas, topic.name, number, notifier.notify, partition.server)
