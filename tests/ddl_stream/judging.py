"""What a connector wrote of tables that changed meanwhile, held against the journal.

Every record is decoded with the schema of its own id, and its fields are the columns that the table had when the row
was written. Streamed records are the journal's changes behind one moment, each once and in order; snapshot records are
rows as they once were.
"""

from __future__ import annotations

import itertools
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc_schemas.names import adjust_field_name
from tests.ddl_stream.journal import Answers, Change, Journal, State, key_of
from tests.ddl_stream.values import ZERO, question
from tests.oracle.invariants import row_fields
from tests.oracle.topics import AvroDecoder, RawRecord

ADJUSTMENT = "avro"
OPTIONS = {
    "decimal.handling.mode": "string",
    "time.precision.mode": "microseconds",
    "field.name.adjustment.mode": ADJUSTMENT,
    "schema.name.adjustment.mode": ADJUSTMENT,
    "enable.time.adjuster": "false",
    "schema.evolution.policy": "force",
    "incremental.snapshot.chunk.size": "3",
    "snapshot.max.threads": "1",
}
"""So that records say what the questions ask for, and schemas of any kind may follow each other."""
_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})


@dataclass(slots=True)
class Written:
    """What one connector wrote of one table."""

    streamed: list[tuple[RawRecord, Any, Any]] = field(default_factory=list)
    read: list[tuple[RawRecord, Any, Any]] = field(default_factory=list)


class Judge:
    """Collects a connector's records as they come; `faults` says what is wrong."""

    def __init__(self, decoder: AvroDecoder, databases: Sequence[str]) -> None:
        self.decoder, self._databases = decoder, databases
        self.tables: dict[TableId, Written] = defaultdict(Written)
        self.faults: list[str] = []
        self.records = 0
        self.cells = 0
        self.schema_ids: set[int] = set()
        self.copies = 0
        """Tables whose changes up to some moment are in a copy instead."""
        self.gone: set[TableId] = set()
        """Such tables that were dropped before they could be copied."""
        self.rows_told = 0
        """Rows whose keys were looked for among the records."""
        self.former_keys = 0
        """Records whose key the table had once."""
        self._waiting: dict[tuple[str, int], bytes | None] = {}
        """Keys of deletes, by topic and partition, whose tombstones are to come next; without a key, None."""

    def take(self, records: Iterable[RawRecord]) -> dict[TableId, list[Any]]:
        """Decode records, per partition in order; return the snapshot's rows among them."""
        read: dict[TableId, list[Any]] = defaultdict(list)
        for record in records:
            place = (record.topic, record.partition)
            is_due = place in self._waiting
            if is_due and (record.key, record.value) != (self._waiting.pop(place), None):
                self.faults.append(f"{place}: no tombstone behind a delete, at {record.kafka_offset}")
            if record.value is None:
                if not is_due:
                    self.faults.append(f"{place}: a tombstone behind no delete, at {record.kafka_offset}")
                continue
            value = self.decoder.decode(record.value)
            key = None if record.key is None else self.decoder.decode(record.key)
            table = TableId(value["source"]["db"], value["source"]["table"])
            if table.database not in self._databases:
                continue
            self.records += 1
            self.schema_ids |= {int.from_bytes(one[1:5], "big") for one in (record.key, record.value) if one}
            if value["op"] == "r":
                self.tables[table].read.append((record, key, value))
                read[table].append((record, key, value))
                continue
            self.tables[table].streamed.append((record, key, value))
            if value["op"] == "d":
                self._waiting[place] = record.key
        return read

    def same(self, record: RawRecord, found: Mapping[str, Any] | None, table: Table, row: Answers | None) -> str:
        """Return what a row's record says otherwise than the server did; "" when nothing."""
        if found is None or row is None:
            return "" if found is None and row is None else f"found {found}, expected {row}"
        assert record.value is not None
        fields = row_fields(self.decoder.schema(record.value))
        names = [one["name"] for one in fields]
        columns = [adjust_field_name(one.name, ADJUSTMENT) for one in table.columns]
        if names != columns:
            return f"the fields {names} are not the columns {columns}"
        wrong = []
        for column, described, answer in zip(table.columns, fields, row, strict=True):
            self.cells += 1
            value = found[described["name"]]
            if answer == ZERO and not column.nullable and "default" in described:
                is_same = value == described["default"]  # as Debezium, where null is not allowed
            elif answer is None or (value is None and column.type_name not in ("date", "datetime", "timestamp")):
                is_same = answer is value
            else:
                is_same = _says(column, value, answer)
            if not is_same:
                wrong.append(f"{column.name} {column.type_expression}: found {value!r}, the server said {answer!r}")
        return "; ".join(wrong)

    def same_key(self, key: Mapping[str, Any] | None, columns: Sequence[str], table: Table, row: Answers) -> str:
        """The same of a record's key, which has these columns."""
        for name, answer in zip(columns, key_of(table, row, columns), strict=True):
            assert key is not None
            found = key[adjust_field_name(name, ADJUSTMENT)]
            if answer is None or not _says(table.column(name), found, answer):
                return f"the key's {name} is {found!r}, the server said {answer!r}"
        return ""

    def key_columns(self, journal: Journal, key: Mapping[str, Any] | None, table: Table) -> tuple[str, ...] | None:
        """Return the columns of a record's key: the table's, or those of a unique key that was one once; else None.

        A history tells no names of keys, so behind a restart a DROP INDEX does not tell that it is the record's key
        which goes; Debezium leaves it too, at all times.
        """
        given = list(key or ())
        if given == [adjust_field_name(name, ADJUSTMENT) for name in table.primary_key]:
            return table.primary_key
        columns = {column.name: column for column in table.columns}
        for former in journal.keys if given else ():
            names = [adjust_field_name(name, ADJUSTMENT) for name in former]
            if names == given and all(name in columns and not columns[name].nullable for name in former):
                self.former_keys += 1
                return former
        return None

    def streamed(self, journal: Journal) -> None:
        """Every change behind one moment came once, in order, as it was.

        Of a table without a key that was copied whole, every change behind the copy: what was changed until then is in
        the copy, and is not written besides.
        """
        self.faults += [f"{place}: no tombstone behind the last delete" for place in self._waiting]
        missed: dict[TableId, int] = {}
        first_seen = journal.count + 1
        for table, changes in journal.changes.items():
            missed[table] = self._last(journal, table)
            first_seen = min([first_seen, *(one.number for one in changes[missed[table] :])])
        for table, count in missed.items():
            behind = [one.number for one in journal.changes[table][:count] if one.number > first_seen]
            if behind and not self._is_in_a_copy(journal, table, count):
                states = [(s.number, list(s.rows.elements())) for s in journal.states[table] if s.number >= behind[0]]
                read = [(one[0].kafka_offset, one[2]["after"]) for one in self.tables[table].read]
                self.faults.append(
                    f"{table}: the changes {behind} are missing, though {first_seen} is there; read: {read}, streamed "
                    f"from {[one[0].kafka_offset for one in self.tables[table].streamed[:1]]}, stood: {states}"
                )
        unknown = {table for table, one in self.tables.items() if one.streamed} - journal.changes.keys()
        if unknown:
            self.faults.append(f"streamed records of tables that nothing was written to: {unknown}")

    def _last(self, journal: Journal, table: TableId) -> int:
        """Hold the records against the last of the table's changes; return how many changes are before those."""
        changes, left = journal.changes[table], list(self.tables[table].streamed)
        at = len(changes)
        while left:
            if not at:
                told = [(one[0].kafka_offset, one[2]["op"]) for one in left]
                self.faults.append(f"{table}: before its first change came {told}: {left[-1][2]}")
                return 0
            at -= 1
            wrong = self._change(journal, changes[at], left)
            if wrong:
                self.faults.append(f"{table} change {changes[at].number}: {wrong}; {len(left)} records are before")
                return at
        return at

    def _change(self, journal: Journal, one: Change, left: list[tuple[RawRecord, Any, Any]]) -> str:
        """Take the records of a change from the end of those left; return what is wrong with them."""
        columns = self.key_columns(journal, left[-1][1], one.table)
        if columns is None:
            return f"at {left[-1][0].kafka_offset}: the key {left[-1][1]} is none of {one.table.primary_key}"
        if one.among:
            one = self._unchanged(one, left[-1])
        for op, before, after in reversed(_images(one, columns)):
            if not left:
                return f"no record {op} of {before} and {after}"
            record, key, value = left.pop()
            row = after if after is not None else before
            assert row is not None
            wrong = (
                ("" if value["op"] == op else f"op {value['op']}, expected {op}: {value} of {one}")
                or self.same(record, value["before"], one.table, before)
                or self.same(record, value["after"], one.table, after)
                or ("" if self.key_columns(journal, key, one.table) == columns else f"the key {key} is not {columns}")
                or self.same_key(key, columns, one.table, row)
            )
            if wrong:
                return f"at {record.kafka_offset}: {wrong}"
        return ""

    def _unchanged(self, one: Change, written: tuple[RawRecord, Any, Any]) -> Change:
        """Return an update that left a row as it was with that row, of those it may be the one that its record says."""
        record, _, value = written
        row = next((row for row in one.among if not self.same(record, value["after"], one.table, row)), min(one.among))
        return replace(one, before=row, after=row)

    def _is_in_a_copy(self, journal: Journal, table: TableId, count: int) -> bool:
        """Whether a table is one that is copied whole, and so many changes of it are in a copy before the others.

        Such are tables without a key, and with one whose values are not exact. One that is dropped before it could be
        read has no copy: what of it was changed until then is nowhere.
        """
        written, states = self.tables[table], journal.states[table]
        if all(one.table is None or _has_exact_key(one.table) for one in states):
            return False
        first = written.streamed[0][0].kafka_offset if written.streamed else None
        came = [one for one in written.read if first is None or one[0].kafka_offset < first]
        numbers = [*(one.number for one in journal.changes[table]), journal.count + 1]
        last_missed, number = numbers[count - 1], numbers[count]
        if not came and any(one.table is None and one.number >= last_missed for one in states):
            self.gone.add(table)
            return True
        self.copies += 1
        return any(
            last_missed <= one.number < number and self._is_copy(came[len(came) - one.rows.total() :], one)
            for one in states
            if one.rows.total() <= len(came)
        )

    def _is_copy(self, read: Sequence[tuple[RawRecord, Any, Any]], state: State) -> bool:
        left = list(state.rows.elements())
        for record, _, value in read:
            assert state.table is not None
            found = next((row for row in left if not self.same(record, value["after"], state.table, row)), None)
            if found is None:
                return False
            left.remove(found)
        return not left

    def read(self, journal: Journal) -> None:
        """Every snapshot record is a row as it once was."""
        for table, written in self.tables.items():
            for record, key, value in written.read:
                self._version(journal, table, record, key, value)

    def _version(self, journal: Journal, table: TableId, record: RawRecord, key: Any, value: Any) -> None:
        assert record.value is not None
        fields = [one["name"] for one in row_fields(self.decoder.schema(record.value))]
        said = []
        for version in journal.versions[table].values():
            if [adjust_field_name(one.name, ADJUSTMENT) for one in version.table.columns] != fields:
                continue
            wrong = self.same(record, value["after"], version.table, version.row)
            wrong = wrong or self._same_key(journal, key, version.table, version.row)
            if not wrong:
                return
            said.append(wrong)
        said.sort(key=len)
        self.faults.append(f"{table}: a snapshot's {value['after']} was never in it; {len(said)} versions: {said[:3]}")

    def _same_key(self, journal: Journal, key: Any, table: Table, row: Answers) -> str:
        columns = self.key_columns(journal, key, table)
        if columns is None:
            return f"the key {key} is none of {table.primary_key}"
        return self.same_key(key, columns, table, row)

    def exactly(
        self,
        journal: Journal,
        read: Mapping[TableId, list[Any]],
        rows: Mapping[TableId, Counter[Answers]],
        tables: Mapping[TableId, Table],
    ) -> None:
        """The records of one snapshot are these rows, each once."""
        for table in {*read, *rows}:
            left = list(rows.get(table, Counter()).elements())
            for record, key, value in read.get(table, ()):
                for row in left:
                    wrong = self.same(record, value["after"], tables[table], row)
                    if not wrong and not self._same_key(journal, key, tables[table], row):
                        left.remove(row)
                        break
                else:
                    self.faults.append(f"{table}: a snapshot's {value['after']} is not among the rows left {left}")
            if left:
                self.faults.append(f"{table}: no snapshot record for {left}")

    def complete(
        self, journal: Journal, rows: Mapping[TableId, Counter[Answers]], tables: Mapping[TableId, Table]
    ) -> None:
        """When nothing is under way, each row is told of: its key's last record says that it is there.

        Of tables with keys that they have had for as long as they are there: what a statement makes of a key in rows is
        in no record.
        """
        for table, stored in rows.items():
            if not tables[table].primary_key or not _has_kept_its_key(journal.states[table]):
                continue
            written, last = self.tables[table], {}
            for one in sorted(written.read + written.streamed, key=lambda one: (one[0].partition, one[0].kafka_offset)):
                last[str(one[1])] = (one[1], one[2]["op"])
            there = [key for key, op in last.values() if op != "d"]
            for row in stored:
                self.rows_told += 1
                if all(self._same_key(journal, key, tables[table], row) for key in there):
                    self.faults.append(f"{table}: of {row} nothing is told; there are {there}, gone {len(last)}")


def _says(column: Column, value: Any, answer: str) -> bool:
    if column.type_name.endswith(("binary", "blob")) and not isinstance(value, bytes):
        return False  # bytes of a number are as many zeros
    try:
        return question(column).same(value, answer)
    except (TypeError, ValueError, KeyError, OverflowError, struct.error):  # the value is one of another type
        return False


def _has_kept_its_key(states: Sequence[State]) -> bool:
    latest = list(itertools.takewhile(lambda one: one.table is not None, reversed(states)))
    keys = {
        tuple(replace(one.table.column(name), position=0) for name in one.table.primary_key)
        for one in latest
        if one.table is not None
    }
    return len(keys) == 1


def _has_exact_key(table: Table) -> bool:
    return bool(table.primary_key) and all(table.column(name).type_name in _INTEGERS for name in table.primary_key)


def _images(one: Change, key: Sequence[str]) -> list[tuple[str, Answers | None, Answers | None]]:
    """Return the records that a change of a row becomes: one, or two where the key changes."""
    if one.before is None or one.after is None:
        return [("c" if one.before is None else "d", one.before, one.after)]
    if key_of(one.table, one.before, key) != key_of(one.table, one.after, key):
        return [("d", one.before, None), ("c", None, one.after)]
    return [("u", one.before, one.after)]
