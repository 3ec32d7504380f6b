"""A JSON document as the server prints it into the canonical text of `faust_cdc.transcode.json_text`.

Compiled by mypyc. Most of a document is copied in long runs; strings with escapes and numbers that are no integers go
through the Python functions of the reference, one token at a time. What is no well-formed token at all raises
ValueError: the row is then read again by the reference transcoder.
"""

from __future__ import annotations

from librt.strings import BytesWriter
from mypy_extensions import i64

from faust_cdc.transcode.json_text import canonical_json


def put_printed(out: BytesWriter, data: bytes, start: i64, stop: i64) -> None:
    """Write the document in `data[start:stop]` in canonical form. Raises ValueError."""
    pos: i64 = start
    plain: i64 = start
    while pos < stop:
        code: i64 = i64(data[pos])
        if code == 34:
            after: i64 = string_end(data, pos, stop)
            if after < 0:
                after = -after
                if plain < pos:
                    out.write(data[plain:pos])
                out.write(canonical_json(data[pos:after].decode()).encode())
                plain = after
            pos = after
        elif code == 32 or code == 10 or code == 13 or code == 9:
            if plain < pos:
                out.write(data[plain:pos])
            pos += 1
            plain = pos
        elif code == 45 or (code >= 48 and code <= 57):
            end: i64 = number_end(data, pos, stop)
            if end < 0:
                end = -end
                if plain < pos:
                    out.write(data[plain:pos])
                out.write(canonical_json(data[pos:end].decode()).encode())
                plain = end
            pos = end
        elif code > 127:
            raise ValueError("a JSON document with other than ASCII outside of strings")
        else:
            pos += 1
    if plain < stop:
        out.write(data[plain:stop])


def string_end(data: bytes, start: i64, stop: i64) -> i64:
    """Return the position after the string literal at `start`, negative when it has escapes. Raises ValueError."""
    pos: i64 = start + 1
    escaped = False
    while pos < stop:
        code: i64 = i64(data[pos])
        if code == 34:
            return -(pos + 1) if escaped else pos + 1
        if code == 92:
            escaped = True
            pos += 1
            if pos < stop and data[pos] == 10:
                break
        pos += 1
    raise ValueError("a JSON string without an end")


def number_end(data: bytes, start: i64, stop: i64) -> i64:
    """Return the position after what may be of a number, negative when it is no plain integer."""
    pos: i64 = start + 1
    plain = data[start] != 45 or (pos < stop and data[pos] >= 48 and data[pos] <= 57)
    while pos < stop:
        code: i64 = i64(data[pos])
        if code == 46 or code == 101 or code == 69 or code == 43 or code == 45:
            plain = False
        elif code < 48 or code > 57:
            break
        pos += 1
    return pos if plain else -pos
