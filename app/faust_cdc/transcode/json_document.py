"""MySQL's binary JSON as a document that can be changed: what partial updates of JSON columns need.

With `binlog_row_value_options=PARTIAL_JSON` an update carries, instead of a column's new value, the differences to its
old one. Format of the differences and what each does: mysql-server `sql-common/json_diff.cc`; of documents:
`sql-common/json_binary.h` and its serializer `json_binary.cc`, which tries the small format of a container first.

A scalar is kept as the bytes it stands in, so nothing of its type is lost. As in `json_binary`, each byte of a document
belongs to one value: elements that share a child would make a few bytes a document without end.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from faust_cdc.transcode.json_binary import DEPTH_MAX, INLINED, opened, slice_of, spend, variable_length

Node: TypeAlias = "bytes | dict[bytes, Node] | list[Node]"
"""A scalar (type byte and value), an object or an array."""

_REPLACE, _INSERT, _REMOVE = range(3)
_LITERAL, _STRING, _OPAQUE = 4, 12, 15
_FIXED: Final = {_LITERAL: 1, 5: 2, 6: 2, 7: 4, 8: 4, 9: 8, 10: 8, 11: 8}
_SMALL_MAX: Final = 0xFFFF

_LEG = re.compile(
    rb"""\.(?P<quoted>"(?:[^"\\]|\\.)*")|\.(?P<name>[^.\["]+)|\[(?P<last>last-?)?(?P<cell>\d*)\]""", re.DOTALL
)


class Difference(NamedTuple):
    """One change of a document: REPLACE, INSERT or REMOVE of what a path names."""

    operation: int
    path: bytes
    value: Node | None


class _Wrong(ValueError):
    """A difference that does not fit the document: the old value is not the one it was made from."""


def parse_document(data: bytes) -> Node:
    """Return the document of a JSON cell; no bytes at all mean the JSON null. Raises ValueError."""
    if not data:
        return bytes((_LITERAL, 0))
    try:
        return _parse(data[0], data, 1, 0, [len(data)])
    except (IndexError, struct.error) as error:
        raise ValueError(f"the binary JSON document of {len(data)} bytes ends in the middle of a value") from error


def _parse(kind: int, data: bytes, pos: int, depth: int, budget: list[int] | None) -> Node:
    """Return the value at `pos`; `budget` is what is left of the document, None inside its container's entry."""
    if kind < 4:
        assert budget is not None, "no container stands in an entry"
        return _parse_container(kind, data, pos, depth + 1, budget)
    fixed = _FIXED.get(kind)
    if fixed is None:
        if kind not in (_STRING, _OPAQUE):
            raise ValueError(f"unknown binary JSON type {kind}")
        length, end = variable_length(data, pos + (kind == _OPAQUE))
        fixed = end + length - pos
    if budget is not None:
        spend(budget, fixed)
    return bytes((kind,)) + slice_of(data, pos, fixed)


def _parse_container(kind: int, data: bytes, start: int, depth: int, budget: list[int]) -> Node:
    is_object, width, count, keys, entries, body = opened(kind, data, start, depth, budget)
    number = struct.Struct("<I" if width == 4 else "<H").unpack_from

    def child(index: int) -> Node:
        entry = entries + index * (width + 1)
        element = data[entry]
        if element in INLINED[kind & 1]:
            return _parse(element, data, entry + 1, depth, None)
        offset = start + number(data, entry + 1)[0]
        if offset < body:
            raise ValueError(f"a JSON element at {offset} overlaps its container")
        return _parse(element, data, offset, depth, budget)

    if not is_object:
        return [child(index) for index in range(count)]
    found: dict[bytes, Node] = {}
    for index in range(count):
        at, length = start + number(data, keys + index * (width + 2))[0], keys + index * (width + 2) + width
        name = slice_of(data, at, int.from_bytes(data[length : length + 2], "little"))
        spend(budget, len(name))
        found[name] = child(index)
    return found


def encode_document(node: Node) -> bytes:
    """Return a document as MySQL stores it anew. Raises ValueError when it is nested deeper than MySQL allows."""
    kind, value = _encode(node, 0)
    return bytes((kind,)) + value


def _encode(node: Node, depth: int) -> tuple[int, bytes]:
    if isinstance(node, bytes):
        return node[0], node[1:]
    if depth == DEPTH_MAX:
        raise ValueError(f"the JSON document is nested deeper than {DEPTH_MAX}")
    if isinstance(node, dict):
        # The server orders members by the length of their names, then by their bytes.
        names = sorted(node, key=lambda name: (len(name), name))
        return _encode_container(names, [_encode(node[name], depth + 1) for name in names])
    return _encode_container(None, [_encode(one, depth + 1) for one in node])


def _encode_container(names: list[bytes] | None, children: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    first = 2 if names is None else 0
    small = _layout(names, children, large=False)
    if small is not None:
        return first, small
    whole = _layout(names, children, large=True)
    if whole is None:
        raise ValueError("a JSON document is larger than 4 GiB")
    return first + 1, whole


def _layout(names: list[bytes] | None, children: list[tuple[int, bytes]], *, large: bool) -> bytes | None:
    """Return a container's bytes in one of the two formats, None when it does not fit."""
    width, largest = (4, 0xFFFF_FFFF) if large else (2, _SMALL_MAX)
    inlined = INLINED[large]
    at = 2 * width + len(children) * (width + 1)
    head, tail = [], []
    if names is not None:
        at += len(names) * (width + 2)
        for name in names:
            if at > largest:
                return None
            head.append(at.to_bytes(width, "little") + len(name).to_bytes(2, "little"))
            at += len(name)
        tail.extend(names)
    for kind, value in children:
        if kind in inlined:
            head.append(bytes((kind,)) + value.ljust(width, b"\x00"))
            continue
        if at > largest:
            return None
        head.append(bytes((kind,)) + at.to_bytes(width, "little"))
        tail.append(value)
        at += len(value)
    if at > largest or len(children) > largest:
        return None
    size = len(children).to_bytes(width, "little") + at.to_bytes(width, "little")
    return b"".join((size, *head, *tail))


def read_differences(data: bytes) -> Iterator[Difference]:
    """Yield the differences that stand in the cell of a partially updated column. Raises ValueError."""
    pos = 0
    while pos < len(data):
        operation = data[pos]
        if operation > _REMOVE:
            raise ValueError(f"unknown operation {operation} of a JSON difference")
        path, pos = _length_encoded(data, pos + 1)
        value: Node | None = None
        if operation != _REMOVE:
            document, pos = _length_encoded(data, pos)
            value = parse_document(document)
        yield Difference(operation, path, value)


def length_encoded_int(data: bytes, pos: int) -> tuple[int, int]:
    """Return (number, position after it) of MySQL's length-encoded integer. Raises ValueError."""
    size = {252: 2, 253: 3, 254: 8}.get(data[pos], 0) if pos < len(data) else 9
    end = pos + 1 + size
    if end > len(data) or data[pos] in (251, 255):
        raise ValueError(f"no length stands at byte {pos} of {len(data)}")
    return (int.from_bytes(data[pos + 1 : end], "little") if size else data[pos]), end


def _length_encoded(data: bytes, pos: int) -> tuple[bytes, int]:
    length, pos = length_encoded_int(data, pos)
    if pos + length > len(data):
        raise ValueError(f"a JSON difference of {len(data)} bytes ends in the middle of {length} bytes at {pos}")
    return data[pos : pos + length], pos + length


def apply_differences(document: Node, differences: Iterator[Difference]) -> Node:
    """Change `document` in place and return it.

    Raises ValueError when a difference does not fit the document, which the server itself takes for a replica that
    is not in step.
    """
    for operation, path, value in differences:
        try:
            *upper, last = _legs(path)
            parent = document
            for leg in upper:
                parent = _child(parent, leg)
            _change(operation, parent, last, value)
        except (LookupError, _Wrong) as error:
            word = ("replace", "insert", "remove")[operation]
            shown = path.decode("utf-8", "replace")
            raise ValueError(f"cannot {word} {shown}: the old document has no such place ({error!r})") from error
    return document


def _legs(path: bytes) -> list[bytes | int | tuple[int]]:
    """Split `$.name."na me"[3][last-1]`; a member is bytes, a cell its number, one from the end a tuple."""
    legs: list[bytes | int | tuple[int]] = []
    pos = 1
    while pos < len(path):
        found = _LEG.match(path, pos)
        if found is None or path[:1] != b"$":
            raise _Wrong(f"no path at byte {pos}")
        if found["quoted"] is not None:
            legs.append(json.loads(found["quoted"].decode("utf-8"), strict=False).encode("utf-8"))
        elif found["name"] is not None:
            legs.append(found["name"])
        else:
            cell = int(found["cell"] or 0)
            legs.append((cell,) if found["last"] else cell)
        pos = found.end()
    if not legs:
        raise _Wrong("the path names the whole document")
    return legs


def _cell(array: list[Node], leg: int | tuple[int]) -> int:
    return leg if isinstance(leg, int) else len(array) - 1 - leg[0]


def _child(parent: Node, leg: bytes | int | tuple[int]) -> Node:
    if isinstance(parent, dict) and isinstance(leg, bytes):
        return parent[leg]
    if isinstance(parent, list) and not isinstance(leg, bytes):
        index = _cell(parent, leg)
        if index >= 0:
            return parent[index]
    raise _Wrong(f"{leg!r} in another kind of value")


def _change(operation: int, parent: Node, leg: bytes | int | tuple[int], value: Node | None) -> None:
    """Do one operation to the child `leg` of `parent`; `value` is None for REMOVE only."""
    if operation == _INSERT:
        assert value is not None
        if isinstance(parent, dict) and isinstance(leg, bytes) and leg not in parent:
            parent[leg] = value
        elif isinstance(parent, list) and not isinstance(leg, bytes):
            parent.insert(min(max(_cell(parent, leg), 0), len(parent)), value)
        else:
            raise _Wrong(f"{leg!r} is there already, or in another kind of value")
        return
    _child(parent, leg)
    if isinstance(parent, dict) and isinstance(leg, bytes):
        if value is None:
            del parent[leg]
        else:
            parent[leg] = value
    elif isinstance(parent, list) and not isinstance(leg, bytes):
        if value is None:
            del parent[_cell(parent, leg)]
        else:
            parent[_cell(parent, leg)] = value
