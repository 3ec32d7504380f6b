"""The types that Kafka's messages are made of, written and read; every length is checked before it is believed.

Source: kafka.apache.org/protocol, "Protocol Primitive Types"; KIP-482 for the compact ones and tagged fields.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

_INT8: Final = struct.Struct(">b")
_INT16: Final = struct.Struct(">h")
_INT32: Final = struct.Struct(">i")
_INT64: Final = struct.Struct(">q")


class MalformedAnswer(Exception):
    """An answer's bytes are not what its message has: not a Kafka broker, or broken on the way."""


class Writer:
    """Appends to `data`."""

    def __init__(self) -> None:
        self.data = bytearray()

    def int8(self, value: int) -> None:
        """Append 1 byte; a boolean is one too."""
        self.data += _INT8.pack(value)

    def int16(self, value: int) -> None:
        """Append 2 bytes."""
        self.data += _INT16.pack(value)

    def int32(self, value: int) -> None:
        """Append 4 bytes."""
        self.data += _INT32.pack(value)

    def int64(self, value: int) -> None:
        """Append 8 bytes."""
        self.data += _INT64.pack(value)

    def unsigned(self, value: int) -> None:
        """Append an unsigned varint."""
        while value >= 0x80:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def count(self, value: int) -> None:
        """Append the length of a compact array, string or bytes."""
        self.unsigned(value + 1)

    def text(self, value: str) -> None:
        """Append a compact string."""
        self.octets(value.encode())

    def octets(self, value: bytes) -> None:
        """Append compact bytes."""
        self.count(len(value))
        self.data += value

    def long_text(self, value: str) -> None:
        """Append a string with a length of 2 bytes, as headers and old messages have them."""
        encoded = value.encode()
        self.int16(len(encoded))
        self.data += encoded

    def no_tags(self) -> None:
        """Append an empty section of tagged fields."""
        self.data.append(0)


class Reader:
    """Reads from a complete message; raises MalformedAnswer where it ends too early or a length is impossible."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    def int8(self) -> int:
        """Read 1 byte."""
        return self._number(_INT8)

    def int16(self) -> int:
        """Read 2 bytes."""
        return self._number(_INT16)

    def int32(self) -> int:
        """Read 4 bytes."""
        return self._number(_INT32)

    def int64(self) -> int:
        """Read 8 bytes."""
        return self._number(_INT64)

    def unsigned(self) -> int:
        """Read an unsigned varint of at most 32 bits."""
        value = 0
        for shift in range(0, 35, 7):
            octet = self._take(1)[0]
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                return value
        raise MalformedAnswer("a length of more than 32 bits")

    def octets(self) -> bytes | None:
        """Read compact nullable bytes."""
        size = self.unsigned() - 1
        return None if size < 0 else self._take(size)

    def text(self) -> str | None:
        """Read a compact nullable string."""
        octets = self.octets()
        return None if octets is None else octets.decode(errors="replace")

    def name(self) -> str:
        """Read a compact string that is not null."""
        text = self.text()
        if text is None:
            raise MalformedAnswer("a name is null")
        return text

    def long_text(self) -> str:
        """Read a string with a length of 2 bytes."""
        return self._take(self.int16()).decode(errors="replace")

    def array(self, read: Callable[[], T]) -> list[T]:
        """Read a compact array; a null one is empty."""
        return self._array(self.unsigned() - 1, read)

    def long_array(self, read: Callable[[], T]) -> list[T]:
        """Read an array with a length of 4 bytes."""
        return self._array(self.int32(), read)

    def skip_tags(self) -> None:
        """Pass over tagged fields."""
        for _ in self.tags():
            pass

    def tags(self) -> Iterator[tuple[int, Reader]]:
        """Give each tagged field's number and what it holds."""
        for _ in range(self.unsigned()):
            number = self.unsigned()
            yield number, Reader(self._take(self.unsigned()))

    def _array(self, count: int, read: Callable[[], T]) -> list[T]:
        # Every element has a byte at least: a count beyond that is not one.
        if count > len(self._data) - self._at:
            raise MalformedAnswer(f"an array of {count} elements in {len(self._data) - self._at} bytes")
        return [read() for _ in range(count)]

    def _number(self, kind: struct.Struct) -> int:
        value: int
        (value,) = kind.unpack(self._take(kind.size))
        return value

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if size < 0 or end > len(self._data):
            raise MalformedAnswer(f"{size} bytes are expected, found {len(self._data) - self._at}")
        taken = self._data[self._at : end]
        self._at = end
        return taken
