"""JSON text as Jackson writes it: JsonConverter's records as bytes, Avro's schemas as characters.

Numbers are Java's, control characters `\\u00XX` in capitals, no blanks. Written as bytes, a character beyond the basic
plane becomes two escapes (recorded); written as characters it stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from faust_cdc.transcode.java_text import decimal_text, double_text

_SPECIAL: Final = re.compile('["\\\\\x00-\x1f\U00010000-\U0010ffff]')
_CONTROL: Final = re.compile('["\\\\\x00-\x1f]')
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_of(value: str) -> str:
    """Return a JSON string as Jackson writes it into bytes."""
    return f'"{_SPECIAL.sub(_escape, value)}"'


def characters_of(value: str) -> str:
    """Return a JSON string as Jackson writes it into a Java string."""
    return f'"{_CONTROL.sub(_escape, value)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex().upper()}" for place in range(0, len(units), 2))


def document_text(value: Any, text: Callable[[str], str] = text_of) -> str:
    """Return a JSON document of dicts, lists, numbers and texts; `Decimal` is a number, `text` writes strings."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{text(name)}:{document_text(one, text)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(document_text(one, text) for one in value) + "]"
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    return double_text(value) if isinstance(value, float) else json.dumps(value)
