"""The plan of a table version: the pure description of what each column becomes, made once and run many times.

A plan knows the table, the topic and the options and nothing of wire bytes; the transcoders bind it to a table map.
Every transcoder, today's readable one and a compiled one, carries out the same plan.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.relational.model import Column, Table
from faust_cdc.transcode.defaults import default_as_json, default_of
from faust_cdc.transcode.forms import Encode, Form, encoder, required
from faust_cdc.transcode.mapping import Mapping, mapping_of
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.text import epoch_of, select_expression
from faust_cdc_schemas import connect_avro, envelope, names, structs
from faust_cdc_schemas.connect_avro import MISSING

__all__ = ["ColumnPlan", "TranscodeOptions", "TranscodePlan", "build_plan", "schema_json"]


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What one column becomes."""

    index: int
    """Place in the row, from 0."""
    column: Column
    field_name: str
    mapping: Mapping
    optional: bool
    """The field may be null: the column is nullable and not in the key."""
    default: Any
    """Avro-ready schema default, or `connect_avro.MISSING`."""
    null_outside: bool = False
    """A value that the mode's form cannot hold becomes null, as in Debezium, where the field may be; else an error."""

    @property
    def zero(self) -> Any:
        """What a zero date becomes: null where allowed, else the default, else the epoch."""
        if self.optional:
            return None
        return epoch_of(self.mapping) if self.default is MISSING else self.default

    @property
    def encode(self) -> Encode | None:
        """The last step of a value that was read, None when there is none; see `forms`."""
        encode = encoder(self.mapping.form, self.mapping.scale)
        return encode if self.optional and self.null_outside else required(self.mapping.form, encode)

    @property
    def avro_field(self) -> dict[str, Any]:
        """The field as it stands in the row's Avro schema."""
        default = MISSING if self.default is MISSING else default_as_json(self.default)
        mapping = self.mapping
        if mapping.structured and mapping.name is not None:
            return connect_avro.field(self.field_name, structs.SCHEMAS[mapping.name](), optional=self.optional)
        avro_type = connect_avro.primitive(
            mapping.avro,
            name=mapping.name,
            version=None if mapping.name is None else 1,
            parameters=mapping.parameters,
            default=default,
            connect_type=mapping.connect_type,
        )
        return connect_avro.field(self.field_name, avro_type, optional=self.optional, default=default)


@dataclass(frozen=True)
class TranscodePlan:
    """The plan of one table version. Immutable; `describe` prints it."""

    table: Table
    topic: str
    options: TranscodeOptions
    columns: tuple[ColumnPlan, ...]
    """One per column, in the order of the row image."""
    key_columns: tuple[ColumnPlan, ...]
    """In key order; empty when records have no key."""

    @cached_property
    def key_schema(self) -> dict[str, Any] | None:
        """The Avro schema of record keys, None when the table has no key."""
        if not self.key_columns:
            return None
        return envelope.key_schema(
            self._named(names.key_name(self.topic)), [one.avro_field for one in self.key_columns]
        )

    @cached_property
    def value_schema(self) -> dict[str, Any]:
        """The Avro schema of record values: the envelope."""
        return envelope.envelope_schema(
            self._named(names.envelope_name(self.topic)),
            self._named(names.value_name(self.topic)),
            structs.defined_once([one.avro_field for one in self.columns]),
            self.options.connector,
        )

    @property
    def key_schema_json(self) -> str:
        """The key schema as registered. Raises ValueError when the table has no key."""
        if self.key_schema is None:
            raise ValueError(f"{self.table.id} has no key")
        return schema_json(self.key_schema)

    @property
    def value_schema_json(self) -> str:
        """The envelope schema as registered."""
        return schema_json(self.value_schema)

    def select_list(self) -> list[str]:
        """Return one SQL expression per column, for `ReferenceTranscoder.read_text_row` to read the answers of."""
        return [select_expression(one.column, one.mapping.kind) for one in self.columns]

    def describe(self) -> str:
        """Return the plan as text: one line per column, key columns numbered."""
        places = {one.column.name: place for place, one in enumerate(self.key_columns, 1)}
        lines = [f"{self.table.id} -> {self.topic} ({self.options.connector})"]
        for one in self.columns:
            default = "" if one.default is MISSING else f" default {one.default!r}"
            key = f" key {places[one.column.name]}" if one.column.name in places else ""
            semantic = f" {one.mapping.name}" if one.mapping.name else ""
            null = " optional" if one.optional else ""
            form = "" if one.mapping.form is Form.AS_IS else f" ({one.mapping.form.value})"
            source = one.column.type_expression or one.column.type_name
            lines.append(
                f"  {one.index:3} {one.field_name}: {source} -> {one.mapping.kind.value} "
                f"{one.mapping.avro}{form}{semantic}{null}{default}{key}"
            )
        return "\n".join(lines)

    def _named(self, full_name: str) -> str:
        return names.adjust_schema_name(full_name, self.options.schema_name_adjustment)


def schema_json(schema: dict[str, Any]) -> str:
    """Return an Avro schema as compact JSON text, properties in their given order, as Avro's Java prints it."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def build_plan(table: Table, topic: str, options: TranscodeOptions) -> TranscodePlan:
    """Return the plan of `table` for `topic`.

    Raises UnsupportedColumn for a column that no operation exists for, whose default cannot be read, or whose name
    cannot stand in an Avro schema.
    """
    columns = tuple(_column_plan(index, column, table, options) for index, column in enumerate(table.columns))
    by_field: dict[str, str] = {}
    for one in columns:
        other = by_field.setdefault(one.field_name, one.column.name)
        if other != one.column.name:
            raise UnsupportedColumn(
                f"{table.id}: columns {other!r} and {one.column.name!r} both become field {one.field_name!r}.",
                remedy="rename one of them, or exclude the table",
            )
    by_name = {one.column.name: one for one in columns}
    return TranscodePlan(table, topic, options, columns, tuple(by_name[name] for name in table.primary_key))


def _column_plan(index: int, column: Column, table: Table, options: TranscodeOptions) -> ColumnPlan:
    where = str(table.id)
    field_name = names.adjust_field_name(column.name, options.field_name_adjustment)
    if not names.is_avro_name(field_name):
        raise UnsupportedColumn(
            f"{where}, column {column.name!r}: not an Avro name (letters, digits and _, no digit first).",
            remedy="set field.name.adjustment.mode=avro, or name an Avro converter in the connector's configuration",
        )
    mapping = mapping_of(column, options, where)
    optional = column.nullable and column.name not in table.primary_key
    default = default_of(column, mapping, optional, options, where)
    return ColumnPlan(index, column, field_name, mapping, optional, default, options.compatible)
