"""Record by record: what differs, in which column, and which entry of the list explains it.

Compared of each pair: key, value field by field, both schemas as text (column by column first, so that a difference
has a name), headers, tombstones, and by the order of the pairs the order per partition. Left out is only what must
differ: times of processing, versions, the topic prefix.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle.topics import RawRecord
from tests.parity.comparison import comparable, headers_of
from tests.parity.defaults import plain_defaults
from tests.parity.differences import MISSING
from tests.parity.faker.fixed import MISSING_RECORDS
from tests.parity.faker.schemas import FakeColumn, FakeTable
from tests.parity.wires import Wire


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a value or a piece of schema differs."""

    table: str
    column: str
    """Name of the column; of the envelope's or the key's field, where it is none; empty: the record as a whole."""
    op: str
    """r, c, u, d, t of the record, of keys too; empty for a tombstone; `schema` for a field's schema."""
    options: str
    """Name of the option set."""
    fake: FakeColumn | None = None
    """The faker's column."""
    default: Any = MISSING
    """The column's default in Debezium's schema, in the form of its values; MISSING where it has none."""

    @property
    def family(self) -> str:
        """MySQL's name of the type, empty when it is no column."""
        return self.fake.family if self.fake is not None else ""


KEY_HEADERS = ("__debezium.newkey", "__debezium.oldkey")

Explain = Callable[[Cell, str, Any, Any], str | None]
"""(cell, op, Debezium's, ours) → name of the list's entry, None when nothing explains the difference."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A difference that nothing explains."""

    cell: Cell
    part: str
    """count, key, value, key schema, value schema, headers."""
    theirs: Any
    ours: Any
    rid: int | None = None
    """The row, as the faker numbers it."""
    their_bytes: bytes = b""
    our_bytes: bytes = b""

    @property
    def signature(self) -> tuple[str, ...]:
        """What faults of one cause have in common."""
        type_ddl = self.cell.fake.type_ddl if self.cell.fake is not None else ""
        path = "snapshot" if self.cell.op == "r" else "stream"
        return (self.cell.options, self.part, self.cell.family or self.cell.column, type_ddl, path)


@dataclass
class Verdict:
    """What a comparison found."""

    records: int = 0
    values: int = 0
    """Fields of rows compared."""
    schemas: int = 0
    """Pairs of schemas compared as text."""
    explained: Counter[str] = field(default_factory=Counter)
    on_list: int = 0
    """Records with at least one explained difference and no other."""
    failing: int = 0
    """Records with a difference that nothing explains."""
    faults: list[Fault] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        """Count another verdict in."""
        for name in ("records", "values", "schemas", "on_list", "failing"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.explained += other.explained
        self.faults += other.faults


Tables = dict[str, list[RawRecord]]
"""Table → its topic's records in order."""


class Judge:
    """Compares one option set's two sides."""

    def __init__(
        self, wire: Wire, options: str, prefixes: tuple[str, str], tables: Sequence[FakeTable], explain: Explain
    ) -> None:
        self._wire, self._options, self._explain = wire, options, explain
        self._theirs, self._ours = prefixes
        self._tables = {table.name: table for table in tables}
        self._same_schemas: set[tuple[str, str, object, object]] = set()
        self._pair_faults = self._pair_explained = 0
        self._defaults: dict[tuple[str, str, object], dict[str, Any]] = {}
        self._rid: int | None = None
        self._raw = (b"", b"")
        self._row_of: dict[str, bytes] = {}
        """The last value of each table."""
        self.verdict = Verdict()

    def compare(self, theirs: Tables, ours: Tables) -> Verdict:
        """Compare all tables."""
        for table in sorted(theirs.keys() | ours.keys()):
            self._table(table, theirs.get(table, []), ours.get(table, []))
        return self.verdict

    def _table(self, table: str, theirs: list[RawRecord], ours: list[RawRecord]) -> None:
        if table in MISSING_RECORDS and len(theirs) != len(ours):
            theirs, ours = self._without_missing(table, theirs, ours)
        for index, (their, our) in enumerate(zip(theirs, ours, strict=False)):
            if len(theirs) != len(ours) and self._gist(their) != self._gist(our):
                self._rid, self._raw = None, (their.value or b"", our.value or b"")
                self._fault(
                    Cell(table, "", "", self._options), f"order, record {index}", self._gist(their), self._gist(our)
                )
                break
            self._pair(table, their, our)
        if len(theirs) != len(ours):
            self._rid, self._raw = None, (b"", b"")
            self._fault(Cell(table, "", "", self._options), "count", len(theirs), len(ours))
            self.verdict.failing += abs(len(theirs) - len(ours))

    def _without_missing(
        self, table: str, theirs: list[RawRecord], ours: list[RawRecord]
    ) -> tuple[list[RawRecord], list[RawRecord]]:
        """Leave the records out that one side lacks on purpose, as many as it lacks, and count them as listed."""
        lacking, op = MISSING_RECORDS[table]
        more = ours if lacking == "theirs" else theirs
        kept, left = [], len(more) - len(theirs if lacking == "theirs" else ours)
        for record in more:
            value = self._decoded(record.value)
            pair = (None, value) if lacking == "theirs" else (value, None)
            here = left > 0 and isinstance(value, dict) and value.get("op") == op
            entry = self._explain(Cell(table, "", op, self._options), op, *pair) if here else None
            if entry is None:
                kept.append(record)
                continue
            left -= 1
            self.verdict.explained[entry] += 1
            self.verdict.records += 1
            self.verdict.on_list += 1
        return (theirs, kept) if lacking == "theirs" else (kept, ours)

    def _gist(self, record: RawRecord) -> object:
        if record.value is None:
            return "tombstone"
        value = self._wire.decode(record.value)
        return value.get("op"), rid_of(value)

    def _pair(self, table: str, their: RawRecord, our: RawRecord) -> None:
        self._pair_faults = self._pair_explained = 0
        verdict = self.verdict
        verdict.records += 1
        left, right = self._decoded(their.value), self._decoded(our.value)
        self._rid, op = rid_of(left), str(left.get("op", "")) if isinstance(left, dict) else ""
        for part in ("key", "value"):
            self._schema_pair(table, part, getattr(their, part), getattr(our, part))
        self._raw = (their.key or b"", our.key or b"")
        self._fields(table, op, "key", self._decoded(their.key), self._decoded(our.key))
        self._raw = (their.value or b"", our.value or b"")
        self._value(table, op, comparable(left, self._theirs), comparable(right, self._ours))
        if their.value:
            self._row_of[table] = their.value
        elif table in self._row_of:  # a tombstone says nothing of its table, the record before it does
            self._raw = (self._row_of[table], b"")
        self._headers(table, op, headers_of(their, self._theirs), headers_of(our, self._ours))
        verdict.failing += self._pair_faults > 0
        verdict.on_list += self._pair_explained > 0 and self._pair_faults == 0

    def _headers(self, table: str, op: str, theirs: list[tuple[str, str]], ours: list[tuple[str, str]]) -> None:
        """Compare headers; of a key that changed they hold the other key as JSON, whose fields are columns."""
        if [name for name, _ in theirs] != [name for name, _ in ours]:
            self._differ(Cell(table, "", op, self._options), "headers", theirs, ours)
            return
        for (name, left), (_, right) in zip(theirs, ours, strict=True):
            if left == right:
                continue
            if name in KEY_HEADERS:
                self._fields(table, op, "header", json.loads(left), json.loads(right))
            else:
                self._differ(Cell(table, "", op, self._options), "headers", theirs, ours)

    def _decoded(self, raw: bytes | None) -> Any:
        return None if raw is None else self._wire.decode(raw)

    def _value(self, table: str, op: str, theirs: Any, ours: Any) -> None:
        if not isinstance(theirs, dict) or not isinstance(ours, dict):
            if theirs != ours:
                self._differ(Cell(table, "", op, self._options), "value", theirs, ours)
            return
        if list(theirs) != list(ours):
            self._differ(Cell(table, "", op, self._options), "value fields", list(theirs), list(ours))
        for name in theirs:
            left, right = theirs[name], ours.get(name)
            if name in ("before", "after", "source") and isinstance(left, dict) and isinstance(right, dict):
                self._fields(table if name != "source" else "source", op, "value", left, right)
            elif not same(left, right):
                self._differ(Cell(table, name, op, self._options), "value", left, right)

    def _fields(self, table: str, op: str, part: str, theirs: Any, ours: Any) -> None:
        if not isinstance(theirs, dict) or not isinstance(ours, dict):
            if theirs != ours:
                self._differ(Cell(table, "", op, self._options), part, theirs, ours)
            return
        self.verdict.values += len(theirs)
        if same(theirs, ours):
            return
        for name in theirs.keys() | ours.keys():
            left, right = theirs.get(name), ours.get(name)
            if not same(left, right):
                cell = replace(self._cell(table, name, op), default=self._default(table, part, name))
                self._differ(cell, part, left, right)

    def _default(self, table: str, part: str, name: str) -> Any:
        """Return the default of a key's or row's field in Debezium's schema; MISSING where it has none."""
        raw = self._raw[0]
        if table == "source" or not raw:
            return MISSING
        place = (table, part, self._wire.schema_id(raw))
        if place not in self._defaults:
            self._defaults[place] = plain_defaults(row_fields(self._wire.schema(raw)))
        return self._defaults[place].get(name, MISSING)

    def _cell(self, table: str, name: str, op: str) -> Cell:
        fake = self._tables.get(table)
        column = None if fake is None else fake.column(name) or fake.column(name.replace("_u005f", "_"))
        return Cell(table, name, op, self._options, column)

    def _differ(self, cell: Cell, part: str, theirs: Any, ours: Any) -> None:
        entry = self._explain(cell, cell.op, theirs, ours)
        if entry is None:
            self._fault(cell, part, theirs, ours)
        else:
            self._pair_explained += 1
            self.verdict.explained[entry] += 1

    def _fault(self, cell: Cell, part: str, theirs: Any, ours: Any) -> None:
        self._pair_faults += 1
        self.verdict.faults.append(Fault(cell, part, theirs, ours, self._rid, *self._raw))

    def _schema_pair(self, table: str, part: str, theirs: bytes | None, ours: bytes | None) -> None:
        if theirs is None or ours is None:
            return
        pair = (table, part, self._wire.schema_id(theirs), self._wire.schema_id(ours))
        if pair in self._same_schemas:
            return
        self._same_schemas.add(pair)
        self.verdict.schemas += 1
        left, right = self._schema(theirs, self._theirs), self._schema(ours, self._ours)
        if json.dumps(left) == json.dumps(right):
            return
        for place in range(1 + _has_row_twice(left)):
            self._schema_fields(table, part, row_fields(left, place), row_fields(right, place))
        if json.dumps(left) != json.dumps(right):
            self._differ(Cell(table, "", "schema", self._options), f"{part} schema", left, right)

    def _schema_fields(self, table: str, part: str, theirs: list[Any], ours: list[Any]) -> None:
        """Compare the fields of two rows one by one; what differs is made equal, as it has been judged."""
        names = [field.get("field", field.get("name")) for field in theirs]
        if names != [field.get("field", field.get("name")) for field in ours]:
            return
        for place, name in enumerate(names):
            if json.dumps(theirs[place]) != json.dumps(ours[place]):
                self._differ(self._cell(table, name, "schema"), f"{part} schema", theirs[place], ours[place])
                theirs[place] = ours[place]

    def _schema(self, raw: bytes, prefix: str) -> Any:
        return json.loads(json.dumps(self._wire.schema(raw)).replace(prefix, "PREFIX"))


def same(left: Any, right: Any) -> bool:
    """Equal, and in type and sign of zero too."""
    return bool(left == right) and repr(left) == repr(right)


def rid_of(value: Any) -> int | None:
    """Return the faker's number of a change event's row."""
    if not isinstance(value, dict):
        return None
    for image in (value.get("after"), value.get("before")):
        if isinstance(image, dict) and isinstance(image.get("rid"), int):
            return int(image["rid"])
    return None


def _has_row_twice(schema: Any) -> bool:
    """Whether this is an envelope of JsonConverter, where `before` and `after` have a schema each."""
    fields = schema.get("fields", []) if isinstance(schema, dict) else []
    return len(fields) > 1 and [field.get("field") for field in fields[:2]] == ["before", "after"]


def row_fields(schema: Any, place: int = 0) -> list[Any]:
    """Return the fields of the row in an envelope's schema (of Avro or of JsonConverter), of the key in a key's.

    `place` 1 is the second row of a JsonConverter's envelope.
    """
    fields = schema.get("fields", []) if isinstance(schema, dict) else []
    first = fields[0] if fields else {}
    if first.get("name") == "before" and isinstance(first.get("type"), list):
        found = first["type"][1]["fields"]
    elif first.get("field") == "before":
        found = fields[place]["fields"]
    else:
        found = fields
    return found if isinstance(found, list) else list(found)
