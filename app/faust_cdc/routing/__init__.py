"""Where a change record goes: topic names and registry subjects."""

from faust_cdc.routing.naming import TopicNaming, topic_naming
from faust_cdc.routing.routes import RouteMap
from faust_cdc.routing.subjects import subject_for_key, subject_for_value
from faust_cdc.routing.topics import (
    heartbeat_topic,
    quarantine_topic,
    sanitise_topic,
    topic_for,
    transaction_topic,
)

__all__ = [
    "RouteMap",
    "TopicNaming",
    "heartbeat_topic",
    "quarantine_topic",
    "sanitise_topic",
    "subject_for_key",
    "subject_for_value",
    "topic_for",
    "topic_naming",
    "transaction_topic",
]
