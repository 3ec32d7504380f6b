"""Masked, hashed and truncated values, byte for byte as Debezium 3.6.1 makes them, and what their schemas say.

The rule of a column works on its finished value, after the handling modes, in records' values only; keys are never
shaped. Source: Debezium 3.6.1 `MaskStrings`, `TruncateColumn`, `PropagateSourceMetadataToSchemaParameter`; values of
the recorded run `r4`.

- A mask of asterisks replaces every value, NULL too.
- A hash is of salt and value, in hexadecimal, cut to the column's length where it has one: 1 for ENUM. NULL stays NULL.
  v1 hashes what Java's object serialization makes of the string, v2 its UTF-8 bytes.
- Lengths count Java's characters, which are UTF-16 units. A pair cut in the middle ends in `?`, which is what Java
  writes for half a pair.
- Truncating shortens strings and plain bytes; numbers pass unchanged, as in Debezium. A column whose length is within
  the limit is not touched at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from faust_cdc.relational.columns import MASKABLE, Action, Shaping
from faust_cdc.relational.create_table_text import shown_text
from faust_cdc.relational.model import Column
from faust_cdc.relational.source_type import source_type_of
from faust_cdc.transcode.mapping import Kind, Mapping

Change = Callable[[Any], Any]
"""A finished value, null included, into the one that is shown."""

_STREAM_HEADER = b"\xac\xed\x00\x05"
_STRING, _LONG_STRING = b"\x74", b"\x7c"
_SHORT_MAX = 0xFFFF


def java_serialized(text: str) -> bytes:
    """Return what `ObjectOutputStream.writeObject` writes for a string.

    Modified UTF-8: U+0000 takes two bytes, and a character outside the BMP is two units of three bytes each.
    """
    units = text.encode("utf-16-be", "surrogatepass")
    encoded = b"".join(
        _modified_utf8(int.from_bytes(units[place : place + 2], "big")) for place in range(0, len(units), 2)
    )
    if len(encoded) <= _SHORT_MAX:
        return _STREAM_HEADER + _STRING + len(encoded).to_bytes(2, "big") + encoded
    return _STREAM_HEADER + _LONG_STRING + len(encoded).to_bytes(8, "big") + encoded


def _modified_utf8(unit: int) -> bytes:
    if 0 < unit < 0x80:
        return bytes((unit,))
    if unit < 0x800:
        return bytes((0xC0 | unit >> 6, 0x80 | unit & 0x3F))
    return bytes((0xE0 | unit >> 12, 0x80 | unit >> 6 & 0x3F, 0x80 | unit & 0x3F))


def truncated(text: str, length: int) -> str:
    """Return the first `length` UTF-16 units of `text`."""
    if len(text) <= length and text.isascii():
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * length:
        return text
    return units[: 2 * length].decode("utf-16-le", "surrogatepass").encode("utf-8", "replace").decode("utf-8")


class TextTruncation:
    """The change that leaves of texts their first `length` UTF-16 units."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __call__(self, value: str | None) -> str | None:
        """Return the text that is left."""
        return None if value is None else truncated(value, self.length)


def change_of(shaping: Shaping, column: Column, mapping: Mapping) -> Change | None:
    """Return what happens to the column's values, None when they pass as they are."""
    if shaping.action is Action.PROPAGATE:
        return None
    if shaping.action is Action.TRUNCATE:
        return _truncation(shaping.length, mapping) if _is_truncated(shaping, column) else None
    if column.type_name not in MASKABLE:
        return None  # by default such a table was refused before; see ColumnSelection.ensure_masked
    if shaping.action is Action.MASK:
        mask = "*" * shaping.length
        return lambda _value: mask
    return _hash(shaping, source_type_of(column).length)


def comment_of(column: Column, compatible: bool) -> str | None:
    """Return the column's comment for its schema, None when it has none.

    Debezium leaves a comment as `SHOW CREATE TABLE` quotes it, `it''s` for `it's`; so do we only when `compatible`.
    """
    return (shown_text(column.comment) if compatible else column.comment) or None


def schema_parameters(shaping: Shaping, column: Column, comment: str | None) -> dict[str, str]:
    """Return the schema parameters that the rule adds to the column's field, in Debezium's order."""
    if shaping.action is Action.TRUNCATE:
        return {"truncateLength": str(shaping.length)} if _is_truncated(shaping, column) else {}
    if shaping.action is not Action.PROPAGATE:
        return {"masked": "true"}
    source = source_type_of(column)
    parameters = {"__debezium.source.column.type": source.name}
    if source.length is not None:
        parameters["__debezium.source.column.length"] = str(source.length)
    if source.scale is not None:
        parameters["__debezium.source.column.scale"] = str(source.scale)
    if comment is not None:
        parameters["__debezium.source.column.comment"] = comment
    return parameters | {"__debezium.source.column.name": column.name}


def _is_truncated(shaping: Shaping, column: Column) -> bool:
    length = source_type_of(column).length
    return length is None or length > shaping.length


def _truncation(length: int, mapping: Mapping) -> Change | None:
    if mapping.avro == "string":
        return TextTruncation(length)
    if mapping.avro == "bytes" and mapping.kind in (Kind.BYTES, Kind.FIXED_BYTES):
        return lambda value: None if value is None else value[:length]
    return None


def _hash(shaping: Shaping, length: int | None) -> Change:
    serialize = java_serialized if shaping.action is Action.HASH else str.encode
    salted = hashlib.new(shaping.algorithm, shaping.salt.encode())

    def hashed(value: str | None) -> str | None:
        if value is None:
            return None
        digest = salted.copy()
        digest.update(serialize(value))
        return digest.hexdigest()[: length or None]

    return hashed
