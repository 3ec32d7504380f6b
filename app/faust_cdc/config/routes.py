"""Routes: where the records of tables go, and what becomes of them on the way. What one is, read and checked.

A route is a JSON object beside the pattern of its tables, the same in the option `routes`, in REST's bodies, in
signals and in the topic where routes are kept:

    {"topic": "orders"}                                  a template (`route_templates`), or a list of some: 1:n
    "key_columns": ["customer_id", "id"]                 the record key, in place of the table's
    "key_source": "${database}.${table}"                 a field at the key's end that tells merged tables apart
    "key_source_field": "__dbz__physicalTableIdentifier" its name
    "partitioner": "key" | "table" | {"columns": [...]}  Java's murmur2 of the key, of the table's name, of the columns
    "partitions", "replication_factor", "topic_config"   of topics that are to be made
    "operations": ["c", "u", "d", "r", "t"]              the ones that go on
    "filter": "total > 100 and country in ('DE')"        a condition on columns (`expressions`)
    "include_columns" | "exclude_columns": [...]         columns of the value, among those that the connector has
    "mask_columns": {"email": 10}                        so many asterisks in place of the value

A pattern is a regular expression over `database.table`, matched as a whole, upper or lower case alike, as in
`table.include.list`. A table has one route at most: the one that names it exactly, else the first by the text of its
pattern.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faust_cdc.config.expressions import parse_expression
from faust_cdc.config.java_regex import java_pattern
from faust_cdc.config.route_templates import Template, parse_template

OPTION: Final = "routes"
KEY_SOURCE_FIELD: Final = "__dbz__physicalTableIdentifier"
OPERATIONS: Final = ("c", "u", "d", "r", "t")
PARTITIONERS: Final = ("key", "table")
TOPICS_MAX: Final = 20
PATTERN_LENGTH_MAX: Final = 1000
MEMBERS: Final = (
    "topic",
    "key_columns",
    "key_source",
    "key_source_field",
    "partitioner",
    "partitions",
    "replication_factor",
    "topic_config",
    "operations",
    "filter",
    "include_columns",
    "exclude_columns",
    "mask_columns",
)


@dataclass(frozen=True, slots=True)
class Partitioner:
    """How a record finds its partition: `key`, `table`, or `columns` with their names."""

    kind: str = "key"
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"columns ({', '.join(self.columns)})" if self.columns else self.kind


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `tables` is its pattern as it was written."""

    tables: str
    pattern: re.Pattern[str] = field(compare=False, repr=False)
    topics: tuple[Template, ...]
    key_columns: tuple[str, ...] = ()
    key_source: Template | None = None
    key_source_field: str = KEY_SOURCE_FIELD
    partitioner: Partitioner = Partitioner()
    partitions: int | None = None
    replication_factor: int | None = None
    topic_config: tuple[tuple[str, str], ...] = ()
    operations: frozenset[str] | None = None
    """None: all of them."""
    filter: str | None = None
    include_columns: tuple[str, ...] = ()
    exclude_columns: tuple[str, ...] = ()
    mask_columns: tuple[tuple[str, int], ...] = ()

    def is_exactly(self, table: str) -> bool:
        """Say whether the pattern is the table's name itself."""
        return self.tables.replace("\\", "").lower() == table.lower()

    def to_value(self) -> dict[str, Any]:
        """Return the object of which `parse_route` makes an equal route; what is not set is left out."""
        topics = [one.text for one in self.topics]
        by_columns = {"columns": list(self.partitioner.columns)}
        value: dict[str, Any] = {
            "topic": topics[0] if len(topics) == 1 else topics,
            "key_columns": list(self.key_columns),
            "key_source": None if self.key_source is None else self.key_source.text,
            "key_source_field": None if self.key_source_field == KEY_SOURCE_FIELD else self.key_source_field,
            "partitioner": by_columns if self.partitioner.columns else self.partitioner.kind,
            "partitions": self.partitions,
            "replication_factor": self.replication_factor,
            "topic_config": dict(self.topic_config),
            "operations": None if self.operations is None else [one for one in OPERATIONS if one in self.operations],
            "filter": self.filter,
            "include_columns": list(self.include_columns),
            "exclude_columns": list(self.exclude_columns),
            "mask_columns": dict(self.mask_columns),
        }
        if self.partitioner == Partitioner():
            del value["partitioner"]
        return {name: member for name, member in value.items() if member not in (None, [], {})}


def parse_route(tables: str, value: Any) -> Route:
    """Return the route of a pattern. Raises ValueError saying which member is wrong, where, and what is expected."""
    pattern = _pattern(tables)
    if not isinstance(value, dict):
        raise ValueError(f"a route is a JSON object with 'topic', found {_shown(value)}")  # noqa: TRY004
    unknown = [name for name in value if name not in MEMBERS]
    if unknown:
        raise ValueError(f"a route has no member {unknown[0]!r}; there are {', '.join(MEMBERS)}")
    topics = tuple(parse_template(one, "topic", pattern, is_topic=True) for one in _topics(value.get("topic")))
    source = _text(value, "key_source")
    key_source = None if source is None else parse_template(source, "key_source", pattern)
    if key_source is not None and not key_source.fields:
        raise ValueError(f"key_source {source!r} names no field, so that it would tell no two tables apart")
    include, exclude = _names(value, "include_columns"), _names(value, "exclude_columns")
    if include and exclude:
        raise ValueError("'include_columns' and 'exclude_columns' are given both; use one of the two")
    return Route(
        tables,
        pattern,
        topics,
        _names(value, "key_columns"),
        key_source,
        _text(value, "key_source_field") or KEY_SOURCE_FIELD,
        _partitioner(value.get("partitioner")),
        _number(value, "partitions"),
        _number(value, "replication_factor"),
        tuple(sorted(_settings(value.get("topic_config")).items())),
        _operations(value),
        _filter(value),
        include,
        exclude,
        tuple(sorted(_masks(value.get("mask_columns")).items())),
    )


def routes_of(config: Mapping[str, str | None]) -> tuple[Route, ...]:
    """Return the routes of a connector's configuration. Raises ValueError; see `problems`."""
    text = (config.get(OPTION) or "").strip()
    if not text:
        return ()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object of patterns and their routes is expected, found {_shown(value)}")  # noqa: TRY004
    found = []
    for tables, one in value.items():
        try:
            found.append(parse_route(tables, one))
        except ValueError as error:
            raise ValueError(f"route {tables!r}: {error}") from None
    return tuple(found)


def problems(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield (option, what is wrong) of the option `routes`."""
    try:
        routes_of(config)
    except ValueError as error:
        yield OPTION, str(error)


def _pattern(tables: str) -> re.Pattern[str]:
    if not tables.strip() or len(tables) > PATTERN_LENGTH_MAX:
        raise ValueError(f"the pattern of the tables has 1 to {PATTERN_LENGTH_MAX} characters, found {_shown(tables)}")
    try:
        pattern = java_pattern(tables)
        return re.compile(pattern.pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"{tables!r} is no regular expression over <database>.<table>: {error}") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or not found.strip():
        raise ValueError(f"'{name}' is a text, found {_shown(found)}")
    return found


def _topics(found: Any) -> list[str]:
    topics = [found] if isinstance(found, str) else found
    if not isinstance(topics, list) or not topics or not all(isinstance(one, str) for one in topics):
        raise ValueError(f"'topic' is the name of a topic, or a list of some, found {_shown(found)}")
    if len(topics) > TOPICS_MAX:
        raise ValueError(f"'topic' has {len(topics)} topics; {TOPICS_MAX} are the most that one row goes to")
    twice = [one for place, one in enumerate(topics) if one in topics[:place]]
    if twice:
        raise ValueError(f"'topic' has {twice[0]!r} twice: each row would be written there twice")
    return topics


def _names(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = value.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one.strip() for one in found):
        raise ValueError(f"'{name}' is a list of names of columns, found {_shown(found)}")
    return tuple(dict.fromkeys(found))


def _number(value: Mapping[str, Any], name: str) -> int | None:
    found = value.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= 100_000:
        raise ValueError(f"'{name}' is a number from 1 to 100000, found {_shown(found)}")
    return found


def _partitioner(found: Any) -> Partitioner:
    if found is None:
        return Partitioner()
    if isinstance(found, str) and found in PARTITIONERS:
        return Partitioner(found)
    if isinstance(found, dict) and list(found) == ["columns"]:
        return Partitioner("columns", _names(found, "columns"))
    raise ValueError(f'\'partitioner\' is "key", "table" or {{"columns": [...]}}, found {_shown(found)}')


def _settings(found: Any) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(one, str | int) for one in found.values()):
        raise ValueError(f"'topic_config' is an object of a topic's settings, found {_shown(found)}")
    return {name: str(one).lower() if isinstance(one, bool) else str(one) for name, one in found.items()}


def _operations(value: Mapping[str, Any]) -> frozenset[str] | None:
    found = value.get("operations")
    if found is None:
        return None
    if not isinstance(found, list) or not found or not all(one in OPERATIONS for one in found):
        raise ValueError(f"'operations' is a list of {', '.join(OPERATIONS)}, found {_shown(found)}")
    return frozenset(found)


def _filter(value: Mapping[str, Any]) -> str | None:
    text = _text(value, "filter")
    if text is not None:
        try:
            parse_expression(text)
        except ValueError as error:
            raise ValueError(f"'filter' {error}") from None
    return text


def _masks(found: Any) -> dict[str, int]:
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= 10_000 for one in found.values()
    ):
        raise ValueError(f"'mask_columns' gives each column a number of asterisks, found {_shown(found)}")
    return found
