"""Binary JSON written by an encoder of the tests, from random documents: what is read is what was written.

The encoder follows mysql-server `sql-common/json_binary.h`; documents above 64 KiB take the format's large form.
"""

import json
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from faust_cdc.transcode.json_binary import json_text

_INTEGERS = ((5, "<h", -(1 << 15), 1 << 15), (7, "<i", -(1 << 31), 1 << 31), (9, "<q", -(1 << 63), 1 << 63))
_LITERALS: dict[object, bytes] = {None: b"\0", True: b"\1", False: b"\2"}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=300),
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=20), inner, max_size=8)
)


def binary(value: Any) -> tuple[int, bytes]:
    """Type byte and bytes of a value."""
    if value is None or isinstance(value, bool):
        return 4, _LITERALS[value]
    if isinstance(value, int):
        for kind, layout, low, end in _INTEGERS:
            if low <= value < end:
                return kind, struct.pack(layout, value)
        return 10, struct.pack("<Q", value)
    if isinstance(value, float):
        return 11, struct.pack("<d", value)
    if isinstance(value, str):
        data = value.encode()
        return 12, _length(len(data)) + data
    small = _container(value, 2)
    return (0 if isinstance(value, dict) else 2, small) if small is not None else _large(value)


def _large(value: Any) -> tuple[int, bytes]:
    large = _container(value, 4)
    assert large is not None
    return 1 if isinstance(value, dict) else 3, large


def _length(size: int) -> bytes:
    parts = []
    while size > 127:
        parts.append(size & 127 | 128)
        size >>= 7
    return bytes([*parts, size])


def _container(value: Any, width: int) -> bytes | None:
    """An object or array with offsets of `width` bytes; None when it does not fit."""
    is_object = isinstance(value, dict)
    keys = sorted((key.encode() for key in value), key=lambda key: (len(key), key)) if is_object else []
    elements = [value[key.decode()] for key in keys] if is_object else list(value)
    at = 2 * width + len(keys) * (width + 2) + len(elements) * (width + 1)
    key_entries, entries, behind = b"", b"", b"".join(keys)
    for key in keys:
        key_entries += at.to_bytes(4, "little")[:width] + struct.pack("<H", len(key))
        at += len(key)
    for element in elements:
        kind, data = binary(element)
        if kind in (4, 5, 6) or (kind in (7, 8) and width == 4):
            entries += bytes([kind]) + data.ljust(width, b"\0")
            continue
        entries += bytes([kind]) + at.to_bytes(4, "little")[:width]
        behind += data
        at += len(data)
    if at >= 1 << 8 * width:
        return None
    head = len(elements).to_bytes(width, "little") + at.to_bytes(width, "little")
    return head + key_entries + entries + behind


def read(value: Any) -> Any:
    kind, data = binary(value)
    return json.loads(json_text(bytes([kind]) + data))


@settings(max_examples=200, deadline=None, database=None)
@given(DOCUMENTS)
def test_documents_are_read_as_they_were_written(document: Any) -> None:
    assert repr(_sorted(read(document))) == repr(_sorted(document))


def _sorted(value: Any) -> Any:
    """Objects by key; whole floats as integers, since 1e20 is printed as Debezium does, without an exponent."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(one) for one in value]
    whole = isinstance(value, float) and value.is_integer() and abs(value) >= 1e7
    return int(value) if whole else value


@settings(max_examples=8, deadline=None, database=None)
@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5), st.integers(70_000, 140_000))
def test_large_documents_take_the_large_form(texts: list[str], size: int) -> None:
    document = {"filler": "x" * size, "texts": texts, "n": 100_000, "many": list(range(9000))}
    assert binary(document)[0] == 1
    assert read(document) == document
