"""Chains of transforms that are run once for each form of record: their rows cost no more than two prefixes each.

`transforms.blind` says of which chains that is right: they change no value, and look at none. What is known of the form
then are topic, what is done to headers, and the bytes around the values: the prefix with the schema's number in front,
and behind it those of the fields that the chain adds, which stand last and are the same in every record of the form.
That the values' own bytes stay what they are is seen by the schemas, not by the record that happened to come first:
field by field they have the same types.

Of headers the names alone belong to the form, for the chain goes by these and puts fixed ones behind: what they say is
each row's own where its key changes.

With values that give way to defaults (`replace.null.with.default`, `compatibility.mode=debezium`), or converters other
than Avro, each record goes through the chain.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from faust_cdc.kafka.task_producer import Headers
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.registry.layout import layout
from faust_cdc_schemas.connect_document import avro_document
from faust_cdc_schemas.connect_schema import ConnectSchema

PREFIX_BYTES: Final = 5
"""The zero and the schema's number, as rows are written on their way to transforms."""
FORMS_MAX: Final = 10_000
"""Forms that are remembered: some for each table version."""


class Around(NamedTuple):
    """What is put around the values of a key or value."""

    prefix: bytes
    suffix: bytes

    def of(self, written: bytes | None) -> bytes | None:
        """Return the bytes for Kafka of what was written on its way here."""
        return None if written is None else b"".join((self.prefix, written[PREFIX_BYTES:], self.suffix))


class Shown:
    """What becomes of the headers of a form's records."""

    def __init__(self, parts: tuple[int | tuple[str, bytes | None], ...]) -> None:
        """`parts` are the places of those that a record keeps of its own, and those that it is given."""
        self._parts = parts
        self._last: tuple[Headers | None, Headers] = (None, [])

    def of(self, headers: Headers) -> Headers:
        """Return the headers for those of a record; nearly all records have the very same ones."""
        if headers is not self._last[0]:
            self._last = headers, [headers[one] if isinstance(one, int) else one for one in self._parts]
        return self._last[1]


class Form(NamedTuple):
    """What becomes of the records of a form."""

    is_dropped: bool
    topic: str = ""
    key: Around = Around(b"", b"")
    value: Around = Around(b"", b"")
    headers: Shown | None = None
    """None: those that a record has."""

    def of(self, record: ChangeRecord) -> ChangeRecord | None:
        """Return what becomes of a record, None when it is dropped."""
        if self.is_dropped:
            return None
        headers = record.headers if self.headers is None else self.headers.of(record.headers)
        key, value = self.key.of(record.key), self.value.of(record.value)
        return ChangeRecord(self.topic, key, value, headers, record.partition, record.table)


DROPPED: Final = Form(is_dropped=True)


class Forms:
    """What is known of a chain's records by their form."""

    def __init__(self, *, by_headers: bool) -> None:
        """`by_headers` says that the names of headers belong to a record's form."""
        self._by_headers = by_headers
        self._found: dict[Hashable, Form | None] = {}

    def key_of(self, record: ChangeRecord) -> Hashable:
        """Return a record's form."""
        key, value = record.key, record.value
        return (
            record.topic,
            None if key is None else key[:PREFIX_BYTES],
            None if value is None else value[:PREFIX_BYTES],
            tuple([name for name, _ in record.headers]) if self._by_headers else None,
        )

    def get(self, form: Hashable) -> Form | None:
        """Return what becomes of records of a form, None where each is to go through the chain."""
        return self._found.get(form)

    def __contains__(self, form: Hashable) -> bool:
        return form in self._found

    def note(self, form: Hashable, found: Form | None) -> None:
        """Keep what was found of a form."""
        if len(self._found) >= FORMS_MAX:
            self._found.clear()
        self._found[form] = found


def around(
    came: ConnectSchema | None, made: ConnectSchema | None, before: bytes | None, behind: bytes | None
) -> Around | None:
    """Return what a chain put around the values of a key or value that was `before` and is `behind`.

    None where it does not leave them as they are. `came` and `made` are the schemas of the two.
    """
    if before is None or behind is None or came is None or made is None:
        return Around(b"", b"") if before is behind else None
    types, others = _types(came), _types(made)
    if types is None or others is None or others[: len(types)] != types:
        return None
    values = before[PREFIX_BYTES:]
    prefix, rest = behind[:PREFIX_BYTES], behind[PREFIX_BYTES:]
    if not rest.startswith(values) or (len(others) == len(types)) != (len(rest) == len(values)):
        return None
    return Around(prefix, rest[len(values) :])


def _types(schema: ConnectSchema) -> list[Any] | None:
    """Return the types of a struct's fields, None for what is no struct or may be null as a whole."""
    document = avro_document(schema)
    if not isinstance(document, dict) or document.get("type") != "record":
        return None
    return [one for _, one in layout(document)]
