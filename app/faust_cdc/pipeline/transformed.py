"""Records on their way through a connector's transforms, between the writing of rows and the producer.

With transforms the rows are written as without them, but as Avro under numbers of our own, which no registry knows:
so the compiled path, the windows of snapshots and rows that wait for a decision stay as they are, and see each row's
own key. Here each record is read back by its number, goes through the chain, and is written by the connector's
converters under the topic that it ends in. That topic is made then, and its schemas are registered then.

A chain that looks at no value and changes none is run once for each form of record (`spent_chain`).

A record that the chain drops is not produced; the offset behind it advances all the same. The order of records stays
that of the source. Records of our own (the quarantine) do not go through the chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from faust_cdc.errors import FatalError, InternalError
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.pipeline.captured import EnsureTopic
from faust_cdc.pipeline.converters import AvroAny, AvroConverter, Converter, Converters, avro_converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.spent_chain import DROPPED, PREFIX_BYTES, Form, Forms, Shown, around
from faust_cdc.registry.layout import layout
from faust_cdc.transforms.blind import is_blind, is_blind_to, looks_at_headers
from faust_cdc.transforms.chain import Chain, TransformFailed
from faust_cdc.transforms.record import Header, Record
from faust_cdc.transforms.schemas import STRING
from faust_cdc.transforms.values import header_text
from faust_cdc.transforms.wire import Reader, reader_of
from faust_cdc_schemas.connect_document import avro_document
from faust_cdc_schemas.connect_schema import ConnectSchema

NOTHING = bytes(PREFIX_BYTES)
"""A prefix with no values behind it."""
WRITERS_MAX = 10_000
"""Topics with a schema that are written to; one per table version, more only where transforms make schemas of rows."""
Write = Callable[[Any], bytes | None]


class Numbers:
    """Schemas by numbers of our own, and readers of what was written under them."""

    def __init__(self) -> None:
        self._by_digest: dict[bytes, int] = {}
        self._readers: list[Reader] = []

    def __call__(self, _subject: str, schema: str) -> int:
        """Return a schema's number, as `RegisterSchema`."""
        # The texts themselves would be the larger part of what a table costs in memory.
        number = self._by_digest.setdefault(hashlib.sha256(schema.encode()).digest(), len(self._readers))
        if number == len(self._readers):
            self._readers.append(reader_of(json.loads(schema)))
        return number

    def read(self, data: bytes) -> tuple[ConnectSchema, Any]:
        """Return the schema and the value of a record's key or value."""
        number = int.from_bytes(data[1:5], "big")
        if data[0] != 0 or number >= len(self._readers):
            raise InternalError(f"a record came to transforms that is not of our own writing: {data[:5].hex()}")
        reader = self._readers[number]
        return reader.schema, reader.read(data)


class _Came(NamedTuple):
    """A key or value as it came."""

    schema: ConnectSchema | None
    value: Any
    written: bytes | None


class TransformedRecords:
    """Runs a chain on what a task writes."""

    def __init__(self, chain: Chain, converters: Converters, ensure_topic: EnsureTopic, aside: frozenset[str]) -> None:
        """Records go to topics of `aside` as they are, which are written by the connector's converters already."""
        self._chain = chain
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._aside = aside
        self._numbers = Numbers()
        self._writers: dict[tuple[str, bool, int], tuple[ConnectSchema, Write]] = {}
        self._layouts: dict[tuple[int, int], tuple[ConnectSchema, ConnectSchema, bool]] = {}
        self._known: set[str] = set()
        self._forms = Forms(by_headers=looks_at_headers(chain)) if is_blind(chain) else None
        self._last_headers: tuple[Headers, tuple[Header, ...]] = ([], ())

    @cached_property
    def converters(self) -> Converters:
        """What rows are written with on their way here."""
        return avro_converters(self._numbers)

    def outgoing(self, record: ChangeRecord) -> ChangeRecord | None:
        """Return the record to produce for one that was written with `converters`; None when the chain drops it.

        Raises FatalError naming the transform that cannot take it, and what the converters raise.
        """
        if record.topic in self._aside:
            return record
        forms = self._forms
        if forms is None:
            return self._through(record)[0]
        form = forms.key_of(record)
        found = forms.get(form)
        if found is not None:
            return found.of(record)
        out, came, made = self._through(record)
        if form not in forms:
            forms.note(form, self._form(record, out, came, made))
        return out

    def _through(self, record: ChangeRecord) -> tuple[ChangeRecord | None, Record, Record | None]:
        """Return what becomes of a record, and the record as it came to the chain and as it left it."""
        key_schema, key = (None, None) if record.key is None else self._numbers.read(record.key)
        value_schema, value = (None, None) if record.value is None else self._numbers.read(record.value)
        headers = self._headers(record.headers)
        came = Record(record.topic, key_schema, key, value_schema, value, headers, record.partition)
        try:
            made = self._chain.apply(came)
        except TransformFailed as failed:
            what = f"A row of {record.table}" if record.table is not None else "A record"
            raise FatalError(
                f"{what} for topic {record.topic} cannot be transformed: {failed}",
                remedy="correct the transform's options, or keep it from such records with a predicate",
            ) from failed
        if made is None:
            return None, came, None
        if made.topic not in self._known:
            self._ensure_topic(made.topic)
            self._known.add(made.topic)
        shown = record.headers if made.headers is headers else [_written(one) for one in made.headers]
        out = ChangeRecord(
            made.topic,
            self._bytes(made.topic, made.key_schema, made.key, _Came(key_schema, key, record.key), is_key=True),
            self._bytes(
                made.topic, made.value_schema, made.value, _Came(value_schema, value, record.value), is_key=False
            ),
            shown,
            made.partition,
            record.table,
            made.timestamp_ms,
        )
        return out, came, made

    def _form(self, record: ChangeRecord, out: ChangeRecord | None, came: Record, made: Record | None) -> Form | None:
        """Return what becomes of all records of this one's form, None where that is not known."""
        if not is_blind_to(self._chain, came.value_schema):
            return None
        if out is None or made is None:
            return DROPPED
        if not self._keeps_bytes(made):
            return None
        key = around(came.key_schema, made.key_schema, record.key, out.key)
        value = around(came.value_schema, made.value_schema, record.value, out.value)
        if key is None or value is None:
            return None
        return Form(
            is_dropped=False,
            topic=out.topic,
            key=key,
            value=value,
            headers=None if out.headers is record.headers else _shown(came.headers, made.headers),
        )

    def _keeps_bytes(self, made: Record) -> bool:
        """Return whether key and value are written as Avro, with nulls as they are."""
        for is_key, schema, value in ((True, made.key_schema, made.key), (False, made.value_schema, made.value)):
            if value is None:
                continue
            found = self._writers.get((made.topic, is_key, id(schema)))
            if found is None or not isinstance(found[1], AvroAny) or found[1].again(NOTHING) is None:
                return False
        return True

    def _headers(self, headers: Headers) -> tuple[Header, ...]:
        """Return headers as transforms see them; nearly all records have the very same ones."""
        if headers is not self._last_headers[0]:
            self._last_headers = (headers, tuple(_read(name, raw) for name, raw in headers))
        return self._last_headers[1]

    def _bytes(
        self, topic: str, schema: ConnectSchema | None, value: Any, came: _Came, *, is_key: bool
    ) -> bytes | None:
        """Return what a key or value is to Kafka."""
        if schema is None:
            if value is None:
                return None
            raise FatalError(
                f"A record for topic {topic} has a {'key' if is_key else 'value'} without a schema after its "
                "transforms, expected one with a schema: a transform was applied to a record without key or value.",
                remedy="keep the transform from tombstones with the predicate RecordIsTombstone and negate=true",
            )
        side: Converter = self._converters.of_keys if is_key else self._converters.of_values
        if value is None and isinstance(side, AvroConverter):
            return None  # whatever its schema: as Connect's converters we register none for a null
        found = self._writers.get((topic, is_key, id(schema)))
        if found is None:
            if len(self._writers) >= WRITERS_MAX:
                self._writers.clear()
            found = self._writers[topic, is_key, id(schema)] = (schema, side.any(topic, avro_document(schema)))
        write = found[1]
        if (
            value is came.value
            and came.written is not None
            and isinstance(write, AvroAny)
            and self._alike(came, schema)
        ):
            again = write.again(came.written)
            if again is not None:
                return again
        try:
            return write(value)
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
            raise FatalError(
                f"A record for topic {topic} has a {'key' if is_key else 'value'} after its transforms that does not "
                f"fit its schema{'' if schema.name is None else f' {schema.name}'}: {type(error).__name__}.",
                remedy="look for a transform that leaves a required field (one with !, or a key's) without a value",
            ) from error

    def _alike(self, came: _Came, schema: ConnectSchema) -> bool:
        """Whether what was written with one schema reads the same with another, which has other names at most."""
        if came.schema is schema or came.schema is None:
            return came.schema is schema
        key = (id(came.schema), id(schema))
        found = self._layouts.get(key)
        if found is None:
            if len(self._layouts) >= WRITERS_MAX:
                self._layouts.clear()
            alike = layout(avro_document(came.schema)) == layout(avro_document(schema))
            found = self._layouts[key] = (came.schema, schema, alike)
        return found[2]


def _read(name: str, raw: bytes | None) -> Header:
    return Header(name, STRING, None if raw is None else raw.decode(), raw)


def _shown(came: tuple[Header, ...], made: tuple[Header, ...]) -> Shown:
    """Return what a chain did to headers, which looked at their names alone."""
    places = {id(header): place for place, header in enumerate(came)}
    return Shown(tuple(places[id(one)] if id(one) in places else _written(one) for one in made))


def _written(header: Header) -> tuple[str, bytes | None]:
    return header.name, header.raw if header.raw is not None else header_text(header.schema, header.value)
