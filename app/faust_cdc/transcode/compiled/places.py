"""Transaction metadata in the fast lane: each record's place in its source transaction, BEGIN and END.

Compiled by mypyc. What `OpenTransaction` counts for the long way is counted here for the lane, so that neither calls
Python per record; `LaneMetadata` tells one from the other where an event changes ways.
"""

from __future__ import annotations

from collections.abc import Callable

from librt.strings import BytesWriter
from mypy_extensions import i64

from faust_cdc.transcode.compiled.octets import avro_bytes, put_bytes, put_long


class TableCount:
    """How many records a table has in the open transaction."""

    def __init__(self, number: int, name: bytes) -> None:
        """`number` is the owner's; `name` is what END calls the table."""
        self.number = number
        self.name = name
        self.count: i64 = 0


MakeRecord = Callable[[str, bool, int], tuple[bytes | None, bytes | None]]
"""(transaction's id, whether it is END, time on the source in ms) → (key, value) of the record."""


class Places:
    """The counts of the transaction being read. Not thread-safe."""

    def __init__(self, make_record: MakeRecord) -> None:
        self._make_record = make_record
        self.key_prefix: bytes | None = None
        """With `value_prefix` what Avro records of the transaction topic begin with; None: `make_record` makes them."""
        self.value_prefix = b""
        self.active = False
        """The transaction has metadata: XA transactions have none."""
        self.begun = False
        """BEGIN is written."""
        self.id = b""
        self.begin_ts_ms: i64 = 0
        self.total: i64 = 0
        self.tables: list[TableCount] = []
        """Those with records, in the order of their first."""
        self._block = b""

    def open(self, identity: bytes, ts_ms: i64) -> None:
        """Begin a transaction of that id and time on the source, in ms since the epoch."""
        self.close()
        self.active = True
        self.begun = False
        self.id = identity
        self.begin_ts_ms = ts_ms
        self._block = b"\x02" + avro_bytes(identity)

    def close(self) -> None:
        """Forget the transaction."""
        self.active = False
        self.total = 0
        for table in self.tables:
            table.count = 0
        self.tables = []

    def next(self, table: TableCount) -> None:
        """Count the next record, which is one of `table`."""
        self.total += 1
        if table.count == 0:
            self.tables.append(table)
        table.count += 1

    def put(self, out: BytesWriter, table: TableCount | None) -> None:
        """Write the envelope's field `transaction` of the next record, null without metadata."""
        if not self.active or table is None:
            out.append(0)
            return
        self.next(table)
        out.write(self._block)
        put_long(out, self.total)
        put_long(out, table.count)

    def record(self, is_end: bool, ts_ms: i64) -> tuple[bytes | None, bytes | None]:
        """Return key and value of the BEGIN or END record; what `make_record` raises."""
        key = self.key_prefix
        if key is None:
            return self._make_record(self.id.decode(), is_end, int(ts_ms))
        out = BytesWriter()
        out.write(self.value_prefix)
        put_bytes(out, b"END" if is_end else b"BEGIN")
        put_bytes(out, self.id)
        if is_end:
            out.append(2)
            put_long(out, self.total)
            out.append(2)
            self._put_tables(out)
        else:
            out.append(0)
            out.append(0)
        put_long(out, ts_ms)
        return key + avro_bytes(self.id), out.getvalue()

    def _put_tables(self, out: BytesWriter) -> None:
        """An array is blocks of items, each with its length before it, and a block of none."""
        if self.tables:
            put_long(out, i64(len(self.tables)))
            for table in self.tables:
                out.append(2)
                put_bytes(out, table.name)
                put_long(out, table.count)
        out.append(0)
