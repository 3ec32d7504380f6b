"""Keys of chunks as notifications show them: what Debezium's `Objects.toString` prints of a key's columns."""

from __future__ import annotations

import re
from typing import Final

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.charsets import decode_text
from faust_cdc.snapshot.progress import Bound

_NULL: Final = "<null>"
_HEX: Final = re.compile(r"(?:_(?P<charset>\w+)\s+)?(?:0x(?P<plain>[0-9a-f]*)|x'(?P<quoted>[0-9a-f]*)')", re.IGNORECASE)
_QUOTED: Final = re.compile(r"(?:[A-Za-z]+\s*)?'((?:[^'\\]|''|\\.)*)'", re.DOTALL)


def shown_key(bound: Bound | None) -> tuple[str, ...]:
    """Return the columns of a key as text, of SQL literals: numbers as they are, texts without quotes.

    Bytes are shown in hex, where Debezium shows an address of Java's.
    """
    return (_NULL,) if bound is None else tuple(_shown(literal.strip()) for literal in bound)


def _shown(literal: str) -> str:
    if literal.upper() == "NULL":
        return _NULL
    text = _QUOTED.fullmatch(literal)
    hexadecimal = _HEX.match(literal)  # COLLATE may follow
    if hexadecimal is not None:
        digits = hexadecimal["plain"] if hexadecimal["plain"] is not None else hexadecimal["quoted"]
        charset = (hexadecimal["charset"] or "binary").lower()
        if charset == "binary":
            return digits.lower()
        try:
            return decode_text(bytes.fromhex(digits), charset)
        except UnsupportedColumn:
            return digits.lower()
    if text is not None:
        return re.sub(r"''|\\(.)", lambda found: found[1] or "'", text[1])
    return literal
