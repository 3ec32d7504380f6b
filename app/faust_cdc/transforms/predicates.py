"""Connect's predicates (`org.apache.kafka.connect.transforms.predicates`, 4.3.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from faust_cdc.config.java_regex import java_pattern
from faust_cdc.config.transform_settings import TOPIC_NAME_MATCHES, PluginSettings
from faust_cdc.transforms.record import Record

Test: TypeAlias = Callable[[Record], bool]
PREFIX: Final = "org.apache.kafka.connect.transforms.predicates."


def topic_test(plugin: PluginSettings) -> Callable[[str], bool]:
    """Return TopicNameMatches' rule for topics."""
    pattern = java_pattern(plugin.text("pattern") or "")
    return lambda topic: pattern.fullmatch(topic) is not None


def _topic_name_matches(plugin: PluginSettings) -> Test:
    matches = topic_test(plugin)
    return lambda record: matches(record.topic)


def _has_header_key(plugin: PluginSettings) -> Test:
    name = plugin.text("name")
    return lambda record: any(one.name == name for one in record.headers)


def _record_is_tombstone(_plugin: PluginSettings) -> Test:
    return lambda record: record.value is None


PREDICATES: Final[dict[str, Callable[[PluginSettings], Test]]] = {
    TOPIC_NAME_MATCHES: _topic_name_matches,
    f"{PREFIX}HasHeaderKey": _has_header_key,
    f"{PREFIX}RecordIsTombstone": _record_is_tombstone,
}
"""By class."""
