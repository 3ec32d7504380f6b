"""`topic.creation.*`: how the topics of a connector are made (KIP-158).

Without any such key topics are made with the broker's defaults. A topic is made by the first group of
`topic.creation.groups` that includes and does not exclude its name, else by `topic.creation.default.*`; partitions
and replication factor that a group does not name are the default's, other settings are its own only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from faust_cdc.config.checks import as_int, split_list, split_words
from faust_cdc.config.java_regex import java_pattern

PREFIX: Final = "topic.creation.default."
GROUPS: Final = "topic.creation.groups"
_FACTOR, _COUNT = "replication.factor", "partitions"
_REPLICATION = PREFIX + _FACTOR
_PARTITIONS = PREFIX + _COUNT
_SPECIAL: Final = frozenset({_FACTOR, _COUNT, "include", "exclude"})


@dataclass(frozen=True)
class TopicGroup:
    """Topics that have a rule of their own."""

    include: tuple[re.Pattern[str], ...]
    exclude: tuple[re.Pattern[str], ...]
    replication_factor: int
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)

    def has(self, topic: str) -> bool:
        """Say whether a topic is made by this rule."""
        included = any(one.fullmatch(topic) for one in self.include)
        return included and not any(one.fullmatch(topic) for one in self.exclude)


@dataclass(frozen=True)
class TopicCreation:
    """Replication factor and partitions (-1: the broker's default), and settings of the topic itself."""

    replication_factor: int = -1
    partitions: int = -1
    config: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[TopicGroup, ...] = ()

    def rule_of(self, topic: str) -> TopicCreation:
        """Return the rule of one topic, without groups."""
        for group in self.groups:
            if group.has(topic):
                return TopicCreation(group.replication_factor, group.partitions, group.config)
        return TopicCreation(self.replication_factor, self.partitions, self.config)


def topic_creation_of(config: Mapping[str, str | None]) -> TopicCreation | None:
    """The connector's rules for new topics; None when it has none. Call after `problems` found nothing."""
    keys = {k: v for k, v in config.items() if k.startswith(PREFIX) and v is not None}
    if not keys:
        return None
    factor, partitions = int(keys[_REPLICATION]), int(keys[_PARTITIONS])
    return TopicCreation(
        factor,
        partitions,
        {k.removeprefix(PREFIX): v for k, v in keys.items() if k.removeprefix(PREFIX) not in _SPECIAL},
        tuple(_group(config, name, factor, partitions) for name in split_words(config.get(GROUPS) or "")),
    )


def _group(config: Mapping[str, str | None], name: str, factor: int, partitions: int) -> TopicGroup:
    prefix = f"topic.creation.{name}."
    own = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix) and value}
    return TopicGroup(
        tuple(java_pattern(one) for one in split_list(own.get("include", ""))),
        tuple(java_pattern(one) for one in split_list(own.get("exclude", ""))),
        int(own.get(_FACTOR, factor)),
        int(own.get(_COUNT, partitions)),
        {key: value for key, value in own.items() if key not in _SPECIAL},
    )


def problems(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Pairs of option and problem: missing or wrong numbers and patterns, keys of groups that are not listed."""
    keys = [key for key in config if key.startswith("topic.creation.") and key != GROUPS]
    groups = split_words(config.get(GROUPS) or "")
    prefixes = (PREFIX, *(f"topic.creation.{name}." for name in groups))
    for key in keys:
        if not key.startswith(prefixes):
            yield key, f'Invalid configuration "{key}": no group of this name is in {GROUPS}'
    if groups or any(key.startswith(PREFIX) for key in keys):
        for key in (_REPLICATION, _PARTITIONS):
            value = config.get(key)
            if value is None:
                yield key, f'Missing required configuration "{key}" which has no default value.'
            else:
                yield from _number(key, value)
    for name in groups:
        yield from _group_problems(config, f"topic.creation.{name}.")


def _group_problems(config: Mapping[str, str | None], prefix: str) -> Iterator[tuple[str, str]]:
    if not (config.get(prefix + "include") or "").strip():
        yield prefix + "include", f'Missing required configuration "{prefix}include" which has no default value.'
    for name in ("include", "exclude"):
        for pattern in split_list(config.get(prefix + name) or ""):
            try:
                java_pattern(pattern)
            except re.error as error:
                yield prefix + name, f"A valid regular expression is expected, but '{pattern}' is not one: {error}"
    for name in (_FACTOR, _COUNT):
        value = config.get(prefix + name)
        if value is not None:
            yield from _number(prefix + name, value)


def _number(key: str, value: str) -> Iterator[tuple[str, str]]:
    number = as_int(value)
    if number is None or not (number == -1 or number > 0):
        yield key, f"Invalid value {value} for configuration {key}: a positive number, or -1 for the broker's"
