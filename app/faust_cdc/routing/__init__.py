"""Where a change record goes: topic names and registry subjects."""

from faust_cdc.routing.topics import (
    heartbeat_topic,
    quarantine_topic,
    sanitise_topic,
    subject_for_key,
    subject_for_value,
    topic_for,
    transaction_topic,
)

__all__ = [
    "heartbeat_topic",
    "quarantine_topic",
    "sanitise_topic",
    "subject_for_key",
    "subject_for_value",
    "topic_for",
    "transaction_topic",
]
