"""Literals as SHOW CREATE TABLE prints them between their quotes, which is how Debezium 3.6.1 keeps them."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\0": "\\0", "\n": "\\n", "\r": "\\r", "'": "''"})
"""What the server escapes in a literal (mysql-server `append_unescaped`)."""


def shown_text(text: str) -> str:
    """Return a string literal's text, escaped."""
    return text.translate(_ESCAPES)


def shown_binary(data: bytes) -> str:
    """Return what Debezium reads of a binary literal: escaped text, or of `0xFF27` (no UTF-8) the text `FF2`."""
    try:
        return shown_text(data.decode("utf-8"))
    except UnicodeDecodeError:
        return data.hex().upper()[:-1]
