"""What a connector's configuration says about snapshots: when, under which lock, which tables, with which SELECT."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from faust_cdc.config.checks import split_words

OVERRIDES: Final = "snapshot.select.statement.overrides"


class SnapshotMode(enum.Enum):
    """Debezium's modes."""

    INITIAL = "initial"
    ALWAYS = "always"
    INITIAL_ONLY = "initial_only"
    NO_DATA = "no_data"
    RECOVERY = "recovery"
    WHEN_NEEDED = "when_needed"
    CONFIGURATION_BASED = "configuration_based"


FORMER_MODES: Final[dict[str, tuple[SnapshotMode, str]]] = {
    "schema_only": (
        SnapshotMode.NO_DATA,
        "'snapshot.mode=schema_only' is the former name of 'no_data': give it the new one",
    ),
    "schema_only_recovery": (
        SnapshotMode.RECOVERY,
        "'snapshot.mode=schema_only_recovery' is the former name of 'recovery': give it the new one",
    ),
    "never": (
        SnapshotMode.CONFIGURATION_BASED,
        "'snapshot.mode=never' is Debezium 2's: without an offset the binlog is read from the oldest file that the "
        "server has. Say it as 'configuration_based' with snapshot.mode.configuration.based.start.stream=true, or use "
        "'no_data' to begin with what is changed from now on",
    ),
}
"""Names of modes that Debezium has no longer, what they mean, and what the user is told."""


class LockingMode(enum.Enum):
    """Debezium's locking modes, and ours."""

    WATERMARK = "watermark"
    """Ours: none, and rows that change meanwhile come from the stream."""
    MINIMAL = "minimal"
    EXTENDED = "extended"
    NONE = "none"
    MINIMAL_PERCONA = "minimal_percona"
    MINIMAL_PERCONA_NO_TABLE_LOCKS = "minimal_percona_no_table_locks"


class RowCountOrder(enum.Enum):
    """`snapshot.tables.order.by.row.count`."""

    DISABLED = "disabled"
    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True)
class ModeSwitches:
    """`snapshot.mode.configuration.based.…`: what that mode does."""

    snapshot_data: bool = False
    snapshot_schema: bool = False
    start_stream: bool = False
    snapshot_on_schema_error: bool = False
    snapshot_on_data_error: bool = False


class OverriddenTable(NamedTuple):
    """A table of `snapshot.select.statement.overrides`; without a database it is the table of any of them."""

    database: str | None
    table: str


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """Every option about the initial snapshot that has an effect."""

    mode: SnapshotMode = SnapshotMode.INITIAL
    switches: ModeSwitches = ModeSwitches()
    """Of `configuration_based`; all off with the other modes."""
    locking: LockingMode = LockingMode.WATERMARK
    """With `compatibility.mode=debezium` Debezium's default `minimal`."""
    lock_timeout_ms: int = 10_000
    include: str | None = None
    """`snapshot.include.collection.list`."""
    order: RowCountOrder = RowCountOrder.DISABLED
    delay_ms: int = 0
    """Before a snapshot."""
    streaming_delay_ms: int = 0
    """Between a snapshot and the stream."""
    overrides: Mapping[OverriddenTable, str] = field(default_factory=dict)
    """Table → the SELECT whose rows are its snapshot, without a semicolon at its end."""

    def override_of(self, database: str, table: str) -> str | None:
        """Return the SELECT that is given for a table, None when none is."""
        found = self.overrides.get(OverriddenTable(database, table))
        return self.overrides.get(OverriddenTable(None, table)) if found is None else found


def snapshot_mode_of(word: str) -> tuple[SnapshotMode, ModeSwitches | None]:
    """Return the mode that a legal value names, with its switches where the name itself sets them."""
    if word == "never":
        return SnapshotMode.CONFIGURATION_BASED, ModeSwitches(start_stream=True)
    former = FORMER_MODES.get(word)
    return (SnapshotMode(word) if former is None else former[0]), None


_NAME = re.compile(r"""\s*(?:"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|([^."`\s][^.]*?))\s*(?:\.|$)""")


def overridden_table(text: str) -> OverriddenTable | None:
    """Read `table`, `database.table` or either in quotes; None for what is no name.

    Debezium's `TableId.parse`: quotes are `"` and the backtick, doubled inside.
    """
    parts: list[str] = []
    at = 0
    while at < len(text):
        match = _NAME.match(text, at)
        if match is None:
            return None
        double, tick, plain = match.groups()
        parts.append(double.replace('""', '"') if double else tick.replace("``", "`") if tick else plain)
        at = match.end()
    if len(parts) not in (1, 2) or text.rstrip().endswith("."):
        return None
    return OverriddenTable(None if len(parts) == 1 else parts[0], parts[-1])


def overrides_of(config: Mapping[str, str | None]) -> dict[OverriddenTable, str]:
    """Return the statements of `snapshot.select.statement.overrides`; `override_problems` has found no fault."""
    found = {}
    for name in _named(config):
        table = overridden_table(name)
        assert table is not None, "checked before: override_problems"
        found[table] = _statement(config.get(f"{OVERRIDES}.{name}"))
    return found


def override_problems(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield (option, problem): names that are none, and tables whose statement is missing.

    Debezium copies such a table whole, rows that were to be left out too.
    """
    for name in _named(config):
        if overridden_table(name) is None:
            yield OVERRIDES, f"'{name}' is not a table: expected database.table"
        elif not _statement(config.get(f"{OVERRIDES}.{name}")):
            yield OVERRIDES, f"the SELECT for '{name}' is missing: expected in '{OVERRIDES}.{name}'"


def override_note(config: Mapping[str, str | None], key: str) -> str | None:
    """Return the note on a statement that the list does not name, as `key` has it; None when the list does."""
    name = key.removeprefix(f"{OVERRIDES}.")
    if name in _named(config):
        return None
    return f"'{key}' is accepted and has no effect: '{OVERRIDES}' does not name '{name}'"


def _named(config: Mapping[str, str | None]) -> list[str]:
    return split_words(config.get(OVERRIDES) or "")


def _statement(text: str | None) -> str:
    return (text or "").strip().rstrip(";").rstrip()
