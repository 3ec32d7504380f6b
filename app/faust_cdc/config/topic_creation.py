"""`topic.creation.default.*`: how the topics of a connector are made (KIP-158).

Without any such key topics are made with the broker's defaults. Groups with their own patterns are not in
this version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from faust_cdc.config.checks import as_int

PREFIX: Final = "topic.creation.default."
_REPLICATION = PREFIX + "replication.factor"
_PARTITIONS = PREFIX + "partitions"


@dataclass(frozen=True)
class TopicCreation:
    """Replication factor and partitions (-1: the broker's default), and settings of the topic itself."""

    replication_factor: int = -1
    partitions: int = -1
    config: Mapping[str, str] = field(default_factory=dict)


def topic_creation_of(config: Mapping[str, str | None]) -> TopicCreation | None:
    """The connector's rule for new topics; None when it has none. Call after `problems` found nothing."""
    keys = {k: v for k, v in config.items() if k.startswith(PREFIX) and v is not None}
    if not keys:
        return None
    special = {_REPLICATION, _PARTITIONS, PREFIX + "include", PREFIX + "exclude"}
    return TopicCreation(
        int(keys[_REPLICATION]),
        int(keys[_PARTITIONS]),
        {k.removeprefix(PREFIX): v for k, v in keys.items() if k not in special},
    )


def problems(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Pairs of option and problem: missing or wrong numbers, keys of groups."""
    keys = [key for key in config if key.startswith("topic.creation.") and key != "topic.creation.groups"]
    for key in keys:
        if not key.startswith(PREFIX):
            yield key, f"Not supported in this version: rules per group; only {PREFIX}* can be used"
    if any(key.startswith(PREFIX) for key in keys):
        for key in (_REPLICATION, _PARTITIONS):
            value = config.get(key)
            if value is None:
                yield key, f'Missing required configuration "{key}" which has no default value.'
            elif (number := as_int(value)) is None or not (number == -1 or number > 0):
                yield key, f"Invalid value {value} for configuration {key}: a positive number, or -1 for the broker's"
