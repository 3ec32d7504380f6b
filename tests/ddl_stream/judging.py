"""What a connector wrote of tables that changed meanwhile, held against the journal.

Every record is decoded with the schema of its own id, and its fields are the columns that the table had when the row
was written. Streamed records are the journal's changes behind one moment, each once and in order; snapshot records are
rows as they once were.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faust_cdc.relational.model import Table, TableId
from faust_cdc_schemas.names import adjust_field_name
from tests.ddl_stream.journal import Answers, Change, Journal
from tests.ddl_stream.values import question
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
STREAMED = frozenset("cud")


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
        self._waiting: dict[tuple[str, int], bytes] = {}

    def take(self, records: Iterable[RawRecord]) -> dict[TableId, list[Any]]:
        """Decode records, per partition in order; return the snapshot's rows among them."""
        read: dict[TableId, list[Any]] = defaultdict(list)
        for record in records:
            place = (record.topic, record.partition)
            due = self._waiting.pop(place, None)
            if due is not None and (record.key, record.value) != (due, None):
                self.faults.append(f"{place}: no tombstone behind a delete, at {record.kafka_offset}")
            if record.value is None:
                if due is None:
                    self.faults.append(f"{place}: a tombstone behind no delete, at {record.kafka_offset}")
                continue
            value = self.decoder.decode(record.value)
            key = None if record.key is None else self.decoder.decode(record.key)
            table = TableId(value["source"]["db"], value["source"]["table"])
            if table.database not in self._databases:
                continue
            self.records += 1
            if value["op"] == "r":
                self.tables[table].read.append((record, key, value))
                read[table].append((record, key, value))
                continue
            self.tables[table].streamed.append((record, key, value))
            if value["op"] == "d" and record.key is not None:
                self._waiting[place] = record.key
        return read

    def same(self, record: RawRecord, found: Mapping[str, Any] | None, table: Table, row: Answers | None) -> str:
        """Return what a row's record says otherwise than the server did; "" when nothing."""
        if found is None or row is None:
            return "" if found is None and row is None else f"found {found}, expected {row}"
        assert record.value is not None
        fields = [one["name"] for one in row_fields(self.decoder.schema(record.value))]
        columns = [adjust_field_name(one.name, ADJUSTMENT) for one in table.columns]
        if fields != columns:
            return f"the fields {fields} are not the columns {columns}"
        wrong = []
        for column, name, answer in zip(table.columns, columns, row, strict=True):
            self.cells += 1
            value = found[name]
            if answer is None or (value is None and column.type_name not in ("date", "datetime", "timestamp")):
                is_same = answer is value
            else:
                is_same = question(column).same(value, answer)
            if not is_same:
                wrong.append(f"{column.name} {column.type_expression}: found {value!r}, the server said {answer!r}")
        return "; ".join(wrong)

    def same_key(self, key: Mapping[str, Any] | None, table: Table, row: Answers) -> str:
        """The same of a record's key."""
        names = [column.name for column in table.columns]
        wanted = [adjust_field_name(name, ADJUSTMENT) for name in table.primary_key]
        if list(key or ()) != wanted:
            return f"the key's fields {list(key or ())} are not {wanted}"
        for name, own in zip(table.primary_key, wanted, strict=True):
            answer = row[names.index(name)]
            assert key is not None
            if answer is None or not question(table.column(name)).same(key[own], answer):
                return f"the key's {name} is {key[own]!r}, the server said {answer!r}"
        return ""

    def streamed(self, journal: Journal) -> None:
        """Every change behind one moment came once, in order, as it was."""
        last_missed, first_seen = 0, journal.count + 1
        for table, changes in journal.changes.items():
            came = self.tables[table].streamed
            if len(came) > len(changes):
                self.faults.append(f"{table}: {len(came)} streamed records of {len(changes)} changes")
                continue
            at = len(changes) - len(came)
            last_missed = max([last_missed, *(one.number for one in changes[:at])])
            first_seen = min([first_seen, *(one.number for one in changes[at:])])
            for one, (record, key, value) in zip(changes[at:], came, strict=True):
                self._change(one, record, key, value)
        if last_missed > first_seen:
            self.faults.append(f"change {last_missed} is missing, though {first_seen} before it is there")
        unknown = {table for table, one in self.tables.items() if one.streamed} - journal.changes.keys()
        if unknown:
            self.faults.append(f"streamed records of tables that nothing was written to: {unknown}")

    def _change(self, one: Change, record: RawRecord, key: Any, value: Any) -> None:
        where = f"{one.table.id} change {one.number} at {record.kafka_offset}"
        if value["op"] != one.op:
            self.faults.append(f"{where}: op {value['op']}, expected {one.op}: {value} instead of {one}")
            return
        row = one.after if one.after is not None else one.before
        assert row is not None
        said = [
            self.same(record, value["before"], one.table, one.before),
            self.same(record, value["after"], one.table, one.after),
            self.same_key(key, one.table, row),
        ]
        self.faults += [f"{where}: {text}" for text in said if text]

    def read(self, journal: Journal) -> None:
        """Every snapshot record is a row as it once was."""
        for table, written in self.tables.items():
            for record, key, value in written.read:
                self._version(journal, table, record, key, value)

    def _version(self, journal: Journal, table: TableId, record: RawRecord, key: Any, value: Any) -> None:
        assert record.value is not None
        fields = [one["name"] for one in row_fields(self.decoder.schema(record.value))]
        said = []
        for names, row in journal.versions[table]:
            if [adjust_field_name(name, ADJUSTMENT) for name in names] != fields:
                continue
            version = journal.versions[table][names, row]
            wrong = self.same(record, value["after"], version.table, row) or self.same_key(key, version.table, row)
            if not wrong:
                return
            said.append(wrong)
        self.faults.append(f"{table}: a snapshot's {value['after']} was never in it; {len(said)} versions: {said[:3]}")

    def exactly(
        self,
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
                    if not wrong and not self.same_key(key, tables[table], row):
                        left.remove(row)
                        break
                else:
                    self.faults.append(f"{table}: a snapshot's {value['after']} is not among the rows left {left}")
            if left:
                self.faults.append(f"{table}: no snapshot record for {left}")
