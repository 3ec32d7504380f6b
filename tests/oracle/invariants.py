"""The promises, asserted from topic contents alone: no loss, no invention, order, no duplicates, safe offsets."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro

from tests.oracle.topics import RawRecord

EPOCH = dt.datetime(1970, 1, 1)


def canonical(value: Any) -> Any:
    """Bring a value of SELECT (PyMySQL) into the form that `readable` gives a decoded record."""
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value // dt.timedelta(microseconds=1)
    return value


def readable(value: Any, schema: Any) -> Any:
    """Turn a decoded Avro value into what SELECT shows, guided by its semantic name."""
    if isinstance(schema, list):
        if value is None:
            return None
        (schema,) = (branch for branch in schema if branch != "null")
    name = schema.get("connect.name") if isinstance(schema, dict) else None
    if name == "io.debezium.time.Date":
        return (EPOCH + dt.timedelta(days=value)).date().isoformat()
    if name == "io.debezium.time.Timestamp":
        return (EPOCH + dt.timedelta(milliseconds=value)).isoformat(timespec="microseconds")
    if name == "io.debezium.time.MicroTimestamp":
        return (EPOCH + dt.timedelta(microseconds=value)).isoformat(timespec="microseconds")
    if name == "io.debezium.time.ZonedTimestamp":
        return dt.datetime.fromisoformat(value).replace(tzinfo=None).isoformat(timespec="microseconds")
    return value


def row_fields(value_schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of the row inside an envelope's schema."""
    before = next(field for field in value_schema["fields"] if field["name"] == "before")
    (row,) = (branch for branch in before["type"] if branch != "null")
    fields: list[dict[str, Any]] = row["fields"]
    return fields


def replay(changes: Iterable[tuple[RawRecord, Any, Any]], schemas: Mapping[bytes, Any]) -> dict[str, dict[str, Any]]:
    """Return topic → key → row: the last value per key, deletes and tombstones applied."""
    state: dict[str, dict[str, Any]] = {}
    for record, key, value in changes:
        rows = state.setdefault(record.topic, {})
        name = json.dumps(key, default=str, sort_keys=True)
        if value is None or value["after"] is None:
            rows.pop(name, None)
            continue
        assert record.value is not None
        fields = row_fields(schemas[record.value[:5]])
        rows[name] = {field["name"]: readable(value["after"][field["name"]], field["type"]) for field in fields}
    return state


def table_state(rows: Sequence[Mapping[str, Any]], key_columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return key → row of a SELECT, in the form of `replay`."""
    return {
        json.dumps({name: row[name] for name in key_columns}, default=str, sort_keys=True): {
            name: canonical(value) for name, value in row.items()
        }
        for row in rows
    }


def identity(value: Mapping[str, Any]) -> tuple[Any, ...]:
    """Name the row change behind an event: where it stands in the binlog and what it is."""
    source = value["source"]
    return (source["table"], source["gtid"], source["file"], source["pos"], source["row"], value["op"])


def duplicates(changes: Iterable[tuple[RawRecord, Any, Any]]) -> list[tuple[Any, ...]]:
    """I4: identities that occur more than once; snapshot rows are told apart by their key."""
    seen: set[tuple[Any, ...]] = set()
    twice = []
    for _, key, value in changes:
        if value is None:
            continue
        name = identity(value)
        if value["op"] == "r":
            name = (name[0], "r", json.dumps(key, default=str, sort_keys=True))
        if name in seen:
            twice.append(name)
        seen.add(name)
    return twice


def order_faults(changes: Iterable[tuple[RawRecord, Any, Any]]) -> list[str]:
    """I3: positions never step back within a partition, and a key stays in its partition."""
    faults = []
    last: dict[tuple[str, int], tuple[int, int, int]] = {}
    home: dict[tuple[str, bytes | None], int] = {}
    for record, _, value in changes:
        if home.setdefault((record.topic, record.key), record.partition) != record.partition:
            faults.append(f"{record.topic}: key {record.key!r} is in two partitions")
        if value is None:
            continue
        source = value["source"]
        place = (int(source["file"].rsplit(".", 1)[1]), source["pos"], source["row"])
        before = last.get((record.topic, record.partition))
        if before is not None and place < before:
            faults.append(f"{record.topic}-{record.partition}: {place} after {before}")
        last[record.topic, record.partition] = place
    return faults


def encoding_faults(
    changes: Iterable[tuple[RawRecord, Any, Any]], schema_of: Callable[[bytes], Any]
) -> tuple[list[str], int]:
    """I7: rows that snapshot and stream say of one key alike, in unequal bytes; and how many both have said."""
    heads: dict[bytes, tuple[Any, Any]] = {}
    said: dict[tuple[str, bytes | None, str], dict[bytes, set[bool]]] = {}
    for record, _, value in changes:
        if value is None or value["after"] is None or record.value is None:
            continue
        raw = record.value
        if raw[:5] not in heads:
            schema = schema_of(raw)
            whole = fastavro.parse_schema({**schema, "fields": schema["fields"][:2]})
            heads[raw[:5]] = fastavro.parse_schema({**schema, "fields": schema["fields"][:1]}), whole
        before, both = heads[raw[:5]]
        start, end = (_length(raw[5:], one) for one in (before, both))
        name = (record.topic, record.key, repr(value["after"]))
        said.setdefault(name, {}).setdefault(raw[5:][start:end], set()).add(value["op"] == "r")
    faults = [f"{name}: {[one.hex() for one in forms]}" for name, forms in said.items() if len(forms) > 1]
    return faults, sum({True, False} == set[bool]().union(*forms.values()) for forms in said.values())


def _length(raw: bytes, schema: Any) -> int:
    body = BytesIO(raw)
    fastavro.schemaless_reader(body, schema)
    return body.tell()


def torn_transactions(changes: Iterable[tuple[RawRecord, Any, Any]], told: Iterable[Mapping[str, Any]]) -> list[str]:
    """I5: source transactions whose records are not as many as END says, not numbered so, or without BEGIN or END."""
    orders: dict[str, list[int]] = {}
    for _, _, value in changes:
        if value is not None and value["transaction"] is not None:
            orders.setdefault(value["transaction"]["id"], []).append(value["transaction"]["total_order"])
    begun, ended = list[str](), dict[str, int]()
    for one in told:
        if one["status"] == "BEGIN":
            begun.append(one["id"])
        else:
            ended[one["id"]] = one["event_count"]
    faults = [f"{name} has no END or no BEGIN" for name in {*orders, *begun} ^ ended.keys()]
    faults += [f"{name} begins twice" for name, times in Counter(begun).items() if times > 1]
    for name, count in ended.items():
        if sorted(orders.get(name, ())) != list(range(1, count + 1)):
            faults.append(f"{name} has {count} events by its END, found {sorted(orders.get(name, ()))[:20]}")
    return faults


def show(value: Any) -> Any:
    """Make a decoded value printable."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value
