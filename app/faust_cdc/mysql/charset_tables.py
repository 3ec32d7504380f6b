"""Character sets that Python has not, or not as the servers have them: their own tables, asked of a real server.

`charset_tables.zip` holds one JSON document per charset: {lead bytes in hexadecimal: 256 characters, one for each next
byte}; U+FFFE marks a byte that is no character there. `python -m tests.mysql.charset_generator` writes it from MySQL,
and the tests ask MySQL and MariaDB for every byte sequence again: both have the same tables.

What the server itself turns into U+FFFD (some bytes of tis620 and big5) is U+FFFD here. What it cannot convert at all,
and shows as a question mark, is undefined: a value that holds it is an error, for its text is not known.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files
from typing import Final, TypeAlias

TABLES: Final = frozenset(
    (
        *("armscii8", "cp866", "dec8", "geostd8", "greek", "hebrew", "keybcs2", "koi8u", "swe7", "tis620"),
        *("big5", "eucjpms", "euckr", "sjis", "ujis"),
    )
)
"""The charsets of the packed file."""

UNDEFINED: Final = "\ufffe"
FILE_NAME: Final = "charset_tables.zip"

_Node: TypeAlias = "list[str | list[object] | None]"
"""By byte: a character, the node of the next byte, or None where the charset has nothing."""

_Missing = Callable[[bytes, int, int], str]
"""(data, first byte, byte after the last) of a sequence that is no character → what stands for it, or raises."""


def table_decoder(charset: str, *, replace: bool = False) -> Callable[[bytes], str]:
    """Return the decoder of one of `TABLES`.

    It raises UnicodeDecodeError (a ValueError) for a byte sequence that the charset does not define; with `replace`
    it writes U+FFFD instead.
    """
    root = _tree(charset)

    def refuse(data: bytes, start: int, end: int) -> str:
        raise UnicodeDecodeError(charset, data, start, end, "no character of the server's table")

    missing: _Missing = (lambda _data, _start, _end: "\ufffd") if replace else refuse
    # Only swe7 writes other characters than ASCII's below 0x80.
    return lambda data: data.decode("ascii") if data.isascii() and charset != "swe7" else _walk(root, data, missing)


def _walk(root: _Node, data: bytes, missing: _Missing) -> str:
    out: list[str] = []
    node, start = root, 0
    for pos, byte in enumerate(data):
        step = node[byte]
        if isinstance(step, list):
            node = step  # type: ignore[assignment]
            continue
        out.append(missing(data, start, pos + 1) if step is None else step)
        node, start = root, pos + 1
    if node is not root:
        out.append(missing(data, start, len(data)))
    return "".join(out)


@cache
def _tree(charset: str) -> _Node:
    rows = read_table(charset)

    def node(prefix: str) -> _Node:
        made: _Node = []
        for byte, character in enumerate(rows[prefix]):
            longer = f"{prefix}{byte:02x}"
            made.append(node(longer) if longer in rows else None if character == UNDEFINED else character)  # type: ignore[arg-type]
        return made

    return node("")


def read_table(charset: str) -> dict[str, str]:
    """Return a charset's rows as the packed file holds them. Raises KeyError for a charset that is not in it."""
    with as_file(files("faust_cdc.mysql") / FILE_NAME) as path, zipfile.ZipFile(path) as archive:
        rows: dict[str, str] = json.loads(archive.read(f"{charset}.json"))
    return rows
