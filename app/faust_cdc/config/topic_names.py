"""Options that name topics: which strategy, whether its own options fit together, and names that Kafka refuses.

A strategy's options without the strategy have no effect, as in Debezium; a pattern is checked all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from faust_cdc.config.java_regex import java_pattern, replacement_problem, texts_of
from faust_cdc.config.route_templates import LENGTH_MAX, illegal_in_topic, topic_problem

STRATEGIES: Final = (
    "DefaultTopicNamingStrategy",
    "SchemaTopicNamingStrategy",
    "DefaultUnicodeTopicNamingStrategy",
    "SchemaUnicodeTopicNamingStrategy",
    "DefaultRegexTopicNamingStrategy",
    "SchemaRegexTopicNamingStrategy",
)
"""The strategies shipped with Debezium, without their package; the first is what MySQL's and MariaDB's use."""

STRATEGY_CLASSES: Final = tuple(f"io.debezium.schema.{name}".lower() for name in STRATEGIES)
"""Their full names in lower case."""

_OPTION: Final = "topic.naming.strategy"
_PAIRS: Final = (("topic.regex", "topic.replacement"), ("topic.key.field.regex", "topic.key.field.replacement"))


_NAMES: Final = ("schema.history.internal.kafka.topic", "signal.kafka.topic", "notification.sink.topic.name")
"""Options that name one topic; others are checked with their own options."""


def routed_name_problem(pattern: str, replacement: str) -> str | None:
    """Say why what replaces a topic's name cannot be one, as far as that is known without the name; None: it can.

    Raises re.error for a pattern that is none.
    """
    if (problem := replacement_problem(java_pattern(pattern), replacement)) is not None:
        return problem
    for place, text in texts_of(replacement):
        if (illegal := illegal_in_topic(text)) is not None:
            return f"character {place + illegal[0]} of {replacement!r}: {illegal[1]}"
    return None


def strategy_of(config: Mapping[str, str | None]) -> str:
    """Return the class, without its package, that names the topics."""
    name = (config.get(_OPTION) or "").strip().rpartition(".")[2].lower()
    return next((one for one in STRATEGIES if one.lower() == name), STRATEGIES[0])


def problems(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield (option, what is wrong) of names, and of the regex strategies' options."""
    for option in _NAMES:
        name = (config.get(option) or "").strip()
        if name and (problem := topic_problem(name)) is not None:
            yield option, problem
    if len(prefix := (config.get("topic.prefix") or "").strip()) >= LENGTH_MAX:
        # Names that are longer are cut, and all tables would have one topic.
        yield "topic.prefix", f"it has {len(prefix)} characters; the name of a topic has {LENGTH_MAX} at most"
    by_regex = "Regex" in strategy_of(config)
    if by_regex:
        yield from _missing(config)
    for option, replaced_by in _PAIRS:
        text, replacement = (config.get(option) or "").strip(), config.get(replaced_by) or ""
        if not text:
            continue
        try:
            pattern = java_pattern(config.get(option) or "")
        except re.error as error:
            yield option, f"A valid regular expression is expected, but '{text}' is not one: {error}"
            continue
        if not replacement.strip():
            if by_regex:
                yield replaced_by, f"{replaced_by} must be non-empty if {option} is set."
        elif (problem := replacement_problem(pattern, replacement)) is not None:
            yield replaced_by, f"'{replacement}' cannot replace a match of {option}: {problem}"


def _missing(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    if not (config.get("topic.regex") or "").strip():
        yield "topic.regex", f"A value is required with {_OPTION}={config.get(_OPTION)}"
