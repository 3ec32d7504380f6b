"""Avro bytes back into values: what was written a moment ago, for transforms to look at."""

from __future__ import annotations

import io
from typing import Any, Final

import fastavro

from faust_cdc_schemas.connect_schema import ConnectSchema, connect_schema

_PREFIX_BYTES: Final = 5
"""The zero and the schema's number before the Avro bytes."""


class Reader:
    """Reads keys or values of one schema."""

    def __init__(self, schema: ConnectSchema, parsed: Any) -> None:
        self.schema = schema
        self._parsed = parsed

    def read(self, data: bytes) -> Any:
        """Return the value of a key or value with its prefix."""
        stream = io.BytesIO(data)
        stream.seek(_PREFIX_BYTES)
        return fastavro.schemaless_reader(stream, self._parsed, None)


def reader_of(document: Any) -> Reader:
    """Return the reader for an Avro document. Values are Avro's own: logical types are left as they are written."""
    return Reader(connect_schema(document), fastavro.parse_schema(_bare(document)))


def _bare(avro: Any) -> Any:
    if isinstance(avro, list):
        return [_bare(one) for one in avro]
    if not isinstance(avro, dict):
        return avro
    kept = {name: value for name, value in avro.items() if name in ("type", "name", "namespace")}
    if avro["type"] == "record":
        kept["fields"] = [{"name": one["name"], "type": _bare(one["type"])} for one in avro["fields"]]
    elif avro["type"] == "array":
        kept["items"] = _bare(avro["items"])
    elif avro["type"] == "map":
        kept["values"] = _bare(avro["values"])
    else:
        return avro["type"]
    return kept
