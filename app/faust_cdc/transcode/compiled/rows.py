"""All rows of one rows event into record keys and values."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from faust_cdc.transcode.compiled.cells import KEPT_MAX, UINT, Cell, put_cell
from faust_cdc.transcode.compiled.octets import put_long
from faust_cdc.transcode.compiled.places import Places, TableCount

INSERT: Final = 0
UPDATE: Final = 1
DELETE: Final = 2

TURN_BYTES: Final = 65_536
"""After so many bytes of rows, about a millisecond, another thread may have its turn: compiled code does not look
whether one waits for the interpreter, and an event is as large as the server's binlog_row_event_max_size."""

Encoded = list[tuple[bytes | None, bytes]]
"""(record key, record value) of rows, in order."""


class RowEncoder:
    """Carries out the program of one table version. Not thread-safe."""

    def __init__(
        self,
        cells: list[Cell],
        key: list[int],
        key_prefix: bytes | None,
        key_suffix: bytes,
        value_prefix: bytes,
        skip_unchanged: bool,
        key_text: Callable[[bytes], bytes] | None = None,
        null_is_default: bool = False,
    ) -> None:
        """`cells` in the order of the row image; `key` the places of the key's columns in it, in key order.

        The prefixes are the wire format's: a zero byte and the schema id; no key prefix, no keys. `key_suffix` is what
        every key ends with. `key_text` makes of a key's fields what a header tells of it; without it rows whose key
        changes are for the reference transcoder. With `null_is_default` equal bytes may be of a NULL and of a default.
        """
        self._null_is_default = null_is_default
        self._key_text = key_text
        self._places: Places | None = None
        self._count: TableCount | None = None
        self.moved: list[tuple[int, bytes, bytes]] = []
        """Of the rows encoded last those whose key changed: (index of the delete record, behind which stands the
        create record; the old key, the new key, as headers tell them)."""
        self._cells = cells
        self._nullmap: i64 = (i64(len(cells)) + 7) >> 3
        self._key = key
        self._key_prefix = key_prefix
        self._key_suffix = key_suffix
        self._value_prefix = value_prefix
        self._skip_unchanged = skip_unchanged
        self._out = BytesWriter()
        self._key_out = BytesWriter()
        self._is_ordered = key_prefix is not None and key == [i for i, cell in enumerate(cells) if cell.is_key]
        """The columns of the key stand in the row image in the key's order: its bytes go straight to `_key_out`."""
        self._piece = BytesWriter()
        self._pieces: list[bytes] = [b""] * len(cells)
        self.next_row = 0
        """Index of the row at which `encode` stopped."""
        self.next_offset = 0
        """Where that row begins."""

    def place_in(self, places: Places, count: TableCount | None) -> None:
        """Write each record's place in its source transaction; `tail` does not begin with `transaction` then."""
        self._places = places
        self._count = count

    def encode(
        self, kind: i64, rows: bytes, offset: i64, row: i64, before_row: bytes, after_row: bytes, tail: bytes
    ) -> Encoded:
        """Encode rows from `offset`, the event's row `row`, on.

        Stops before a row that is for the reference transcoder: its key changes, or its bytes are no row of the table
        (whose error it words). `next_offset` is the end of `rows` when all were encoded.
        """
        found: Encoded = []
        if self.moved:
            self.moved = []
        end: i64 = len(rows)
        pos: i64 = offset
        turn: i64 = offset + TURN_BYTES
        try:
            while pos < end:
                if pos >= turn:
                    sleep(0)
                    turn = pos + TURN_BYTES
                after: i64 = self._row(kind, rows, pos, end, row, before_row, after_row, tail, found)
                if after < 0:
                    break
                pos = after
                row += 1
        except (ValueError, IndexError):
            pass
        if len(self._out) > KEPT_MAX:
            self._out = BytesWriter()
        self.next_row = int(row)
        self.next_offset = int(pos)
        return found

    def _row(
        self,
        kind: i64,
        rows: bytes,
        pos: i64,
        end: i64,
        row: i64,
        before_row: bytes,
        after_row: bytes,
        tail: bytes,
        found: Encoded,
    ) -> i64:
        out = self._out
        out.truncate(0)
        out.write(self._value_prefix)
        key: bytes | None = None
        if kind == INSERT:
            out.append(0)
        out.append(2)
        first: i64 = len(out)
        pos = self._image(rows, pos, end)
        if self._key_prefix is not None:
            key = self._key_of()
        if kind == DELETE:
            out.append(0)
        elif kind == UPDATE:
            out.append(2)
            second: i64 = len(out)
            pos = self._image(rows, pos, end)
            if key is not None:
                new_key = self._key_of()
                if new_key != key:
                    if self._key_text is None or pos > end:
                        return -1
                    self._move(key, new_key, first, second, row, before_row, after_row, tail, found)
                    return pos
            if self._skip_unchanged:
                both = out.getvalue()
                if both[first : second - 1] == both[second:]:
                    return -1 if self._null_is_default else pos
        if pos > end:
            raise ValueError("the row ends behind the rows")
        out.write(before_row)
        put_long(out, row)
        out.write(after_row)
        if self._places is not None:
            self._places.put(out, self._count)
        out.write(tail)
        found.append((key, out.getvalue()))
        return pos

    def _move(
        self,
        old_key: bytes,
        new_key: bytes,
        first: i64,
        second: i64,
        row: i64,
        before_row: bytes,
        after_row: bytes,
        tail: bytes,
        found: Encoded,
    ) -> None:
        """Add the delete and the create record of an update that changed the key."""
        text = self._key_text
        prefix = self._key_prefix
        assert text is not None
        assert prefix is not None
        start: i64 = len(prefix)
        self.moved.append((len(found), text(old_key[start:]), text(new_key[start:])))
        out = self._out
        images = out.getvalue()
        before = self._value_prefix + b"\x02" + images[first : second - 1] + b"\x00"
        after = self._value_prefix + b"\x00\x02" + images[second:]
        self._finish_moved(old_key, before, row, before_row, after_row, tail.replace(b"\x02u", b"\x02d", 1), found)
        self._finish_moved(new_key, after, row, before_row, after_row, tail.replace(b"\x02u", b"\x02c", 1), found)

    def _finish_moved(
        self, key: bytes, images: bytes, row: i64, before_row: bytes, after_row: bytes, tail: bytes, found: Encoded
    ) -> None:
        out = self._out
        out.truncate(0)
        out.write(images)
        out.write(before_row)
        put_long(out, row)
        out.write(after_row)
        if self._places is not None:
            self._places.put(out, self._count)
        out.write(tail)
        found.append((key, out.getvalue()))

    def _image(self, rows: bytes, pos: i64, end: i64) -> i64:
        out = self._out
        prefix = self._key_prefix
        if prefix is not None:
            self._key_out.truncate(0)
            self._key_out.write(prefix)
        nulls: i64 = pos
        pos += self._nullmap
        if pos > end:
            raise ValueError("the row image is short")
        index: i64 = 0
        for cell in self._cells:
            if i64(rows[nulls + (index >> 3)]) >> (index & 7) & 1:
                field = cell.null_field
                if field is None:
                    raise ValueError("NULL in a NOT NULL column")
                self._put_field(cell, index, field)
            elif cell.is_key:
                if self._is_ordered and cell.in_value and cell.code <= UINT:
                    put_cell(cell, self._key_out, rows, pos, end)
                    pos = put_cell(cell, out, rows, pos, end)
                else:
                    self._piece.truncate(0)
                    pos = put_cell(cell, self._piece, rows, pos, end)
                    self._put_field(cell, index, self._piece.getvalue())
            else:
                pos = put_cell(cell, out, rows, pos, end)
            index += 1
        return pos

    def _put_field(self, cell: Cell, index: i64, field: bytes) -> None:
        """Put a whole field into the value, the key, or both."""
        if cell.is_key:
            if self._is_ordered:
                self._key_out.write(field)
            else:
                self._pieces[index] = field
        if cell.in_value:
            self._out.write(field)

    def _key_of(self) -> bytes:
        """The key of the row image just encoded: its fields' bytes in key order."""
        if self._is_ordered:
            self._key_out.write(self._key_suffix)
            return self._key_out.getvalue()
        key = self._key_prefix
        assert key is not None
        for index in self._key:
            key = key + self._pieces[index]
        return key + self._key_suffix
