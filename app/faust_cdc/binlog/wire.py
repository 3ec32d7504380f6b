"""A reading head over bytes that never runs past the end.

Everything here raises `Malformed`; the decoder turns it into `BinlogCorrupt` with the event's type and position.
"""

from __future__ import annotations


class Malformed(ValueError):
    """The bytes are not what the event's format says; the message tells what was being read."""


class Cursor:
    """Reads little-endian fields from `data` in order."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return self.end - self.at

    def take(self, size: int, what: str) -> bytes:
        """Return the next `size` bytes."""
        start = self.at
        if size < 0 or size > self.end - start:
            raise Malformed(f"{what} needs {size} bytes at offset {start}, {self.end - start} are left")
        self.at = start + size
        return self.data[start : self.at]

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(self.left, "rest")

    def uint(self, size: int, what: str) -> int:
        """Return an unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size, what), "little")

    def lenenc(self, what: str) -> int:
        """Return a length-encoded integer (MySQL Internals, "Protocol::LengthEncodedInteger")."""
        first = self.uint(1, what)
        if first < 0xFB:
            return first
        if first == 0xFC:
            return self.uint(2, what)
        if first == 0xFD:
            return self.uint(3, what)
        if first == 0xFE:
            return self.uint(8, what)
        raise Malformed(f"{what}: byte {first:#x} at offset {self.at - 1} starts no length-encoded integer")

    def lenenc_bytes(self, what: str) -> bytes:
        """Return bytes preceded by their length-encoded length."""
        return self.take(self.lenenc(what), what)

    def short_bytes(self, what: str) -> bytes:
        """Return bytes preceded by a one-byte length."""
        return self.take(self.uint(1, what), what)

    def skip_zero(self, what: str) -> None:
        """Pass the NUL byte after a string."""
        if self.uint(1, what) != 0:
            raise Malformed(f"{what} is not ended by a zero byte at offset {self.at - 1}")


def text(data: bytes, what: str) -> str:
    """Decode UTF-8: names in the binlog are utf8mb3."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8: {error}") from None


# mysql-server libs/mysql/serialization: integers whose first byte says by its trailing one-bits how many bytes
# follow; the value stands in the remaining bits. Signed ones keep the sign in the lowest value bit.


def varlen_uint(cursor: Cursor, what: str) -> int:
    """Read an unsigned integer of MySQL's field-serialised messages (1 to 9 bytes)."""
    first = cursor.uint(1, what)
    more = 0
    while more < 8 and first >> more & 1:
        more += 1
    if more == 8:
        return cursor.uint(8, what)
    return (first | cursor.uint(more, what) << 8) >> (more + 1)


def varlen_int(cursor: Cursor, what: str) -> int:
    """Read a signed integer of MySQL's field-serialised messages."""
    raw = varlen_uint(cursor, what)
    return ~(raw >> 1) if raw & 1 else raw >> 1
