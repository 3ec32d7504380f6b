"""Options that name topics: which strategy, and whether its own options fit together.

A strategy's options without the strategy have no effect, as in Debezium; a pattern is checked all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from faust_cdc.config.java_regex import java_pattern, replacement_problem

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


def strategy_of(config: Mapping[str, str | None]) -> str:
    """Return the class, without its package, that names the topics."""
    name = (config.get(_OPTION) or "").strip().rpartition(".")[2].lower()
    return next((one for one in STRATEGIES if one.lower() == name), STRATEGIES[0])


def problems(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield (option, what is wrong) of the regex strategies' options."""
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
