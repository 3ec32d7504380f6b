"""Converters at work: from a connector's converter settings to the encodings that are bound to plans.

One converter per side. Avro converters ask their registry for the ids of the schemas; the others ask nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from faust_cdc.config.converter_settings import AvroOptions, ConverterSettings, Format, JsonOptions
from faust_cdc.errors import InternalError
from faust_cdc.registry.schema_ids import Foreseen, SchemaIds
from faust_cdc.routing.subjects import STRATEGIES
from faust_cdc.transcode.avro_encoding import AvroKey, AvroStruct, AvroValue
from faust_cdc.transcode.encoding import EncodeKey, EncodeStruct, EncodeValue, Encoding
from faust_cdc.transcode.json_encoding import json_any, json_key, json_struct, json_value
from faust_cdc.transcode.plan import TranscodePlan, schema_json
from faust_cdc.transcode.string_encoding import string_any, string_key, string_struct
from faust_cdc_schemas.avro_variants import full_name, scrubbed, without_connect_metadata
from faust_cdc_schemas.connect_avro import MISSING, AvroType
from faust_cdc_schemas.connect_schema import ConnectSchema, connect_schema

RegisterSchema: TypeAlias = Callable[[str, str], int]
"""(subject, Avro schema as JSON text) → schema id. Raises RegistryUnavailable, IncompatibleSchemaChange."""


class Converter(Protocol):
    """Makes encoders of one side. All methods may raise what asking a registry raises."""

    def key(self, plan: TranscodePlan) -> EncodeKey:
        """Return the encoder of a plan's keys."""

    def value(self, plan: TranscodePlan) -> EncodeValue:
        """Return the encoder of a plan's change events."""

    def struct(self, topic: str, schema: dict[str, Any]) -> EncodeStruct:
        """Return the encoder of records about the stream on `topic`, of the Avro document `schema`."""

    def any(self, topic: str, schema: AvroType) -> Callable[[Any], bytes | None]:
        """Return the encoder of what transforms make, of the Avro document `schema`, which may be of any type."""

    def subject(self, topic: str, schema: dict[str, Any]) -> tuple[str, str] | None:
        """Return the subject of a schema on `topic`, and the schema as it is registered; None without a registry."""

    def foresee(self, topic: str, schema: dict[str, Any]) -> Foreseen | None:
        """Ask whether its subject would take a schema; None where schemas are not registered by us."""

    def field_names(self, subject: str) -> list[frozenset[str]]:
        """Return the names of a row's fields in each version of a subject; none without a registry."""

    @property
    def forced_count(self) -> int:
        """How many schemas were registered against the level of their subject."""


class AvroAny(AvroStruct):
    """The encoder of what transforms make."""

    def __init__(self, schema: AvroType, schema_id: int, described: ConnectSchema | None) -> None:
        """With `described`, the schema as Connect has it, nulls give way to defaults."""
        super().__init__(schema, schema_id)
        self._described = described

    def __call__(self, value: Any) -> bytes | None:  # type: ignore[override]
        """Return the bytes of a key or value, None for null."""
        if value is None:
            return None
        return super().__call__(value if self._described is None else _with_defaults(self._described, value))

    def again(self, written: bytes) -> bytes | None:
        """Return the bytes of what was written under another id with this schema, None where it has to be written."""
        return self.prefix + written[len(self.prefix) :] if self._described is None else None


def _with_defaults(schema: ConnectSchema, value: Any) -> Any:
    if value is None:
        return None if schema.default is MISSING else schema.default
    if schema.type == "struct":
        return {one.name: _with_defaults(one.schema, value[one.name]) for one in schema.fields}
    if schema.type == "array" and schema.items is not None:
        return [_with_defaults(schema.items, one) for one in value]
    return value


class AvroConverter:
    """Avro with schema ids, of keys or of values."""

    def __init__(self, ids: RegisterSchema, options: AvroOptions, *, is_key: bool) -> None:
        self._ids = ids
        self._options = options
        self._is_key = is_key
        self._subject = STRATEGIES[options.subject_strategy]
        self._held = ids if isinstance(ids, SchemaIds) else None
        self._registry = self._held if self._held is not None and self._held.registers else None

    def key(self, plan: TranscodePlan) -> EncodeKey:
        """Return the encoder of a plan's keys."""
        schema = plan.key_schema
        if schema is None:
            raise InternalError(f"{plan.table.id} has no key, and its keys were to be encoded")
        return AvroKey(plan, self._id(plan.target, schema))

    def value(self, plan: TranscodePlan) -> EncodeValue:
        """Return the encoder of a plan's change events."""
        schema_id = self._id(plan.target, plan.value_schema)
        return AvroValue(plan, schema_id, null_is_default=self._options.null_is_default)

    def struct(self, topic: str, schema: dict[str, Any]) -> EncodeStruct:
        """Return the encoder of records about the stream."""
        return AvroStruct(schema, self._id(topic, schema))

    def any(self, topic: str, schema: AvroType) -> Callable[[Any], bytes | None]:
        """Return the encoder of what transforms make; null is no bytes, as with AvroConverter."""
        described = connect_schema(schema) if self._options.null_is_default else None
        return AvroAny(schema, self._id(topic, schema), described)

    def foresee(self, topic: str, schema: dict[str, Any]) -> Foreseen | None:
        """Ask whether its subject would take a schema; None where others register."""
        return None if self._registry is None else self._registry.foresee(*self.subject(topic, schema))

    def field_names(self, subject: str) -> list[frozenset[str]]:
        """Return the names of a row's fields in each version of a subject."""
        return [] if self._held is None else self._held.field_names(subject)

    @property
    def forced_count(self) -> int:
        """How many schemas were registered against the level of their subject."""
        return 0 if self._registry is None else self._registry.forced_count

    def _id(self, topic: str, schema: AvroType) -> int:
        return self._ids(*self.subject(topic, schema))

    def subject(self, topic: str, schema: AvroType) -> tuple[str, str]:
        """Return the subject and the schema as it is registered."""
        document = schema
        if self._options.scrub_invalid_names:
            document = scrubbed(document)
        if not self._options.connect_meta_data:
            document = without_connect_metadata(document)
        return self._subject(topic, self._is_key, _name_of(document)), schema_json(document)


def _name_of(document: AvroType) -> str:
    """Return the full name of a document, that of its record where it is optional, Avro's word for another type."""
    if isinstance(document, list):
        return _name_of(next(one for one in document if one != "null"))
    if isinstance(document, str):
        return document
    return full_name(document) if "name" in document else str(document["type"])


class _WithoutRegistry:
    """What a converter that asks nobody says."""

    forced_count = 0

    def subject(self, _topic: str, _schema: dict[str, Any]) -> None:
        """None."""
        return

    def foresee(self, _topic: str, _schema: dict[str, Any]) -> None:
        """None."""
        return

    def field_names(self, _subject: str) -> list[frozenset[str]]:
        """None."""
        return []


class JsonConverter(_WithoutRegistry):
    """JSON, with or without schemas."""

    def __init__(self, options: JsonOptions) -> None:
        self._options = options

    def key(self, plan: TranscodePlan) -> EncodeKey:
        """Return the encoder of a plan's keys."""
        return json_key(plan, self._options)

    def value(self, plan: TranscodePlan) -> EncodeValue:
        """Return the encoder of a plan's change events."""
        return json_value(plan, self._options)

    def struct(self, topic: str, schema: dict[str, Any]) -> EncodeStruct:
        """Return the encoder of records about the stream."""
        return json_struct(schema, self._options)

    def any(self, topic: str, schema: AvroType) -> Callable[[Any], bytes | None]:
        """Return the encoder of what transforms make."""
        return json_any(schema, self._options)


class StringConverter(_WithoutRegistry):
    """Java's text of a key."""

    def key(self, plan: TranscodePlan) -> EncodeKey:
        """Return the encoder of a plan's keys. Raises UnsupportedColumn for a key that has no text."""
        return string_key(plan)

    def value(self, plan: TranscodePlan) -> EncodeValue:
        """Never: the configuration refuses it."""
        raise InternalError(f"{plan.table.id}: values were to be encoded as text, which the configuration refuses")

    def struct(self, topic: str, schema: dict[str, Any]) -> EncodeStruct:
        """Return the encoder of keys about the stream."""
        return string_struct(schema)

    def any(self, topic: str, schema: AvroType) -> Callable[[Any], bytes | None]:
        """Return the encoder of keys that transforms make. Raises UnsupportedColumn for bytes."""
        return string_any(topic, schema)


@dataclass(frozen=True, slots=True)
class Registered:
    """Subjects and schema ids of a plan's records, None where there are none (yet)."""

    key_subject: str | None
    key_id: int | None
    value_subject: str | None
    value_id: int | None


@dataclass(frozen=True, slots=True)
class Converters:
    """A task's converters."""

    of_keys: Converter
    of_values: Converter

    def encoding(self, plan: TranscodePlan) -> Encoding:
        """Return how the records of a plan become bytes; keys first, so that their schema is registered first."""
        key = self.of_keys.key(plan) if plan.has_key else None
        return Encoding(key, self.of_values.value(plan))

    @property
    def forced_count(self) -> int:
        """How many schemas were registered against the level of their subject."""
        return self.of_keys.forced_count + self.of_values.forced_count

    def foresee(self, plan: TranscodePlan) -> list[Foreseen]:
        """Ask whether the subjects of a plan's records would take their schemas, where we are to register them."""
        key = plan.key_schema
        found = [
            None if key is None else self.of_keys.foresee(plan.target, key),
            self.of_values.foresee(plan.target, plan.value_schema),
        ]
        return [one for one in found if one is not None]

    def field_names(self, key_subject: str | None, value_subject: str | None) -> list[frozenset[str]]:
        """Return the names of the fields that records' keys and rows have, one set for each schema held."""
        of_keys = [] if key_subject is None else self.of_keys.field_names(key_subject)
        return of_keys + ([] if value_subject is None else self.of_values.field_names(value_subject))

    def registered(self, plan: TranscodePlan, encoding: Encoding | None) -> Registered:
        """Return where a plan's schemas are; without an encoding they have no ids yet."""
        key_schema = plan.key_schema
        key = None if key_schema is None else self.of_keys.subject(plan.target, key_schema)
        value = self.of_values.subject(plan.target, plan.value_schema)
        return Registered(
            None if key is None else key[0],
            None if encoding is None else _id_of(encoding.key),
            None if value is None else value[0],
            None if encoding is None else _id_of(encoding.value),
        )


def _id_of(encoder: object) -> int | None:
    return encoder.schema_id if isinstance(encoder, AvroKey | AvroValue) else None


def converter_of(settings: ConverterSettings, ids: Callable[[], RegisterSchema], *, is_key: bool) -> Converter:
    """Return a side's converter; `ids` gives the way to its registry and is called for Avro alone."""
    if settings.format is Format.JSON:
        return JsonConverter(settings.json)
    if settings.format is Format.STRING:
        return StringConverter()
    return AvroConverter(ids(), settings.avro, is_key=is_key)


def avro_converters(register: RegisterSchema, options: AvroOptions | None = None) -> Converters:
    """Return Avro on both sides over one way to ids."""
    chosen = options or AvroOptions()
    return Converters(AvroConverter(register, chosen, is_key=True), AvroConverter(register, chosen, is_key=False))
