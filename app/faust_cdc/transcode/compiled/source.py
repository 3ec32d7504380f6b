"""The `source` block and the envelope around a row, as bytes made once per event."""

from __future__ import annotations

from librt.strings import BytesWriter
from mypy_extensions import i64

from faust_cdc.transcode.compiled.octets import avro_bytes, put_bytes, put_long


def put_optional(out: BytesWriter, value: bytes | None) -> None:
    """Write a union of null and string."""
    if value is None:
        out.append(0)
    else:
        out.append(2)
        put_bytes(out, value)


def put_optional_long(out: BytesWriter, value: i64) -> None:
    """Write a number in a union of null and long."""
    out.append(2)
    put_long(out, value)


class SourceHead:
    """What stands in `source` before the fields of an event: version, connector and logical name."""

    def __init__(self, version: str, connector: str, name: str) -> None:
        self._head = avro_bytes(version.encode()) + avro_bytes(connector.encode()) + avro_bytes(name.encode())
        self._out = BytesWriter()

    def before_row(
        self,
        snapshot: bytes,
        database: bytes,
        table: bytes,
        ts_us: i64,
        server_id: i64,
        gtid: bytes | None,
        file: bytes,
        pos: i64,
    ) -> bytes:
        """Return `source` up to its field `row`; `snapshot` is what that field says, `sequence` is null."""
        out = self._out
        out.truncate(0)
        out.write(self._head)
        put_long(out, ts_us // 1000)
        out.append(0)
        put_bytes(out, snapshot)
        put_bytes(out, database)
        out.append(0)
        put_optional_long(out, ts_us)
        put_optional_long(out, ts_us * 1000)
        put_optional(out, table)
        put_long(out, server_id)
        put_optional(out, gtid)
        put_bytes(out, file)
        put_long(out, pos)
        return out.getvalue()


def after_row(thread: int | None, query: bytes | None) -> bytes:
    """Return the rest of `source` after its field `row`."""
    out = BytesWriter()
    if thread is None:
        out.append(0)
    else:
        put_optional_long(out, i64(thread))
    put_optional(out, query)
    return out.getvalue()


def after_transaction(op: bytes, ts_ns: i64) -> bytes:
    """Return the envelope's fields after `transaction`: the operation and when we handled the event."""
    out = BytesWriter()
    put_bytes(out, op)
    put_optional_long(out, ts_ns // 1_000_000)
    put_optional_long(out, ts_ns // 1000)
    put_optional_long(out, ts_ns)
    return out.getvalue()
