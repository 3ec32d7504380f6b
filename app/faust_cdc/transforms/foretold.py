"""What a chain makes of records before there is one: the topics and schemas that records of some schemas end with.

Samples go through the chain, one for each form that a table's records come in. Nearly all transforms go by names,
schemas and forms, so what they make of a sample they make of every record of its form. Those that look at values are
named here (`_BY_VALUES`): a sample that one of them would decide about is undecided there. A filter by an expression
only drops records, and what it lets by is as it came: samples pass it.

A sample that a transform cannot take says nothing for certain, either: it may be the sample's values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.config.java_regex import java_pattern
from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms.chain import Chain, TransformFailed
from faust_cdc.transforms.record import Header, Record
from faust_cdc.transforms.schemas import STRING, is_envelope
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema

_DEBEZIUM: Final = "io.debezium.transforms."
_OUTBOX: Final = f"{_DEBEZIUM}outbox.EventRouter"


@dataclass(frozen=True, slots=True)
class Foretold:
    """What is known of all records of a table."""

    records: tuple[Record, ...]
    """One for each topic and pair of schemas that they are written with; their values are samples."""
    undecided: tuple[str, ...] = ()
    """Transforms that decide by a record's values, each with what it decides."""
    failed: tuple[str, ...] = ()
    """Transforms that could not take a sample, each with its words."""

    @property
    def is_certain(self) -> bool:
        """Whether there are no records but those."""
        return not self.undecided and not self.failed


def foretell(chain: Chain, samples: Iterator[tuple[Record, Record]]) -> Foretold:
    """Send samples through a chain: of each form one with few values, and where that is not taken one with all."""
    found: dict[Any, Record] = {}
    undecided: dict[str, None] = {}
    failed: dict[str, None] = {}
    for few, every in samples:
        try:
            try:
                made = _through(chain, few)
            except TransformFailed:
                made = _through(chain, every)
        except _Undecided as undecided_by:
            undecided[str(undecided_by)] = None
        except TransformFailed as error:
            failed[str(error)] = None
        else:
            if made is not None:
                schemas = _written(made.key_schema, made.key), _written(made.value_schema, made.value)
                found.setdefault((made.topic, *map(repr, schemas)), made)
    return Foretold(tuple(found.values()), tuple(undecided), tuple(failed))


def samples(record: Record, operations: frozenset[str], *, tombstones: bool) -> Iterator[tuple[Record, Record]]:
    """Yield the samples of a table's change events, each with few and with all values.

    `record` has their topic, schemas and headers, and as value what is known of their `source` block. `operations` are
    those of `c`, `r`, `u`, `d`, `t` that make records. A changed key makes a delete and a create with a header each.
    """
    schema = record.value_schema
    assert schema is not None, "a change event has a schema"
    for op in (one for one in "crudt" if one in operations):
        few, every = (_event(record, op, full=full) for full in (False, True))
        yield few, every
        if op == "d" and tombstones:
            yield few.with_value(None, None), every.with_value(None, None)
    if "u" in operations and record.key is not None:
        for op, name in (("d", "__debezium.newkey"), ("c", "__debezium.oldkey")):
            header = Header(name, STRING, "", b"")
            few, every = (_event(record, op, full=full) for full in (False, True))
            yield (
                few._replace(headers=(*few.headers, header)),
                every._replace(headers=(*every.headers, header)),
            )


def sample_key(schema: ConnectSchema | None) -> Any:
    """Return a key of a schema."""
    return None if schema is None else _sample(schema, full=True)


def _event(record: Record, op: str, *, full: bool) -> Record:
    schema = record.value_schema
    assert schema is not None, "asked before"
    before, after = op in ("u", "d"), op in ("c", "r", "u")
    value = _sample(schema, full=full)
    value["before"] = _sample(schema.field("before"), full=full, is_there=True) if before else None
    value["after"] = _sample(schema.field("after"), full=full, is_there=True) if after else None
    value["source"] = _sample(schema.field("source"), full=full) | record.value
    value["op"] = op
    made = record.with_value(schema, value)
    return made.with_key(None, None) if op == "t" else made


_TEXTS: Final = {
    names.JSON: "{}",
    names.ZONED_TIMESTAMP: "1970-01-01T00:00:00Z",
    names.ISO_DATE: "1970-01-01Z",
    names.ISO_TIME: "00:00:00Z",
    names.ISO_TIMESTAMP: "1970-01-01T00:00:00Z",
}
_VALUES: Final[dict[str, Any]] = {"boolean": False, "float": 0.0, "double": 0.0, "map": {}}


def _sample(schema: ConnectSchema, *, full: bool, is_there: bool = False) -> Any:
    """Return a value of a schema; without `full` null where it may be, unless it is to be there."""
    if schema.optional and not full and not is_there:
        return None
    if schema.type == "struct":
        return {one.name: _sample(one.schema, full=full) for one in schema.fields}
    if schema.type == "array":
        assert schema.items is not None, "an array has items"
        return [_sample(schema.items, full=full)]
    if schema.type == "string":
        return _TEXTS.get(schema.name or "", "0")
    if schema.type == "bytes":
        return b"\0"
    return _VALUES.get(schema.type, 0)


class _Undecided(Exception):
    """A transform would decide by a sample's values."""


def _through(chain: Chain, record: Record) -> Record | None:
    made: Record | None = record
    for stage in chain.stages:
        assert made is not None, "left below"
        if not stage.is_for(made) or stage.plugin.base_name == f"{_DEBEZIUM}Filter":
            continue
        decides = _BY_VALUES.get(stage.plugin.base_name)
        what = None if decides is None else decides(stage.plugin, made)
        if what is not None:
            raise _Undecided(f"{stage} {what}")
        if stage.plugin.base_name == _OUTBOX and is_envelope(made.value_schema) and (made.value or {}).get("op") == "u":
            return None  # dropped, which it would write to the log
        made = stage.run(made)
        if made is None:
            return None
    return made


def _by_expression(plugin: PluginSettings, record: Record) -> str | None:
    topics = plugin.text("topic.regex")
    if topics and java_pattern(topics).fullmatch(record.topic) is None:
        return None
    if record.value is None and (plugin.text("null.handling.mode") or "keep").lower() != "evaluate":
        return None
    return f"names topics by the expression {plugin.text('topic.expression')}"


def _by_field(plugin: PluginSettings, record: Record) -> str | None:
    if record.value is None or not is_envelope(record.value_schema):
        return None
    if (field := plugin.text("route.by.field") or "").strip():
        return f"names topics by the value of {field!r}"
    header = (plugin.text("drop.fields.header.name") or "").strip()
    if any(one.name == header for one in record.headers):
        return f"leaves out the fields that the header {header!r} of a record names"
    return None


def _by_event(plugin: PluginSettings, record: Record) -> str | None:
    if record.value is None or not is_envelope(record.value_schema) or record.value["op"] in ("u", "d"):
        return None
    return f"names topics by the value of {plugin.text('route.by.field')!r}"


def _by_time(_plugin: PluginSettings, record: Record) -> str | None:
    return None if record.timestamp_ms is None else "names topics by the time of a record"


_BY_VALUES: Final[dict[str, Callable[[PluginSettings, Record], str | None]]] = {
    f"{_DEBEZIUM}ContentBasedRouter": _by_expression,
    f"{_DEBEZIUM}ExtractNewRecordState": _by_field,
    _OUTBOX: _by_event,
    "org.apache.kafka.connect.transforms.TimestampRouter": _by_time,
}
"""Class → what one would decide by the values of a record, None where it decides nothing by them."""


def _written(schema: ConnectSchema | None, value: Any) -> ConnectSchema | None:
    """Return the schema that a key or value is written with: a null is written with none."""
    return None if value is None else schema
