"""Who is in a consumer group, as the broker has it."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient

ASK_TIMEOUT_S = 60.0


def member_count(bootstrap: str, group_id: str) -> int:
    """Return how many members a group has now: one that left is none, one that only died is for some seconds more."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    (answer,) = admin.describe_consumer_groups([group_id], request_timeout=ASK_TIMEOUT_S).values()
    return len(answer.result().members)
