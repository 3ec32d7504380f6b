"""The records of rows between generated statements, pair by pair: keys, values, both schemas, headers."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from faust_cdc_schemas.names import adjust_field_name
from tests.lab import KafkaBroker
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, topics_with_prefix
from tests.parity.comparison import comparable, headers_of
from tests.parity.ddl_comparison import Compared
from tests.parity.ddl_differences import label
from tests.parity.ddl_watched import Place
from tests.parity.defaults import plain_defaults
from tests.parity.differences import MISSING, PREDICATES, Cell
from tests.parity.judge import row_fields

ADJUSTMENT: Final = "avro"
"""Of the names of fields and schemas."""
LISTED: Final = (
    *("null-with-default", "escaped-enum-label", "year-zero", "rewritten-year", "full-day", "emoji-label"),
    "empty-json",
)
"""The entries of the list of differences that concern values of streamed rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a row, and its operation."""

    op: str
    record: RawRecord


@dataclass
class Rows:
    """Compares two topics' worth of rows, by their places."""

    kinds: Mapping[Place, Mapping[str, frozenset[str]]]
    """Behind each statement: what Debezium has otherwise of the tables that it changes."""
    found: Compared
    decoder: AvroDecoder
    prefixes: tuple[str, str]
    stopped: bool = False
    """Debezium's task failed: what we have behind its last row is not compared."""
    _places: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for place in sorted(self.kinds):
            for table in self.kinds[place]:
                self._places[table].append(place)

    def compare(self, kafka: KafkaBroker, databases: Sequence[str]) -> None:
        """Compare all records of rows in these databases."""
        theirs, ours = (self._read(kafka, prefix, databases) for prefix in self.prefixes)
        last = max((at[2:4] for at in theirs), default=("", 0)) if self.stopped else None
        for at in sorted(theirs.keys() | ours.keys(), key=str):
            left, right = theirs.get(at, []), ours.get(at, [])
            if last is not None and at[2:4] >= last:  # Debezium may have failed midway
                right = right[: len(left)]
            self.found.counts["rows"] += max(len(left), len(right))
            kinds = self._kinds(f'"{at[0]}"."{at[1]}"', (at[2], at[3]))
            if [one.op for one in left] != [one.op for one in right]:
                self._differ(
                    f"row {at}: theirs {_ops(left)}, ours {_ops(right)}", self._of_one_side(left, right, kinds)
                )
            elif "columns" in kinds:
                self.found.counts["rows that Debezium takes for those of another table"] += len(left)
            else:
                for one, two in zip(left, right, strict=True):
                    self._pair(f"row {at} {one.op}", one.record, two.record, kinds)

    def _read(self, kafka: KafkaBroker, prefix: str, databases: Sequence[str]) -> dict[Any, list[Row]]:
        """Return the records of each row of each event, in their order.

        The events of a compressed transaction have one place.
        """
        with TopicReader(kafka.bootstrap) as reader:
            records = reader.read_new(topics_with_prefix(kafka.bootstrap, prefix))
        rows: dict[Any, list[Row]] = defaultdict(list)
        deleted: dict[tuple[str, int], bytes | None] = {}
        for one in records:
            if one.value is None:
                self.found.counts["tombstones"] += 1
                if deleted.pop((one.topic, one.partition), MISSING) != one.key:
                    self.found.faults.append(f"{one.topic}: a tombstone behind no delete, at {one.kafka_offset}")
                continue
            if (one.topic, one.partition) in deleted:
                self.found.faults.append(f"{one.topic}: no tombstone behind a delete, at {one.kafka_offset}")
            value = self.decoder.decode(one.value)
            source = value["source"]
            if value["op"] == "d":
                deleted[one.topic, one.partition] = one.key
            if source["db"] in databases:
                at = source["db"], source["table"], source["file"], source["pos"], source["row"]
                rows[at].append(Row(value["op"], one))
        return rows

    def _kinds(self, table: str, place: Place) -> frozenset[str]:
        """Return what Debezium has otherwise of a table at a place."""
        places = self._places[table]
        index = bisect_right(places, place)
        return self.kinds[places[index - 1]][table] if index else frozenset()

    def _pair(self, where: str, theirs: RawRecord, ours: RawRecord, kinds: frozenset[str]) -> None:
        columns = _adjusted(kinds)
        for part in ("key", "value"):
            left, right = getattr(theirs, part), getattr(ours, part)
            if (left is None or right is None) and part == "key":
                if left != right:
                    self._differ(f"{where} key: theirs {left!r}, ours {right!r}", "key" if "key" in kinds else None)
                continue
            self.found.counts["schemas of rows"] += 1
            if part == "key" and "key" in kinds:
                self.found.explained["key"] += 1
                continue
            defaults = self._schema(f"{where} {part}", left, right, columns)
            one, two = (
                comparable(self.decoder.decode(raw), prefix)
                for raw, prefix in zip((left, right), self.prefixes, strict=True)
            )
            self._value(f"{where} {part}", one, two, columns, defaults)
        headers = [headers_of(record, prefix) for record, prefix in zip((theirs, ours), self.prefixes, strict=True)]
        if headers[0] != headers[1]:
            plain = [label(str(side)) for side in headers]
            kind = "labels" if plain[0] == plain[1] else "key" if "key" in kinds or columns else None
            self._differ(f"{where} headers: theirs {headers[0]}, ours {headers[1]}", kind)

    def _of_one_side(self, theirs: Sequence[Row], ours: Sequence[Row], kinds: frozenset[str]) -> str | None:
        """Name why the sides have other records of a row: a table that Debezium lost, an update of what one has as key.

        BOOLEAN is a key of two values to Debezium, and of 256 to the server.
        """
        if "columns" in kinds and len(ours) > len(theirs):
            return "columns"
        if not theirs or not ours:
            return None
        keys = (self.decoder.decode(one.record.key) for one in (*theirs, *ours) if one.record.key is not None)
        if {name for key in keys for name in key} & _adjusted(kinds):
            return "spelling"
        return "key" if kinds & {"key", "columns"} else None

    def _schema(self, where: str, theirs: bytes, ours: bytes, columns: set[str]) -> Mapping[str, Any]:
        """Compare two schemas field by field; return Debezium's defaults."""
        schemas = [
            json.loads(json.dumps(self.decoder.schema(raw)).replace(prefix, "PREFIX"))
            for raw, prefix in zip((theirs, ours), self.prefixes, strict=True)
        ]
        left, right = (row_fields(one) for one in schemas)
        if [one["name"] for one in left] != [one["name"] for one in right]:
            self._differ(f"{where} fields: theirs {left}, ours {right}", None)
            return {}
        defaults = plain_defaults(left)
        for place, (one, two) in enumerate(zip(left, right, strict=True)):
            if one != two:
                self._differ(f"{where} schema: theirs {one}, ours {two}", _schema_kind(one, two, columns))
                left[place] = two
        if schemas[0] != schemas[1]:
            self._differ(f"{where} schema: theirs {schemas[0]}, ours {schemas[1]}", None)
        return defaults

    def _value(
        self, where: str, theirs: Any, ours: Any, columns: set[str], defaults: Mapping[str, Any], op: str = ""
    ) -> None:
        for name in theirs.keys() | ours.keys():
            left, right = theirs.get(name), ours.get(name)
            if name in ("before", "after") and isinstance(left, dict) and isinstance(right, dict):
                self._value(f"{where} {name}", left, right, columns, defaults, theirs["op"])
            elif left != right or repr(left) != repr(right):
                cell = Cell(name, left, right, op, defaults.get(name, MISSING))
                kind = next((one for one in LISTED if PREDICATES[one](cell)), None)
                kind = kind or ("spelling" if name in columns else _label_kind(left, right))
                self._differ(f"{where}.{name}: theirs {left!r}, ours {right!r}", kind)

    def _differ(self, told: str, kind: str | None) -> None:
        if kind is None:
            self.found.faults.append(told)
        else:
            self.found.explained[kind] += 1


def _adjusted(kinds: frozenset[str]) -> set[str]:
    """Return the fields' names of columns that Debezium has otherwise."""
    return {adjust_field_name(one[7:], ADJUSTMENT) for one in kinds if one.startswith("column ")}


def _ops(rows: Sequence[Row]) -> str:
    return ", ".join(one.op for one in rows) or "none"


def _label_kind(theirs: Any, ours: Any) -> str | None:
    """Name a label that the statement spells otherwise."""
    both = isinstance(theirs, str) and isinstance(ours, str)
    return "labels" if both and label(theirs) == label(ours) else None


def _schema_kind(theirs: Any, ours: Any, columns: set[str]) -> str | None:
    """Name what differs between the schemas of two fields."""
    if theirs["name"] in columns:
        return "spelling"
    if _without_default(theirs) == _without_default(ours):
        return "default"
    labels = [_with_labels(_without_default(one)) for one in (theirs, ours)]
    return "labels" if "data.Enum" in str(theirs) and labels[0] == labels[1] else None


def _with_labels(schema: Any) -> Any:
    """Return a schema whose texts have nothing of what can be spelt in more than one way."""
    if isinstance(schema, dict):
        return {name: _with_labels(part) for name, part in schema.items()}
    if isinstance(schema, list):
        return [_with_labels(one) for one in schema]
    return label(schema) if isinstance(schema, str) else schema


def _without_default(schema: Any) -> Any:
    """Return a field's schema without its default, wherever it stands."""
    if isinstance(schema, dict):
        return {k: _without_default(v) for k, v in schema.items() if k not in ("default", "connect.default")}
    if isinstance(schema, list):  # where a default is, its branch comes first
        return sorted((_without_default(one) for one in schema), key=str)
    return schema
