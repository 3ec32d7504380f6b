"""MySQL's binary JSON into the canonical text of `faust_cdc.transcode.json_binary`, without Python objects.

Compiled recursion has no limit of its own: nesting ends at MySQL's 100, a child must lie behind its container's
entries, so that no cycle of offsets exists, and each byte of a document may be used once, so that shared children
cannot make a text without end. Every error is a ValueError or IndexError; the row is then read again by the reference
transcoder, whose message names the cause.
"""

from __future__ import annotations

from math import isfinite
from typing import Final

from librt.strings import BytesWriter, read_f64_le, read_i64_le
from mypy_extensions import i64

from faust_cdc.transcode.compiled.octets import is_ascii, little, put_number, put_range, signed
from faust_cdc.transcode.json_binary import opaque_text
from faust_cdc.transcode.numbers import java_double

DEPTH_MAX: Final = 100
LITERAL: Final = 4
INT16: Final = 5
UINT16: Final = 6
INT32: Final = 7
UINT32: Final = 8
INT64: Final = 9
UINT64: Final = 10
DOUBLE: Final = 11
STRING: Final = 12
OPAQUE: Final = 15

_ESCAPES: Final = {34: b'\\"', 92: b"\\\\", 10: b"\\n", 13: b"\\r", 9: b"\\t", 8: b"\\b", 12: b"\\f"}


def put_document(out: BytesWriter, data: bytes, start: i64, end: i64) -> None:
    """Write the text of the document in `data[start:end]`; no bytes at all mean the JSON null."""
    if start == end:
        out.write(b"null")
    else:
        Document(out, data, end, end - start).put_value(i64(data[start]), start + 1, 0)


def is_inlined(kind: i64, large: bool) -> bool:
    """Return whether a value of type `kind` stands in its container's entry itself."""
    if kind >= LITERAL and kind <= UINT16:
        return True
    return large and (kind == INT32 or kind == UINT32)


class Document:
    """One document on its way into text."""

    def __init__(self, out: BytesWriter, data: bytes, end: i64, budget: i64) -> None:
        """`budget`: how many bytes its values may have in all."""
        self.out = out
        self.data = data
        self.end = end
        self.budget = budget
        self.pos: i64 = 0
        """Where the bytes behind the length that `counted` read begin."""

    def need(self, upto: i64) -> None:
        """Raise ValueError when a value would reach beyond the document's end."""
        if upto > self.end:
            raise ValueError("the binary JSON document ends in the middle of a value")

    def spend(self, size: i64) -> None:
        """Take the bytes of a value off the budget. Raises ValueError when values overlap."""
        self.budget -= size
        if self.budget < 0:
            raise ValueError("values of the binary JSON document overlap")

    def counted(self, pos: i64) -> i64:
        """Read a length (seven bits a byte, lowest first) before a value; return the value's end."""
        data = self.data
        length: i64 = 0
        shift: i64 = 0
        while True:
            self.need(pos + 1)
            byte: i64 = i64(data[pos])
            pos += 1
            length |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 28:
                raise ValueError("a length in the binary JSON document has more than five bytes")
        self.need(pos + length)
        self.spend(length)
        self.pos = pos
        return pos + length

    def put_string(self, start: i64, end: i64) -> None:
        """Write `data[start:end]`, UTF-8, as a JSON string literal. Raises UnicodeDecodeError."""
        out = self.out
        data = self.data
        if not is_ascii(data, start, end):
            data[start:end].decode()
        out.append(34)
        pos: i64 = start
        plain: i64 = start
        while pos < end:
            code: i64 = i64(data[pos])
            pos += 1
            if code >= 32 and code != 34 and code != 92:
                continue
            put_range(out, data, plain, pos - 1)
            plain = pos
            out.write(_ESCAPES.get(int(code)) or b"\\u%04X" % int(code))
        put_range(out, data, plain, end)
        out.append(34)

    def put_value(self, kind: i64, pos: i64, depth: i64) -> None:
        """Write the value of type `kind` whose bytes begin at `pos`."""
        if kind < 4:
            self.put_container(kind, pos, depth + 1)
        elif kind == STRING:
            stop: i64 = self.counted(pos)
            self.put_string(self.pos, stop)
        elif kind == OPAQUE:
            self.need(pos + 1)
            after: i64 = self.counted(pos + 1)
            self.out.write(opaque_text(int(self.data[pos]), self.data[self.pos : after]).encode())
        elif kind == LITERAL:
            self.put_literal(pos)
        elif kind == DOUBLE:
            self.need(pos + 8)
            number = read_f64_le(self.data, pos)
            if not isfinite(number):
                raise ValueError("a number in the binary JSON document is none of JSON")
            whole: i64 = i64(number) if -1e7 < number < 1e7 else 0
            if whole and float(whole) == number:
                put_number(self.out, whole)
                self.out.write(b".0")
            else:
                self.out.write(java_double(number).encode())
        else:
            self.put_integer(kind, pos)

    def put_literal(self, pos: i64) -> None:
        """Write null, true or false."""
        self.need(pos + 1)
        code: i64 = i64(self.data[pos])
        if code == 0:
            self.out.write(b"null")
        elif code == 1:
            self.out.write(b"true")
        elif code == 2:
            self.out.write(b"false")
        else:
            raise ValueError("unknown JSON literal")

    def put_integer(self, kind: i64, pos: i64) -> None:
        """Write an integer of 16, 32 or 64 bits."""
        data = self.data
        if kind == INT16 or kind == UINT16:
            self.need(pos + 2)
            short: i64 = little(data, pos, 2)
            put_number(self.out, signed(short, 16) if kind == INT16 else short)
        elif kind == INT32 or kind == UINT32:
            self.need(pos + 4)
            number: i64 = little(data, pos, 4)
            put_number(self.out, signed(number, 32) if kind == INT32 else number)
        elif kind == INT64 or kind == UINT64:
            self.need(pos + 8)
            wide: i64 = read_i64_le(data, pos)
            if wide < 0 and kind == UINT64:
                self.out.write(b"%d" % (int(wide) + 18446744073709551616))
            else:
                put_number(self.out, wide)
        else:
            raise ValueError("unknown binary JSON type")

    def put_container(self, kind: i64, start: i64, depth: i64) -> None:
        """Write an object (0 small, 1 large) or array (2, 3); offsets in it count from `start`."""
        if depth > DEPTH_MAX:
            raise ValueError("the JSON document is nested too deep")
        out = self.out
        data = self.data
        large = kind & 1 == 1
        width: i64 = 4 if large else 2
        is_object = kind < 2
        self.need(start + 2 * width)
        count: i64 = little(data, start, width)
        key_entry: i64 = start + 2 * width
        entries: i64 = key_entry + count * (width + 2) if is_object else key_entry
        body: i64 = entries + count * (width + 1)
        self.need(body)
        self.spend(body - start)
        out.append(123 if is_object else 91)
        index: i64 = 0
        while index < count:
            if index:
                out.append(44)
            if is_object:
                key: i64 = start + little(data, key_entry, width)
                key_end: i64 = key + little(data, key_entry + width, 2)
                self.need(key_end)
                self.spend(key_end - key)
                self.put_string(key, key_end)
                out.append(58)
                key_entry += width + 2
            entry: i64 = entries + index * (width + 1)
            element: i64 = i64(data[entry])
            if is_inlined(element, large):
                self.put_value(element, entry + 1, depth)
            else:
                offset: i64 = start + little(data, entry + 1, width)
                if offset < body:
                    raise ValueError("a JSON element overlaps its container")
                self.put_value(element, offset, depth)
            index += 1
        out.append(125 if is_object else 93)
