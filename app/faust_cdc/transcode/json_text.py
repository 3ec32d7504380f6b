"""The server's JSON text into the canonical form that `json_binary` prints from the binlog.

The server prints spaces after `:` and `,` and doubles with exponents. What text cannot tell: a DECIMAL that SQL put
into the document (`JSON_OBJECT('a', 12345678.91)`) from a double. Read as a decimal is what no double prints as:
trailing zeros, digits beyond the shortest that name the double, or a number below 1e-15 without an exponent. The rest
is read as a double, which every number of a JSON literal is.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

from faust_cdc.transcode.json_binary import json_string
from faust_cdc.transcode.numbers import java_double

_EXPONENT_BELOW = 1e-15
"""Smaller doubles the server prints with an exponent (`my_gcvt`, MAX_DECPT_FOR_F_FORMAT)."""
_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<space>[ \t\r\n]+)'
)


def canonical_json(text: str) -> str:
    """Return a JSON document as the server prints it in the canonical form."""
    return _TOKEN.sub(_token, text)


def _token(match: re.Match[str]) -> str:
    token = match[0]
    if match.lastgroup == "string":
        return json_string(json.loads(token)) if "\\" in token else token
    if match.lastgroup == "number":
        return canonical_number(token)
    return ""


def canonical_number(token: str) -> str:
    """Return a number of a JSON document, as the server prints it, in the canonical form."""
    if "e" in token or "E" in token:
        return java_double(float(token))
    _, point, fraction = token.partition(".")
    if not point or (len(fraction) > 1 and fraction.endswith("0")):
        return token
    number = float(token)
    if abs(number) < _EXPONENT_BELOW and number:
        return token
    return java_double(number) if Decimal(token) == Decimal(repr(number)) else token
