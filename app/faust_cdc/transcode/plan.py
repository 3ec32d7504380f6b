"""The plan of a table version: the pure description of what each column becomes, made once and run many times.

A plan knows the table, the topic and the options and nothing of wire bytes; the transcoders bind it to a table map.
Every transcoder, today's readable one and a compiled one, carries out the same plan.
"""

from __future__ import annotations

import collections.abc
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.relational.model import Column, Table
from faust_cdc.transcode.custom_converters import custom_mapping, zero_date_rules
from faust_cdc.transcode.defaults import default_as_json, default_of
from faust_cdc.transcode.forms import Encode, Form, encoder, required
from faust_cdc.transcode.jackson import characters_of, document_text
from faust_cdc.transcode.mapping import Kind, Mapping, mapping_of
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.shaping import Change, change_of, comment_of, schema_parameters
from faust_cdc.transcode.text import epoch_of, select_expression
from faust_cdc_schemas import connect_avro, envelope, names, structs
from faust_cdc_schemas.connect_avro import MISSING

__all__ = ["ColumnPlan", "KeyConstant", "TranscodeOptions", "TranscodePlan", "build_plan", "schema_json"]


@dataclass(frozen=True, slots=True)
class KeyConstant:
    """A text field at the end of every key of a table: it tells apart tables that share a topic."""

    field_name: str
    value: str


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What one column becomes."""

    index: int
    """Place in the row as the transcoder holds it, from 0."""
    column: Column
    field_name: str
    mapping: Mapping
    optional: bool
    """The field may be null: the column is nullable and not in the key."""
    default: Any
    """Avro-ready schema default, or `connect_avro.MISSING`."""
    doc: str | None = None
    """The schema's documentation: the column's comment, where comments are wanted."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Schema parameters that a column rule adds to the type's own."""
    change: Change | None = None
    """What a column rule makes of the finished value."""
    null_outside: bool = False
    """A value that the mode's form cannot hold becomes null, as in Debezium, where the field may be; else an error."""

    @property
    def masked(self) -> bool:
        """Say whether a mask is set on the column: neither log nor status may tell its values."""
        return "masked" in self.parameters

    @property
    def zero(self) -> Any:
        """What a zero date becomes: null where allowed, else the default, else the epoch; or a converter's choice."""
        if self.mapping.zero is not MISSING:
            return self.mapping.zero
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
            schema = structs.with_parameters(structs.SCHEMAS[mapping.name](), self.parameters)
            return connect_avro.field(self.field_name, schema, optional=self.optional)
        avro_type = connect_avro.primitive(
            mapping.avro,
            name=mapping.name,
            version=None if mapping.name is None else 1,
            parameters=mapping.parameters | self.parameters,
            default=default,
            connect_type=mapping.connect_type,
            doc=self.doc,
        )
        return connect_avro.field(self.field_name, avro_type, optional=self.optional, default=default)


@dataclass(frozen=True)
class TranscodePlan:
    """The plan of one table version. Immutable; `describe` prints it."""

    table: Table
    topic: str
    options: TranscodeOptions
    columns: tuple[ColumnPlan, ...]
    """One per column that is read, in the order of the row image: all of them, unless column lists leave some out."""
    key_columns: tuple[ColumnPlan, ...]
    """In key order. A key column whose value is masked or truncated has a place of its own behind those of `columns`:
    there the row holds it as it is."""
    key_constant: KeyConstant | None = None
    """Of a topic naming strategy that lets tables share topics; with it every record has a key."""
    key_only: frozenset[str] = frozenset()
    """Names of columns that are read for the key and left out of the value."""
    routed: str | None = None
    """Where records go that transforms route by their topic alone; schemas are named after `topic` all the same."""
    aliases: collections.abc.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Earlier names of columns, newest first, by the present ones; their fields have them as aliases."""

    @cached_property
    def value_columns(self) -> tuple[ColumnPlan, ...]:
        """The columns of the record's value, in the order of the row image."""
        return tuple(one for one in self.columns if one.column.name not in self.key_only)

    @cached_property
    def left_out(self) -> frozenset[str]:
        """Names of the table's columns that are not read."""
        return frozenset(column.name for column in self.table.columns) - {one.column.name for one in self.columns}

    @property
    def target(self) -> str:
        """The topic that records go to."""
        return self.routed or self.topic

    @property
    def has_key(self) -> bool:
        """Say whether records have a key."""
        return bool(self.key_columns) or self.key_constant is not None

    # Schemas are made when they are asked for, once or twice a table version: kept, they would be most of what a table
    # costs in memory, and there may be 10,000.
    @property
    def key_schema(self) -> dict[str, Any] | None:
        """The Avro schema of record keys, None when records have no key."""
        fields = [self._field(one) for one in self.key_columns]
        if self.key_constant is not None:
            fields.append(connect_avro.field(self.key_constant.field_name, "string"))
        if not fields:
            return None
        return envelope.key_schema(self._named(names.key_name(self.topic)), structs.defined_once(fields))

    @property
    def value_schema(self) -> dict[str, Any]:
        """The Avro schema of record values: the envelope."""
        return envelope.envelope_schema(
            self._named(names.envelope_name(self.topic)),
            self._named(names.value_name(self.topic)),
            structs.defined_once([self._field(one) for one in self.value_columns]),
            self.options.connector,
        )

    @property
    def key_schema_json(self) -> str:
        """The key schema as registered. Raises ValueError when the table has no key."""
        schema = self.key_schema
        if schema is None:
            raise ValueError(f"{self.table.id} has no key")
        return schema_json(schema)

    @property
    def value_schema_json(self) -> str:
        """The envelope schema as registered."""
        return schema_json(self.value_schema)

    def defaults_of_nullable(self) -> dict[int, Any]:
        """Return the Avro-ready defaults of columns that may be null, by place in the row."""
        return {one.index: one.default for one in self.columns if one.optional and one.default is not MISSING}

    def select_list(self, *, as_text: bool = True) -> list[str]:
        """Return one SQL expression per column that is read, for `ReferenceTranscoder.read_text_row`; never none.

        With `as_text` False the answer is asked for in the binary protocol.
        """
        return [select_expression(one.column, one.mapping.kind, as_text=as_text) for one in self.columns] or ["NULL"]

    def describe(self) -> str:
        """Return the plan as text: one line per column, key columns numbered."""
        places = {one.column.name: place for place, one in enumerate(self.key_columns, 1)}
        lines = [f"{self.table.id} -> {self.target} ({self.options.connector})"]
        for one in self.columns:
            default = "" if one.default is MISSING else f" default {one.default!r}"
            key = f" key {places[one.column.name]}" if one.column.name in places else ""
            semantic = f" {one.mapping.name}" if one.mapping.name else ""
            null = " optional" if one.optional else ""
            form = "" if one.mapping.form is Form.AS_IS else f" ({one.mapping.form.value})"
            source = one.column.type_expression or one.column.type_name
            key += " not in the value" if one.column.name in self.key_only else ""
            key += f" {one.parameters}" if one.parameters else ""
            key += f" once {', '.join(self.aliases[one.column.name])}" if one.column.name in self.aliases else ""
            lines.append(
                f"  {one.index:3} {one.field_name}: {source} -> {one.mapping.kind.value} "
                f"{one.mapping.avro}{form}{semantic}{null}{default}{key}"
            )
        if self.left_out:
            names_left_out = (column.name for column in self.table.columns if column.name in self.left_out)
            lines.append(f"  left out: {', '.join(names_left_out)}")
        return "\n".join(lines)

    def _field(self, one: ColumnPlan) -> dict[str, Any]:
        former = self.aliases.get(one.column.name, ())
        adjusted = (names.adjust_field_name(name, self.options.field_name_adjustment) for name in former)
        aliases = [name for name in adjusted if names.is_avro_name(name)]
        return one.avro_field | ({"aliases": aliases} if aliases else {})

    def _named(self, full_name: str) -> str:
        return names.adjust_schema_name(full_name, self.options.schema_name_adjustment)


def schema_json(schema: connect_avro.AvroType) -> str:
    """Return an Avro schema as compact JSON text, properties in their given order, as Avro's Java prints it.

    Registries compare texts: a default of 1e20 must stand as Java's `1.0E20`, or the schema gets another id.
    """
    return document_text(schema, characters_of)


def build_plan(
    table: Table, topic: str, options: TranscodeOptions, key_constant: KeyConstant | None = None
) -> TranscodePlan:
    """Return the plan of `table` for `topic`; column lists, keys and rules are spent here.

    Raises UnsupportedColumn for a mask that would leave a column in clear, for a column that no operation exists for,
    whose default cannot be read, or whose name cannot stand in an Avro schema.
    """
    selection = options.columns
    if not options.compatible:
        selection.ensure_masked(table)
    key = selection.key_of(table)
    included = {column.name for column in table.columns if selection.includes(table.id, column)}
    read = [column for column in table.columns if column.name in included or column.name in key]
    plain = tuple(_column_plan(index, column, table, options) for index, column in enumerate(read))
    by_field: dict[str, str] = {}
    for one in plain:
        other = by_field.setdefault(one.field_name, one.column.name)
        if other != one.column.name:
            raise UnsupportedColumn(
                f"{table.id}: columns {other!r} and {one.column.name!r} both become field {one.field_name!r}.",
                remedy="rename one of them, or exclude the table",
            )
    columns = tuple(_shaped(one, table, options) for one in plain)
    key_columns = _key_columns(key, plain, columns)
    if key_constant is not None and key_constant.field_name in {one.field_name for one in key_columns}:
        raise UnsupportedColumn(
            f"{table.id}: key column {key_constant.field_name!r} has the name of topic.key.field.name.",
            remedy="set topic.key.field.name to a name that no key column has",
        )
    return TranscodePlan(table, topic, options, columns, key_columns, key_constant, frozenset(key) - included)


def _key_columns(
    key: tuple[str, ...], plain: tuple[ColumnPlan, ...], columns: tuple[ColumnPlan, ...]
) -> tuple[ColumnPlan, ...]:
    """Rules are for values: the key has each column as it is, at a second place where the first holds a change."""
    by_name = {one.column.name: one for one in plain}
    changed = [name for name in key if columns[by_name[name].index].change is not None]
    return tuple(
        replace(by_name[name], index=len(columns) + changed.index(name)) if name in changed else by_name[name]
        for name in key
    )


def _shaped(one: ColumnPlan, table: Table, options: TranscodeOptions) -> ColumnPlan:
    """The column as a record's value has it."""
    shaping = options.columns.shaping_of(table.id, one.column, options.compatible)
    if shaping is None:
        return one
    parameters = schema_parameters(shaping, one.column, one.doc)
    return replace(one, parameters=parameters, change=change_of(shaping, one.column, one.mapping))


def _column_plan(index: int, column: Column, table: Table, options: TranscodeOptions) -> ColumnPlan:
    where = str(table.id)
    field_name = names.adjust_field_name(column.name, options.field_name_adjustment)
    if options.avro_names and not names.is_avro_name(field_name):
        raise UnsupportedColumn(
            f"{where}, column {column.name!r}: not an Avro name (letters, digits and _, no digit first).",
            remedy="set field.name.adjustment.mode=avro, or name an Avro converter in the connector's configuration",
        )
    mapping = custom_mapping(column, table.id, options) or mapping_of(column, options, where)
    # Debezium's fields of geometries are optional, NOT NULL or not (seen live; a POINT's are not).
    optional = (column.nullable or mapping.kind is Kind.GEOMETRY) and column.name not in table.primary_key
    default = default_of(column, mapping, optional, options, where)
    if mapping.zero is not MISSING:
        optional, default = zero_date_rules(mapping, optional, default)
    doc = comment_of(column, options.compatible) if options.columns.comments else None
    return ColumnPlan(index, column, field_name, mapping, optional, default, doc, null_outside=options.compatible)
