"""Rows as Avro in Confluent's wire format: a zero byte, the schema id, the body.

Encoding is fastavro's, with the schemas stripped to what determines bytes, so no property of theirs (a logical type,
say) can bend a value.
"""

from __future__ import annotations

import io
import secrets
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import fastavro

from faust_cdc.transcode.encoding import envelope_tail
from faust_cdc.transcode.plan import ColumnPlan, TranscodePlan
from faust_cdc.transcode.row import Row
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.envelope import source_schema, transaction_schema
from faust_cdc_schemas.structs import SCHEMAS, defined_once

_ROW_NAME: Final = "Row"
_PREFIX: Final = struct.Struct(">bi")
"""Confluent's wire format: a zero byte and the schema id."""
LARGE_BYTES: Final = 1 << 20
"""Values of so many bytes, or characters, are put into a record without a copy between."""
_TOKEN_BYTES: Final = 16


class AvroKey:
    """The encoder of a plan's keys under their registered schema."""

    def __init__(self, plan: TranscodePlan, schema_id: int) -> None:
        self.schema_id = schema_id
        self.prefix = _PREFIX.pack(0, schema_id)
        self._places = tuple((f"c{one.index}", one.index) for one in plan.key_columns)
        record_schema = bare_record("Key", plan.key_columns)
        self._constant: dict[str, str] = {}
        if plan.key_constant is not None:
            record_schema["fields"].append({"name": "constant", "type": "string"})
            self._constant = {"constant": plan.key_constant.value}
        self._plain_schema = record_schema

    @cached_property
    def _schema(self) -> Any:
        """Parsed when the first key goes this way: most rows go the compiled one."""
        return fastavro.parse_schema(self._plain_schema)

    def __call__(self, row: Row) -> bytes:
        """Return the key of a row."""
        out = io.BytesIO()
        out.write(self.prefix)
        record = {name: row[index] for name, index in self._places} | self._constant
        fastavro.schemaless_writer(out, self._schema, record)
        return out.getvalue()

    def fields(self, body: bytes) -> dict[int, Any]:
        """Return the key's values by their places in the row; `body` is the key behind `prefix`."""
        record = fastavro.schemaless_reader(io.BytesIO(body), self._schema, None)
        assert isinstance(record, dict)
        return {index: record[name] for name, index in self._places}


class AvroValue:
    """The encoder of a plan's change events under their registered schema.

    `null_is_default` writes a column's default where its value is NULL, as Connect's converters do unless told not to.
    """

    def __init__(self, plan: TranscodePlan, schema_id: int, *, null_is_default: bool = False) -> None:
        self.schema_id = schema_id
        self.prefix = _PREFIX.pack(0, schema_id)
        self.null_is_default = null_is_default
        self._places = tuple((f"c{one.index}", one.index) for one in plan.value_columns)
        self._defaults = plan.defaults_of_nullable() if null_is_default else {}
        self._plan = plan

    @cached_property
    def _schema(self) -> Any:
        """Parsed when the first row goes this way: most go the compiled one, and a table need not keep 7 KB for it."""
        return fastavro.parse_schema(_bare_envelope(self._plan))

    def _branch(self, row: Row | None) -> tuple[str, dict[str, Any]] | None:
        if row is None:
            return None
        record = {name: row[index] for name, index in self._places}
        for index, default in self._defaults.items():
            if row[index] is None:
                record[f"c{index}"] = default
        return _ROW_NAME, record

    def __call__(
        self,
        op: str,
        before: Row | None,
        after: Row | None,
        source: SourceInfo,
        ts_ns: int,
        transaction: Mapping[str, Any] | None,
    ) -> bytes:
        """Return the value of a change event."""
        out = io.BytesIO()
        out.write(self.prefix)
        large = LargeValues()
        rows = {"before": large.apart(self._branch(before)), "after": large.apart(self._branch(after))}
        fastavro.schemaless_writer(out, self._schema, rows | envelope_tail(op, source, ts_ns, transaction))
        return large.put_back(out.getvalue())


class LargeValues:
    """Keeps the large values of one record away from fastavro, whose buffer and its copy would each be as large.

    fastavro gets a short token for each, and the value takes the token's place in what it wrote.
    """

    def __init__(self) -> None:
        self._found: list[tuple[bytes, bytes | str]] = []

    def apart(self, branch: tuple[str, dict[str, Any]] | None) -> tuple[str, dict[str, Any]] | None:
        """Return a row with tokens for its large values; the row itself when it has none."""
        if branch is None:
            return None
        name, record = branch
        for field, value in record.items():
            if isinstance(value, bytes | str) and len(value) >= LARGE_BYTES:
                token = secrets.token_hex(_TOKEN_BYTES // 2)
                self._found.append((token.encode(), value))
                record[field] = token if isinstance(value, str) else token.encode()  # no key is added meanwhile
        return name, record

    def put_back(self, encoded: bytes) -> bytes:
        """Return what was encoded with the values in place of their tokens."""
        if not self._found:
            return encoded
        out = io.BytesIO()
        for token, value in self._found:  # in the order of fields
            before, _, encoded = encoded.partition(token)
            out.write(before[:-1])  # the last byte is the token's length
            parts = _parts_of(value)
            out.write(_long(sum(map(len, parts()))))
            for part in parts():
                out.write(part)
        out.write(encoded)
        return out.getvalue()


def _parts_of(value: bytes | str) -> Callable[[], Iterator[bytes]]:
    """Return what gives a value's bytes; of a text in parts, so that it is not all there in both forms."""
    if isinstance(value, bytes):
        return lambda: iter((value,))
    return lambda: (value[at : at + LARGE_BYTES].encode() for at in range(0, len(value), LARGE_BYTES))


def _long(value: int) -> bytes:
    """Return Avro's long of a number that is not negative."""
    rest, octets = value << 1, bytearray()
    while rest > 127:
        octets.append(rest & 127 | 128)
        rest >>= 7
    octets.append(rest)
    return bytes(octets)


class AvroStruct:
    """The encoder of records about the stream, of one Avro document; also of a document that is no record's."""

    def __init__(self, schema: Any, schema_id: int) -> None:
        self.prefix = _PREFIX.pack(0, schema_id)
        self._schema = fastavro.parse_schema(schema)

    def __call__(self, fields: Any) -> bytes:
        """Return the key or value with `fields`."""
        out = io.BytesIO()
        out.write(self.prefix)
        fastavro.schemaless_writer(out, self._schema, fields)
        return out.getvalue()


def bare_record(name: str, columns: Sequence[ColumnPlan]) -> dict[str, Any]:
    """Return the record with only what determines bytes: bare types and the order of union branches."""
    fields = []
    for one in columns:
        mapping = one.mapping
        bare: Any = SCHEMAS[mapping.name]() if mapping.structured and mapping.name else mapping.avro
        if one.optional:
            bare = ["null", bare] if one.avro_field["type"][0] == "null" else [bare, "null"]
        fields.append({"name": f"c{one.index}", "type": bare})
    return {"type": "record", "name": name, "fields": defined_once(fields)}


def _bare_envelope(plan: TranscodePlan) -> dict[str, Any]:
    optional_long = ["null", "long"]
    return {
        "type": "record",
        "name": "Envelope",
        "fields": [
            {"name": "before", "type": ["null", bare_record(_ROW_NAME, plan.value_columns)]},
            {"name": "after", "type": ["null", _ROW_NAME]},
            {"name": "source", "type": source_schema(plan.options.connector)},
            {"name": "transaction", "type": ["null", transaction_schema()]},
            {"name": "op", "type": "string"},
            {"name": "ts_ms", "type": optional_long},
            {"name": "ts_us", "type": optional_long},
            {"name": "ts_ns", "type": optional_long},
        ],
    }
