"""The versions of each table's schema: what `table_schemas` keeps, REST shows, and a restart goes on from.

One record per table in the compacted topic `<group.id>-table-schemas`, all of a connector in one partition, so that one
read finds them; a reader of the topic must not compute the partition from the key.

    key   ["<connector>",{"server":"<topic.prefix>"},"<database>","<table>"]
    value {"versions": [{"version", "topic", "generation", "schema", "key_subject", "key_schema_id", "value_subject",
                         "value_schema_id", "decision", "origin", "file", "pos", "ts_ms", "aliases"?}, …]}

A version is what readers of the topic see: a pair of key and value schema on a topic. `schema` is a digest of the two.
A change of the table that neither shows (a longer VARCHAR) makes none. Ids are null until the first record needs them:
like Debezium, we register nothing that no record has, so that both leave the same versions in a registry.

Why a line is neither ahead of the stream nor behind it: lines wait here until `TransactionWriter.commit` takes them
into the Kafka transaction of the offset that covers the place where the version was met. An attempt that fails before
takes them with it, and the next meets the version again. Why a restart may believe a line: it is read strongly, after
`init_transactions` has fenced older owners.

A line goes when its connector's offsets are reset, and with the connector; but where records have moved to a versioned
topic only with the offsets, which outlive a connector. That of a dropped table stays as long as the others: it may be
made again, and its subject has not forgotten it.

Memory: a task and a worker keep a table's line as bytes, of `VERSIONS_MAX` versions at most.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final

from faust_cdc.errors import FatalError
from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.relational.model import TableId

Aliases = Mapping[str, tuple[str, ...]]
"""A column's name → those that it had, newest first."""

VERSIONS_MAX: Final = 20
"""Versions kept of one table, the newest ones; their numbers go on rising."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One version of a table's schema."""

    version: int
    topic: str
    generation: int
    """1: the table's own topic; 2: `<topic>.v2`, and so on (`schema.evolution.policy=new-subject`)."""
    schema: str
    """Digest of the key's and the value's Avro schema."""
    key_subject: str | None = None
    """None where the key has no schema in a registry."""
    key_schema_id: int | None = None
    value_subject: str | None = None
    value_schema_id: int | None = None
    decision: str = "compatible"
    """`compatible`, `forced`, or `new-subject`: why the version could follow the one before."""
    origin: str = "server"
    """Where the structure is from: `table map`, `statement`, `history`, `server`, `snapshot`."""
    file: str | None = None
    pos: int | None = None
    """Where in the binlog the version begins, or was met first; null where a snapshot met it."""
    ts_ms: int = 0
    aliases: Aliases = field(default_factory=dict)
    """Earlier names of renamed columns, by the present ones (`schema.evolution.aliases`); absent where there are none.
    The newest version's are those of now, which the next one begins with."""

    def is_same_as(self, other: TableSchema) -> bool:
        """Whether readers of the topic see no difference but the ids."""
        return (self.schema, self.topic) == (other.schema, other.topic)


def versions_of(value: bytes, where: str) -> tuple[TableSchema, ...]:
    """Return the versions of a line, oldest first. Raises FatalError for what is no line of ours."""
    try:
        entries = json.loads(value)["versions"]
        known = {one.name for one in fields(TableSchema)}
        return tuple(
            TableSchema(**{name: value for name, value in entry.items() if name in known} | _aliases_in(entry))
            for entry in entries
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FatalError(
            f"The line of {where} in the topic of table schemas cannot be read: {error}.",
            remedy="write a tombstone for this key: its versions are then counted anew",
        ) from error


def _aliases_in(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"aliases": {name: tuple(former) for name, former in entry.get("aliases", {}).items()}}


def line_of(versions: tuple[TableSchema, ...]) -> bytes:
    """Return the record value."""
    entries = [shown(one) for one in versions]
    return json.dumps({"versions": entries}, separators=(",", ":"), ensure_ascii=False).encode()


def line_key(partition: SourcePartition, table: TableId) -> bytes:
    """Return the key of a table's line."""
    server = {"server": partition.server}
    return json.dumps([partition.connector, server, *table], separators=(",", ":"), ensure_ascii=False).encode()


def read_line_key(key: bytes) -> tuple[SourcePartition, TableId] | None:
    """Return whose line a key names, None when it names none."""
    try:
        connector, server, database, table = json.loads(key)
        return SourcePartition(str(connector), str(server["server"])), TableId(str(database), str(table))
    except (ValueError, KeyError, TypeError):
        return None


def is_line_of(partition: SourcePartition) -> Callable[[bytes], bool]:
    """Return what chooses the keys of a connector's lines."""
    beginning = partition.key()[:-1] + b","
    return lambda key: key.startswith(beginning)


def goes_on_elsewhere(value: bytes) -> bool:
    """Return whether a line says that records are in another topic than the table's own.

    A connector that is made anew by the name of a deleted one goes on at its offset, and must go on in that topic.
    """
    try:
        return versions_of(value, "a table")[-1].generation > 1
    except (FatalError, IndexError):
        return False


def partition_number(partition: SourcePartition, partition_count: int) -> int:
    """Return the topic's partition that has all lines of a connector."""
    return murmur2_partition(partition.key(), partition_count)


class TableSchemas:
    """The lines of one connector. For the task's thread only."""

    def __init__(self, partition: SourcePartition, stored: Mapping[bytes, bytes] | None = None) -> None:
        """`stored` is what the topic holds."""
        self._partition = partition
        self._lines: dict[TableId, bytes] = {}
        self._due: dict[TableId, None] = {}
        self._news: list[tuple[TableId, TableSchema]] = []
        self._aliases: dict[TableId, Aliases] = {}
        for key, value in (stored or {}).items():
            found = read_line_key(key)
            if found is not None and found[0] == partition:
                self._lines[found[1]] = value

    def tables(self) -> list[TableId]:
        """Return the tables that have a version."""
        return list(self._lines)

    def latest(self, table: TableId) -> TableSchema | None:
        """Return a table's newest version, None when it has none."""
        versions = self._versions(table)
        return versions[-1] if versions else None

    def aliases(self, table: TableId) -> Aliases:
        """Return the earlier names of a table's columns."""
        found = self._aliases.get(table)
        if found is None and (last := self.latest(table)) is not None:
            found = last.aliases
        return found or {}

    def set_aliases(self, table: TableId, aliases: Aliases | None) -> Aliases | None:
        """Let these be the aliases of a table that has a version; return what to set to take that back.

        They are those of the next version. Where none comes before the next commit, the newest one keeps them.
        """
        before = self._aliases.pop(table, None)
        if aliases is not None:
            self._aliases[table] = aliases
        return before

    def note(self, table: TableId, met: TableSchema) -> TableSchema:
        """Take note of the version that is met; return it with its number. What is no news changes nothing."""
        versions = self._versions(table)
        last = versions[-1] if versions else None
        if last is not None and met.is_same_as(last):
            same = replace(last, key_schema_id=met.key_schema_id, value_schema_id=met.value_schema_id)
            if met.value_schema_id is None or same == last:
                return last
            versions, noted = versions[:-1], same
        else:
            noted = replace(met, version=1 if last is None else last.version + 1)
            self._aliases.pop(table, None)
            if last is not None:
                self._news.append((table, noted))
        self._lines[table] = line_of((*versions, noted)[-VERSIONS_MAX:])
        self._due[table] = None
        return noted

    def take(self) -> list[tuple[bytes, bytes]]:
        """Return the lines that wait for a commit as (key, value), and forget that they do."""
        for table, aliases in self._aliases.items():
            *before, last = self._versions(table)
            self._lines[table] = line_of((*before, replace(last, aliases=aliases)))
            self._due[table] = None
        self._aliases = {}
        due, self._due = self._due, {}
        return [(line_key(self._partition, table), self._lines[table]) for table in due]

    def take_news(self) -> list[tuple[TableId, TableSchema]]:
        """Return the versions behind a table's first one that were noted since, and forget that they were."""
        news, self._news = self._news, []
        return news

    def _versions(self, table: TableId) -> tuple[TableSchema, ...]:
        line = self._lines.get(table)
        return () if line is None else versions_of(line, str(table))


def shown(one: TableSchema) -> dict[str, Any]:
    """Return a version as REST shows it."""
    entry = asdict(one)
    if not one.aliases:
        del entry["aliases"]
    return entry
