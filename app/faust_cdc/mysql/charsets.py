"""Text in MySQL's charsets: columns of row images, labels of ENUM and SET, statements of query events.

MySQL's names mean what its own tables say: latin1 is cp1252 with the five unused bytes as C1 controls; utf16, ucs2
and utf32 are big-endian (MySQL manual, "Supported Character Sets").

Row images carry text in the column's own charset, and a snapshot asks for the same bytes (`reads_as_utf8` says for
which charsets the server may convert instead), so one decoder serves both. It is Python's where Python agrees with the
server on every character, else the server's own table (`charset_tables`).
"""

from __future__ import annotations

from collections.abc import Callable

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.charset_tables import TABLES, table_decoder
from faust_cdc.mysql.collations import charset_of

Decode = Callable[[bytes], str]
"""Bytes in a MySQL charset into text. Raises UnicodeDecodeError (a ValueError)."""

_EXACT = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "ascii": "ascii",
    "utf16": "utf-16-be",
    "utf16le": "utf-16-le",
    "ucs2": "utf-16-be",
    "utf32": "utf-32-be",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "koi8r": "koi8_r",
    "macroman": "mac_roman",
    "macce": "mac_latin2",
    "hp8": "hp_roman8",
    **{name: name for name in ("gbk", "gb2312", "cp932")},
    **{name: name for name in ("cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852")},
}
"""MySQL charset -> Python codec, where the two agree on every character (compared on MySQL 9.7.4)."""

# MySQL's latin1 is cp1252 with its five holes filled by the C1 control characters of the same number.
_HOLES = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_LATIN1 = {code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in _HOLES}


def _decode_latin1(data: bytes) -> str:
    text = data.decode("latin-1")
    return text if data.isascii() else text.translate(_LATIN1)


# MySQL follows GB 18030-2005, Python the edition before: these two characters have changed places.
_GB18030 = {0x1E3F: 0xE7C7, 0xE7C7: 0x1E3F}


def _decode_gb18030(data: bytes) -> str:
    return data.decode("gb18030").translate(_GB18030)


_SPECIAL: dict[str, Decode] = {"latin1": _decode_latin1, "gb18030": _decode_gb18030}

_CONVERTED_WHOLE = frozenset(("utf8mb4", "utf8mb3", "utf8", "latin1", "ucs2", "utf16", "utf16le", "utf32"))


def reads_as_utf8(charset: str) -> bool:
    """Say whether the server converts every value of `charset` to utf8mb4 without loss.

    In the other charsets it stores bytes that it cannot convert, and a query in utf8mb4 shows them as ?.
    """
    return charset in _CONVERTED_WHOLE


def decoder(charset: str) -> Decode | None:
    """Return the exact decoder of MySQL charset `charset`, or None when there is none."""
    if charset in TABLES:
        return table_decoder(charset)
    codec = _EXACT.get(charset)
    if codec is None:
        return _SPECIAL.get(charset)

    def decode(data: bytes) -> str:
        return data.decode(codec)

    return decode


def decode_text(data: bytes, charset: str) -> str:
    """Return text in a MySQL charset, exactly.

    Raises UnsupportedColumn when there is no decoder for the charset or the bytes are not of it.
    """
    decode = decoder(charset)
    if decode is None:
        raise UnsupportedColumn(f"{data!r} cannot be read: there is no decoder for the charset {charset}.")
    try:
        return decode(data)
    except UnicodeDecodeError as error:
        raise UnsupportedColumn(f"{data!r} cannot be read as {charset}: {error}.") from error


def decode_statement(data: bytes, collation_id: int | None) -> str:
    """Return a statement's text; bytes that are not of its charset become U+FFFD.

    A statement may hold any bytes inside its string literals, so broken ones must not stop the stream; names,
    which we act on, are always well-formed.
    """
    charset = "utf8mb4"
    if collation_id is not None:
        try:
            charset = charset_of(collation_id)[0]
        except UnsupportedColumn:
            charset = "utf8mb4"
    if charset in TABLES:
        return table_decoder(charset, replace=True)(data)
    if charset == "latin1":
        return _decode_latin1(data)
    # ASCII does not say more than UTF-8, and clients that call themselves so may send it.
    codec = "gb18030" if charset == "gb18030" else _EXACT.get(charset, "utf-8")
    return data.decode("utf-8" if codec == "ascii" else codec, "replace")
