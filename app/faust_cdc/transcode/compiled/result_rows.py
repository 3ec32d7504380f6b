"""The packets of a prepared SELECT's answer into records: a snapshot's rows without Python objects per cell.

Compiled by mypyc. Like `Lane` it decides nothing: it stops before every packet that is not a plain row (the end, an
error, a row of more than 16 MiB, packets out of order) and before every row that is for the reference transcoder, whose
message names what is wrong with it.
"""

from __future__ import annotations

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from faust_cdc.transcode.compiled.cells import OCTETS, TEXT, Cell
from faust_cdc.transcode.compiled.octets import check_utf8, little, put_long
from faust_cdc.transcode.compiled.result_cells import put_result_cell

BUFFER_KEPT_MAX: i64 = 1 << 20
"""A larger row's buffer is given back."""
LARGE: i64 = 1 << 20
"""Texts and octets of more bytes go from the packet into the record, and are nowhere in between."""

Record = tuple[int, bytes | None, bytes | None]
"""(number of the topic, key, value)."""


class ResultRows:
    """Carries out the program of one table and one result set. Not thread-safe."""

    def __init__(
        self,
        topic: int,
        cells: list[Cell],
        key: list[int],
        key_prefix: bytes | None,
        key_suffix: bytes,
        value_prefix: bytes,
    ) -> None:
        """`cells` in the order of the result's columns; `key` the places of the key's columns in it, in key order.

        The prefixes are the wire format's; no key prefix, no keys. `key_suffix` is what every key ends with.
        """
        self._topic = topic
        self._cells = cells
        self._null_bytes: i64 = (i64(len(cells)) + 9) >> 3
        self._key = key
        self._key_prefix = key_prefix
        self._key_suffix = key_suffix
        self._head = value_prefix + b"\x00\x02"
        self._out = BytesWriter()
        self._piece = BytesWriter()
        self._pieces: list[bytes] = [b""] * len(cells)
        self._parts: list[bytes | memoryview] = []
        """Of the value being made: what was written up to the last large cell, and the large cells."""
        self.at: i64 = 0
        """Where in the buffer `feed` stopped."""
        self.sequence: i64 = 0
        """Number of the next packet."""
        self.out: list[Record] = []
        """What `feed` made."""
        self.size: i64 = 0
        """Bytes of all keys and values made so far."""

    def feed(self, data: bytes, at: i64, sequence: i64, suffix: bytes) -> bool:
        """Take whole packets from `data[at:]`; return True when it stopped before a packet that is not for it.

        `suffix` is what follows the row in every value: `source` and the rest of the envelope.
        """
        size_all: i64 = len(data)
        self.at = at
        self.sequence = sequence
        while size_all - self.at >= 4:
            start: i64 = self.at
            size: i64 = little(data, start, 3)
            if size_all - start - 4 < size:
                return False
            if size == 0 or size == 0xFFFFFF or data[start + 3] != self.sequence or data[start + 4] != 0:
                return True
            if not self.row(data, start + 5, start + 4 + size, suffix):
                return True
            self.at = start + 4 + size
            self.sequence = (self.sequence + 1) & 255
        return False

    def row(self, data: bytes, pos: i64, end: i64, suffix: bytes) -> bool:
        """Add the record of the row in `data[pos:end]`, its packet's first byte left out, to `out`.

        False when it is for the reference transcoder.
        """
        try:
            self._row(data, pos, end, suffix)
        except (ValueError, IndexError):
            self._parts = []  # it may hold the packet
            return False
        return True

    def _row(self, data: bytes, pos: i64, end: i64, suffix: bytes) -> None:
        out = self._out
        out.truncate(0)
        out.write(self._head)
        piece = self._piece
        is_large = end - pos > LARGE
        nulls: i64 = pos
        pos += self._null_bytes
        if pos > end:
            raise ValueError("the row is short")
        index: i64 = 0
        for cell in self._cells:
            if i64(data[nulls + ((index + 2) >> 3)]) >> ((index + 2) & 7) & 1:
                field = cell.null_field
                if field is None:
                    raise ValueError("NULL in a NOT NULL column")
                if cell.is_key:
                    self._pieces[index] = field
                if cell.in_value:
                    out.write(field)
            elif cell.is_key:
                piece.truncate(0)
                pos = put_result_cell(cell, piece, data, pos, end)
                part = piece.getvalue()
                self._pieces[index] = part
                if cell.in_value:
                    out.write(part)
            elif is_large and (cell.code == TEXT or cell.code == OCTETS):
                pos = self._large(cell, data, pos, end)
            else:
                pos = put_result_cell(cell, out, data, pos, end)
            index += 1
        if pos != end:
            raise ValueError("the row does not end where its packet does")
        out.write(suffix)
        value = out.getvalue()
        if self._parts:
            self._parts.append(value)
            value = b"".join(self._parts)
            self._parts = []
        key = self._key_of()
        self.size += len(value)
        if key is not None:
            self.size += len(key)
        self.out.append((self._topic, key, value))
        if len(out) > BUFFER_KEPT_MAX:
            self._out = BytesWriter()
            self._piece = BytesWriter()

    def _large(self, cell: Cell, data: bytes, pos: i64, end: i64) -> i64:
        """Write a cell as `put_result_cell` does; a large one becomes a part of its own."""
        out = self._out
        if end - pos <= LARGE or data[pos] < 253:
            return put_result_cell(cell, out, data, pos, end)
        size: i64 = 3 if data[pos] == 253 else 8
        start: i64 = pos + 1 + size
        length: i64 = little(data, pos + 1, size)
        if data[pos] == 255 or length <= LARGE or length > end - start:
            return put_result_cell(cell, out, data, pos, end)
        stop: i64 = start + length
        if cell.code == TEXT:
            check_utf8(data, start, stop)
        if cell.value_tag >= 0:
            out.append(u8(cell.value_tag))
        put_long(out, length)
        self._parts.append(out.getvalue())
        self._parts.append(memoryview(data)[start:stop])
        out.truncate(0)
        return stop

    def _key_of(self) -> bytes | None:
        """The key of the row just encoded: its fields' bytes in key order."""
        key = self._key_prefix
        if key is None:
            return None
        for index in self._key:
            key = key + self._pieces[index]
        return key + self._key_suffix if self._key_suffix else key
