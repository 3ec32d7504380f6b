"""Looking options up: by name, by pattern, by their former name, and the nearest one to a misspelt name."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from typing import Final

from faust_cdc.config.definitions import (
    connector_flow,
    connector_values,
    events_content,
    events_flow,
    framework,
    history,
    own,
    source,
    unlisted_channels,
    unlisted_values,
)
from faust_cdc.config.options import MARIADB, MYSQL, Option, Support, noted

CONNECTOR_CLASSES: Final[dict[str, str]] = {
    "io.debezium.connector.mysql.MySqlConnector": MYSQL,
    "io.debezium.connector.mariadb.MariaDbConnector": MARIADB,
}
"""The connector classes that are implemented, and the flavor of server each one reads."""

_ALIASES: Final[dict[str, str]] = {
    alias: name
    for name in CONNECTOR_CLASSES
    for alias in (name, name.rpartition(".")[2], name.rpartition(".")[2].removesuffix("Connector"))
}

RENAMED: Final[dict[str, str]] = {
    "database.server.name": "topic.prefix",
    "database.whitelist": "database.include.list",
    "database.blacklist": "database.exclude.list",
    "table.whitelist": "table.include.list",
    "table.blacklist": "table.exclude.list",
    "column.whitelist": "column.include.list",
    "column.blacklist": "column.exclude.list",
    "snapshot.new.tables": "snapshot.include.collection.list",
    "sanitize.field.names": "field.name.adjustment.mode",
}
"""Names that options had in Debezium 1.x, and what they are called since."""

_PATTERNS: Final[tuple[tuple[re.Pattern[str], Support], ...]] = (
    (
        re.compile(r"snapshot\.max\.threads\.multiplier\..+"),
        noted("the rows of a chunk follow from their size and snapshot.chunk.size, not from the number of threads"),
    ),
    (
        re.compile(r"schema\.history\.internal\.(?!consumer\.|producer\.).+"),
        noted("it belongs to a schema history that is kept elsewhere than in Kafka or a file"),
    ),
    (re.compile(r"driver\..+"), noted("there is no JVM here, so no JDBC driver")),
    (
        re.compile(r"database\.(allowPublicKeyRetrieval|connectionTimeZone|serverTimezone|characterEncoding|useSSL)"),
        noted("there is no JDBC driver; times are read in UTC and text as utf8mb4 whatever the server's settings"),
    ),
    (re.compile(r"(consumer|admin)\.override\..+"), noted("a connector has no consumer and no admin client")),
    (re.compile(r"header\.converter\..+"), noted("record headers are written as text")),
    (re.compile(r"task\.class"), noted("Connect writes it into task configurations")),
)
"""Keys that are many: the first pattern that fits the whole key says what happens to it."""

USED_PREFIXES: Final = (
    "key.converter.",
    "value.converter.",
    "producer.override.",
    "topic.creation.",
    "signal.consumer.",
    "schema.history.internal.consumer.",
    "schema.history.internal.producer.",
)
"""Prefixes whose keys are read by their own modules, not by one declaration each."""


def resolve_class(name: str) -> str | None:
    """The full class name for a class name or one of its aliases (`MySqlConnector`, `MySql`); None if unknown."""
    return _ALIASES.get(name)


def flavor_of(connector_class: str) -> str:
    """`mysql` or `mariadb` for a connector class or alias; unknown classes are read as `mysql`."""
    return CONNECTOR_CLASSES.get(_ALIASES.get(connector_class, ""), MYSQL)


@functools.cache
def listed(flavor: str) -> tuple[Option, ...]:
    """The options that `validate` lists for a flavor, in the real server's order: Connect's own first."""
    groups = (framework, source, connector_flow, connector_values, history, events_flow, events_content)
    return tuple(
        _for_flavor(option, flavor)
        for group in groups
        for option in group.OPTIONS
        if flavor == MYSQL or not option.mysql_only
    )


@functools.cache
def by_name(flavor: str) -> dict[str, Option]:
    """Every declared option of a flavor by its name, listed by `validate` or not."""
    unlisted = (*unlisted_values.OPTIONS, *unlisted_channels.OPTIONS, *own.OPTIONS)
    return {option.name: option for option in (*listed(flavor), *unlisted)}


def _for_flavor(option: Option, flavor: str) -> Option:
    if flavor == MYSQL:
        return option
    group = "MariaDB" if option.group == "MySQL" else option.group
    return dataclasses.replace(option, group=group, **option.mariadb)


def pattern_support(key: str) -> Support | None:
    """What happens to a key that belongs to a family of keys (`column.mask.with.5.chars`); None if to none."""
    for pattern, support in _PATTERNS:
        if pattern.fullmatch(key):
            return support
    return None


def unknown_option(key: str, flavor: str) -> str:
    """The refusal of an unknown key: its new name when it was renamed, else the nearest known one."""
    if key in RENAMED:
        return f"Unknown option '{key}': it is called '{RENAMED[key]}' since Debezium 2.0."
    if key.startswith("database.history."):
        return f"Unknown option '{key}': it is called 'schema.history.internal.{key[17:]}' since Debezium 2.0."
    names = [name for name in by_name(flavor) if not name.startswith("internal.")]
    near = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.6)
    hint = f"Did you mean '{near[0]}'?" if near else "No known option has a similar name."
    return f"Unknown option '{key}'. {hint} Correct the name, or leave the option out."
