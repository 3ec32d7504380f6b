"""Two sides of one run of statements and rows, pair by pair: what differs, and which name explains it.

Ours is held against the server too: a line's tables against information_schema behind its statement, so that a
difference that has a name is Debezium's reading of the statement, never ours.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from faust_cdc.history.table_changes import created, quoted_id
from faust_cdc.relational.model import Table, TableId
from tests.lab import KafkaBroker
from tests.oracle.topics import AvroDecoder
from tests.parity.comparison import read_topic
from tests.parity.ddl_differences import column_kinds, gist
from tests.parity.ddl_watched import Place
from tests.parity.test_schema_history_parity import comparable_line, comparable_record

Line = dict[str, Any]
_UNIQUE_INDEX: Final = re.compile(r"\s*(?:/\*!\d*\s*)?create\s+unique\b", re.IGNORECASE)


@dataclass(slots=True)
class Compared:
    """What was compared, and what nothing explains."""

    counts: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"compared {dict(self.counts)}; intended {dict(self.explained)}; {len(self.faults)} faults"

    def add(self, other: Compared) -> None:
        """Count another run in."""
        self.counts += other.counts
        self.explained += other.explained
        self.faults += other.faults


@dataclass(frozen=True, slots=True)
class Statements:
    """Compares what both sides wrote of statements."""

    stood: Mapping[Place, Mapping[TableId, Table]]
    found: Compared
    stopped: bool = False
    """Debezium's task failed: what we have behind its last line or record is not compared."""
    kinds: dict[Place, dict[str, frozenset[str]]] = field(default_factory=dict)
    """Behind each place, by the table's id: what Debezium has otherwise; `columns` where it is another table."""
    seen: deque[str] = field(default_factory=lambda: deque(maxlen=3))
    """The statements before."""
    missed: list[str] = field(default_factory=list)
    """The statements that Debezium did not carry out."""

    def lines(self, kafka: KafkaBroker, theirs: str, ours: str, databases: Sequence[str]) -> list[Place]:
        """Compare the histories; return the places of the statements that are compared."""
        sides = [
            [comparable_line(json.loads(one.value or b"{}")) for one in read_topic(kafka, f"history-{prefix}")]
            for prefix in (theirs, ours)
        ]
        left, right = (_by_place(side, "position", databases) for side in sides)
        last = max(left, key=_in_order, default=("", ""))
        self._pairs("lines of the history", left, right)
        return [place for place in self.stood if not self.stopped or place <= last]

    def records(
        self, kafka: KafkaBroker, decoder: AvroDecoder, theirs: str, ours: str, databases: Sequence[str]
    ) -> None:
        """Compare the topics of schema changes."""
        sides = []
        for prefix in (theirs, ours):
            decoded = []
            for raw in read_topic(kafka, prefix):
                key, value = decoder.decode(raw.key or b""), decoder.decode(raw.value or b"")
                schemas = [json.dumps(decoder.schema(one or b"")) for one in (raw.key, raw.value)]
                decoded.append(comparable_record(value) | {"key": key, "schemas": schemas})
            sides.append(_by_place(decoded, "source", databases))
        self._pairs("schema change records", *sides)

    def _pairs(self, what: str, theirs: Mapping[Any, list[Line]], ours: Mapping[Any, list[Line]]) -> None:
        if self.stopped:
            last = max(theirs, key=_in_order, default=("", ""))
            ours = {place: lines for place, lines in ours.items() if _in_order(place) <= _in_order(last)}
            if last in ours:  # Debezium may have failed between two of one statement
                ours[last] = ours[last][: len(theirs[last])]
        for place in sorted(theirs.keys() | ours.keys(), key=_in_order):
            right = ours.get(place, [])
            left = self._without_late(what, place, theirs.get(place, []), bool(right))
            if len(left) != len(right):
                # One that Debezium cannot read has one line without changes; ours has one for each table.
                self.found.counts[what] += max(len(left), len(right))
                is_unread = all(not one["tableChanges"] for one in left)
                self._differ(f"{what} {place}: {_texts(left)} and {_texts(right)}", "unread" if is_unread else None)
                self.missed.extend(gist(one["ddl"]) for one in right)
                for one in right:
                    self._ours(what, place, one)
                    for change in one["tableChanges"]:
                        self._note(place, change["id"], frozenset(["columns"]))
                continue
            for one, two in zip(left, right, strict=True):
                self.found.counts[what] += 1
                self._ours(what, place, two)
                self._pair(f"{what} {place} {two['ddl'][:200]!r}", place, one, two)

    def _without_late(self, what: str, place: Any, lines: list[Line], has_own: bool) -> list[Line]:
        """Return Debezium's lines of a statement without those of one before, at which it had failed."""
        late = 0
        while late < len(lines) - has_own and any(gist(lines[late]["ddl"]) in one for one in self.seen):
            self._differ(f"{what} {place}: {lines[late]['ddl']!r}", "late")
            late += 1
        return lines[late:]

    def _ours(self, what: str, place: Any, line: Line) -> None:
        """Hold a line of ours against information_schema behind its statement."""
        tables = {quoted_id(table.id): table for table in self.stood.get(place, {}).values()}
        for change in line["tableChanges"]:
            table = tables.get(change["id"])
            if change["type"] == "DROP" or table is None:
                continue
            self.found.counts["tables held against the server"] += 1
            expected = json.loads(json.dumps(created(table)))["table"]
            told = {name: part for name, part in change["table"].items() if name in expected}
            if _known(told) != _known(expected):
                said = f"ours {_short(told, expected)}, the server {_short(expected, told)}"
                self.found.faults.append(f"{what} {place} {line['ddl'][:200]!r}: {said}")

    def _pair(self, where: str, place: Any, theirs: Line, ours: Line) -> None:
        left, right = theirs["tableChanges"], ours["tableChanges"]
        told = [[(one["type"], one["id"]) for one in side] for side in (left, right)]
        is_unread = not left and bool(right)
        # Of a table that has its record key already by another UNIQUE, which Debezium did not see.
        is_key = bool(left) and not right and _UNIQUE_INDEX.match(ours["ddl"]) is not None
        if theirs["ddl"] != ours["ddl"]:
            same = gist(theirs["ddl"]) in gist(ours["ddl"]) or _is_drop(theirs, ours)
            is_late = any(gist(theirs["ddl"]) in one for one in self.seen)
            self._differ(f"{where}: text {theirs['ddl']!r}", "text" if same else "late" if is_late else None)
            is_unread |= is_late and not same
        for name in theirs.keys() | ours.keys():
            if name not in ("ddl", "tableChanges") and theirs.get(name) != ours.get(name):
                kind = _frame_kind(theirs, ours, name, self.missed)
                if kind is None and name in ("databaseName", "key", "source"):
                    kind = "unread" if is_unread else "key" if is_key else None
                self._differ(f"{where}: {name} theirs {theirs.get(name)}, ours {ours.get(name)}", kind)
        self.seen.append(gist(ours["ddl"]))
        if is_unread:
            self.missed.append(self.seen[-1])
        if told[0] != told[1]:
            kind = "unread" if is_unread else "key" if is_key else None
            self._differ(f"{where}: theirs changes {told[0]}, ours {told[1]}", kind)
            for _, table in (*told[0], *told[1]):
                self._note(place, table, frozenset(["columns"]))
            return
        for one, two in zip(left, right, strict=True):
            kinds: set[str] = set()
            self._table(f"{where}: {one['id']}", one, two, kinds)
            self._note(place, one["id"], frozenset(kinds))

    def _table(self, where: str, theirs: Line, ours: Line, kinds: set[str]) -> None:
        rest = [{name: part for name, part in one.items() if name != "table"} for one in (theirs, ours)]
        if rest[0] != rest[1]:
            self._differ(f"{where}: theirs {rest[0]}, ours {rest[1]}", None)
        left, right = theirs.get("table") or {}, ours.get("table") or {}
        for name, kind in (("defaultCharsetName", "charset"), ("primaryKeyColumnNames", "key"), ("attributes", None)):
            if left.get(name) != right.get(name):
                is_name = name == "primaryKeyColumnNames" and _singled(left[name]) == right[name]
                self._differ(
                    f"{where}: {name} theirs {left.get(name)}, ours {right.get(name)}", "backtick" if is_name else kind
                )
                kinds.add("backtick" if is_name else str(kind))
        columns, own = left.get("columns", []), right.get("columns", [])
        names, mine = [[one["name"] for one in side] for side in (columns, own)]
        if names != mine:
            kind = "backtick" if _singled(names) == mine else "columns"
            self._differ(f"{where}: columns theirs {names}, ours {mine}", kind)
            kinds.add("columns")
            return
        for one, two in zip(columns, own, strict=True):
            self.found.counts["columns"] += 1
            for name, of_field in self._column_kinds(one, two).items():
                self._differ(f"{where}: {one['name']} {name} theirs {one}, ours {two}", of_field)
                kinds.add(f"column {one['name']}")

    def _column_kinds(self, theirs: Line, ours: Line) -> dict[str, str | None]:
        """Return what differs between two descriptions of a column; one of a statement that Debezium missed as late."""
        name = re.compile(re.escape(gist(ours["name"])) + r"(?!\d)")
        is_late = any(name.search(one) for one in self.missed)
        return {of: kind or ("late" if is_late else None) for of, kind in column_kinds(theirs, ours).items()}

    def _note(self, place: Any, table: str, kinds: frozenset[str]) -> None:
        if isinstance(place[1], int):
            self.kinds.setdefault(place, {})[table] = kinds

    def _differ(self, told: str, kind: str | None) -> None:
        if kind is None:
            self.found.faults.append(told)
        else:
            self.found.explained[kind] += 1


def _by_place(side: Sequence[Line], of: str, databases: Sequence[str]) -> dict[Any, list[Line]]:
    """Return lines by their places; those of the start, which have none, by their texts."""
    found: dict[Any, list[Line]] = defaultdict(list)
    for one in side:
        if one["databaseName"] in databases:
            place = one[of] or {}
            at = (place.get("file"), place["pos"]) if "pos" in place else (one["databaseName"], one["ddl"])
            found[at].append(one)
    return found


def _in_order(place: tuple[Any, Any]) -> tuple[bool, str, int, str]:
    """Lines of the start first, then by file and position."""
    of_stream = isinstance(place[1], int)
    return of_stream, str(place[0]), place[1] if of_stream else 0, str(place[1])


def _frame_kind(theirs: Line, ours: Line, name: str, missed: Sequence[str]) -> str | None:
    """Name what differs around a statement."""
    if name == "source" and _without_table(theirs) == _without_table(ours):
        tables = [one["source"]["table"] or [] for one in (theirs, ours)]
        others = [gist(one) for one in tables[0] if one not in tables[1]]
        if others and all(any(one in text for text in missed) for one in others) and set(tables[0]) > set(tables[1]):
            return "late"
    if name in ("databaseName", "source", "key") and not theirs["tableChanges"] and "index" in gist(ours["ddl"]):
        return "session"
    if name != "source" or not ours["ddl"].lower().startswith("rename"):
        return None
    return "tables" if _without_table(theirs) == _without_table(ours) else None


def _without_table(record: Line) -> Line:
    """Return the `source` of a record without the names of its tables."""
    return {part: value for part, value in (record["source"] or {}).items() if part != "table"}


def _is_drop(theirs: Line, ours: Line) -> bool:
    """Debezium prints a DROP TABLE of its own for each table."""
    kinds = [one["type"] for side in (theirs, ours) for one in side["tableChanges"]]
    return bool(kinds) and set(kinds) == {"DROP"}


def _singled(names: Sequence[str]) -> list[str]:
    return [name.replace("``", "`") for name in names]


def _unknown(column: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what not both a line and a record say of a column, or what the binlog does not tell of it.

    ALTER TABLE with explicit_defaults_for_timestamp=OFF gives ON UPDATE to a first TIMESTAMP NOT NULL without default,
    and MySQL 9.7.4 writes the setting down only beside statements that name a TIMESTAMP.
    """
    bare = column["typeName"] == "TIMESTAMP" and not column["optional"] and not column.get("defaultValueExpression")
    return ("nativeType", "hasDefaultValue", *(("autoIncremented", "generated") if bare else ()))


def _known(table: Mapping[str, Any]) -> Any:
    """Return what both a line of the history and a schema change record say of a table."""
    columns = [
        {name: part for name, part in one.items() if name not in _unknown(one) and part is not None}
        for one in table["columns"]
    ]
    return {name: part for name, part in table.items() if name not in ("columns", "attributes", "comment")}, columns


def _short(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return what of one table is not in the other."""
    parts = {name: part for name, part in one.items() if name != "columns" and part != other.get(name)}
    others = {column["name"]: column for column in other.get("columns", [])}
    names = [column["name"] for column in one.get("columns", [])]
    parts["columns"] = [c for c in one.get("columns", []) if others.get(c["name"]) != c] or names
    return json.dumps(parts, ensure_ascii=False)


def _texts(lines: Sequence[Line]) -> list[str]:
    return [one["ddl"][:200] for one in lines]
