"""The seam between a row and the bytes of its record: what a converter is to the transcoder.

An encoding is bound once per plan, one callable for keys and one for values; per row nothing is decided any more.
Keys and values may have different converters. The encodings: `avro_encoding`, `json_encoding`, `string_encoding`.

Encoders raise TypeError, ValueError or AttributeError for a value that does not fit; the transcoder names the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from faust_cdc.transcode.row import Row
from faust_cdc.transcode.source_block import SourceInfo

EncodeKey: TypeAlias = Callable[[Row], bytes]
"""Row → the record's key."""

EncodeStruct: TypeAlias = Callable[[Mapping[str, Any]], bytes]
"""Fields of a record about the stream (heartbeat, transaction metadata) by name → the record's key or value."""


class EncodeValue(Protocol):
    """Change event → the record's value; the arguments are those of `ReferenceTranscoder.value`."""

    def __call__(
        self,
        op: str,
        before: Row | None,
        after: Row | None,
        source: SourceInfo,
        ts_ns: int,
        transaction: Mapping[str, Any] | None,
    ) -> bytes:
        """Return the bytes."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the records of one plan become bytes."""

    key: EncodeKey | None
    """None when records have no key."""
    value: EncodeValue


def envelope_tail(op: str, source: SourceInfo, ts_ns: int, transaction: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields of an envelope that are no row, in their order."""
    return {
        "source": source.as_record(),
        "transaction": transaction,
        "op": op,
        "ts_ms": ts_ns // 1_000_000,
        "ts_us": ts_ns // 1000,
        "ts_ns": ts_ns,
    }
