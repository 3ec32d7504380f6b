"""MySQL's binary JSON into the canonical text of `faust_cdc.transcode.json_binary`, without Python objects.

Compiled recursion has no limit of its own: nesting ends at MySQL's 100, and a child must lie behind its container's
entries, so that no cycle of offsets exists. Every error is a ValueError or IndexError; the row is then read again by
the reference transcoder, whose message names the cause.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_f64_le, read_i64_le
from mypy_extensions import i64

from faust_cdc.transcode.compiled.octets import little, signed
from faust_cdc.transcode.json_binary import opaque_text
from faust_cdc.transcode.numbers import java_double

DEPTH_MAX: Final = 100
LARGE_OBJECT: Final = 1
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
        put_value(out, i64(data[start]), data, start + 1, end, 0)


def put_string(out: BytesWriter, data: bytes, start: i64, end: i64) -> None:
    """Write `data[start:end]`, UTF-8, as a JSON string literal. Raises UnicodeDecodeError."""
    text = data[start:end]
    if not text.isascii():
        text.decode()
    out.append(34)
    pos: i64 = start
    plain: i64 = start
    while pos < end:
        code: i64 = i64(data[pos])
        pos += 1
        if code >= 32 and code != 34 and code != 92:
            continue
        out.write(data[plain : pos - 1])
        plain = pos
        out.write(_ESCAPES.get(int(code)) or b"\\u%04X" % int(code))
    out.write(text if plain == start else data[plain:end])
    out.append(34)


def put_value(out: BytesWriter, kind: i64, data: bytes, pos: i64, end: i64, depth: i64) -> None:
    """Write the value of type `kind` whose bytes begin at `pos`."""
    if kind < 4:
        put_container(out, kind, data, pos, end, depth + 1)
    elif kind == STRING:
        put_counted(out, data, pos, end)
    elif kind == OPAQUE:
        need(pos + 1, end)
        put_opaque(out, data, pos, end)
    elif kind == LITERAL:
        need(pos + 1, end)
        put_literal(out, i64(data[pos]))
    elif kind == INT16 or kind == UINT16:
        need(pos + 2, end)
        short: i64 = little(data, pos, 2)
        out.write(b"%d" % int(signed(short, 16) if kind == INT16 else short))
    elif kind == INT32 or kind == UINT32:
        need(pos + 4, end)
        number: i64 = little(data, pos, 4)
        out.write(b"%d" % int(signed(number, 32) if kind == INT32 else number))
    elif kind == INT64 or kind == UINT64:
        need(pos + 8, end)
        wide = int(read_i64_le(data, pos))
        out.write(b"%d" % (wide + 18446744073709551616 if wide < 0 and kind == UINT64 else wide))
    elif kind == DOUBLE:
        need(pos + 8, end)
        out.write(java_double(read_f64_le(data, pos)).encode())
    else:
        raise ValueError("unknown binary JSON type")


def need(upto: i64, end: i64) -> None:
    """Raise ValueError when a value would reach beyond the document's end."""
    if upto > end:
        raise ValueError("the binary JSON document ends in the middle of a value")


def put_literal(out: BytesWriter, code: i64) -> None:
    """Write null, true or false."""
    if code == 0:
        out.write(b"null")
    elif code == 1:
        out.write(b"true")
    elif code == 2:
        out.write(b"false")
    else:
        raise ValueError("unknown JSON literal")


class Counted:
    """A length of seven bits a byte, lowest first, and where it ends."""

    def __init__(self, data: bytes, pos: i64, end: i64) -> None:
        length: i64 = 0
        shift: i64 = 0
        while True:
            need(pos + 1, end)
            byte: i64 = i64(data[pos])
            pos += 1
            length |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 28:
                raise ValueError("a length in the binary JSON document has more than five bytes")
        need(pos + length, end)
        self.start = pos
        self.end = pos + length


def put_counted(out: BytesWriter, data: bytes, pos: i64, end: i64) -> None:
    """Write the string at `pos`, its length before it."""
    need(pos + 1, end)
    length: i64 = i64(data[pos])
    if length < 128:
        need(pos + 1 + length, end)
        put_string(out, data, pos + 1, pos + 1 + length)
    else:
        place = Counted(data, pos, end)
        put_string(out, data, place.start, place.end)


def put_opaque(out: BytesWriter, data: bytes, pos: i64, end: i64) -> None:
    """Write a value of an SQL type without a JSON counterpart: rare, so the reference transcoder's text."""
    place = Counted(data, pos + 1, end)
    out.write(opaque_text(int(data[pos]), data[place.start : place.end]).encode())


def is_inlined(kind: i64, large: bool) -> bool:
    """Return whether a value of type `kind` stands in its container's entry itself."""
    if kind >= LITERAL and kind <= UINT16:
        return True
    return large and (kind == INT32 or kind == UINT32)


def put_container(out: BytesWriter, kind: i64, data: bytes, start: i64, end: i64, depth: i64) -> None:
    """Write an object (0 small, 1 large) or array (2, 3); offsets in it count from `start`."""
    if depth > DEPTH_MAX:
        raise ValueError("the JSON document is nested too deep")
    large = kind & 1 == 1
    width: i64 = 4 if large else 2
    is_object = kind < 2
    need(start + 2 * width, end)
    count: i64 = little(data, start, width)
    key_entry: i64 = start + 2 * width
    entries: i64 = key_entry + count * (width + 2) if is_object else key_entry
    body: i64 = entries + count * (width + 1)
    need(body, end)
    out.append(123 if is_object else 91)
    index: i64 = 0
    while index < count:
        if index:
            out.append(44)
        if is_object:
            key: i64 = start + little(data, key_entry, width)
            key_end: i64 = key + little(data, key_entry + width, 2)
            need(key_end, end)
            put_string(out, data, key, key_end)
            out.append(58)
            key_entry += width + 2
        entry: i64 = entries + index * (width + 1)
        element: i64 = i64(data[entry])
        if is_inlined(element, large):
            put_value(out, element, data, entry + 1, end, depth)
        else:
            offset: i64 = start + little(data, entry + 1, width)
            if offset < body:
                raise ValueError("a JSON element overlaps its container")
            put_value(out, element, data, offset, end, depth)
        index += 1
    out.append(125 if is_object else 93)
