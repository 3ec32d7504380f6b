"""Registry subjects: Confluent's and Apicurio's strategies that name a schema's subject.

The names are those of `io.confluent.kafka.serializers.subject.*NameStrategy`; Apicurio's `TopicIdStrategy` and
`QualifiedRecordIdStrategy` give the same names as the first two (2.6, in the default group).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

SubjectStrategy: TypeAlias = Callable[[str, bool, str], str]
"""(topic, is it of keys, the schema's full Avro name) → subject."""


def subject_for_key(topic: str) -> str:
    """Return the registry subject of `topic`'s keys (TopicNameStrategy)."""
    return f"{topic}-key"


def subject_for_value(topic: str) -> str:
    """Return the registry subject of `topic`'s values (TopicNameStrategy)."""
    return f"{topic}-value"


def by_topic(topic: str, is_key: bool, _full_name: str) -> str:
    """`TopicNameStrategy`: `<topic>-key` and `<topic>-value`."""
    return subject_for_key(topic) if is_key else subject_for_value(topic)


def by_record(_topic: str, _is_key: bool, full_name: str) -> str:
    """`RecordNameStrategy`: the full name of the record's schema."""
    return full_name


def by_topic_and_record(topic: str, _is_key: bool, full_name: str) -> str:
    """`TopicRecordNameStrategy`: `<topic>-<full name>`."""
    return f"{topic}-{full_name}"


def by_topic_alone(topic: str, _is_key: bool, _full_name: str) -> str:
    """Apicurio's `SimpleTopicIdStrategy`: the topic."""
    return topic


STRATEGIES: Final[dict[str, SubjectStrategy]] = {
    "topic": by_topic,
    "record": by_record,
    "topic-record": by_topic_and_record,
    "topic-alone": by_topic_alone,
}
"""By the words that the configuration uses (`AvroSettings.subject_strategy`)."""
