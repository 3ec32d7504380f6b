"""MySQL's binary JSON into text, in one canonical form.

Format: mysql-server `sql-common/json_binary.h`. The form printed is Debezium's streaming form: no spaces, members in
stored order, doubles by `java_double`, control characters as `\\u001F`. One thing is printed as the server prints it
and not as Debezium streams it: dates, times and byte strings that SQL put into the document (`JSON_OBJECT('t',
NOW())`). The server's text of such a value cannot be told from a plain string, so the snapshot could never give
Debezium's shorter form without altering strings of users; both paths print the server's text instead.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from math import isfinite
from typing import NamedTuple

from faust_cdc.transcode.forms import plain_decimal
from faust_cdc.transcode.numbers import decimal_reader, decimal_size, java_double

_Put = Callable[[str], None]

DEPTH_MAX = 100
"""MySQL's own limit on nesting."""

_LITERALS = ("null", "true", "false")
INLINED = (frozenset({4, 5, 6}), frozenset({4, 5, 6, 7, 8}))
"""Types whose value stands in the entry of its container: of a small one, of a large one."""
_SCALARS = {
    5: struct.Struct("<h"),
    6: struct.Struct("<H"),
    7: struct.Struct("<i"),
    8: struct.Struct("<I"),
    9: struct.Struct("<q"),
    10: struct.Struct("<Q"),
}
_DOUBLE = struct.Struct("<d")
_TYPE_TIMESTAMP, _TYPE_DATE, _TYPE_TIME, _TYPE_DATETIME, _TYPE_DECIMAL = 7, 10, 11, 12, 246

_TO_ESCAPE = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def json_string(text: str) -> str:
    """Return `text` as a JSON string literal in the canonical form."""
    if _TO_ESCAPE.search(text) is None:
        return f'"{text}"'
    escaped = _TO_ESCAPE.sub(lambda match: _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}", text)
    return f'"{escaped}"'


def json_text(data: bytes) -> str:
    """Return the canonical text of a binary JSON document; no bytes at all mean the JSON null.

    Raises ValueError when the document is broken or nested deeper than MySQL allows.
    """
    if not data:
        return "null"
    out: list[str] = []
    try:
        _value(data[0], data, 1, out.append, 0, [len(data)])
    except (IndexError, struct.error) as error:
        raise ValueError(f"the binary JSON document of {len(data)} bytes ends in the middle of a value") from error
    return "".join(out)


def variable_length(data: bytes, pos: int) -> tuple[int, int]:
    """Return (length, position after it): seven bits a byte, lowest first. Raises ValueError, IndexError."""
    length = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        length |= (byte & 127) << shift
        if byte < 128:
            return length, pos
        shift += 7
        if shift > 28:
            raise ValueError("a length in the binary JSON document has more than five bytes")


def slice_of(data: bytes, pos: int, length: int) -> bytes:
    """Return `length` bytes at `pos`. Raises ValueError when the document ends before."""
    if pos + length > len(data):
        raise ValueError(f"the binary JSON document ends at {len(data)}, a value needs {pos + length} bytes")
    return data[pos : pos + length]


def spend(budget: list[int], size: int) -> None:
    """Take `size` bytes off what is left of the document: each of its bytes belongs to one value. Raises ValueError.

    Without it a few bytes could be printed without end, since elements may point where they like.
    """
    budget[0] -= size
    if budget[0] < 0:
        raise ValueError("values of the binary JSON document overlap")


def _value(kind: int, data: bytes, pos: int, put: _Put, depth: int, budget: list[int]) -> None:
    if kind < 4:
        _container(kind, data, pos, put, depth + 1, budget)
    elif kind == 12:
        length, pos = variable_length(data, pos)
        text = slice_of(data, pos, length).decode("utf-8")
        spend(budget, length)
        put(json_string(text))
    elif kind == 4:
        put(_LITERALS[data[pos]])
    elif kind == 11:
        number = _DOUBLE.unpack_from(data, pos)[0]
        if not isfinite(number):
            raise ValueError(f"{number} in the binary JSON document is no JSON number")
        put(java_double(number))
    elif kind == 15:
        length, start = variable_length(data, pos + 1)
        opaque = slice_of(data, start, length)
        spend(budget, length)
        put(opaque_text(data[pos], opaque))
    else:
        scalar = _SCALARS.get(kind)
        if scalar is None:
            raise ValueError(f"unknown binary JSON type {kind}")
        put(str(scalar.unpack_from(data, pos)[0]))


class Container(NamedTuple):
    """Where the parts of an object or array lie in its document."""

    is_object: bool
    width: int
    """Bytes of its counts and offsets."""
    size: int
    keys: int
    """Where the entries of an object's keys begin."""
    entries: int
    """Where the entries of its elements begin."""
    body: int
    """Where the entries end and what they point at may begin."""


def opened(kind: int, data: bytes, start: int, depth: int, budget: list[int]) -> Container:
    """Return the layout of the object (0 small, 1 large) or array (2, 3) at `start`; its entries come off the budget.

    Raises ValueError when it is nested too deep or larger than its document.
    """
    if depth > DEPTH_MAX:
        raise ValueError(f"the JSON document is nested deeper than {DEPTH_MAX}")
    is_object, width = kind < 2, 4 if kind & 1 else 2
    count = int.from_bytes(slice_of(data, start, width), "little")
    keys = start + 2 * width
    entries = keys + count * (width + 2) if is_object else keys
    body = entries + count * (width + 1)
    if body > len(data):
        raise ValueError(f"a JSON container claims {count} elements, more than its bytes can hold")
    spend(budget, body - start)
    return Container(is_object, width, count, keys, entries, body)


def _container(kind: int, data: bytes, start: int, put: _Put, depth: int, budget: list[int]) -> None:
    """Print an object or array; offsets in it count from `start`."""
    is_object, width, count, key_entry, entries, body = opened(kind, data, start, depth, budget)
    inlined = INLINED[kind & 1]

    def number(pos: int, size: int) -> int:
        return int.from_bytes(slice_of(data, pos, size), "little")

    put("{" if is_object else "[")
    for index in range(count):
        if index:
            put(",")
        if is_object:
            entry = key_entry + index * (width + 2)
            key = slice_of(data, start + number(entry, width), number(entry + width, 2))
            spend(budget, len(key))
            put(json_string(key.decode("utf-8")) + ":")
        entry = entries + index * (width + 1)
        element = data[entry]
        if element in inlined:
            _value(element, data, entry + 1, put, depth, budget)
            continue
        offset = start + number(entry + 1, width)
        if offset < body:
            # A child lies behind the entries; anything else could be a cycle.
            raise ValueError(f"a JSON element at {offset} overlaps its container")
        _value(element, data, offset, put, depth, budget)
    put("}" if is_object else "]")


def opaque_text(field_type: int, data: bytes) -> str:
    """Print a value of an SQL type without a JSON counterpart, temporal and byte values as the server prints them."""
    if field_type == _TYPE_DECIMAL:
        return _opaque_decimal(data)
    if field_type in (_TYPE_DATE, _TYPE_DATETIME, _TYPE_TIMESTAMP, _TYPE_TIME):
        if len(data) != 8:
            raise ValueError(f"a temporal value in a JSON document has {len(data)} bytes, expected 8")
        return f'"{_opaque_temporal(field_type, int.from_bytes(data, "little", signed=True))}"'
    # The server breaks base64 after 76 characters, with no break at the end.
    encoded = base64.encodebytes(data).decode().removesuffix("\n")
    return json_string(f"base64:type{field_type}:{encoded}")


def _opaque_decimal(data: bytes) -> str:
    precision, scale = data[0], data[1]
    if scale > precision or len(data) != 2 + decimal_size(precision, scale):
        raise ValueError(f"a DECIMAL({precision},{scale}) in a JSON document has {len(data) - 2} bytes")
    return plain_decimal(decimal_reader(precision, scale)(data, 2), scale)


def _opaque_temporal(field_type: int, packed: int) -> str:
    sign, packed = ("-", -packed) if packed < 0 else ("", packed)
    whole, fraction = packed >> 24, packed & 0xFFFFFF
    clock = f"{whole >> 6 & 63:02}:{whole & 63:02}.{fraction:06}"
    if field_type == _TYPE_TIME:
        return f"{sign}{whole >> 12 & 1023:02}:{clock}"
    year_month, day = whole >> 22, whole >> 17 & 31
    date_text = f"{year_month // 13:04}-{year_month % 13:02}-{day:02}"
    return date_text if field_type == _TYPE_DATE else f"{date_text} {whole >> 12 & 31:02}:{clock}"
